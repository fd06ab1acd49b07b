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

"""Conversion from and to ``vision_msgs`` detections.

2D boxes of detectors come in, objects go out as 3D detections.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import HandRegion, ObjectRegion, Regions, Side
from hoisdf_model.geometry import validated_box
from hoisdf_model.messages import MessageTypes, Refused, read_items

# class ids that detectors use for hands; every other class is an object of that name
HAND_CLASSES: dict[str, Side | None] = {
    "hand": None,
    "hand_right": "right", "right_hand": "right", "right": "right",
    "hand_left": "left", "left_hand": "left", "left": "left",
}  # fmt: skip
PACKAGE = "vision_msgs"


def detections_to_regions(message: Any, refused: Refused | None = None) -> Regions:
    """Regions from ``vision_msgs/Detection2DArray``, best first.

    The best hypothesis of a detection counts. Rotated boxes are taken by their upright bounds.

    Args:
        message: the detections.
        refused: called with each detection that is wrong, and the others are taken; None: it is raised.

    Raises:
        InvalidInputError: a box isn't finite or is empty, or there is no hypothesis with a score; says which. With
            ``refused`` only where none is left of some.
    """
    read = read_items(message.detections, _region, "detections", refused).values()
    found = [region for region in read if region is not None]
    found.sort(key=lambda region: region.score, reverse=True)
    return Regions(
        tuple(region for region in found if isinstance(region, HandRegion)),
        tuple(region for region in found if isinstance(region, ObjectRegion)),
    )


def _region(detection: Any, what: str) -> HandRegion | ObjectRegion | None:
    """None for a detection that says nothing of what it is, as trackers send them."""
    if not detection.results:
        return None
    hypotheses = [result.hypothesis for result in detection.results if math.isfinite(result.hypothesis.score)]
    if not hypotheses:
        raise InvalidInputError(f"{what} must have a hypothesis with a finite score, got none")
    best = max(hypotheses, key=lambda hypothesis: hypothesis.score)
    box, name = _upright(detection.bbox, what), str(best.class_id)
    if name.lower() in HAND_CLASSES:
        return HandRegion(box, HAND_CLASSES[name.lower()], float(best.score))
    return ObjectRegion(box, name, float(best.score))


def _upright(box: Any, what: str) -> NDArray[np.float64]:
    center = np.array([box.center.position.x, box.center.position.y])
    c, s = abs(np.cos(box.center.theta)), abs(np.sin(box.center.theta))
    half = np.array([box.size_x * c + box.size_y * s, box.size_x * s + box.size_y * c]) / 2
    if not np.isfinite([*center, *half]).all() or (half <= 0).any():
        raise InvalidInputError(
            f"the box of {what} must be finite and not empty, got {center.tolist()} +- {half.tolist()}"
        )
    return validated_box(np.concatenate([center - half, center + half]), f"the box of {what}")


def detections_from_objects(
    poses: list[Any], bounds_of: Callable[[str], NDArray[np.float64] | None], header: Any, types: MessageTypes
) -> Any:
    """``vision_msgs/Detection3DArray`` from ``hoisdf/ObjectPose`` messages.

    Args:
        poses: the objects; pose and covariance are taken over as they are.
        bounds_of: name -> (2, 3) smallest and largest corner of the mesh in the object frame, metres; None: unknown,
            then the box has no size.
        header: of the image.
        types: the class set.

    A box's centre is given in the object's own axes, so it is right only where the mesh is centred about its origin;
    otherwise the box is enlarged until it holds the mesh.
    """
    detections = []
    for pose in poses:
        bounds = bounds_of(pose.name)
        x, y, z = (0.0, 0.0, 0.0) if bounds is None else (2 * np.abs(bounds).max(0)).tolist()
        hypothesis = types.create("vision_msgs/msg/ObjectHypothesis", class_id=pose.name, score=float(pose.score))
        result = types.create("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=pose.pose)
        size = types.create("geometry_msgs/msg/Vector3", x=x, y=y, z=z)
        box = types.create("vision_msgs/msg/BoundingBox3D", center=pose.pose.pose, size=size)
        detections.append(
            types.create("vision_msgs/msg/Detection3D", header=header, results=[result], bbox=box, id=pose.name)
        )
    return types.create("vision_msgs/msg/Detection3DArray", header=header, detections=detections)
