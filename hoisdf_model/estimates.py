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

"""Inputs and outputs of an estimator.

Everything is in the camera frame (REP-103 optical: x right, y down, z forward), metres, radians, pixels of the full
image. Arrays are numpy; nothing here knows torch or ROS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ImageError, InvalidInputError
from hoisdf_model.geometry import DistortedImage, Picture, Pinhole, boxes

Side = Literal["right", "left"]
RootSource = Literal["unknown", "given", "depth", "monocular", "tracked"]


@dataclass(frozen=True)
class Frame:
    """Camera frame: image, intrinsics and optional depth image.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        intrinsics: the camera; distortion is removed before use, and a camera without a size takes the image's.
        depth: (H, W) float32 metres, aligned to ``image``; 0 or NaN where unknown.

    Raises:
        ImageError: the image or depth has another shape or type, or is empty.
        CameraError: the camera was calibrated for another image size, or can't be that of this image.
    """

    image: NDArray[np.uint8]
    intrinsics: Pinhole
    depth: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        shape = self.image.shape
        if len(shape) != 3 or shape[2] != 3 or self.image.dtype != np.uint8 or 0 in shape:
            raise ImageError(f"image must be (H, W, 3) uint8 RGB and not empty, got {shape} {self.image.dtype}")
        self.intrinsics.check_image(shape[1], shape[0])
        if self.depth is not None and self.depth.shape != shape[:2]:
            raise ImageError(f"depth must be aligned to the image {shape[:2]}, got {self.depth.shape}")
        if self.depth is not None and self.depth.dtype.kind != "f":
            raise ImageError(f"depth must be in metres as floating point numbers, got {self.depth.dtype}: millimetres?")

    @property
    def picture(self) -> Picture:
        """Image to read windows of."""
        return self.image

    def rectified(self) -> Frame:
        """Frame of the same camera without distortion, of the image's size."""
        height, width = self.image.shape[:2]
        camera = replace(self.intrinsics, width=width, height=height)
        return _Rectified.of(self, camera) if camera.is_distorted else Frame(self.image, camera.rectified(), self.depth)


class _Rectified(Frame):
    """Frame of a camera without distortion, whose image is undistorted where it is read."""

    _distorted: ClassVar[DistortedImage | None] = None  # of those that ``dataclasses.replace`` made

    @classmethod
    def of(cls, raw: Frame, camera: Pinhole) -> _Rectified:
        """Frame of a ``raw`` one, whose ``camera`` has the image's size."""
        # depth of neighbouring surfaces must not be averaged
        depth = None if raw.depth is None else camera.undistort(raw.depth, cv2.INTER_NEAREST)
        frame = object.__new__(cls)
        vars(frame).update(_distorted=DistortedImage(raw.image, camera), intrinsics=camera.rectified(), depth=depth)
        return frame

    @property
    def picture(self) -> Picture:
        return self.image if self._distorted is None else self._distorted

    @cached_property
    def image(self) -> NDArray[np.uint8]:  # type: ignore[override]
        assert self._distorted is not None
        return self._distorted.whole()


@dataclass(frozen=True)
class Landmarks:
    """21 hand landmarks of a hand tracker.

    In the order of ``hand.joints``.

    Attributes:
        pixels: (21, 2) of the image.
        relative: (21, 3) metres, relative to the wrist, camera frame; of a hand of average size.
        presence: how sure the tracker is that there is a hand, 0 to 1.

    Raises:
        InvalidInputError: another shape, or numbers that aren't finite or out of range.
    """

    pixels: NDArray[np.float64]
    relative: NDArray[np.float64]
    presence: float = 1.0

    def __post_init__(self) -> None:
        for name, width in (("pixels", 2), ("relative", 3)):
            points = np.asarray(getattr(self, name), np.float64)
            if points.shape != (21, width) or not np.isfinite(points).all():
                raise InvalidInputError(f"landmarks' {name} must be (21, {width}) finite numbers, got {points.shape}")
        if not 0 <= self.presence <= 1:
            raise InvalidInputError(f"landmarks' presence must be from 0 to 1, got {self.presence}")


@dataclass(frozen=True)
class Prior:
    """Prior knowledge about one hand and its object.

    Every part is optional and none is ground truth.

    Attributes:
        hand_box, object_box: x0, y0, x1, y1 in pixels of the full image.
        root: (3,) position of the wrist joint, camera frame, metres.
        object_center: (3,) a point near the object's middle, camera frame, metres.
        side: which hand; right where it is unknown.
        object_name: name of the object held.
        score: confidence of whoever made the boxes, 0 to 1.
        root_source: where ``root`` comes from.
        landmarks: of the hand in the rectified image; None: they are looked for in the hand's box.

    Raises:
        InvalidInputError: a box or point is malformed.
    """

    hand_box: NDArray[np.float64] | None = None
    object_box: NDArray[np.float64] | None = None
    root: NDArray[np.float64] | None = None
    object_center: NDArray[np.float64] | None = None
    side: Side | None = None
    object_name: str | None = None
    score: float = 1.0
    root_source: RootSource = "given"
    landmarks: Landmarks | None = None

    def __post_init__(self) -> None:
        for name in ("hand_box", "object_box"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, boxes.validated(getattr(self, name), name.replace("_", " ")))
        for name in ("root", "object_center"):
            if getattr(self, name) is not None:
                point = np.asarray(getattr(self, name), np.float64)
                if point.shape != (3,) or not np.isfinite(point).all() or point[2] <= 0:
                    raise InvalidInputError(
                        f"{name} must be a finite point (3,) in metres in front of the camera, got {point.tolist()}"
                    )
                object.__setattr__(self, name, point)
        if self.side not in (None, "right", "left"):
            raise InvalidInputError(f"side must be 'right', 'left' or None, got {self.side!r}")


@dataclass(frozen=True)
class HandRegion:
    """Hand region in the image.

    ``box`` (4,) pixels, ``side``, ``score`` 0 to 1, wrist ``root`` (3,) metres.
    """

    box: NDArray[np.float64]
    side: Side | None = None
    score: float = 1.0
    root: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class ObjectRegion:
    """Object region in the image.

    ``box`` (4,) pixels, ``name`` (empty: unknown), ``score``, ``center`` (3,) metres.
    """

    box: NDArray[np.float64]
    name: str = ""
    score: float = 1.0
    center: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Regions:
    """Hand and object regions of one image, best first.

    Pixels of the full image.
    """

    hands: tuple[HandRegion, ...] = ()
    objects: tuple[ObjectRegion, ...] = ()


@dataclass(frozen=True)
class HandModelInfo:
    """Identity of the hand model of an estimate.

    Name, and hash of the arrays, of the model of ``vertices``, ``pose`` and ``shape``.
    """

    name: str
    hash: str


@dataclass(frozen=True)
class HandEstimate:
    """One hand.

    Attributes:
        side: ``right`` or ``left``.
        score: 0 to 1.
        joints: (21, 3) metres, camera frame, order of ``hand.joints``.
        joint_scores: (21,) 0 to 1.
        vertices: (778, 3) metres, camera frame.
        pose: (16, 3) axis-angle in radians, MANO order, global rotation first; for a left hand in the left hand's
            own convention (MANO's left model).
        shape: (10,) MANO betas.
        root_covariance: (3, 3) square metres, of the wrist position in the camera frame.
        root_source: where the wrist's absolute position comes from; ``unknown`` only in messages of others.
        model: the hand model behind ``vertices``.
    """

    side: Side
    score: float
    joints: NDArray[np.float32]
    joint_scores: NDArray[np.float32]
    vertices: NDArray[np.float32]
    pose: NDArray[np.float32]
    shape: NDArray[np.float32]
    root_covariance: NDArray[np.float64]
    root_source: RootSource
    model: HandModelInfo


@dataclass(frozen=True)
class ObjectEstimate:
    """One object: the transform object frame -> camera frame.

    Attributes:
        name: the object's name, empty where unknown.
        score: 0 to 1.
        rotation: (3, 3).
        translation: (3,) metres; the origin is the mesh file's own origin.
        covariance: (6, 6), order x, y, z, rotation x, y, z (REP-103); unknown: first element -1.
        side: of the hand that holds it; None where unknown.
    """

    name: str
    score: float
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    covariance: NDArray[np.float64]
    side: Side | None = None


def held_objects(hands: Sequence[Side | None], objects: Sequence[Side | None]) -> dict[int, int]:
    """Assignment of objects to hands, by list indices.

    The k-th object of a side is that of the k-th hand of this side; one of unknown side is that of the hand in its own
    place, if this has none yet.

    Args:
        hands: side of each hand; None: it is unknown, and no object of a known side is its own.
        objects: side of each object.
    """
    held: dict[int, int] = {}
    for side in ("right", "left"):
        own = [j for j, other in enumerate(objects) if other == side]
        held.update(zip((i for i, other in enumerate(hands) if other == side), own, strict=False))
    for j, other in enumerate(objects):
        if other is None and j < len(hands):
            held.setdefault(j, j)
    return held


@dataclass(frozen=True)
class Estimate:
    """Estimate of one frame; empty tuples where nothing was detected.

    Attributes:
        hands, objects: camera frame, metres; what belongs together: :meth:`held_by`.
        regions: the boxes that were used, pixels of the full image.
        timing: seconds per stage.
    """

    hands: tuple[HandEstimate, ...] = ()
    objects: tuple[ObjectEstimate, ...] = ()
    regions: Regions = field(default_factory=Regions)
    timing: Mapping[str, float] = field(default_factory=dict)

    def held_by(self, number: int) -> ObjectEstimate | None:
        """Object that ``hands[number]`` holds, or None.

        That which it was estimated with (:func:`held_objects`).
        """
        held = held_objects([hand.side for hand in self.hands], [thing.side for thing in self.objects])
        return self.objects[held[number]] if number in held else None


def entity_names(estimate: Estimate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Unique names of an estimate's hands and objects.

    Hands are ``hand_right``, objects have their own name; a second one of a name gets ``_2``.
    """
    hands = _numbered(f"hand_{hand.side}" for hand in estimate.hands)
    objects = _numbered(item.name or "object" for item in estimate.objects)
    return hands, objects


def _numbered(names: Iterable[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(result)
