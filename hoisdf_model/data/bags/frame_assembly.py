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

"""Synchronization of a bag's messages into frames, by stamp.

Messages with the same stamp, within a slop, belong together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from hoisdf_model.errors import BagError, HoisdfError
from hoisdf_model.estimates import Estimate, Frame, Regions
from hoisdf_model.messages import (
    CameraInfos,
    Refused,
    camera_info_to_pinhole,
    decode_depth,
    decode_image,
    hand_object_to_estimate,
    message_to_regions,
    stamp_of,
)

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
CAMERA_INFO, REGIONS, HAND_OBJECT = "sensor_msgs/msg/CameraInfo", "hoisdf/msg/Regions", "hoisdf/msg/HandObject"
TYPES = {
    "image": IMAGES,
    "camera_info": (CAMERA_INFO,),
    "depth": IMAGES,
    "regions": (REGIONS,),
    "truth": (HAND_OBJECT,),
}
TRANSPORTS = ("compressed", "compressedDepth")
PATIENCE = 2_000_000_000  # ns of recording time that a stamp waits for what belongs to it


@dataclass(frozen=True)
class BagFrame:
    """One image of a bag and what belongs to it.

    Attributes:
        frame: image, camera and depth.
        stamp: the image's stamp, nanoseconds since the epoch.
        frame_id: the camera's frame.
        regions: boxes of a detector, or None.
        truth: ground truth, or None.
        time: when the first of it was recorded, nanoseconds since the epoch.
    """

    frame: Frame
    stamp: int
    frame_id: str
    regions: Regions | None = None
    truth: Estimate | None = None
    time: int = 0


Report = Callable[[str, int, Exception], None]


def select_topics(types: Mapping[str, str], given: Mapping[str, str | None], where: str) -> dict[str, str]:
    """Assignment of topics to roles.

    ``image``, ``camera_info``, ``depth``, ``regions``, ``truth``.

    What isn't given is found like this. image: the only image topic whose name doesn't speak of depth or an overlay;
    raw before compressed. camera_info: the one beside the image, else the only one. depth: the only depth image beside
    the image, or whose name says ``aligned``. regions: the only one. truth: the only one that ends in ``ground_truth``.

    Args:
        types: topic -> type.
        given: role -> topic, None: find it, empty: leave it out.
        where: the bag's name for messages.

    Raises:
        BagError: a given topic has a type that doesn't fit, or image or camera_info is ambiguous.
    """
    roles: dict[str, str] = {}
    for role, topic in given.items():
        if topic and types[topic] not in TYPES[role]:
            raise BagError(f"topic {topic} of {where} is a {types[topic]}, {role} needs {' or '.join(TYPES[role])}")
    for role in ("image", "camera_info", "depth", "regions", "truth"):
        topic = given.get(role)
        if topic is None:
            candidates = [name for name, type_ in types.items() if type_ in TYPES[role]]
            topic = _only(role, _likely(role, candidates, roles.get("image", "")), where)
        if topic:
            roles[role] = topic
        elif role in ("image", "camera_info"):
            there = ", ".join(f"{name} ({type_})" for name, type_ in types.items()) or "no topics"
            raise BagError(f"{where} has no topic for {role} ({' or '.join(TYPES[role])}), it has {there}")
    return roles


def _likely(role: str, candidates: list[str], image: str) -> list[str]:
    beside = [name for name in candidates if _parent(name) == _parent(image)]
    if role == "image":
        names = [name for name in candidates if not any(word in name.lower() for word in ("depth", "overlay"))]
        return [name for name in names if _without_transport(name) not in names or _without_transport(name) == name]
    if role == "camera_info":
        return beside or candidates
    if role == "depth":
        return [n for n in candidates if "depth" in n.lower() and (n in beside or "aligned" in n.lower())]
    if role == "truth":
        return [name for name in candidates if name.endswith("ground_truth")]
    return candidates


def _only(role: str, candidates: list[str], where: str) -> str:
    if len(candidates) > 1:
        raise BagError(f"{where} has several topics for {role}, say which: {', '.join(candidates)}")
    return candidates[0] if candidates else ""


def _without_transport(topic: str) -> str:
    parent, _, last = topic.rpartition("/")
    return parent if last in TRANSPORTS else topic


def _parent(topic: str) -> str:
    return _without_transport(topic).rpartition("/")[0]


@dataclass
class _Waiting:
    """An image that waits for what belongs to it; ``time`` is when the first of it was recorded.

    ``info``: the ``camera_info`` that holds for it unless its own comes.
    """

    time: int
    message: Any
    info: Any = None


class FrameAssembly:
    """Synchronizer of messages, in the order of the images' stamps.

    An image is ready once every topic has delivered, or has gone on to a later stamp, or ``PATIENCE`` has passed. What
    is nearest within the slop belongs to it; a message may belong to several images. Which ``camera_info`` it has is
    the business of :class:`hoisdf_model.messages.CameraInfos`, as in the perception node.

    Args:
        roles: the roles that take part, see :func:`select_topics`.
        rectified: take ``P`` of the camera and not ``K`` with ``D``.
        report: called with (role, time, error) of what is left out.
        slop: largest difference of stamps of an image and its parts, nanoseconds.
        few_infos: there are far fewer ``camera_info`` than images, so that waiting for one of its own is in vain.

    Attributes:
        held: images that have the last ``camera_info``, not one of their own.
    """

    def __init__(
        self, roles: frozenset[str], rectified: bool, report: Report, slop: int = 0, few_infos: bool = False
    ) -> None:
        self._partners = roles - {"image"}
        self._rectified, self._report, self._slop, self._few_infos = rectified, report, slop, few_infos
        self._infos = CameraInfos(slop)
        self._images: dict[int, _Waiting] = {}
        self._parts: dict[str, dict[int, tuple[int, Any]]] = {role: {} for role in self._partners}
        self._newest: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self._nearest: dict[str, int] = {}
        self._recorded = 0  # when the part that is being read was recorded
        self.held = 0

    def preset(self, info: Any) -> None:
        """A ``camera_info`` that was sent before the first image that is read."""
        self._infos.add(stamp_of(info), info)
        self._infos.restart()

    def add(self, role: str, time: int, message: Any) -> Iterator[BagFrame]:
        """Add a message recorded at ``time``; the completed frames."""
        stamp = stamp_of(message)
        if stamp < self._newest.get(role, stamp) - PATIENCE:  # the clock went back: what comes now is another run
            yield from self.finish()
        self._newest[role] = max(stamp, self._newest.get(role, stamp))
        known = self._images if role == "image" else self._parts[role]
        if stamp in known and role != "camera_info":
            self._report(role, time, BagError(f"a second message with the stamp {stamp / 1e9:.6f} s"))
            return
        self._counts[role] += 1
        if role == "image":
            self._infos.add_image(stamp)
            self._images[stamp] = _Waiting(time, message, self._infos.last_for(message))
        else:
            self._parts[role][stamp] = time, message
            if role == "camera_info":
                self._infos.add(stamp, message)
        while self._images:
            first = min(self._images)
            if not self._ready(first, time):
                return
            yield from self._frame(first)

    def finish(self) -> Iterator[BagFrame]:
        """The frames that were still waiting."""
        for stamp in sorted(self._images):
            yield from self._frame(stamp)
        for parts in self._parts.values():
            parts.clear()
        self._newest.clear()
        self._infos.restart()

    def unused(self) -> dict[str, BagError]:
        """Roles whose messages met no image.

        And how far off the nearest was.
        """
        allowed = f"{self._slop / 1e6:g} ms are allowed (slop)"
        return {
            role: BagError(
                f"none of its {self._counts[role]} messages met an image: "
                + (f"the nearest was {self._nearest[role] / 1e6:g} ms off, {allowed}" if role in self._nearest else
                   "they are of other moments")
            )
            for role in sorted(self._partners - {"camera_info"})
            if self._counts[role] and not self._used[role]
        }  # fmt: skip

    def _ready(self, stamp: int, time: int) -> bool:
        if time - self._images[stamp].time > PATIENCE:
            return True
        waited_for = self._partners - {"camera_info"} if self._few_infos else self._partners
        return all(
            stamp in self._parts[role] or self._newest.get(role, stamp) > stamp + self._slop for role in waited_for
        )

    def _frame(self, stamp: int) -> Iterator[BagFrame]:
        waiting = self._images.pop(stamp)
        parts = {role: found for role in self._partners if (found := self._match(role, stamp)) is not None}
        info = parts.get("camera_info", (0, None))[1]
        if info is None and not self._infos.sent_with_each(stamp):
            info = waiting.info or self._infos.last_for(waiting.message)
            self.held += info is not None
        for role in self._partners:
            old = [other for other in self._parts[role] if other < stamp - self._slop]
            for other in old:
                del self._parts[role][other]
        if info is None:
            reason = "its own was lost" if self._infos.sent_with_each(stamp) else self._infos.why_not(waiting.message)
            error = BagError(f"no camera_info with the stamp {stamp / 1e9:.6f} s: {reason}")
            self._report("image", waiting.time, error)
            return
        try:
            camera = camera_info_to_pinhole(info, self._rectified)
            frame = Frame(decode_image(waiting.message), camera, self._part("depth", parts, decode_depth))
        except HoisdfError as error:
            self._report("image", waiting.time, error)
            return
        yield BagFrame(
            frame=frame,
            stamp=stamp,
            frame_id=str(waiting.message.header.frame_id).lstrip("/"),
            regions=self._part("regions", parts, partial(self._items, "regions", message_to_regions)),
            truth=self._part("truth", parts, partial(self._items, "truth", hand_object_to_estimate)),
            time=min([waiting.time, *(time for time, _ in parts.values())]),
        )

    def _match(self, role: str, stamp: int) -> tuple[int, Any] | None:
        """When the message that belongs to an image was recorded, and the message; None where there is none."""
        parts = self._parts[role]
        nearest = min(parts, key=lambda other: abs(other - stamp), default=None)
        if nearest is None:
            return None
        off = abs(nearest - stamp)
        self._nearest[role] = min(off, self._nearest.get(role, off))
        if off > self._slop:
            return None
        self._used[role] += 1
        return parts[nearest]

    def _items(self, role: str, read: Callable[[Any, Refused], Any], message: Any) -> Any:
        """A message with lists, of which single items may be left out."""
        return read(message, lambda error: self._report(role, self._recorded, error))

    def _part(self, role: str, parts: Mapping[str, tuple[int, Any]], read: Callable[[Any], Any]) -> Any:
        """An optional part; None where it is missing or can't be read."""
        if role not in parts:
            return None
        self._recorded, message = parts[role]
        try:
            return read(message)
        except HoisdfError as error:
            self._report(role, self._recorded, error)
            return None
