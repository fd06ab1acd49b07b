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

"""Completion of priors with hand boxes in the rectified image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import Frame, Prior
from hoisdf_model.geometry import Pinhole, boxes

REACH_IN_SPANS = 0.8  # half the edge of the box around a wrist whose hand may point anywhere


def completed_priors(
    priors: Sequence[Prior] | None,
    frame: Frame,
    raw_camera: Pinhole,
    span: float,
    locate: Callable[[Frame], tuple[Prior, ...]],
) -> tuple[Prior, ...]:
    """Priors, each completed with a hand box.

    A prior without a box gets one around its root; without either, what ``locate`` finds, the best for the first, and
    what the caller said (side, object, ...) goes before what was found. A prior for which nothing is found is left out.

    Args:
        priors: boxes in pixels of the raw image; None: nothing is known; empty: it is known that there is no hand.
        frame: rectified.
        raw_camera: the camera before the distortion was removed.
        span: metres from the wrist to the tip of the middle finger of the flat hand.
        locate: finds hands in the rectified frame; called once at most.

    Returns:
        priors with hand boxes, pixels of ``frame``; those with a known object first, so that regions pair up by index.
    """
    if priors is None:
        completed = list(locate(frame))
    else:
        given = [_rectified(prior, raw_camera) for prior in priors]
        unplaced = any(prior.hand_box is None and prior.root is None for prior in given)
        found = iter(locate(frame) if unplaced else ())
        completed = []
        for prior in given:
            if prior.hand_box is not None:
                completed.append(prior)
            elif prior.root is not None:
                completed.append(replace(prior, hand_box=_box_around_wrist(prior.root, frame.intrinsics, span)))
            elif (other := next(found, None)) is not None:
                completed.append(_merged(prior, other))
    return tuple(sorted(completed, key=lambda prior: prior.object_box is None and not prior.object_name))


def _rectified(prior: Prior, camera: Pinhole) -> Prior:
    def box(raw: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        if raw is None or not camera.is_distorted:
            return raw
        return boxes.mapped(raw, camera.undistort_pixels)

    return replace(prior, hand_box=box(prior.hand_box), object_box=box(prior.object_box))


def _box_around_wrist(root: NDArray[np.float64], camera: Pinhole, span: float) -> NDArray[np.float64]:
    half = REACH_IN_SPANS * span * np.array([camera.fx, camera.fy]) / root[2]
    middle = camera.project(root)
    return np.concatenate([middle - half, middle + half])


def _merged(prior: Prior, found: Prior) -> Prior:
    """What was found, and over it whatever the caller knows."""
    names = ("object_box", "object_center", "side", "object_name")
    known = {name: value for name in names if (value := getattr(prior, name)) is not None}
    return replace(found, **known, score=prior.score * found.score)
