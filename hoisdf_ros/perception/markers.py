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

"""Estimate as serialised ``visualization_msgs/MarkerArray``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.estimates import Estimate, HandEstimate, ObjectEstimate, Side, entity_names
from hoisdf_model.hand import BONES
from hoisdf_ros.message_classes import ROS_TYPES, message_class
from hoisdf_ros.serialized import SerializedMessage, mark, stamp_mark

MESH, SKELETON = 0, 1  # marker ids within the namespace of a hand or object
_COLOURS: dict[str, tuple[float, float, float, float]] = {
    "right": (0.91, 0.71, 0.58, 1.0),
    "left": (0.62, 0.69, 0.87, 1.0),
    "skeleton": (0.85, 0.2, 0.1, 1.0),
    "object": (0.35, 0.65, 0.45, 1.0),
}
_BONE_WIDTH, _AXIS_WIDTH, _AXIS_LENGTH = 0.003, 0.004, 0.05  # metres
_AXES = _AXIS_LENGTH * np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]], np.float64)
_AXIS_COLOURS = ((1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0))  # x, y, z
_TEMPLATES = 32  # combinations of hands and objects whose serialised form is kept

Triangles = NDArray[np.float64]


@dataclass(frozen=True)
class _Part:
    """One marker of a message: what its structure depends on, and nothing that changes from frame to frame."""

    namespace: str
    id: int
    kind: str  # "right", "left", "skeleton", "object", "axes", "delete"
    points: int


class MarkerWriter:
    """Serialised markers of estimates, with deletion of outdated ones.

    Args:
        faces: (F, 3) vertex indices of the hand mesh for each side.
        triangles: object name -> (T, 3, 3) corners in the object frame, metres; None where there is no mesh, which
            shows as three axes.
        hold: seconds by the images' stamps for which what is lost stays on display. It isn't sent again: it keeps the
            stamp of the image in which it was seen.
    """

    def __init__(
        self,
        faces: Mapping[Side, NDArray[np.int64]],
        triangles: Callable[[str], Triangles | None],
        hold: float = 0.0,
    ) -> None:
        self._faces = {side: np.ascontiguousarray(f).reshape(-1) for side, f in faces.items()}
        self._triangles_of = triangles
        self._meshes: dict[str, Triangles | None] = {}
        self._templates: OrderedDict[tuple[str, tuple[_Part, ...]], SerializedMessage] = OrderedDict()
        self._hold = round(hold * 1e9)
        self._shown: dict[tuple[str, int], int] = {}  # namespace and id of a marker -> when it was seen last, ns

    def write(self, estimate: Estimate, stamp: tuple[int, int], frame_id: str) -> bytes:
        """Markers of an estimate.

        With a DELETE for each one shown before that isn't held; ``stamp``: seconds, ns.

        After a jump back in time nothing is held.
        """
        return self._written(estimate, stamp, frame_id, self._hold)

    def clear(self, stamp: tuple[int, int], frame_id: str) -> bytes:
        """DELETE for all displayed markers, held ones included."""
        return self._written(Estimate(), stamp, frame_id, 0)

    def _written(self, estimate: Estimate, stamp: tuple[int, int], frame_id: str, hold: int) -> bytes:
        parts: list[_Part] = []
        runs: dict[int, Any] = {}
        hand_names, object_names = entity_names(estimate)
        for name, hand in zip(hand_names, estimate.hands, strict=True):
            runs |= self._add_hand(parts, name, hand)
        for name, item in zip(object_names, estimate.objects, strict=True):
            runs |= self._add_object(parts, name, item)
        now = stamp[0] * 10**9 + stamp[1]
        shown = {(part.namespace, part.id): now for part in parts}
        lost = {key: seen for key, seen in self._shown.items() if key not in shown}
        held = {key: seen for key, seen in lost.items() if 0 <= now - seen < hold}
        parts += [_Part(namespace, id_, "delete", 0) for namespace, id_ in sorted(lost.keys() - held.keys())]
        self._shown = shown | held
        return self._template(frame_id, tuple(parts), estimate).filled(stamp, runs)

    def _add_hand(self, parts: list[_Part], name: str, hand: HandEstimate) -> dict[int, Any]:
        faces, bones = self._faces[hand.side], np.array(BONES).reshape(-1)
        first = len(parts)
        parts.append(_Part(name, MESH, hand.side, len(faces)))
        parts.append(_Part(name, SKELETON, "skeleton", len(bones)))
        return {2 * first: hand.vertices[faces], 2 * (first + 1): hand.joints[bones]}

    def _add_object(self, parts: list[_Part], name: str, item: ObjectEstimate) -> dict[int, Any]:
        if item.name not in self._meshes:
            self._meshes[item.name] = self._triangles_of(item.name) if item.name else None
        mesh = self._meshes[item.name]
        index = len(parts)
        parts.append(
            _Part(name, MESH, "axes" if mesh is None else "object", (_AXES if mesh is None else mesh).size // 3)
        )
        quaternion = Rotation.from_matrix(item.rotation).as_quat(canonical=True)
        return {2 * index + 1: np.concatenate([item.translation, quaternion])}

    def _template(self, frame_id: str, parts: tuple[_Part, ...], estimate: Estimate) -> SerializedMessage:
        """The serialised structure; mark ``2 i`` are the points of part ``i``, mark ``2 i + 1`` is its pose."""
        object_names = dict(zip(entity_names(estimate)[1], (item.name for item in estimate.objects), strict=True))
        key = (frame_id, parts)
        if key not in self._templates:
            runs, constants = {}, {}
            for i, part in enumerate(parts):
                if part.points:
                    runs[2 * i] = 3 * part.points
                if part.kind in ("axes", "object"):
                    runs[2 * i + 1] = 7
                    mesh = self._meshes[object_names[part.namespace]]
                    constants[2 * i] = _AXES if mesh is None else mesh
            markers = [_marker(frame_id, i, part) for i, part in enumerate(parts)]
            message = message_class("visualization_msgs/msg/MarkerArray")(markers=markers)
            self._templates[key] = SerializedMessage(message, runs, constants)
            if len(self._templates) > _TEMPLATES:
                self._templates.popitem(last=False)
        self._templates.move_to_end(key)
        return self._templates[key]


def _marker(frame_id: str, index: int, part: _Part) -> Any:
    kind = message_class("visualization_msgs/msg/Marker")
    point = message_class("geometry_msgs/msg/Point")
    marker = kind(ns=part.namespace, id=part.id, action=kind.DELETE if part.kind == "delete" else kind.ADD)
    marker.header.frame_id = frame_id
    marker.header.stamp.sec, marker.header.stamp.nanosec = stamp_mark()
    if part.kind == "delete":
        return marker
    lines = part.kind in ("skeleton", "axes")
    marker.type = kind.LINE_LIST if lines else kind.TRIANGLE_LIST
    width = {"skeleton": _BONE_WIDTH, "axes": _AXIS_WIDTH}.get(part.kind, 1.0)
    marker.scale = ROS_TYPES.create("geometry_msgs/msg/Vector3", x=width, y=1.0, z=1.0)
    marker.points = [point(x=mark(2 * index)), *[point()] * (part.points - 1)]
    marker.color = _colour(*_COLOURS.get(part.kind, _COLOURS["skeleton"]))
    if part.kind == "axes":
        marker.colors = [_colour(*_AXIS_COLOURS[i // 2]) for i in range(part.points)]
    if part.kind in ("axes", "object"):
        marker.pose.position.x = mark(2 * index + 1)
    return marker


def _colour(r: float, g: float, b: float, a: float) -> Any:
    return ROS_TYPES.create("std_msgs/msg/ColorRGBA", r=r, g=g, b=b, a=a)
