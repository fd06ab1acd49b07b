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

"""Meshes of one's own: taken in with the right size, origin and symmetry, closed or refused, and harmless."""

import json
import os
import shutil
import struct
import sys
import zlib

import numpy as np
import pytest
import trimesh
import yaml
from egl import requires_egl
from PIL import Image
from scipy.spatial.transform import Rotation
from shapely import Point, Polygon
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.errors import HoisdfError, InvalidInputError, MeshError
from hoisdf_model.estimates import Estimate, ObjectEstimate
from hoisdf_model.estimation import write_meshes
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.objects.mesh_reading import read_mesh
from hoisdf_model.objects.object_records import MESH, RECORD
from hoisdf_model.objects.own_objects import add_object, check_name, examine
from hoisdf_model.objects.repair import closed_solid
from hoisdf_model.objects.symmetry import discrete
from hoisdf_model.objects.symmetry_search import declared, find_turns
from hoisdf_model.synthesis import LibrarySettings, SceneSettings, Stills, StillSettings, build_library

SIZE, PLACE = np.array([60.0, 40.0, 20.0]), np.array([3.0, 5.0, 7.0])  # millimetres


def call(*arguments, answers=None):
    return CliRunner().invoke(app, ["objects", *map(str, arguments)], input=answers)


def box(scale=1.0):
    low = (PLACE - SIZE / 2) * scale
    return trimesh.creation.box(bounds=(low, low + SIZE * scale))


def write(path, mesh):
    mesh.export(path)
    return path


def repaired(mesh, **options):
    return closed_solid(np.array(mesh.vertices, float), np.array(mesh.faces), **options)


# --- size, origin, unit ---


@pytest.mark.parametrize(("unit", "scale"), [("m", 0.001), ("cm", 0.1), ("mm", 1.0), ("inch", 1 / 25.4)])
@pytest.mark.parametrize("suffix", ["stl", "ply", "obj", "glb"])
def test_every_format_and_unit_gives_the_same_object_with_its_own_origin(tmp_path, suffix, unit, scale):
    path = write(tmp_path / f"part.{suffix}", box(scale))
    add_object(examine(path, unit), "part", tmp_path / "own")
    mesh = load_catalogue(tmp_path / "own").get("part").mesh
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(SIZE.prod() * 1e-9, rel=1e-5)
    np.testing.assert_allclose(mesh.bounds * 1000, [PLACE - SIZE / 2, PLACE + SIZE / 2], atol=1e-4)


def test_without_a_unit_the_only_one_that_fits_a_hand_is_asked_about(tmp_path):
    path = write(tmp_path / "part.stl", box())
    silent = call("add", path, "--name", "part", "--catalogue", tmp_path / "own")
    assert "--unit mm" in str(silent.exception)
    for length in ("in m: 60 m", "in cm: 60 cm", "in mm: 6 cm", "in inch: 1.52 m"):
        assert length in silent.output
    assert not (tmp_path / "own").exists()
    answered = call("add", path, "--name", "part", "--catalogue", tmp_path / "own", answers="y\nn\n")
    assert answered.exit_code == 0, answered.output
    np.testing.assert_allclose(load_catalogue(tmp_path / "own").get("part").mesh.extents * 1000, SIZE, rtol=1e-5)


def test_a_size_that_two_units_fit_is_not_guessed_even_with_yes(tmp_path):
    path = write(tmp_path / "part.stl", trimesh.creation.box((8, 8, 8)))
    refused = call("add", path, "--name", "part", "--yes", "--catalogue", tmp_path / "own")
    assert "cm or inch" in str(refused.exception)


@pytest.mark.parametrize(("unit", "advice"), [("m", "--unit mm"), ("inch", "--unit mm"), ("furlong", "one of m, cm")])
def test_a_size_that_no_hand_holds_is_refused_with_the_unit_that_would_fit(tmp_path, unit, advice):
    with pytest.raises(MeshError, match=advice):
        examine(write(tmp_path / "part.stl", box()), unit)


def test_a_glb_file_is_in_metres_unless_something_else_is_said(tmp_path):
    path = write(tmp_path / "part.glb", box(0.001))
    assert call("add", path, "--name", "part", "--yes", "--catalogue", tmp_path / "own").exit_code == 0
    np.testing.assert_allclose(load_catalogue(tmp_path / "own").get("part").mesh.extents * 1000, SIZE, rtol=1e-5)


# --- names ---


@pytest.mark.parametrize(
    "name",
    [
        *("", "2gear", "_gear", "gear_", "ge__ar", "ge ar", "ge/ar", "../gear", "gear.stl", "Zahnräder", "a" * 49),
        *("hand_right", "object", "shape_7", "shape_sorter", "gear_truth", "006_mustard_bottle", "gear\n"),
    ],
)
def test_names_that_tf_or_the_catalogue_can_not_take_are_refused(tmp_path, name):
    for replace in (False, True):
        with pytest.raises(MeshError, match=r"can't be called|already"):
            check_name(name, tmp_path, replace)


def test_a_name_is_given_once_also_in_other_letters_and_as_a_second_of_its_kind(tmp_path):
    ready = examine(write(tmp_path / "part.stl", box()), "mm")
    add_object(ready, "gear", tmp_path / "own")
    for name in ("gear", "GEAR", "gear_2"):
        with pytest.raises(MeshError, match="gear"):
            add_object(ready, name, tmp_path / "own")
    add_object(examine(write(tmp_path / "small.stl", trimesh.creation.box((15, 15, 15))), "mm"), "gear",
               tmp_path / "own", replace=True)  # fmt: skip
    assert load_catalogue(tmp_path / "own").get("gear").mesh.volume == pytest.approx(0.015**3, rel=1e-5)


# --- closing ---


def without(mesh, faces):
    mesh.update_faces(~faces)
    return mesh


def test_loose_triangles_and_turned_faces_become_a_solid_of_the_right_volume():
    solid = trimesh.creation.box((0.06, 0.04, 0.02))
    soup = trimesh.Trimesh(solid.triangles.reshape(-1, 3), np.arange(36).reshape(-1, 3), process=False)
    noisy = trimesh.Trimesh(
        soup.vertices + np.random.default_rng(0).normal(0, 1e-8, (36, 3)), soup.faces, process=False
    )
    turned, inverted = solid.copy(), solid.copy()
    turned.faces = np.concatenate([turned.faces[:4], turned.faces[4:5, ::-1], turned.faces[5:]])
    inverted.invert()
    for mesh in (soup, noisy, turned, inverted):
        result = repaired(mesh)
        assert result.mesh.is_watertight
        assert result.mesh.volume == pytest.approx(4.8e-5, rel=1e-4)


def test_a_small_hole_is_closed_and_told():
    ball = trimesh.creation.icosphere(4, 0.03)
    result = repaired(without(ball.copy(), np.arange(len(ball.faces)) < 4))
    assert result.mesh.is_watertight
    assert result.mesh.volume == pytest.approx(ball.volume, rel=0.002)
    assert "closed 1 hole" in result.changes[0]


def test_a_large_hole_is_reported_with_its_edges_and_width_and_closed_only_when_asked():
    can = trimesh.creation.cylinder(0.02, 0.08, sections=32)
    open_can = without(can.copy(), can.face_normals[:, 2] > 0.5)
    with pytest.raises(MeshError, match=r"32 open edges around 1 hole, the largest 40 mm wide.*Solidify.*--fill-holes"):
        repaired(open_can)
    filled = repaired(open_can, fill_holes=True).mesh
    assert filled.is_watertight
    assert filled.volume == pytest.approx(32 / 2 * np.sin(2 * np.pi / 32) * 0.02**2 * 0.08, rel=1e-6)


def test_bodies_are_joined_where_they_overlap_and_move_as_one_where_they_do_not():
    cube, shift = trimesh.creation.box((0.02, 0.02, 0.02)), trimesh.creation.box((0.02, 0.02, 0.02))
    shift.apply_translation((0.01, 0, 0))
    overlapping = repaired(trimesh.util.concatenate([cube, shift]))
    assert overlapping.mesh.volume == pytest.approx(12e-6, rel=1e-6)
    assert "joined 2 bodies" in overlapping.changes[0]
    shift.apply_translation((0.05, 0, 0))
    apart = repaired(trimesh.util.concatenate([cube, shift]))
    assert apart.mesh.volume == pytest.approx(16e-6, rel=1e-6)
    assert apart.mesh.is_watertight
    cavity = trimesh.creation.box((0.01, 0.01, 0.01))
    cavity.invert()
    assert repaired(trimesh.util.concatenate([cube, cavity])).mesh.volume == pytest.approx(8e-6, rel=1e-6)


def test_cubes_that_share_an_edge_stay_closed_through_the_catalogue(tmp_path):
    first, second = trimesh.creation.box((20, 20, 20)), trimesh.creation.box((20, 20, 20))
    second.apply_translation((20, 20, 0))
    path = write(tmp_path / "part.stl", trimesh.util.concatenate([first, second]))
    add_object(examine(path, "mm"), "part", tmp_path / "own")
    mesh = load_catalogue(tmp_path / "own").get("part").mesh
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(16e-6, rel=1e-5)


def test_stray_triangles_are_left_away_and_sheets_and_rings_with_a_twist_refused():
    cube = trimesh.creation.box((0.05, 0.05, 0.05))
    stray = trimesh.Trimesh(np.eye(3) * 0.0003 + 0.03, [[0, 1, 2]], process=False)
    assert repaired(trimesh.util.concatenate([cube, stray])).mesh.volume == pytest.approx(0.05**3, rel=1e-6)
    sheet = trimesh.Trimesh([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]], [[0, 1, 2], [0, 2, 3]], process=False)
    with pytest.raises(MeshError, match="flat sheet"):
        repaired(sheet, fill_holes=True)
    angle = np.arange(24) * 2 * np.pi / 24
    side = np.stack([np.cos(angle / 2) * np.cos(angle), np.cos(angle / 2) * np.sin(angle), np.sin(angle / 2)], 1)
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    rim = np.concatenate([ring + 0.3 * side, ring - 0.3 * side]) * 0.05
    edge = [(k, k + 1, k + 24, k + 25) for k in range(23)] + [(23, 24, 47, 0)]  # the last one joins crosswise
    twisted = trimesh.Trimesh(rim, [f for a, b, c, d in edge for f in ((a, b, c), (b, d, c))], process=False)
    with pytest.raises(MeshError, match="Möbius"):
        repaired(twisted)


def test_many_faces_are_simplified_near_the_surface(monkeypatch):
    monkeypatch.setattr("hoisdf_model.objects.repair.MOST_FACES", 4000)
    result = repaired(trimesh.creation.icosphere(5, 0.03))
    assert len(result.mesh.faces) <= 4000
    assert result.mesh.is_watertight
    assert "from 20480 to 4000 faces" in result.changes[0]
    np.testing.assert_allclose(np.linalg.norm(result.mesh.vertices, axis=1), 0.03, atol=2e-4)


# --- symmetry ---


def prism(outline, height=0.02):
    return trimesh.creation.extrude_polygon(Polygon(outline), height)


def gear(teeth, hub=0.0):
    angle = np.arange(4 * teeth) * np.pi / (2 * teeth)
    radius = np.where(np.arange(4 * teeth) % 4 < 2, 0.03, 0.025)
    outline = Polygon(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)).difference(
        Point(0, 0).buffer(0.006)
    )
    wheel = trimesh.creation.extrude_polygon(outline, 0.01)
    if hub:
        boss = trimesh.creation.extrude_polygon(Point(0, 0).buffer(0.012).difference(Point(0, 0).buffer(0.006)), hub)
        wheel = trimesh.boolean.union([wheel, boss])
    return wheel


TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.03
CORNER = [(0, 0), (0.06, 0), (0.06, 0.02), (0.02, 0.02), (0.02, 0.05), (0, 0.05)]
KNOWN = {
    "box": (lambda: trimesh.creation.box((0.06, 0.04, 0.02)), 4, False),
    "square rod": (lambda: trimesh.creation.box((0.04, 0.04, 0.1)), 8, False),
    "cube": (lambda: trimesh.creation.box((0.04, 0.04, 0.04)), 24, False),
    "tetrahedron": (lambda: trimesh.convex.convex_hull(TETRAHEDRON), 12, False),
    "cylinder": (lambda: trimesh.creation.cylinder(0.02, 0.1), 2, True),
    "cone": (lambda: trimesh.creation.cone(0.02, 0.06), 1, True),
    "triangular rod": (lambda: trimesh.creation.cylinder(0.03, 0.02, sections=3), 6, False),
    "gear of 12": (lambda: gear(12), 24, False),
    "gear of 17 with a hub": (lambda: gear(17, 0.03), 17, False),
    "unequal corner": (lambda: prism(CORNER), 1, False),
}


@pytest.mark.parametrize("turned", [False, True], ids=["straight", "turned"])
@pytest.mark.parametrize("name", KNOWN)
def test_the_symmetry_of_a_known_body_is_found_wherever_it_lies(name, turned):
    build, count, is_round = KNOWN[name]
    mesh = build()
    pose = np.eye(4)
    if turned:
        pose[:3, :3] = Rotation.from_euler("xyz", [0.3, 0.7, 1.1]).as_matrix()
        pose[:3, 3] = 0.02, 0.05, -0.01
        mesh.apply_transform(pose)
    found = find_turns(mesh)
    assert len(found.symmetry(True).rotations) == count
    assert (found.axis is not None) == is_round
    if is_round:
        assert abs(np.dot(found.axis, pose[:3, 2])) > 1 - 1e-3
    assert found.deviation < 0.001


def test_the_turns_found_lay_a_gear_tooth_on_tooth():
    mesh = gear(12)
    tips = mesh.vertices[np.linalg.norm(mesh.vertices[:, :2], axis=1) > 0.0299]
    assert len(tips) == 48
    for transform in find_turns(mesh).symmetry(True).transforms():
        moved = tips @ transform[:3, :3].T + transform[:3, 3]
        # every tooth begins at a multiple of 30 degrees and is 7.5 degrees wide
        angle = np.degrees(np.arctan2(moved[:, 1], moved[:, 0])) % 30
        assert np.minimum(np.abs(angle - 7.5), np.minimum(angle, 30 - angle)).max() < 0.3


def test_a_notch_breaks_the_symmetry():
    wheel = gear(12)
    key = trimesh.creation.box(bounds=((0.0, -0.003, -0.01), (0.014, 0.003, 0.02)))
    found = find_turns(trimesh.boolean.difference([wheel, key]))
    assert len(found.symmetry(True).rotations) <= 2  # half a turn about the notch's own axis is left


def test_a_symmetry_that_somebody_declares_is_measured():
    mesh = gear(12)
    right, wrong = declared(mesh, "z:12"), declared(mesh, "z:8,x:2")
    assert len(right.symmetry(True).rotations) == 12
    assert len(wrong.symmetry(True).rotations) == 16
    assert right.deviation < 0.001
    assert wrong.deviation > 0.002
    assert declared(mesh, "z:round").axis == (0, 0, 1)
    for text in ("z", "z:1", "w:3", "z:round,x:round", "z:x", "", "z:9999"):
        with pytest.raises(InvalidInputError, match="such as z:round or z:24,x:2"):
            declared(mesh, text)


def test_turns_that_do_not_fit_each_other_end_in_an_error_and_not_never():
    with pytest.raises(InvalidInputError, match="don't fit each other"):
        discrete((0, 0, 0), [[0, 0, 1], [0.3, 0.1, 1]], [7, 5])


@pytest.mark.parametrize(
    ("arguments", "answers", "count"),
    [
        (("--symmetry", "auto"), None, 4),
        (("--symmetry", "none"), None, 1),
        (("--symmetry", "x:2"), None, 2),
        (("--yes",), None, 4),
        ((), "y\n", 4),
        ((), "n\n", 1),
        ((), "z:2\n", 2),
    ],
)
def test_the_symmetry_is_proposed_and_confirmed_by_a_person_or_an_option(tmp_path, arguments, answers, count):
    path = write(tmp_path / "part.stl", box())
    result = call("add", path, "--name", "part", "--unit", "mm", "--catalogue", tmp_path / "o", *arguments,
                  answers=answers)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert len(load_catalogue(tmp_path / "o").get("part").symmetry.rotations) == count


def test_without_an_answer_nothing_is_added(tmp_path):
    path = write(tmp_path / "part.stl", box())
    result = call("add", path, "--name", "part", "--unit", "mm", "--catalogue", tmp_path / "own", answers="")
    assert "--symmetry auto or none" in str(result.exception)
    assert not (tmp_path / "own").exists()


# --- what lies in the folder ---


@pytest.fixture
def added(tmp_path):
    mesh = trimesh.creation.cylinder(25, 80)
    mesh.apply_translation((0, 0, 40))
    add_object(examine(write(tmp_path / "tube.stl", mesh), "mm"), "tube", tmp_path / "own")
    return tmp_path / "own"


def test_the_catalogue_knows_the_symmetry_and_the_record_where_it_comes_from(added):
    item = load_catalogue(added).get("tube")
    np.testing.assert_allclose(item.symmetry.axis, (0, 0, 1), atol=1e-6)
    for transform in item.symmetry.transforms(8):
        moved = item.mesh.vertices @ transform[:3, :3].T + transform[:3, 3]
        assert np.linalg.norm(moved[:, :2], axis=1).max() < 0.0251
        assert moved[:, 2].min() > -1e-4
        assert moved[:, 2].max() < 0.0801
    facts = yaml.safe_load((added / "tube" / RECORD).read_text())
    assert (facts["source"], facts["unit"], facts["scale"]) == ("tube.stl", "mm", 0.001)
    assert item.diameter == pytest.approx(np.hypot(0.05, 0.08), rel=1e-3)
    assert (item.id, item.name) == (0, "tube")


def test_list_info_and_remove_show_the_object_and_take_it_away(added):
    assert "tube" in call("list", "--catalogue", added).output
    told = yaml.safe_load(call("info", "tube", "--catalogue", added).output)
    assert told["watertight"] is True
    assert told["symmetry"]["axis"] == [0, 0, 1]
    assert told["box_max_m"][2] == pytest.approx(0.08)
    (added / "tube" / "notes.txt").write_text("mine")
    assert call("remove", "tube", "--catalogue", added).exit_code == 0
    assert [path.name for path in (added / "tube").iterdir()] == ["notes.txt"]
    assert "no added object" in str(call("remove", "../tube", "--catalogue", added / "tube").exception)


def test_a_mesh_that_was_changed_or_is_gone_is_not_taken_for_the_one_that_was_checked(added):
    path = added / "tube" / MESH
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(MeshError, match="another checksum"):
        load_catalogue(added).get("tube")
    path.unlink()
    with pytest.raises(MeshError, match="is gone"):
        load_catalogue(added).get("tube")


def test_the_symmetry_may_be_edited_by_hand(added):
    path = added / "tube" / RECORD
    facts = yaml.safe_load(path.read_text())
    facts["symmetry"].update(axis=None, turns=[{"axis": [0, 0, 2], "fold": 5}])
    path.write_text(yaml.safe_dump(facts))
    assert len(load_catalogue(added).get("tube").symmetry.rotations) == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"turns": [{"axis": [0, 0, 1], "fold": 1}]}, "fold"),
        ({"turns": [{"axis": [0, 0, 0], "fold": 3}]}, "zero"),
        ({"turns": [{"axis": [0, 0, 1], "fold": 7}, {"axis": [0.3, 0.1, 1], "fold": 5}]}, "don't fit"),
        ({"turns": 3}, "mend"),
        ({"center": [0, float("nan"), 0]}, "finite"),
        ({"axis": "z"}, "three numbers"),
    ],
)
def test_a_record_with_impossible_values_says_which(added, change, said):
    path = added / "tube" / RECORD
    facts = yaml.safe_load(path.read_text())
    facts["symmetry"].update(change)
    path.write_text(yaml.safe_dump(facts))
    with pytest.raises(MeshError, match=said):
        load_catalogue(added).get("tube")


def test_a_record_executes_nothing_and_stays_with_its_folder(added, tmp_path):
    path, bad = added / "tube" / RECORD, tmp_path / "executed"
    text = path.read_text()
    path.write_text(f"version: !!python/object/apply:os.mkdir [{bad}]\n")
    with pytest.raises(MeshError, match=r"can't read .*object\.yaml"):
        load_catalogue(added).get("tube")
    assert not bad.exists()
    path.write_text(text)
    shutil.move(added / "tube", added / "pipe")
    with pytest.raises(MeshError, match="isn't that of the folder"):
        load_catalogue(added).get("pipe")


def test_colours_and_textures_stay(tmp_path):
    red = trimesh.creation.box((0.05, 0.05, 0.02))
    red.visual = trimesh.visual.TextureVisuals(
        material=trimesh.visual.material.PBRMaterial(baseColorFactor=[255, 0, 0, 255])
    )
    painted = trimesh.creation.box((0.05, 0.05, 0.02))
    colours = np.random.default_rng(0).integers(1, 255, (12, 4))
    painted.visual.face_colors = colours
    for name, mesh in (("red.glb", red), ("painted.ply", painted)):
        add_object(examine(write(tmp_path / name, mesh), "m"), name[:-4], tmp_path / "own")
    catalogue = load_catalogue(tmp_path / "own")
    assert catalogue.get("red").surface.texture.reshape(-1, 3).tolist()[0] == [255, 0, 0]
    surface = catalogue.get("painted").surface
    height, width, _ = surface.texture.shape
    at = (surface.uv * (width, height)).astype(int)
    shown = {tuple(colour) for colour in surface.texture[at[:, 1], at[:, 0]].tolist()}
    assert shown == {tuple(colour[:3]) for colour in colours.tolist()}


# --- files from outside ---

OPENED: list[str] = []
LISTENING = [False]


def _hear(event, arguments):
    if LISTENING[0] and event in ("open", "subprocess.Popen", "os.system", "os.exec", "socket.connect"):
        OPENED.append(f"{event}:{os.path.realpath(arguments[0]) if isinstance(arguments[0], str) else arguments[0]}")


@pytest.fixture
def heard():
    """Everything that is opened or started, as Python's own audit hook sees it."""
    if not hasattr(_hear, "added"):
        sys.addaudithook(_hear)
        _hear.added = True
    OPENED.clear()
    LISTENING[0] = True
    yield OPENED
    LISTENING[0] = False


TRIANGLE = "v 0 0 0\nv .1 0 0\nv 0 .1 0\nvt 0 0\nusemtl a\nf 1/1 2/1 3/1\n"


@pytest.mark.parametrize("reference", ["../secret.png", "{outside}/secret.png", "link.png", "a/../../secret.png"])
def test_materials_and_textures_outside_of_the_meshs_folder_are_refused_and_not_read(tmp_path, heard, reference):
    inside = tmp_path / "inside"
    inside.mkdir()
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "secret.png")
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    (inside / "m.mtl").write_text("newmtl a\nmap_Kd " + reference.format(outside=tmp_path) + "\n")
    (inside / "o.obj").write_text(f"call ../x.obj\ncsh touch {tmp_path}/started\nmtllib m.mtl\n{TRIANGLE}")
    OPENED.clear()
    with pytest.raises(MeshError, match="doesn't lie in its folder"):
        read_mesh(inside / "o.obj")
    assert any("m.mtl" in name for name in heard)
    assert not any("secret" in name or "x.obj" in name or not name.startswith("open:") for name in heard)
    assert not (tmp_path / "started").exists()


def glb(header, data=b""):
    text = json.dumps(header).encode()
    text, data = text + b" " * (-len(text) % 4), data + b"\0" * (-len(data) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def one_triangle(**changes):
    return {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}], "buffers": [{"byteLength": 36}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}], **changes,
    }  # fmt: skip


CORNERS = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0.1]], np.float32).tobytes()


def picture(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def textured(data):
    views = [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": len(data)}]
    return glb(one_triangle(bufferViews=views, images=[{"bufferView": 1, "mimeType": "image/png"}]), CORNERS + data)


def ply(vertices, kind="uchar", count=3):
    text = f"ply\nformat binary_little_endian 1.0\nelement vertex {vertices}\n" + "".join(
        f"property float {axis}\n" for axis in "xyz"
    )
    text += f"element face 1\nproperty list {kind} int vertex_indices\nend_header\n"
    return text.encode() + CORNERS + struct.pack("<I" if kind == "uint" else "<B", count) + struct.pack("<III", 0, 1, 2)


STL = trimesh.creation.box((0.1, 0.1, 0.1)).export(file_type="stl")
HOSTILE = {
    "zeros of 36 GB.glb": (glb(one_triangle(accessors=[{"componentType": 5126, "count": 3_000_000_000,
                                                        "type": "VEC3"}]), CORNERS), "asks for 3000000000"),
    "a mesh shown a billion times.glb": (
        glb(one_triangle(nodes=[{"children": [k + 1, k + 1]} for k in range(30)] + [{"mesh": 0}]), CORNERS), "nodes"),
    "nodes in a circle.glb": (glb(one_triangle(nodes=[{"children": [1]}, {"children": [2]}, {"children": [1]}]),
                                  CORNERS), "nodes"),
    "a buffer elsewhere.glb": (glb(one_triangle(buffers=[{"byteLength": 36, "uri": "/etc/hostname"}])), "outside"),
    "a picture elsewhere.glb": (glb(one_triangle(images=[{"uri": "../secret.png"}]), CORNERS), "outside"),
    "packed.glb": (glb(one_triangle(extensionsRequired=["KHR_draco_mesh_compression"]), CORNERS), "compressed"),
    "a picture of 900 megapixels.glb": (textured(picture(30_000, 30_000)), "texture"),
    "a picture of 81 megapixels.glb": (textured(picture(9_000, 9_000)), "9000x9000 pixels"),
    "postscript as a picture.glb": (textured(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "PNG, JPEG"),
    "no json.glb": (glb([[]]), "JSON object"),
    "deep json.glb": (struct.pack("<4sIIII", b"glTF", 2, 90_020, 90_000, 0x4E4F534A) + b"[" * 90_000, "proper GLB"),
    "indices of nothing.glb": (glb(one_triangle(meshes=[{"primitives": [{"attributes": {"POSITION": 7}}]}]), CORNERS),
                               "proper GLB"),
    "a billion vertices.ply": (ply(9_999_999_999), "announces 10000000000 elements"),
    "a face of a billion corners.ply": (ply(3, "uint", 2**31 - 1), "cut off or damaged"),
    "no end.ply": (ply(3)[:60], "cut off in its header"),
    "half.ply": (ply(3)[:-9], "cut off"),
    "half.stl": (STL[:300], r"says 12 triangles, which take 684 bytes; it has 300"),
    "four billion.stl": (bytes(80) + struct.pack("<I", 2**32 - 1) + bytes(500), "4294967295 triangles"),
    "half.glb": (glb(one_triangle(), CORNERS)[:-20], "cut off"),
    "short.glb": (b"glTF\2\0\0\0", "cut off"),
    "nothing.obj": (b"", "empty: 0 bytes"),
    "wrong corner.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99\n", "damaged"),
    "nan.obj": (b"v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "finite"),
    "points.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "mesh"),
    "noise.stl": (bytes(range(256)) * 4, "no STL"),
    "an stl called.obj": (STL, r"content is STL: rename it to \*\.stl"),
    "a glb called.ply": (glb(one_triangle(), CORNERS), r"content is GLB"),
    "an obj called.stl": (TRIANGLE.encode(), "content is OBJ"),
    "text.txt": (b"v 0 0 0", "must end in .obj"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_damaged_and_hostile_files_are_refused_with_the_reason(tmp_path, heard, name):
    content, said = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(content)
    OPENED.clear()
    with pytest.raises(MeshError, match=said):
        read_mesh(path)
    assert all(entry == f"open:{os.path.realpath(path)}" or "/site-packages/" in entry for entry in heard)


def test_the_files_that_hostile_ones_are_made_of_are_fine(tmp_path):
    sound = {"a.glb": glb(one_triangle(), CORNERS), "b.glb": textured(picture(4, 4)), "c.ply": ply(3), "d.stl": STL}
    for name, content in {**sound, "e.obj": TRIANGLE.encode()}.items():
        (tmp_path / name).write_bytes(content)
        assert len(read_mesh(tmp_path / name).faces) > 0


def test_too_many_faces_and_too_large_files_are_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("hoisdf_model.objects.mesh_reading.LARGEST_FILE", 600)
    with pytest.raises(MeshError, match="simplify it first"):
        read_mesh(write(tmp_path / "part.stl", box()))
    monkeypatch.undo()
    monkeypatch.setattr("hoisdf_model.objects.mesh_reading.MOST_FACES", 11)
    for suffix in ("stl", "glb"):
        with pytest.raises(MeshError, match="12 triangles; at most 11"):
            read_mesh(write(tmp_path / f"part.{suffix}", box()))


def test_missing_files_and_folders_are_named(tmp_path):
    assert "there is no mesh" in str(call("add", tmp_path / "no.stl", "--name", "part", "--unit", "mm").exception)
    nowhere = tmp_path / "nowhere"
    for arguments in (["objects", "list"], ["synthesize", "--bag", str(tmp_path / "bag")],
                      ["synthesize", "--grasps", str(tmp_path / "g.npz")]):  # fmt: skip
        result = CliRunner().invoke(app, [*arguments, "--catalogue", str(nowhere)])
        assert isinstance(result.exception, HoisdfError), arguments
        assert f"the object folder {nowhere} doesn't exist" in str(result.exception)


# --- on to grasps, stills, estimates ---


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    mesh = trimesh.creation.cylinder(25, 80, sections=24)
    mesh.apply_translation((0, 0, 40))
    add_object(examine(write(folder / "tube.stl", mesh), "mm"), "tube", folder / "own")
    settings = LibrarySettings(objects=("tube",), shapes=1, per_object=2, hands=1, catalogue=str(folder / "own"))
    build_library(folder / "grasps.npz", settings, load_hand_model())
    return folder


def test_scenes_can_be_about_the_new_object_only(library):
    path, model = str(library / "grasps.npz"), load_hand_model()
    focused = Stills(StillSettings(path, stage=SceneSettings(objects=["tube"])), model)
    assert {focused.scene(index).name for index in range(30)} == {"tube"}
    assert len({Stills(StillSettings(path), model).scene(index).name for index in range(30)}) == 2
    with pytest.raises(InvalidInputError, match=r"no grasps of spanner; it has some of tube"):
        Stills(StillSettings(path, stage=SceneSettings(objects=["spanner"])), model)


def test_a_library_says_at_once_that_its_meshes_are_gone_and_takes_them_from_elsewhere(library, tmp_path):
    path, model = str(library / "grasps.npz"), load_hand_model()
    moved = shutil.copytree(library / "own", tmp_path / "moved")
    with pytest.raises(MeshError, match=r"doesn't exist.*option catalogue"):
        Stills(StillSettings(path, catalogue=str(tmp_path / "nowhere")), model)
    shutil.copytree(library / "own" / "tube", tmp_path / "other" / "pipe")
    with pytest.raises(MeshError, match="grasps of tube"):
        Stills(StillSettings(path, catalogue=str(tmp_path / "other")), model)
    assert Stills(StillSettings(path, catalogue=str(moved)), model).library.settings.catalogue == str(moved)


def test_a_library_refuses_a_mesh_that_its_grasps_were_not_found_with(library, tmp_path):
    other = shutil.copytree(library / "own", tmp_path / "own")
    mesh = write(tmp_path / "tube.stl", trimesh.creation.cylinder(20, 80))
    add_object(examine(mesh, "mm"), "tube", other, replace=True)
    with pytest.raises(MeshError, match=r"tube .*have changed since"):
        Stills(StillSettings(str(library / "grasps.npz"), catalogue=str(other)), load_hand_model())


@requires_egl
def test_labels_of_a_still_carry_the_symmetry_and_pose_of_the_new_object(library):
    stage = SceneSettings(modes=(1.0, 0.0, 0.0, 0.0), objects=["tube"], occluded=0.0, clutter=0)
    stills = Stills(StillSettings(str(library / "grasps.npz"), stage=stage), load_hand_model())
    label = stills.frame(0).object
    assert label.name == "tube"
    assert len(label.symmetries) == 72  # a closed tube: any turn about its axis in 36 steps, and upside down
    middle, along = np.array([0, 0, 0.04]), np.array([0, 0, 1.0])
    inward = np.linalg.inv(label.pose)
    points = label.samples.points @ inward[:3, :3].T + inward[:3, 3]
    # exact distance to a cylinder of radius 25 mm and height 80 mm; the mesh has 24 sides: 0.2 mm
    radial = np.linalg.norm(points[:, :2], axis=1) - 0.025
    axial = np.abs((points - middle) @ along) - 0.04
    outside = np.hypot(np.maximum(radial, 0), np.maximum(axial, 0))
    expected = outside + np.minimum(np.maximum(radial, axial), 0)
    np.testing.assert_allclose(label.samples.distances, expected, atol=4e-4)
    stills.studio.close()


@requires_egl
def test_the_preview_shows_the_object_and_its_axes(tmp_path):
    path = write(tmp_path / "part.stl", box())
    result = call("add", path, "--name", "part", "--unit", "mm", "--yes", "--catalogue", tmp_path / "own",
                  "--preview", tmp_path / "part.png")  # fmt: skip
    assert result.exit_code == 0, result.output
    pixels = np.asarray(Image.open(tmp_path / "part.png")).astype(int)
    assert pixels.shape[0] > 400
    for channel in range(3):
        others = np.delete(pixels[..., :3], channel, axis=2).max(-1)
        assert ((pixels[..., channel] - others) > 60).sum() > 50, "an axis is missing"


def test_an_estimate_of_the_new_object_is_written_as_its_mesh(library, tmp_path):
    turn = Rotation.from_euler("xyz", [0.3, -0.2, 0.9]).as_matrix()
    place = np.array([0.02, -0.01, 0.5])
    estimate = Estimate(objects=(ObjectEstimate("tube", 0.9, turn, place, np.zeros((6, 6))),))
    catalogue = load_catalogue(library / "own")
    (path,) = write_meshes(tmp_path / "frame", estimate, load_hand_model(), catalogue)
    assert path.name == "frame_object_0_tube.ply"
    middle = trimesh.load(path).bounding_box_oriented.centroid
    np.testing.assert_allclose(middle, turn @ (0, 0, 0.04) + place, atol=1e-4)
