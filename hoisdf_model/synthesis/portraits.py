"""Pictures of single objects, for looking at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import Pinhole
from hoisdf_model.objects import CatalogueObject
from hoisdf_model.synthesis.motion import looking_at
from hoisdf_model.synthesis.renderer import Drawable, Lighting, Renderer

DISTANCE = 1.45  # diameters from the object's middle


def portrait(renderer: Renderer, item: CatalogueObject, azimuth: float, elevation: float) -> NDArray[np.uint8]:
    """The object with its name, seen from a direction (radians, model frame); of the renderer's size."""
    middle = item.center
    direction = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    eye = middle + max(item.diameter * DISTANCE, 0.1) * direction
    lighting = Lighting(
        np.stack([middle + np.array([0.5, -0.3, 0.8]), middle + np.array([-0.6, 0.5, 0.4]), eye]),
        np.array([[0.8, 0.8, 0.8], [0.25, 0.27, 0.3], [0.25, 0.25, 0.25]]),
        focus=(float(middle[0]), float(middle[1]), float(middle[2])),
        reach=item.diameter,
    )
    focal = 1.25 * renderer.height
    camera = Pinhole(focal, focal, (renderer.width - 1) / 2, (renderer.height - 1) / 2, renderer.width, renderer.height)
    drawn = [Drawable(item.surface, identity=1)]
    image = renderer.render(drawn, camera, looking_at(eye, middle), lighting, (0.55, 0.58, 0.6)).image
    cv2.putText(image, item.name, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return image
