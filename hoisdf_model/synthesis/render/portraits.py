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

"""Pictures of single objects, for looking at."""

from __future__ import annotations

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray

from hoisdf_model.geometry import Pinhole
from hoisdf_model.objects import CatalogueObject, TexturedSurface
from hoisdf_model.objects.unwrapping import textured
from hoisdf_model.synthesis.motion import looking_at
from hoisdf_model.synthesis.render.renderer import Drawable, Lighting, Renderer

DISTANCE = 1.45  # diameters from the object's middle
FITTING = 2.85  # radii of the ball around the object, which the picture then holds
AXIS_COLOURS = ((225, 60, 60), (60, 185, 70), (60, 100, 225))  # x, y, z


def portrait(
    renderer: Renderer, item: CatalogueObject, azimuth: float, elevation: float, axes: bool = False
) -> NDArray[np.uint8]:
    """Portrait of an object with its name.

    Seen from a direction (radians, model frame); of the renderer's size.

    Args:
        renderer: draws.
        item: what is drawn.
        azimuth, elevation: of the camera.
        axes: also draw the object frame: x red, y green, z blue, three quarters of the diameter long.
    """
    middle = item.center
    radius = float(np.linalg.norm(item.surface.vertices - middle, axis=1).max())
    direction = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    eye = middle + max(item.diameter * DISTANCE, radius * FITTING, 0.1) * direction
    lighting = Lighting(
        np.stack([middle + np.array([0.5, -0.3, 0.8]), middle + np.array([-0.6, 0.5, 0.4]), eye]),
        np.array([[0.8, 0.8, 0.8], [0.25, 0.27, 0.3], [0.25, 0.25, 0.25]]),
        focus=(float(middle[0]), float(middle[1]), float(middle[2])),
        reach=item.diameter,
    )
    focal = 1.25 * renderer.height
    camera = Pinhole(focal, focal, (renderer.width - 1) / 2, (renderer.height - 1) / 2, renderer.width, renderer.height)
    drawn = [Drawable(item.surface, identity=1)]
    if axes:
        drawn += [Drawable(_axis(number, item.diameter)) for number in range(3)]
    image = renderer.render(drawn, camera, looking_at(eye, middle), lighting, (0.55, 0.58, 0.6)).image
    cv2.putText(image, item.name, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return image


def _axis(number: int, diameter: float) -> TexturedSurface:
    """A thin bar from the origin."""
    low, high = np.full(3, -0.006 * diameter), np.full(3, 0.006 * diameter)
    high[number] = 0.75 * diameter
    bar = trimesh.creation.box(bounds=(low, high))
    colour = np.tile(np.array(AXIS_COLOURS[number], np.uint8), (4, 4, 1))
    faces = np.asarray(bar.faces, np.int64)
    return textured(np.asarray(bar.vertices, np.float64), faces, np.full((*faces.shape, 2), 0.5), colour)
