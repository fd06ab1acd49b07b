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

"""Materials: tints multiply linear colour, what glows doesn't care about light. Renderers don't mix up their things."""

import numpy as np
import pytest
from egl import requires_egl

from hoisdf_model.geometry import Pinhole
from hoisdf_model.synthesis import Drawable, Lighting, Material, Renderer
from hoisdf_model.synthesis.render.scenery import picture

CAMERA = Pinhole(40.0, 40.0, 15.5, 15.5, 32, 32)
WALL = picture(np.array([[-1, 1, 1], [1, 1, 1], [1, -1, 1], [-1, -1, 1.0]]), np.full((4, 4, 3), 100, np.uint8))
DARK = Lighting(np.array([[0, 0, -1.0]]), np.zeros((1, 3)), (0.2, 0.2, 0.2), (0.2, 0.2, 0.2))
BRIGHT = Lighting(np.array([[0, 0, -1.0]]), np.ones((1, 3)), (0.4, 0.4, 0.4), (0.4, 0.4, 0.4))


@pytest.fixture(scope="module")
def renderer():
    made = Renderer(32, 32, 0)
    yield made
    made.close()


@requires_egl
def test_what_glows_shows_its_texture_in_any_light(renderer):
    for light in (DARK, BRIGHT):
        shown = renderer.render([Drawable(WALL, material=Material(glow=1.0))], CAMERA, np.eye(4), light).image
        np.testing.assert_allclose(shown, 100, atol=1)


@requires_egl
def test_a_tint_multiplies_linear_colour(renderer):
    material = Material(glow=1.0, tint=(2.0, 1.0, 0.5))
    shown = renderer.render([Drawable(WALL, material=material)], CAMERA, np.eye(4), DARK).image[16, 16]
    np.testing.assert_allclose(shown, 100 * np.array([2.0, 1.0, 0.5]) ** (1 / 2.2), atol=1.5)


@requires_egl
def test_other_materials_get_brighter_with_light(renderer):
    shown = [renderer.render([Drawable(WALL)], CAMERA, np.eye(4), light).image.mean() for light in (DARK, BRIGHT)]
    assert shown[1] > shown[0] + 20


@requires_egl
def test_renderers_of_one_process_dont_mix_up_what_they_draw():
    def wall(level):
        texture = np.full((4, 4, 3), level, np.uint8)
        corners = np.array([[-1, 1, 1], [1, 1, 1], [1, -1, 1], [-1, -1, 1.0]])
        return Drawable(picture(corners, texture), material=Material(glow=1.0))

    walls = [wall(50), wall(200), wall(120)]

    def level(renderer, number):
        return renderer.render([walls[number]], CAMERA, np.eye(4), DARK).image.mean()

    first = Renderer(32, 32, 0)
    assert level(first, 0) == pytest.approx(50, abs=1)
    second = Renderer(32, 32, 0)
    assert level(second, 1) == pytest.approx(200, abs=1)
    assert [level(first, 0), level(first, 2), level(second, 1)] == pytest.approx([50, 120, 200], abs=1)
    second.close()
    assert [level(first, 1), level(first, 0)] == pytest.approx([200, 50], abs=1)
    first.close()
