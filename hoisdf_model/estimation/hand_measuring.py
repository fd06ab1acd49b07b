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

"""Measurement of a person's hand size from depth images.

The lengths of the palm's bones, between landmarks at their depths.

The palm hardly bends, so that its bones have one length in every picture. Each ratio of a measured length to the mean
hand's says how large the hand is; the median over bones and frames is taken, and their spread says how sure it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand.joints import JOINT_NAMES

_PALM = [JOINT_NAMES.index(name) for name in ("wrist", "index_mcp", "middle_mcp", "ring_mcp", "little_mcp")]
_BONES = ((0, 1), (0, 2), (0, 3), (0, 4), (1, 4))  # of the palm: wrist to the knuckles, and across them
_WINDOW = 0.04  # of the palm's extent in the image: half the edge of the square in which a depth is looked for
# Depth of the palm's joints below the skin, spans: medians of the open hand in 30 poses, palm or back to the camera
# within 35 degrees; the middle eight tenths are within 0.01 of them.
_BELOW = np.array([0.108, 0.070, 0.070, 0.070, 0.070])
_STEEPEST = 0.6  # a bone that rises more towards the camera is measured by depth's noise
_KNOWN = 4  # of the palm's five landmarks must have a depth
_AGREE = 0.12  # within a frame; else something lies before the palm, or a landmark is wrong
FEWEST, WIDEST = 10, 0.08  # frames, and their robust standard deviation as a share, beyond which no size is given

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MeasuredSize:
    """A hand size.

    Attributes:
        metres: from the wrist to the tip of the middle finger of the flat hand.
        uncertainty: standard deviation of it by the frames' spread, metres; what all frames have in common, such as
            landmarks that lie off or a depth camera's scale, isn't in it.
        spread: of single frames, as a share.
        frames: used.
    """

    metres: float
    uncertainty: float
    spread: float
    frames: int


class PalmRuler:
    """Measures palms.

    Args:
        mean_joints: (21, 3) metres, of the flat mean hand.
        span: metres, that hand's size.
    """

    def __init__(self, mean_joints: NDArray[np.floating], span: float) -> None:
        palm = np.asarray(mean_joints, np.float64)[_PALM]
        self._lengths = np.array([np.linalg.norm(palm[b] - palm[a]) for a, b in _BONES])
        self._span = span

    def ratio(self, pixels: Floats, depth: NDArray[np.floating], camera: Pinhole) -> float | None:
        """Hand size relative to the mean hand; None if undetermined.

        Args:
            pixels: (21, 2) landmarks in the image without distortion.
            depth: (H, W) metres, aligned to it; 0 or NaN where unknown.
            camera: without distortion.
        """
        palm = pixels[_PALM]
        reach = max(1, round(_WINDOW * float(np.ptp(palm, axis=0).max())))
        depths = np.array([_depth_at(depth, pixel, reach) for pixel in palm])
        if np.isfinite(depths).sum() < _KNOWN:
            return None
        ratio = 1.0
        for _ in range(3):  # the depth of joints below the skin grows with the hand
            points = camera.back_project(palm, depths + _BELOW * self._span * ratio)
            bones = np.array([points[b] - points[a] for a, b in _BONES])
            lengths = np.linalg.norm(bones, axis=1)
            usable = np.isfinite(lengths) & (np.abs(bones[:, 2]) < _STEEPEST * lengths)
            ratios = (lengths / self._lengths)[usable]
            if len(ratios) < len(_BONES) - 2:
                return None
            ratio = float(np.median(ratios))
            if not 0.4 < ratio < 2.0:
                return None
        agree = np.abs(ratios / ratio - 1) < _AGREE
        return float(np.median(ratios[agree])) if agree.sum() >= len(_BONES) - 2 else None

    def size(self, ratios: Sequence[float], looked_at: int) -> MeasuredSize:
        """Hand size from the ratios of all frames.

        Args:
            ratios: of the frames that could tell.
            looked_at: all frames.

        Raises:
            InvalidInputError: too few of them, or they differ too much.
        """
        if len(ratios) < FEWEST:
            raise InvalidInputError(
                f"the palm was measured in {len(ratios)} of {looked_at} frames, {FEWEST} are needed: show one open "
                "hand, palm or back to the camera, nothing before it, at 0.3 to 0.8 m, for a few seconds"
            )
        values = np.asarray(ratios, np.float64)
        middle = float(np.median(values))
        spread = 1.4826 * float(np.median(np.abs(values - middle))) / middle
        if spread > WIDEST:
            raise InvalidInputError(
                f"the {len(values)} frames differ by {100 * spread:.0f} % in the hand's size, {100 * WIDEST:.0f} % are "
                "allowed: one person's hand alone, held still and open, and depth aligned to the image"
            )
        metres = middle * self._span
        # of a median of normal errors; neighbouring frames err together, so that every fifth counts
        uncertainty = 1.2533 * spread * metres / np.sqrt(max(1.0, len(values) / 5))
        return MeasuredSize(metres, float(uncertainty), spread, len(values))


def _depth_at(depth: NDArray[np.floating], pixel: Floats, reach: int) -> float:
    """Median of the known depths around a pixel; NaN where half of them aren't known, or it is outside."""
    x, y = (int(value) for value in np.round(pixel))
    height, width = depth.shape
    if not (0 <= x < width and 0 <= y < height):
        return float("nan")
    window = depth[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    known = window[np.isfinite(window) & (window > 0)]
    return float(np.median(known)) if 2 * known.size >= window.size else float("nan")
