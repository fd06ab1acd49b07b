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

"""Wrist position without a given one.

From the network's head with the depth image's help; without such a head from the depth image, else from the box's size
and the focal length.

All behind one function, :func:`place`; docs/live_use.md has the figures behind the constants.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import Frame, Prior, RootSource
from hoisdf_model.estimation.hand_targets import Target
from hoisdf_model.estimation.wrists import SeenWrist
from hoisdf_model.geometry import Pinhole, boxes
from hoisdf_model.geometry.poses import unknown_covariance
from hoisdf_model.hand import TIP_VERTICES, HandModel

NEAREST, FARTHEST = 0.15, 2.5  # metres; where a hand may be that nothing else is known about

# Statistics of the open hand in mixtures of its named poses, turned in every direction (the tests measure them again).
# Lengths in spans: from the wrist to the tip of the middle finger of the flat hand, 0.19 m.
EDGE_PER_SPAN = 0.79  # longest edge of the box around the skin (harmonic mean, so that distances have no bias)
EDGE_SPREAD = 0.20  # its relative standard deviation: 0.18, and adults' hands differ by 0.06
WRIST_OFF_CENTER = 0.21  # standard deviation of the wrist from the box's middle, along x and along y
WRIST_BEHIND_SURFACE = 0.09  # mean of the wrist's depth behind the median of what a depth camera sees
WRIST_OFF_SURFACE = 0.28  # its standard deviation

# The same hands at the wrist itself: how far it is behind what a depth camera sees within 1 cm of it. The mean is over
# those that lie within SKIN_REACH of it; elsewhere fingers are before the wrist.
WRIST_BEHIND_SKIN, WRIST_OFF_SKIN, SKIN_REACH = 0.15, 0.05, 0.2
SKIN_PATCH = 0.05  # half the edge of the patch that is looked at, spans

OBJECT_MARGIN = 1.3  # the box of an object that nobody gave: the hand's, enlarged
SAME_SURFACE = 0.12  # metres; depths farther behind the nearest surface of the box are background


def hand_span(model: HandModel) -> float:
    """Span of the flat mean hand, wrist to middle fingertip, metres."""
    return float(np.linalg.norm(model.v_template[TIP_VERTICES["middle"]] - model.joints[0]))


def place(
    prior: Prior, frame: Frame, span: float, object_center_depth: float | None, seen: SeenWrist | None = None
) -> Target:
    """Complete a prior that has a hand box.

    Args:
        prior: boxes in pixels of ``frame``; ``hand_box`` must be there.
        frame: rectified; its depth image is used where there is one.
        span: metres from the wrist to the tip of the middle finger of the flat hand.
        object_center_depth: metres; None: the wrist's depth.
        seen: where the network sees the wrist, if it has a head for it and the root isn't given.

    The root is the given one; else where the wrist is seen, its depth averaged with that of the depth image there, each
    weighed by its variance; else the back-projected middle of the hand box, at the depth of the nearest surface in the
    box, or at the distance at which a mean hand in a mean pose fills the box.

    Raises:
        InvalidInputError: the prior has no hand box.
    """
    if prior.hand_box is None:
        raise InvalidInputError("a hand can only be placed where its box is known")
    camera = frame.intrinsics
    middle = boxes.center(prior.hand_box)
    object_box = boxes.scaled(prior.hand_box, OBJECT_MARGIN) if prior.object_box is None else prior.object_box
    source: RootSource
    if prior.root is not None:
        root, source = prior.root, prior.root_source
        covariance = _guessed_covariance(root, span) if source == "tracked" else unknown_covariance(3)
    elif seen is not None:
        root, along, source = _measured(seen, frame, prior.hand_box, span)
        covariance = ray_covariance(root, along, seen.across)
    elif (z := surface_depth(frame, prior.hand_box)) is not None:
        root, source = camera.back_project(middle, z + WRIST_BEHIND_SURFACE * span), "depth"
        covariance = ray_covariance(root, WRIST_OFF_SURFACE * span, WRIST_OFF_CENTER * span)
    else:
        root, source = camera.back_project(middle, monocular_depth(camera, prior.hand_box, span)), "monocular"
        covariance = _guessed_covariance(root, span)
    depth = root[2] if object_center_depth is None else object_center_depth
    center = prior.object_center
    if center is None:
        center = camera.back_project(boxes.center(object_box), depth)
    return Target(
        side=prior.side or "right",
        hand_box=prior.hand_box,
        object_box=object_box,
        root=root,
        root_covariance=covariance,
        root_source=source,
        object_center=center,
        object_name=prior.object_name or "",
        object_known=prior.object_box is not None or bool(prior.object_name),
        score=prior.score,
        landmarks=prior.landmarks,
    )


def monocular_depth(camera: Pinhole, box: NDArray[np.float64], span: float) -> float:
    """Depth at which a mean hand fills the box, metres.

    ``z = f * EDGE_PER_SPAN * span / longest edge``, a mean pose.
    """
    width, height = box[2:] - box[:2]
    edge = max(width / camera.fx, height / camera.fy)
    return float(np.clip(EDGE_PER_SPAN * span / edge, NEAREST, FARTHEST))


def surface_depth(frame: Frame, box: NDArray[np.float64]) -> float | None:
    """Depth of the hand's surface in a box, metres.

    The median of the box's nearest surface; None where depth is missing.

    Looks at the middle half of the box, ignores what lies ``SAME_SURFACE`` behind its nearest tenth (background between
    the fingers) and what is out of range.
    """
    valid = _depths_in(frame, boxes.scaled(box, 0.5))
    if valid is None:
        return None
    return float(np.median(valid[valid < np.percentile(valid, 10) + SAME_SURFACE]))


def _depths_in(frame: Frame, box: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """(N,) metres, usable depths in a box; None where there are too few."""
    if frame.depth is None:
        return None
    height, width = frame.depth.shape
    x0, y0, x1, y1 = boxes.clipped(box, width, height).round().astype(int)
    patch = frame.depth[y0 : y1 + 1, x0 : x1 + 1]
    valid = patch[np.isfinite(patch) & (patch >= NEAREST) & (patch <= FARTHEST)]
    return None if valid.size < max(5, 0.05 * patch.size) else valid


def _measured(
    seen: SeenWrist, frame: Frame, hand_box: NDArray[np.float64], span: float
) -> tuple[NDArray[np.float64], float, RootSource]:
    """Root (3,), standard deviation along the ray and source of a wrist that is seen, with the depth image's help.

    A depth that contradicts what is seen by three standard deviations is of something before the wrist, or behind it,
    unless the surface in the hand's box is as far away: then what is seen is wrong.
    """
    camera, distance = frame.intrinsics, float(np.linalg.norm(seen.root))
    pixel = camera.project(seen.root)
    half = SKIN_PATCH * span * np.array([camera.fx, camera.fy]) / seen.root[2]
    depths = _depths_in(frame, np.concatenate([pixel - half, pixel + half]))
    if depths is None:
        return seen.root, seen.along, "monocular"
    z, spread = float(np.median(depths)) + WRIST_BEHIND_SKIN * span, WRIST_OFF_SKIN * span
    measured = z / seen.root[2] * distance
    if abs(measured - distance) > 3 * float(np.hypot(seen.along, spread)):
        surface = surface_depth(frame, hand_box)
        if surface is None or abs(surface + WRIST_BEHIND_SURFACE * span - z) > 2 * WRIST_OFF_SURFACE * span:
            return seen.root, seen.along, "monocular"
        return seen.root * measured / distance, spread, "depth"
    weights = np.array([seen.along, spread]) ** -2
    best = float(weights @ [distance, measured] / weights.sum())
    return seen.root * best / distance, float(weights.sum() ** -0.5), "depth"


def ray_covariance(point: NDArray[np.float64], along: float, across: float) -> NDArray[np.float64]:
    """Covariance (3, 3) along and across a camera ray, square metres.

    Standard deviation ``along`` the ray from the camera to the point, and ``across`` it.
    """
    ray = point / np.linalg.norm(point)
    outer = np.outer(ray, ray)
    return along**2 * outer + across**2 * (np.eye(3) - outer)


def _guessed_covariance(root: NDArray[np.float64], span: float) -> NDArray[np.float64]:
    """Of a root from the box's size: everything scales with the distance, so does the error along the ray."""
    return ray_covariance(root, EDGE_SPREAD * float(np.linalg.norm(root)), WRIST_OFF_CENTER * span)
