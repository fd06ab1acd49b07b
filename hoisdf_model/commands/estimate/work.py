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

"""Processing of one picture: estimate, overlay, output files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoisdf_model.commands.estimate.input_files import assumed_camera, camera_to_json
from hoisdf_model.errors import CameraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hoisdf_model.estimates import Estimate, Frame, Prior
    from hoisdf_model.estimation import Estimator
    from hoisdf_model.geometry import Pinhole
    from hoisdf_model.objects import Catalogue


@dataclass(frozen=True)
class Work:
    """Settings of the processing.

    Attributes:
        estimator: what estimates. prior: what is known of every picture. catalogue: meshes of objects.
        camera: of the pictures; None: ``fov``, degrees across the longer side, is assumed.
        output: folder to write to.
    """

    estimator: Estimator
    prior: Prior | None
    catalogue: Catalogue
    camera: Pinhole | None
    fov: float | None
    output: Path

    def frame(self, image: NDArray[np.uint8], turned: str = "") -> Frame:
        """Frame of a picture (H, W, 3) with its camera.

        uint8 RGB; ``turned``: how it was stored, for errors.

        Raises:
            CameraError: the camera is one of other pictures.
        """
        from hoisdf_model.estimates import Frame

        camera = self.camera or assumed_camera(image.shape[1], image.shape[0], self.fov or 0.0)
        try:
            return Frame(image, camera)
        except CameraError as error:
            raise CameraError(f"{error}; {turned}" if turned else str(error)) from error

    def drawn(self, frame: Frame, found: Estimate) -> NDArray[np.uint8]:
        """The picture with the estimate drawn in."""
        from hoisdf_model.drawing import draw_overlay

        return draw_overlay(frame.image, found, frame.intrinsics, self.catalogue, self.estimator.hand_model)

    def written(self, about: dict[str, Any], frame: Frame, found: Estimate) -> dict[str, Any]:
        """The estimate as JSON takes it, behind what it is about."""
        from hoisdf_model.estimation import estimate_to_json

        return {**about, "camera": camera_to_json(frame.intrinsics, self.fov), **estimate_to_json(found)}


def summary(found: Estimate, fov: float | None = None) -> str:
    """One-line summary of an estimate.

    ``fov``: the field of view that was assumed, degrees.
    """
    assumed = "" if fov is None else f", distance assumed: field of view {fov:g} degrees"
    parts = [
        f"{hand.side} hand, wrist at {' '.join(f'{c:.3f}' for c in hand.joints[0])} m ({hand.root_source}{assumed})"
        for hand in found.hands
    ]
    parts += [f"{thing.name or 'object'}, score {thing.score:.2f}" for thing in found.objects]
    return "; ".join(parts) or "no hand"
