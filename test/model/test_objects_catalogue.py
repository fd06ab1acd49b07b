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

"""The catalogue: look-alikes have the measured sizes, frames and symmetries, and the user's meshes replace them."""

import cv2
import numpy as np
import pytest
import trimesh

from hoisdf_model.errors import MeshError
from hoisdf_model.geometry import distances
from hoisdf_model.objects import YCB, load_catalogue

CATALOGUE = load_catalogue()
# extents and box centres in millimetres, measured on the YCB-Video models' points
MEASURED = {
    "002_master_chef_can": (102.0, 102.2, 140.0, -1.3, 0.5, -3.5),
    "003_cracker_box": (71.7, 163.7, 213.4, -0.6, -1.7, -4.8),
    "004_sugar_box": (49.3, 94.0, 175.9, 1.0, -1.5, -4.4),
    "005_tomato_soup_can": (67.1, 67.4, 101.6, 0.0, 1.5, -8.4),
    "006_mustard_bottle": (97.0, 66.4, 191.2, -1.3, -2.5, 11.8),
    "007_tuna_fish_can": (85.0, 85.1, 33.2, 0.2, -0.1, -4.3),
    "008_pudding_box": (137.6, 127.8, 38.7, -1.2, 4.2, -3.1),
    "009_gelatin_box": (88.9, 100.8, 30.0, -1.4, 0.6, -3.6),
    "010_potted_meat_can": (101.5, 59.2, 83.3, -2.4, -0.3, -8.1),
    "011_banana": (108.6, 178.3, 36.6, 18.7, -12.2, 1.5),
    "019_pitcher_base": (148.8, 144.0, 242.3, -5.3, -5.9, -25.6),
    "021_bleach_cleanser": (102.1, 67.6, 250.5, -4.9, 2.5, 13.3),
    "024_bowl": (160.5, 159.9, 54.8, 0.2, -0.8, 3.0),
    "025_mug": (116.0, 92.9, 81.2, 8.5, 0.7, 1.6),
    "035_power_drill": (184.0, 187.0, 57.0, -9.1, -20.9, 2.1),
    "036_wood_block": (103.7, 103.3, 205.7, -1.4, 2.5, -17.2),
    "037_scissors": (96.0, 201.3, 15.4, -7.1, 28.1, 0.0),
    "040_large_marker": (21.0, 120.7, 18.8, 0.0, 2.1, -0.4),
    "051_large_clamp": (119.7, 170.8, 38.9, -10.5, 2.0, 0.5),
    "052_extra_large_clamp": (209.4, 163.9, 36.1, 0.4, 10.4, -0.2),
    "061_foam_brick": (52.3, 77.7, 51.0, 0.1, -0.1, 8.2),
}
NAMES = CATALOGUE.names


@pytest.mark.parametrize("name", MEASURED)
def test_size_and_place_agree_with_the_measured_models_to_three_millimetres(name):
    mesh, expected = CATALOGUE.mesh(name), np.array(MEASURED[name])
    np.testing.assert_allclose(mesh.extents * 1000, expected[:3], atol=3)
    np.testing.assert_allclose(mesh.bounds.mean(0) * 1000, expected[3:], atol=3)


def test_names_and_ids_are_dexycbs():
    assert [CATALOGUE.get(name).id for name in NAMES] == list(range(1, 22))
    assert tuple(sorted(NAMES)) == NAMES
    assert tuple(row.name for row in YCB) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_look_alikes_are_closed_solids_in_one_piece(name):
    mesh = CATALOGUE.mesh(name)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    assert mesh.body_count == 1


@pytest.mark.parametrize("name", ["003_cracker_box", "008_pudding_box", "009_gelatin_box", "036_wood_block"])
def test_boxes_stay_rectangular_although_they_stand_askew(name):
    """Fitting footprint and extents at once must not shear a box: its long edges stay at right angles."""
    mesh = CATALOGUE.mesh(name)
    sides = mesh.face_normals[
        (np.abs(mesh.face_normals[:, 2]) < 0.01) & (mesh.area_faces > 0.2 * mesh.area_faces.max())
    ]
    angle = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) % 90
    spread = np.minimum(np.abs(angle - angle[0]), 90 - np.abs(angle - angle[0]))
    assert spread.max() < 2.0


@pytest.mark.parametrize("name", NAMES)
def test_a_declared_symmetry_maps_the_shape_onto_itself(name):
    item = CATALOGUE.get(name)
    vertices, faces = np.asarray(item.mesh.vertices), np.asarray(item.mesh.faces)
    allowed = 0.03 * item.diameter  # the measured extents aren't perfectly symmetric
    for transform in item.symmetry.transforms(7):
        moved = vertices @ transform[:3, :3].T + transform[:3, 3]
        assert np.abs(distances.signed_distance(moved, vertices, faces)).max() < allowed


def test_symmetry_transforms_begin_with_the_identity_and_are_rigid():
    transforms = CATALOGUE.get("005_tomato_soup_can").symmetry.transforms(12)
    assert transforms.shape == (24, 4, 4)
    np.testing.assert_allclose(transforms[0], np.eye(4), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(transforms[:, :3, :3]), 1)


def test_a_box_has_four_symmetries_and_a_mug_none():
    assert len(CATALOGUE.get("003_cracker_box").symmetry.rotations) == 4
    assert len(CATALOGUE.get("036_wood_block").symmetry.rotations) == 8
    assert len(CATALOGUE.get("025_mug").symmetry.transforms()) == 1


def test_the_mugs_handle_points_along_x():
    vertices = CATALOGUE.mesh("025_mug").vertices
    assert vertices[np.abs(vertices[:, 0]).argmax(), 0] > 0.06


@pytest.mark.parametrize("name", ["006_mustard_bottle", "061_foam_brick"])
def test_the_diameter_is_the_largest_distance_of_two_vertices(name):
    item = CATALOGUE.get(name)
    v = np.asarray(item.mesh.vertices)
    assert item.diameter == pytest.approx(np.linalg.norm(v[:, None] - v[None], axis=-1).max())


def test_the_diameter_of_a_mesh_of_many_corners_is_that_of_its_ellipsoid(tmp_path):
    mesh = trimesh.creation.icosphere(5)
    mesh.apply_scale([0.05, 0.052, 0.04])
    mesh.apply_transform(trimesh.transformations.rotation_matrix(0.7, [1, 2, 3]))
    mesh.export(tmp_path / "egg.ply")
    assert len(mesh.vertices) > 10_000
    assert load_catalogue(tmp_path).get("egg").diameter == pytest.approx(0.104, rel=2.2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_the_drawn_surface_is_the_mesh_with_texture_all_over(name):
    item = CATALOGUE.get(name)
    surface = item.surface
    area = trimesh.Trimesh(surface.vertices, surface.faces, process=False).area
    assert area == pytest.approx(item.mesh.area, rel=1e-3)
    assert surface.uv.min() >= 0
    assert surface.uv.max() <= 1
    height, width, _ = surface.texture.shape
    columns = np.clip((surface.uv[:, 0] * width).astype(int), 0, width - 1)
    rows = np.clip((surface.uv[:, 1] * height).astype(int), 0, height - 1)
    assert surface.texture[rows, columns].max(1).min() > 5, "a corner lies on unpainted ground"
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-4)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(MeshError, match=r"'007_nothing'.*003_cracker_box"):
        CATALOGUE.get("007_nothing")


def write_textured_cube(folder, edge=0.08, colour=(10, 200, 30)):
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "texture_map.png"), np.full((8, 8, 3), colour[::-1], np.uint8))
    (folder / "textured_simple.obj.mtl").write_text("newmtl material_0\nmap_Kd texture_map.png\n")
    cube = trimesh.creation.box((edge, edge, edge))
    lines = ["mtllib textured_simple.obj.mtl", "usemtl material_0"]
    lines += [f"v {x} {y} {z}" for x, y, z in cube.vertices] + ["vt 0.5 0.5"]
    lines += [f"f {a + 1}/1 {b + 1}/1 {c + 1}/1" for a, b, c in cube.faces]
    (folder / "textured_simple.obj").write_text("\n".join(lines))


def test_a_users_mesh_replaces_the_look_alike_and_keeps_its_id_and_symmetry(tmp_path):
    write_textured_cube(tmp_path / "006_mustard_bottle")
    item = load_catalogue(tmp_path).get("006_mustard_bottle")
    np.testing.assert_allclose(item.mesh.extents, 0.08)
    assert item.mesh.is_watertight
    assert item.id == 5
    assert len(item.symmetry.rotations) == 2
    np.testing.assert_allclose(item.surface.texture.reshape(-1, 3).mean(0), (10, 200, 30), atol=3)
    assert len(load_catalogue(tmp_path).names) == 21


@pytest.mark.parametrize("suffix", ["obj", "ply", "stl", "glb"])
def test_a_mesh_of_ones_own_joins_the_catalogue(tmp_path, suffix):
    trimesh.creation.cylinder(0.02, 0.1).export(tmp_path / f"gear.{suffix}")
    catalogue = load_catalogue(tmp_path)
    assert catalogue.names[-1] == "gear"
    item = catalogue.get("gear")
    np.testing.assert_allclose(item.mesh.extents, (0.04, 0.04, 0.1), atol=1e-3)
    assert (item.id, len(item.symmetry.transforms())) == (0, 1)


def test_what_a_file_manager_leaves_beside_meshes_is_no_object(tmp_path):
    trimesh.creation.cylinder(0.02, 0.1).export(tmp_path / "gear.stl")
    write_textured_cube(tmp_path / "006_mustard_bottle")
    (tmp_path / "._gear.stl").write_bytes(b"\0\5\x16\7")
    write_textured_cube(tmp_path / ".trash")
    write_textured_cube(tmp_path / "@eaDir")
    assert set(load_catalogue(tmp_path).names) - {item.name for item in YCB} == {"gear"}


def test_meshes_that_can_not_be_used_say_why(tmp_path):
    with pytest.raises(MeshError, match="doesn't exist"):
        load_catalogue(tmp_path / "nowhere")
    with pytest.raises(MeshError, match="no mesh in"):
        load_catalogue(tmp_path)
    trimesh.creation.box((60, 60, 60)).export(tmp_path / "millimetres.stl")
    (tmp_path / "broken.stl").write_bytes(b"solid\x00\x01\x02 not a mesh")
    (tmp_path / "empty.obj").write_text("# nothing\n")
    catalogue = load_catalogue(tmp_path)
    with pytest.raises(MeshError, match="millimetres"):
        catalogue.get("millimetres")
    for name in ("broken", "empty"):
        with pytest.raises(MeshError, match=name):
            catalogue.get(name)
    (tmp_path / "broken.stl").unlink()
    with pytest.raises(MeshError, match="gone"):
        catalogue.get("broken")
