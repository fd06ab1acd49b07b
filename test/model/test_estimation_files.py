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

"""Estimates as files, and the public face."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

import hoisdf_model
from hoisdf_model.estimates import Estimate, HandEstimate, HandRegion, ObjectEstimate, ObjectRegion, Regions
from hoisdf_model.estimation import estimate_to_json, write_json, write_meshes
from hoisdf_model.hand import JOINT_NAMES, load_hand_model
from hoisdf_model.objects import load_catalogue


@pytest.fixture
def estimate() -> Estimate:
    model, rng = load_hand_model(), np.random.default_rng(0)
    hand = HandEstimate(
        "right", 0.5, rng.normal(size=(21, 3)).astype(np.float32), rng.uniform(size=21).astype(np.float32),
        model.v_template + np.float32(0.5), rng.normal(size=(16, 3)).astype(np.float32),
        rng.normal(size=10).astype(np.float32), np.eye(3) * 0.01, "monocular", model.info,
    )  # fmt: skip
    left = replace(hand, side="left", vertices=hand.vertices * np.float32([-1, 1, 1]))
    turned = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    unknown = np.zeros((6, 6))
    unknown[0, 0] = -1
    mug = ObjectEstimate("025_mug", 0.9, turned, np.array([0.1, 0.2, 0.6]), unknown, "left")
    thing = ObjectEstimate("", 0.4, np.eye(3), np.array([0.0, 0.0, 0.5]), np.eye(6))
    regions = Regions(
        (HandRegion(np.array([1.0, 2, 3, 4]), "right", 0.9, np.array([0.0, 0, 0.5])), HandRegion(np.arange(4.0))),
        (ObjectRegion(np.array([5.0, 6, 7, 8]), "025_mug"),),
    )
    return Estimate((hand, left), (mug, thing), regions, {"network": 0.0123})


def test_json_holds_the_estimate_to_seven_digits(tmp_path: Path, estimate: Estimate):
    write_json(tmp_path / "a.json", estimate_to_json(estimate))
    read = json.loads((tmp_path / "a.json").read_text())
    hand = read["hands"][0]
    assert list(hand["joints"]) == list(JOINT_NAMES)
    np.testing.assert_allclose(list(hand["joints"].values()), estimate.hands[0].joints, rtol=1e-6)
    np.testing.assert_allclose(list(hand["joint_scores"].values()), estimate.hands[0].joint_scores, rtol=1e-6)
    np.testing.assert_allclose(hand["pose"], estimate.hands[0].pose, rtol=1e-6)
    np.testing.assert_allclose(hand["root_covariance"], estimate.hands[0].root_covariance)
    assert hand["hand_model"]["hash"] == estimate.hands[0].model.hash
    assert [h["side"] for h in read["hands"]] == ["right", "left"]
    mug, thing = read["objects"]
    assert (mug["name"], mug["rotation"], mug["covariance"]) == ("025_mug", [[0, -1, 0], [1, 0, 0], [0, 0, 1]], None)
    assert thing["covariance"] is not None
    assert (mug["side"], thing["side"]) == ("left", None)
    assert read["regions"]["hands"][0]["root"] == [0, 0, 0.5]
    assert read["regions"]["hands"][1]["root"] is None
    assert read["regions"]["objects"][0]["box"] == [5, 6, 7, 8]
    assert read["seconds"] == {"network": 0.0123}


def test_meshes_are_in_the_camera_frame_and_face_outwards(tmp_path: Path, estimate: Estimate):
    model, catalogue = load_hand_model(), load_catalogue()
    files = write_meshes(tmp_path / "a", estimate, model, catalogue)
    assert [f.name for f in files] == ["a_hand_0_right.ply", "a_hand_1_left.ply", "a_object_0_025_mug.ply"]
    right, left, mug = (trimesh.load(f, process=False) for f in files)
    np.testing.assert_allclose(right.vertices, estimate.hands[0].vertices, atol=1e-6)
    np.testing.assert_allclose(left.vertices, estimate.hands[1].vertices, atol=1e-6)
    for mesh, wrist in ((right, model.joints[0] + 0.5), (left, (model.joints[0] + 0.5) * [-1, 1, 1])):
        mesh.vertices -= wrist  # the mesh is open at the wrist: from there, the volume is about the hand's
        assert 2e-4 < mesh.volume < 6e-4
    original = catalogue.mesh("025_mug").vertices
    x, y, z = np.array(original).T
    np.testing.assert_allclose(mug.vertices, np.column_stack([0.1 - y, 0.2 + x, 0.6 + z]), atol=1e-6)


def test_objects_without_a_mesh_get_no_file(tmp_path: Path, estimate: Estimate):
    unknown = Estimate(objects=(replace(estimate.objects[0], name="my_thing"),))
    assert write_meshes(tmp_path / "a", unknown, load_hand_model(), load_catalogue()) == []
    assert write_meshes(tmp_path / "a", estimate, load_hand_model(), None)[-1].name == "a_hand_1_left.ply"


def test_the_public_face_has_its_names_and_no_others():
    from hoisdf_model.estimates import Frame
    from hoisdf_model.estimation import Estimator
    from hoisdf_model.network import NetworkInput

    assert hoisdf_model.Estimator is Estimator
    assert hoisdf_model.Frame is Frame
    assert hoisdf_model.NetworkInput is NetworkInput
    assert set(hoisdf_model.__all__) <= set(dir(hoisdf_model))
    for name in hoisdf_model.__all__:
        assert getattr(hoisdf_model, name).__name__ == name
    with pytest.raises(AttributeError, match="Estimater"):
        _ = hoisdf_model.Estimater


def test_importing_the_package_loads_neither_torch_nor_opencv():
    code = "import sys, hoisdf_model; print(*(name for name in ('torch', 'cv2', 'numpy') if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
