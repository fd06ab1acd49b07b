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

"""Grasps as ``visualization_msgs/MarkerArray``.

The gripper at the best grasp, lines for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import rigid
from hoisdf_model.grasping import GraspCandidate, Gripper
from hoisdf_ros.grasp.grasp_messages import pose_message
from hoisdf_ros.message_classes import ROS_TYPES, message_class

BEST, OTHERS = "grasp", "grasps"  # namespaces
PARTS = ("finger", "finger", "palm")  # of Gripper.boxes
_COLOURS = {"finger": (0.2, 0.65, 0.3, 0.9), "palm": (0.33, 0.44, 0.59, 0.9), OTHERS: (0.95, 0.75, 0.2, 0.8)}
_LINE = 0.002  # metres

Floats = NDArray[np.float64]


class GraspMarkers:
    """Marker writer that deletes markers which are no longer valid.

    Args:
        gripper: is drawn as it is checked, as boxes.
    """

    def __init__(self, gripper: Gripper) -> None:
        self._gripper = gripper
        self._kind = message_class("visualization_msgs/msg/Marker")
        self._shown: dict[tuple[str, int], Any] = {}  # its last header

    def write(self, candidates: Sequence[GraspCandidate], header: Any) -> Any:
        """Markers of grasps, best first.

        With a DELETE for each marker shown before and not now.
        """
        markers: dict[tuple[str, int], Any] = {}
        for one in candidates[:1]:
            for number, (part, box) in enumerate(zip(PARTS, self._gripper.boxes(one.width), strict=True)):
                markers[BEST, number] = self._box(one.pose, box, _COLOURS[part], header, number)
        if len(candidates) > 1:
            lines = np.concatenate([self._fork(one) for one in candidates[1:]])
            markers[OTHERS, 0] = self._lines(lines, header)
        gone = [self._gone(key, old) for key, old in self._shown.items() if key not in markers]
        self._shown = dict.fromkeys(markers, header)
        return ROS_TYPES.create("visualization_msgs/msg/MarkerArray", markers=[*markers.values(), *gone])

    @property
    def shown(self) -> bool:
        """Whether any marker is displayed."""
        return bool(self._shown)

    def _gone(self, key: tuple[str, int], header: Any) -> Any:
        return self._kind(header=header, ns=key[0], id=key[1], action=self._kind.DELETE)

    def _box(self, pose: Floats, box: Floats, colour: tuple[float, ...], header: Any, number: int) -> Any:
        center = rigid(translation=box.mean(0))
        x, y, z = (box[1] - box[0]).tolist()
        return self._kind(
            header=header,
            ns=BEST,
            id=number,
            type=self._kind.CUBE,
            action=self._kind.ADD,
            pose=pose_message(pose @ center, ROS_TYPES),
            scale=ROS_TYPES.create("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
            color=_colour(colour),
        )

    def _fork(self, one: GraspCandidate) -> Floats:
        """(8, 3) ends of lines: the two fingers, the palm, the way up to it."""
        g, half = self._gripper, one.width / 2
        tips, roots = ([[0, sign * half, z] for sign in (1.0, -1.0)] for z in (g.tip, g.palm_face))
        back = [[0, 0, g.palm_face], [0, 0, g.palm_face - g.palm[2]]]
        points = np.array([tips[0], roots[0], tips[1], roots[1], roots[0], roots[1], *back])
        return np.asarray(points @ one.pose[:3, :3].T + one.pose[:3, 3], np.float64)

    def _lines(self, points: Floats, header: Any) -> Any:
        return self._kind(
            header=header,
            ns=OTHERS,
            type=self._kind.LINE_LIST,
            action=self._kind.ADD,
            pose=pose_message(np.eye(4), ROS_TYPES),
            scale=ROS_TYPES.create("geometry_msgs/msg/Vector3", x=_LINE, y=0.0, z=0.0),
            color=_colour(_COLOURS[OTHERS]),
            points=[ROS_TYPES.create("geometry_msgs/msg/Point", x=x, y=y, z=z) for x, y, z in points.tolist()],
        )


def _colour(colour: tuple[float, ...]) -> Any:
    return ROS_TYPES.create("std_msgs/msg/ColorRGBA", **dict(zip("rgba", colour, strict=True)))
