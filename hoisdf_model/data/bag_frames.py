"""Messages of several topics of a bag -> frames: what has the same stamp belongs together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hoisdf_model.errors import BagError, HoisdfError
from hoisdf_model.estimates import Estimate, Frame, Regions
from hoisdf_model.messages import (
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
    """Which topic plays which role (``image``, ``camera_info``, ``depth``, ``regions``, ``truth``).

    What isn't given is found like this. image: the only image topic whose name doesn't speak of depth or an overlay;
    raw before compressed. camera_info: the one beside the image, else the only one. depth: the only depth image beside
    the image, or whose name says ``aligned``. regions: the only one. truth: the only one that ends in ``ground_truth``.

    Args:
        types: topic -> type.
        given: role -> topic, None: find it, empty: leave it out.
        where: the bag's name for messages.

    Raises:
        BagError: a given topic has a type that doesn't fit, or image or camera_info can't be told.
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
class _Group:
    """What has arrived for one stamp; ``time`` is when the first of it was recorded."""

    time: int
    parts: dict[str, Any] = field(default_factory=dict)


class FrameAssembly:
    """Puts messages with equal stamps together, in the order of stamps.

    A group is ready once every topic has delivered, or has gone on to a later stamp, or ``PATIENCE`` has passed.

    Args:
        roles: the roles that take part, see :func:`select_topics`.
        rectified: take ``P`` of the camera and not ``K`` with ``D``.
        report: told (role, time, error) of what is left out.
        single_camera_info: the first ``camera_info`` holds for all images.
    """

    def __init__(
        self, roles: frozenset[str], rectified: bool, report: Report, single_camera_info: bool = False
    ) -> None:
        self._streams = roles - {"camera_info"} if single_camera_info else roles
        self._rectified = rectified
        self._report = report
        self._single = single_camera_info
        self._camera_info: Any = None
        self._groups: dict[int, _Group] = {}
        self._newest: dict[str, int] = {}

    def add(self, role: str, time: int, message: Any) -> Iterator[BagFrame]:
        """Take a message recorded at ``time`` and give the frames that are complete now."""
        if self._single and role == "camera_info":
            self._camera_info = message
            return iter(())
        return self._add(role, time, message)

    def _add(self, role: str, time: int, message: Any) -> Iterator[BagFrame]:
        stamp = stamp_of(message)
        if stamp < self._newest.get(role, stamp) - PATIENCE:  # the clock went back: what comes now is another run
            yield from self.finish()
        self._newest[role] = max(stamp, self._newest.get(role, stamp))
        group = self._groups.setdefault(stamp, _Group(time))
        if role in group.parts:
            self._report(role, time, BagError(f"a second message with the stamp {stamp / 1e9:.6f} s"))
            return
        group.parts[role] = message
        while self._groups:
            first = min(self._groups)
            if not self._ready(first, time):
                return
            yield from self._frame(first, self._groups.pop(first))

    def finish(self) -> Iterator[BagFrame]:
        """The frames that were still waiting."""
        for stamp in sorted(self._groups):
            yield from self._frame(stamp, self._groups.pop(stamp))
        self._newest.clear()

    def _ready(self, stamp: int, time: int) -> bool:
        group = self._groups[stamp]
        waits = any(role not in group.parts and self._newest.get(role, stamp) <= stamp for role in self._streams)
        return not waits or time - group.time > PATIENCE

    def _frame(self, stamp: int, group: _Group) -> Iterator[BagFrame]:
        parts = group.parts
        if "image" not in parts:
            return
        info = self._camera_info if self._single else parts.get("camera_info")
        if info is None:
            self._report("image", group.time, BagError(f"no camera_info with the stamp {stamp / 1e9:.6f} s"))
            return
        try:
            camera = camera_info_to_pinhole(info, self._rectified)
            frame = Frame(decode_image(parts["image"]), camera, self._part("depth", group, decode_depth))
        except HoisdfError as error:
            self._report("image", group.time, error)
            return
        yield BagFrame(
            frame=frame,
            stamp=stamp,
            frame_id=str(parts["image"].header.frame_id),
            regions=self._part("regions", group, message_to_regions),
            truth=self._part("truth", group, hand_object_to_estimate),
            time=group.time,
        )

    def _part(self, role: str, group: _Group, read: Callable[[Any], Any]) -> Any:
        """An optional part; None where it is missing or can't be read."""
        if role not in group.parts:
            return None
        try:
            return read(group.parts[role])
        except HoisdfError as error:
            self._report(role, group.time, error)
            return None
