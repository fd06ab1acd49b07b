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

"""Rendered depth, masks and light agree with geometry."""

import subprocess
import sys

import numpy as np
import pytest
import trimesh
from egl import requires_egl
from scipy.spatial import ConvexHull

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import Pinhole
from hoisdf_model.objects import TexturedSurface, load_catalogue
from hoisdf_model.synthesis import Drawable, Lighting, Renderer

CAMERA = Pinhole(200.0, 210.0, 83.3, 57.8, 160, 120)
LIGHT = Lighting(np.array([[0.3, -0.4, -0.5]]), np.array([[0.8, 0.8, 0.8]]), focus=(0.0, 0.0, 0.5), reach=0.5)


@pytest.fixture(scope="module")
def renderer():
    renderer = Renderer(160, 120)
    yield renderer
    renderer.close()


def plain(mesh, grey=180):
    normals = mesh.vertex_normals if len(mesh.faces) > 20 else np.tile([0.0, 0, -1], (len(mesh.vertices), 1))
    uv, texture = np.full((len(mesh.vertices), 2), 0.5, np.float32), np.full((4, 4, 3), grey, np.uint8)
    vertices, normals = np.asarray(mesh.vertices, np.float32), np.asarray(normals, np.float32)
    return TexturedSurface(vertices, normals, uv, np.asarray(mesh.faces, np.int32), texture)


def rays():
    columns, rows = np.meshgrid(np.arange(160), np.arange(120))
    return CAMERA.back_project(np.stack([columns, rows], -1), np.ones((120, 160)))


def quad(z0, slope_x, slope_y, half=2.0):
    corners = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
    z = z0 + corners @ [slope_x, slope_y]
    return trimesh.Trimesh(np.column_stack([corners, z]), [[0, 2, 1], [0, 3, 2]], process=False)


@requires_egl
@pytest.mark.parametrize(("z0", "slope_x", "slope_y"), [(0.7, 0, 0), (0.9, 0.3, -0.2), (1.4, -0.5, 0.4)])
def test_depth_of_a_plane_is_where_rays_through_pixel_centres_meet_it(renderer, z0, slope_x, slope_y):
    picture = renderer.render([Drawable(plain(quad(z0, slope_x, slope_y)), identity=7)], CAMERA, np.eye(4), LIGHT)
    direction = rays()
    expected = z0 / (1 - direction[..., 0] * slope_x - direction[..., 1] * slope_y)
    np.testing.assert_allclose(picture.depth, expected, atol=2e-5)
    assert (picture.identities == 7).all()


@requires_egl
def test_depth_and_outline_of_a_sphere(renderer):
    centre, radius = np.array([0.03, -0.02, 0.6]), 0.08
    ball = trimesh.creation.icosphere(5, radius)
    pose = np.eye(4)
    pose[:3, 3] = centre
    picture = renderer.render([Drawable(plain(ball), pose, identity=1)], CAMERA, np.eye(4), LIGHT)
    direction = rays()
    a, b = (direction**2).sum(-1), direction @ centre
    discriminant = b**2 - a * (centre @ centre - radius**2)
    hit = discriminant > 0
    near = np.where(hit, (b - np.sqrt(np.maximum(discriminant, 0))) / a, 0)
    assert (hit != (picture.identities == 1)).sum() <= 4  # the polyhedron's edge
    well_inside = discriminant > 0.1 * discriminant.max()
    np.testing.assert_allclose(picture.depth[well_inside], near[well_inside], atol=2e-4)
    assert (picture.depth[picture.identities == 0] == 0).all()


@requires_egl
def test_masks_are_where_the_camera_projects_the_mesh(renderer):
    item = load_catalogue().get("003_cracker_box")
    turn = trimesh.transformations.euler_matrix(0.4, 0.9, -0.3)
    turn[:3, 3] = [0.05, 0.02, 0.9]
    picture = renderer.render([Drawable(item.surface, turn, identity=3)], CAMERA, np.eye(4), LIGHT)
    points = np.asarray(item.mesh.vertices) @ turn[:3, :3].T + turn[:3, 3]
    pixels = CAMERA.project(points)
    rows, columns = np.nonzero(picture.identities == 3)
    np.testing.assert_allclose([columns.min(), rows.min()], np.ceil(pixels.min(0)), atol=1)
    np.testing.assert_allclose([columns.max(), rows.max()], np.floor(pixels.max(0)), atol=1)
    hull = ConvexHull(pixels).volume  # in the plane that is the area
    assert (picture.identities == 3).sum() == pytest.approx(hull, rel=0.01)  # a box is convex


@requires_egl
def test_the_nearer_thing_hides_the_farther_one(renderer):
    far, near = quad(1.0, 0, 0), quad(0.5, 0, 0, half=0.1)
    drawables = [Drawable(plain(near), identity=2), Drawable(plain(far), identity=1)]
    for order in (drawables, drawables[::-1]):
        picture = renderer.render(order, CAMERA, np.eye(4), LIGHT)
        assert set(np.unique(picture.identities)) == {1, 2}
        np.testing.assert_allclose(picture.depth[picture.identities == 2], 0.5, atol=1e-5)


@requires_egl
def test_a_shadow_falls_where_the_light_is_blocked(renderer):
    wall, blocker = Drawable(plain(quad(1.0, 0, 0))), trimesh.creation.icosphere(3, 0.05)
    pose = np.eye(4)
    pose[:3, 3] = [0.0, 0.0, 0.7]
    light = Lighting(np.array([[0.0, -1.0, -0.3]]), np.array([[0.9] * 3]), focus=(0.0, 0.0, 0.8), reach=0.6)
    lit = renderer.render([wall], CAMERA, np.eye(4), light).image.astype(int)
    shaded = renderer.render([wall, Drawable(plain(blocker), pose, identity=1)], CAMERA, np.eye(4), light)
    # parallel rays from the light through the ball's middle meet the wall here
    direction = np.array([0.0, 1.0, 1.1])
    spot = pose[:3, 3] + direction * (1.0 - 0.7) / direction[2]
    column, row = np.round(CAMERA.project(spot)).astype(int)
    assert shaded.identities[row, column] == 0
    assert lit[row, column].mean() - shaded.image[row, column].mean() > 40
    assert abs(lit[row, 5].mean() - shaded.image[row, 5].mean()) < 3


@requires_egl
def test_a_texture_lands_the_right_way_round(renderer):
    texture = np.zeros((64, 64, 3), np.uint8)
    texture[:32, :32] = (255, 0, 0)  # top left
    texture[32:, 32:] = (0, 0, 255)  # bottom right
    mesh = quad(0.5, 0, 0, half=0.15)
    surface = TexturedSurface(
        np.asarray(mesh.vertices, np.float32), np.tile(np.float32([0, 0, -1]), (4, 1)),
        np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]), np.asarray(mesh.faces, np.int32), texture,
    )  # fmt: skip
    image = renderer.render([Drawable(surface)], CAMERA, np.eye(4), LIGHT).image.astype(int)
    for corner, channel in ((-0.07, 0), (0.07, 2)):
        column, row = np.round(CAMERA.project([corner, corner, 0.5])).astype(int)
        others = [c for c in range(3) if c != channel]
        assert image[row, column, channel] > 60 + image[row, column, others].max()


@requires_egl
def test_equal_scenes_give_equal_pictures_also_after_other_scenes(renderer):
    item = load_catalogue().get("025_mug")
    view = np.eye(4)
    view[2, 3] = 0.5
    first = renderer.render([Drawable(item.surface)], CAMERA, view, LIGHT)
    renderer.render([Drawable(plain(quad(1.0, 0, 0)))], CAMERA, np.eye(4), LIGHT)
    again = renderer.render([Drawable(item.surface)], CAMERA, view, LIGHT)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.depth, again.depth)


@requires_egl
def test_another_cameras_size_or_distortion_is_refused(renderer):
    for camera in (Pinhole(200, 200, 80, 60, 320, 240), Pinhole(200, 200, 80, 60, 160, 120, (0.1, 0, 0, 0, 0))):
        with pytest.raises(InvalidInputError, match="160x120"):
            renderer.render([], camera, np.eye(4), LIGHT)
    with pytest.raises(InvalidInputError, match="samples"):
        Renderer(10, 10, samples=3)


def test_without_egl_the_error_names_the_packages():
    script = (
        "import moderngl\n"
        "def refuse(**settings): raise ImportError('libEGL.so not found')\n"
        "moderngl.create_context = refuse\n"
        "from hoisdf_model.errors import DependencyError\n"
        "from hoisdf_model.synthesis import Renderer\n"
        "try:\n    Renderer()\n"
        "except DependencyError as error:\n    print(error)\n"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    for package in ("libegl1", "libgl1 ", "libgl1-mesa-dri"):
        assert package in output
