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

"""Bags with ground truth as a source of labelled frames.

Frames are read from the bag when they are requested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hoisdf_model.data.bags.frame_assembly import PATIENCE, BagFrame
from hoisdf_model.data.bags.reader import SYNTHETIC, BagProblem, BagReader
from hoisdf_model.data.labelled_frames import FieldSamples, Floats, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.errors import BagError, MeshError
from hoisdf_model.estimates import Estimate, ObjectEstimate
from hoisdf_model.geometry import meshes, poses
from hoisdf_model.objects import CatalogueObject
from hoisdf_model.paths import is_litter

FILES = (".mcap", ".db3")
ROLES = ("image", "camera_info", "depth", "regions", "truth")
SYMMETRY_STEPS = 36  # of a continuous symmetry
_NOTHING = FieldSamples(np.empty((0, 3)), np.empty(0))

Find = Callable[[str], CatalogueObject]


@dataclass(frozen=True)
class BagTopics:
    """Topics of a bag by role.

    Attributes:
        names: role (``image``, ``camera_info``, ``depth``, ``regions``, ``truth``) -> topic; those that aren't here are
            found by type and name, see :meth:`BagReader.roles`. An empty name leaves the role out.
        rectified: the images are rectified: ``P`` holds, not ``K`` with ``D``.
        slop: largest difference of the stamps of what belongs together, seconds.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    rectified: bool = False
    slop: float = 0.0

    def frames(
        self, bag: BagReader, on_problem: Callable[[BagProblem], None], start: int | None = None
    ) -> Iterator[BagFrame]:
        """The bag's frames; see :meth:`BagReader.frames`."""
        image, info, depth, regions, truth = map(self.names.get, ROLES)
        return bag.frames(
            image, info, depth, regions, truth, self.rectified, start, on_problem=on_problem, slop=self.slop
        )


@dataclass(frozen=True)
class Moment:
    """Address of a labelled hand in bags.

    Number of its bag, the frame's ``time`` and ``stamp``, number of the hand in it.
    """

    bag: int
    time: int
    stamp: int
    hand: int = 0


def bags_in(path: str | Path) -> dict[str, Path]:
    """A bag, or all bags in a folder and below, by name.

    Raises:
        BagError: there is none.
    """
    root = Path(path)
    if root.is_file() or (root / "metadata.yaml").is_file():
        return {root.resolve().stem: root}
    if not root.is_dir():
        raise BagError(f"there is no bag and no folder of bags at {root}")
    folders = sorted(f.parent for f in root.rglob("metadata.yaml") if not is_litter(f.relative_to(root)))
    files = sorted(
        f
        for f in root.rglob("*")
        if f.suffix in FILES and f.is_file() and f.parent not in folders and not is_litter(f.relative_to(root))
    )
    named = {str(found.relative_to(root).with_suffix("")): found for found in (*folders, *files)}
    if not named:
        raise BagError(f"{root} holds no bag: neither a metadata.yaml nor a {' or '.join(FILES)} file in it or below")
    return named


def is_synthetic(path: str | Path) -> bool:
    """Whether a bag declares its pictures as rendered.

    Raises:
        BagError: there is no bag, or it is damaged.
    """
    with BagReader(path) as bag:
        return SYNTHETIC in bag.about


class BagFrames:
    """Labelled frames of bags, one per hand.

    Images come without distortion, left hands as they are.

    Args:
        bags: by name.
        topics: which topics to read.
        moments: which frames, and which hand of each, see :func:`moments_of`; more may be added to ``moments``.
        find: objects by name; one that isn't known is left out.
    """

    def __init__(self, bags: Mapping[str, Path], topics: BagTopics, moments: Sequence[Moment], find: Find) -> None:
        self.bags, self.topics, self.moments, self.find = dict(bags), topics, list(moments), find
        self._open: dict[int, BagReader] = {}
        self._known: dict[str, tuple[Floats, Floats]] = {}

    def __len__(self) -> int:
        """How many moments."""
        return len(self.moments)

    def __getstate__(self) -> dict[str, Any]:
        """Files are opened anew in another process."""
        return vars(self) | {"_open": {}}

    def frame(self, index: int) -> LabelledFrame:
        """Image and labels.

        Raises:
            BagError: the bag has changed or is damaged.
        """
        return self.labelled(self._read(index), self.moments[index].hand)

    def labelled(self, item: BagFrame, number: int) -> LabelledFrame:
        """Image with one true hand and its object."""
        assert item.truth is not None
        hand = item.truth.hands[number]
        frame = item.frame.rectified()
        label = HandLabel(hand.side, np.asarray(hand.joints, np.float64), _NOTHING)
        held = item.truth.held_by(number)
        return LabelledFrame(frame.image, frame.intrinsics, label, None if held is None else self._object(held))

    def tags(self, index: int) -> tuple[str, ...]:
        """The bag's name, where there are several bags."""
        return (list(self.bags)[self.moments[index].bag],) if len(self.bags) > 1 else ()

    def true_vertices(self, index: int) -> Floats | None:
        """True vertices (778, 3), metres, camera frame, or None."""
        item = self._read(index)
        assert item.truth is not None
        vertices = np.asarray(item.truth.hands[self.moments[index].hand].vertices, np.float64)
        return vertices if len(vertices) and np.isfinite(vertices).all() else None

    def _read(self, index: int) -> BagFrame:
        moment = self.moments[index]
        path = list(self.bags.values())[moment.bag]
        if moment.bag not in self._open:
            self._open[moment.bag] = BagReader(path)
        for item in self.topics.frames(self._open[moment.bag], lambda problem: None, start=moment.time):
            if item.stamp == moment.stamp:
                return item
            if item.time > moment.time + 2 * PATIENCE:
                break
        raise BagError(f"{path} has no longer the frame with the stamp {moment.stamp / 1e9:.6f} s")

    def _object(self, held: ObjectEstimate) -> ObjectLabel | None:
        if held.name not in self._known:
            try:
                thing = self.find(held.name)
            except MeshError:
                return None
            corners = meshes.box_corners(np.asarray(thing.mesh.vertices, np.float64))
            self._known[held.name] = corners, thing.symmetry.transforms(SYMMETRY_STEPS)
        pose = poses.rigid(held.rotation, held.translation)
        corners, symmetries = self._known[held.name]
        return ObjectLabel(held.name, pose, corners, _NOTHING, symmetries)


def moments_of(truth: Estimate, bag: int, time: int, stamp: int) -> tuple[Moment, ...]:
    """The moments of one frame: its known hands."""
    return tuple(Moment(bag, time, stamp, i) for i in known_hands(truth))


def known_hands(truth: Estimate) -> tuple[int, ...]:
    """Indices of the true hands with a known wrist.

    The other joints may be unknown, as of HO-3D's evaluation.
    """
    return tuple(i for i, hand in enumerate(truth.hands) if np.isfinite(hand.joints[0]).all())
