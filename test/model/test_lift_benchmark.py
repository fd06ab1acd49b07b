# Copyright 2026 hoisdf contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The lift benchmark's own pieces: a box between two jaws, and what is said where the simulator is missing."""

import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from grasping_solids import held

from hoisdf_model.errors import DependencyError, MeshError
from hoisdf_model.geometry import distances
from hoisdf_model.geometry.poses import rigid
from hoisdf_model.grasping import GraspPlanner, load_gripper
from hoisdf_model.grasping.candidates import tool_frame
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import BenchmarkStills

sys.path.append(str(Path(__file__).parents[2] / "benchmark"))  # where its files find each other

import lift as lift_command
import lift_objects
import lift_simulation
from lift_simulation import Body, LiftSettings, lift

X, Y, Z = np.eye(3)
GRIPPER = load_gripper("franka_hand")
SETTINGS = LiftSettings(force=30.0, friction=0.5)
FROM_ABOVE = tool_frame(X, -Z, np.array([0.0, 0.0, 0.03]))


@pytest.fixture
def simulator():
    return pytest.importorskip("mujoco", reason="the lift benchmark's simulator isn't installed: hoisdf[benchmark]")


def box(mass, size=(0.04, 0.06, 0.10)):
    mesh = trimesh.creation.box(size)
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    inertia = mass / 12 * (np.dot(size, size) * np.eye(3) - np.diag(np.square(size)))
    return Body([vertices], mass, np.zeros(3), inertia, vertices, faces)


@pytest.mark.parametrize("up", [X, Y, Z, -Z], ids=["across the jaws", "along the pads", "up", "down"])
def test_a_light_box_between_two_jaws_stays(simulator, up):
    result = lift(box(0.2), FROM_ABOVE, up, GRIPPER, SETTINGS)
    assert result.outcome == "held"
    assert result.slip < 0.001
    assert result.pushed < 1e-6  # both pads touched at once


def test_a_box_falls_where_its_weight_exceeds_the_friction_of_both_pads(simulator):
    """Two pads of 30 N and a friction of 0.5 carry 30 N: 3.06 kg at rest, less while they rise."""
    carried = 2 * SETTINGS.friction * SETTINGS.force / 9.81
    assert lift(box(0.85 * carried), FROM_ABOVE, Z, GRIPPER, SETTINGS).outcome == "held"
    heavy = lift(box(1.1 * carried), FROM_ABOVE, Z, GRIPPER, SETTINGS)
    assert heavy.outcome == "dropped"
    # it slides down by LOST with what friction leaves of gravity
    left = 9.81 * (1 - 1 / 1.1)
    assert heavy.seconds == pytest.approx(np.sqrt(2 * lift_simulation.LOST / left), rel=0.25)


def test_jaws_off_the_middle_push_the_box_between_them(simulator):
    beside = tool_frame(X, -Z, np.array([0.008, 0.0, 0.03]))
    result = lift(box(0.2), beside, Z, GRIPPER, SETTINGS)
    assert result.outcome == "held"
    assert result.pushed == pytest.approx(0.008, abs=0.002)


def test_jaws_that_close_on_nothing_miss(simulator):
    nowhere = tool_frame(X, -Z, np.array([0.0, 0.0, 0.3]))
    assert lift(box(0.2), nowhere, Z, GRIPPER, SETTINGS).outcome == "missed"


def test_without_the_simulator_there_is_a_clear_message(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(DependencyError, match=r"pip install 'hoisdf\[benchmark\]'"):
        lift(box(0.2), FROM_ABOVE, Z, GRIPPER, SETTINGS)


def test_without_the_cutter_there_is_a_clear_message(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "coacd", None)
    with pytest.raises(DependencyError, match=r"pip install 'hoisdf\[benchmark\]'"):
        lift_objects.lifted_body(load_catalogue().get("061_foam_brick"), tmp_path)


def test_pieces_fill_the_object_and_are_kept(tmp_path):
    pytest.importorskip("coacd", reason="the lift benchmark's cutter isn't installed: hoisdf[benchmark]")
    thing = load_catalogue().get("009_gelatin_box")
    body = lift_objects.lifted_body(thing, tmp_path)
    hulls = [trimesh.convex.convex_hull(piece) for piece in body.pieces]
    assert sum(hull.volume for hull in hulls) == pytest.approx(thing.mesh.volume, rel=0.02)
    corners = np.concatenate([hull.vertices for hull in hulls])
    assert distances.signed_distance(corners, body.vertices, body.faces).max() < 0.001
    within = trimesh.sample.volume_mesh(thing.mesh, 40_000) - body.center
    spread = body.mass * within.T @ within / len(within)
    assert np.allclose(body.inertia, np.trace(spread) * np.eye(3) - spread, atol=0.02 * np.trace(spread))
    again = lift_objects.lifted_body(thing, tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(body.pieces, again.pieces, strict=True))


def test_an_object_that_nobody_has_weighed_is_refused(tmp_path):
    class Feather:
        name = "feather"

    with pytest.raises(MeshError, match="feather"):
        lift_objects.lifted_body(Feather(), tmp_path)


def test_objects_are_upright_whatever_up_is(simulator):
    """The tool's origin lies at the same place of the world, and the object around it as planned."""
    rng = np.random.default_rng(0)
    up = rng.normal(size=3)
    up /= np.linalg.norm(up)
    pose = rigid(FROM_ABOVE[:3, :3], np.array([0.004, 0.0, 0.02]))
    model = simulator.MjModel.from_xml_string(lift_simulation.scene(box(0.2), pose, up, GRIPPER, SETTINGS))
    data = simulator.MjData(model)
    simulator.mj_forward(model, data)
    tool, thing = data.body("tool"), data.body("thing")
    assert np.allclose(tool.xpos, lift_simulation.START)
    turn = thing.xmat.reshape(3, 3)
    assert np.allclose(turn @ up, Z, atol=1e-6)
    assert np.allclose(turn @ pose[:3, 3] + thing.xpos, tool.xpos, atol=1e-6)
    assert np.allclose(turn @ pose[:3, :3], tool.xmat.reshape(3, 3), atol=1e-6)


def test_poses_are_off_by_what_is_said():
    model = load_hand_model()
    truth = held(BenchmarkStills(model).library, 3, model)
    seen = lift_command.disturbed(truth, 0.01, 10.0, np.random.default_rng(0))
    thing, moved = truth.objects[0], seen.objects[0]
    turn = moved.rotation @ thing.rotation.T
    assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) == pytest.approx(10.0, abs=1e-6)
    middle = load_catalogue().get(thing.name).center
    there, here = (one.rotation @ middle + one.translation for one in (thing, moved))
    assert np.linalg.norm(here - there) == pytest.approx(0.01, abs=1e-9)
    for part in ("vertices", "joints"):
        a, b = (getattr(estimate.hands[0], part).astype(float) for estimate in (truth, seen))
        assert np.ptp(np.linalg.norm(a - a[0], axis=1) - np.linalg.norm(b - b[0], axis=1)) < 1e-6  # stiff
    gap = seen.hands[0].vertices.mean(0, dtype=float) - truth.hands[0].vertices.mean(0, dtype=float)
    assert np.linalg.norm(gap) == pytest.approx(0.01, abs=1e-6)


def test_the_first_direction_that_fits_is_taken():
    """Beside the brick there is nothing; about its middle the palm may be in the way, near its end it isn't."""
    planner = GraspPlanner(GRIPPER, load_hand_model(), load_catalogue())
    thing = planner.shape("061_foam_brick")
    size = np.ptp(thing.vertices, axis=0)
    y = np.eye(3)[size.argmin()]
    z = np.eye(3)[size.argmax()]
    poses = np.stack([tool_frame(y, -z, thing.center_of_mass + 1.0), tool_frame(y, -z, thing.center_of_mass)])
    deep = lift_command.first_that_fits(thing, poses, planner)
    reached = size.max() / 2 < -GRIPPER.palm_face
    assert (deep is not None) == reached
    higher = tool_frame(y, -z, thing.center_of_mass + z * 0.4 * size.max())
    found = lift_command.first_that_fits(thing, np.concatenate([poses[:1], higher[None]]), planner)
    assert np.allclose(found[:3, :3], higher[:3, :3])
