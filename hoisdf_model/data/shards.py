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

"""Sharded data sets of labelled frames.

Tar files of a few hundred frames each, and a manifest.

Layout: ``dataset.json`` (what it was made from, frames, frames in a shard), ``00000.tar`` with, for every frame,
``NUMBER.jpg``, ``NUMBER.png`` (mask: 1 object, 255 hand) and ``NUMBER.npz`` (labels, samples of both fields, and
whatever else the writer knew), and ``00000.sha256`` beside each shard. A shard is written whole or not at all, so that
an interrupted run is resumed.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import FieldSamples, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.errors import UNREADABLE, DatasetError
from hoisdf_model.geometry import Pinhole
from hoisdf_model.paths import stand_in

VERSION = 1
MANIFEST = "dataset.json"
JPEG_QUALITY = 95
HAND, OBJECT = 255, 1  # in the masks
SHARDS_OPEN = 1024
MOST_FRAMES = 100_000_000
LOOK_EVERY = 30.0  # seconds

Arrays = dict[str, NDArray[Any]]


class ShardedFrames:
    """The frames of a data set on disk (``data.sources.FrameSource``).

    Each process checks a shard's checksum when it first reads from it.

    Args:
        folder: of the data set.
        growing: read the shards that are finished, while another process writes more. Every ``LOOK_EVERY`` seconds the
            folder is looked at anew, so the same index isn't always the same frame.

    Attributes:
        about: what the data set was made from.

    Raises:
        DatasetError: there is no data set, it isn't finished (if growing: not even one shard), or it is of another
            version.
    """

    def __init__(self, folder: str | Path, growing: bool = False) -> None:
        self.folder = Path(folder)
        manifest = read_manifest(self.folder)
        self.about: dict[str, Any] = manifest["about"]
        self._paths = shard_paths(self.folder, int(manifest["frames"]), int(manifest["per_shard"]))
        self._frames, self._per_shard = int(manifest["frames"]), int(manifest["per_shard"])
        self._growing, self._looked = growing, -np.inf
        self._numbers: NDArray[np.int64] = np.arange(self._frames)
        missing = [path.name for path in self._paths if not path.exists()]
        if len(missing) > (len(self._paths) - 1 if growing else 0):
            state = "has no finished shard yet" if growing else "isn't finished"
            raise DatasetError(
                f"the data set {self.folder} {state}, "
                f"{len(missing)} shards are missing ({missing[0]} ...): run the command that makes it again, which "
                "resumes it" + (", and start when the first is there" if growing else "")
            )

    def __len__(self) -> int:
        """How many frames there are by now."""
        return len(self._there())

    def _there(self) -> NDArray[np.int64]:
        """Numbers of the frames whose shards are finished."""
        if self._growing and time.monotonic() - self._looked > LOOK_EVERY:
            done = [k for k, path in enumerate(self._paths) if path.exists()]
            numbers = np.add.outer(np.array(done, np.int64) * self._per_shard, np.arange(self._per_shard)).ravel()
            self._numbers, self._looked = numbers[numbers < self._frames], time.monotonic()
            self._growing = len(done) < len(self._paths)
        return self._numbers

    def frame(self, index: int) -> LabelledFrame:
        """One frame.

        Raises:
            DatasetError: there is no such frame, or its shard is damaged (named).
        """
        shard, files = self._files(index)
        arrays = self.arrays(index)
        try:
            image = _decoded(_part(shard, files[".jpg"]), cv2.IMREAD_COLOR)
            mask = _decoded(_part(shard, files[".png"]), cv2.IMREAD_GRAYSCALE)
            return _unpacked(np.ascontiguousarray(image[..., ::-1]), mask, arrays)
        except Exception as error:  # the checksum fits, so that whoever wrote it was wrong, in whatever way
            raise _unusable(shard, index, error) from error

    def arrays(self, index: int) -> Arrays:
        """All arrays of one frame, by name.

        Raises:
            DatasetError: there is no such frame, or its shard is damaged (named).
        """
        shard, files = self._files(index)
        try:
            with np.load(io.BytesIO(_part(shard, files[".npz"])), allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except Exception as error:  # see frame
            raise _unusable(shard, index, error) from error

    def _files(self, index: int) -> tuple[Path, Mapping[str, tuple[int, int]]]:
        there = self._there()
        if not 0 <= index < len(there):
            raise DatasetError(f"the data set {self.folder} has frames 0 to {len(there) - 1}, not {index}")
        number = int(there[index])
        shard = self._paths[number // self._per_shard]
        contents = _contents(shard)
        if number not in contents:
            raise DatasetError(f"the shard {shard} lacks the frame {number}; {_advice(shard)}")
        return shard, contents[number]


def _advice(shard: Path) -> str:
    again = f"delete {shard.name} and {shard.stem}.sha256 and call the command that makes the data set again"
    return stand_in(shard, again)


def _unusable(shard: Path, index: int, error: Exception) -> DatasetError:
    return DatasetError(f"frame {index} in {shard} can't be used: {type(error).__name__}: {error}; {_advice(shard)}")


def shard_paths(folder: Path, frames: int, per_shard: int) -> list[Path]:
    """The shards of a data set of that many frames."""
    return [folder / f"{k:05d}.tar" for k in range(-(-frames // per_shard))]


def read_manifest(folder: Path) -> dict[str, Any]:
    """Manifest of a data set.

    Raises:
        DatasetError: there is no data set, or it is of another version.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise DatasetError(f"no data set in {folder}: there is no {MANIFEST}") from error
    except UNREADABLE as error:
        raise DatasetError(f"{path} can't be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("version") != VERSION:
        raise DatasetError(f"{path} isn't a manifest of version {VERSION}")
    for key in ("frames", "per_shard"):
        if type(manifest.get(key)) is not int or not 0 < manifest[key] <= MOST_FRAMES:
            raise DatasetError(f"{key} in {path} must be a whole number above 0, got {manifest.get(key)!r}")
    if not isinstance(manifest.get("about"), dict):
        raise DatasetError(f"about in {path} must be a table of names and values, got {manifest.get('about')!r}")
    return manifest


def begin(folder: Path, frames: int, per_shard: int, about: Mapping[str, Any]) -> list[int]:
    """Write the manifest, or check the existing one for equality.

    Returns:
        Numbers of the shards that are still to be written.

    Raises:
        DatasetError: the folder holds another data set.
    """
    manifest = {"version": VERSION, "frames": frames, "per_shard": per_shard, "about": dict(about)}
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / MANIFEST).exists():
        if read_manifest(folder) != json.loads(json.dumps(manifest)):
            raise DatasetError(f"{folder} holds a data set made from other settings: give another folder")
    else:
        partial = folder / f"{MANIFEST}.partial"  # a reader or an interrupted writer never finds half of it
        partial.write_text(json.dumps(manifest, indent=1))
        partial.replace(folder / MANIFEST)
    paths = shard_paths(folder, frames, per_shard)
    return [k for k, path in enumerate(paths) if not (path.exists() and path.with_suffix(".sha256").exists())]


def write_shard(
    folder: Path, number: int, frames: int, per_shard: int, draw: Callable[[int], tuple[LabelledFrame, Arrays]]
) -> int:
    """Write one shard, whole or not at all.

    Args:
        folder: of the data set.
        number: of the shard.
        frames, per_shard: of the whole data set, and of a shard.
        draw: frame number -> frame and further arrays to keep with it.

    Returns:
        How many frames were written.

    Raises:
        OSError: the disk is full.
    """
    path = folder / f"{number:05d}.tar"
    partial = path.with_suffix(".tar.partial")
    numbers = range(number * per_shard, min((number + 1) * per_shard, frames))
    try:
        with tarfile.open(partial, "w") as tar:
            for index in numbers:
                for suffix, content in packed_frame(*draw(index)).items():
                    entry = tarfile.TarInfo(f"{index:08d}{suffix}")  # no times, no names: equal frames, equal bytes
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
        path.with_suffix(".sha256").write_text(hashlib.sha256(partial.read_bytes()).hexdigest())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return len(numbers)


@lru_cache(maxsize=SHARDS_OPEN)
def _contents(path: Path) -> dict[int, dict[str, tuple[int, int]]]:
    """Where each frame's files lie in a shard: number -> suffix -> offset and size."""
    advice = _advice(path)
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.with_suffix(".sha256").read_text().strip():
            raise DatasetError(f"the shard {path} is damaged: its checksum doesn't fit; {advice}")
        found: dict[int, dict[str, tuple[int, int]]] = {}
        with tarfile.open(path) as tar:
            for entry in tar:
                name, dot, suffix = entry.name.partition(".")
                found.setdefault(int(name), {})[dot + suffix] = (entry.offset_data, entry.size)
    except (OSError, tarfile.TarError, ValueError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"the shard {path} can't be read: {error}; {advice}") from error
    return found


def _part(path: Path, place: tuple[int, int]) -> bytes:
    with path.open("rb") as file:
        file.seek(place[0])
        return file.read(place[1])


def _decoded(content: bytes, flags: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), flags), np.uint8)


def packed_frame(frame: LabelledFrame, further: Arrays) -> dict[str, bytes]:
    """The files of one frame: suffix -> content."""
    c = frame.camera
    arrays: Arrays = {
        "camera": np.array([c.fx, c.fy, c.cx, c.cy, c.width, c.height], np.float64),
        "masks_known": np.array(frame.hand_mask is not None and frame.object_mask is not None),
    }
    hand, thing = frame.hand, frame.object
    if hand is not None:
        arrays |= {"side": np.array(hand.side), "joints": hand.joints, **_samples("hand", hand.samples)}
        if hand.rotations is not None and hand.shape is not None:
            arrays |= {"rotations": hand.rotations.astype(np.float32), "shape": hand.shape}
    if thing is not None:
        arrays |= {
            "object_name": np.array(thing.name),
            "object_pose": thing.pose,
            "object_corners": thing.corners,
            "object_symmetries": thing.symmetries.astype(np.float32),
            **_samples("object", thing.samples),
        }
        if hand is not None and hand.side == "left":  # needed for nothing else
            arrays["object_reflection"] = thing.reflection
    mask = np.zeros(frame.image.shape[:2], np.uint8)
    for where, value in ((frame.object_mask, OBJECT), (frame.hand_mask, HAND)):
        if where is not None:
            mask[where] = value
    stored = io.BytesIO()
    np.savez_compressed(stored, **arrays, **further)  # type: ignore[arg-type]
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    image = cv2.imencode(".jpg", np.ascontiguousarray(frame.image[..., ::-1]), quality)[1]
    return {".jpg": image.tobytes(), ".png": cv2.imencode(".png", mask)[1].tobytes(), ".npz": stored.getvalue()}


def _samples(what: str, samples: FieldSamples) -> Arrays:
    """Half precision about their middle: to a tenth of a millimetre."""
    middle = samples.points.mean(0)
    return {
        f"{what}_samples_middle": middle,
        f"{what}_samples": (samples.points - middle).astype(np.float16),
        f"{what}_distances": samples.distances.astype(np.float16),
    }


def _unpacked(image: NDArray[np.uint8], mask: NDArray[np.uint8], a: Arrays) -> LabelledFrame:
    def samples(what: str) -> FieldSamples:
        points = a[f"{what}_samples"].astype(np.float64) + a[f"{what}_samples_middle"]
        return FieldSamples(points, a[f"{what}_distances"].astype(np.float64))

    fx, fy, cx, cy, width, height = a["camera"].tolist()
    hand = thing = None
    if "joints" in a:
        rotations, shape = (a[key].astype(np.float64) if key in a else None for key in ("rotations", "shape"))
        side: Any = str(a["side"])
        hand = HandLabel(side, a["joints"], samples("hand"), rotations, shape)
    if "object_pose" in a:
        thing = ObjectLabel(
            str(a["object_name"]), a["object_pose"], a["object_corners"], samples("object"),
            a["object_symmetries"].astype(np.float64),
            **({"reflection": a["object_reflection"]} if "object_reflection" in a else {}),
        )  # fmt: skip
    masks = (mask == HAND, mask == OBJECT) if bool(a["masks_known"]) else (None, None)
    return LabelledFrame(image, Pinhole(fx, fy, cx, cy, int(width), int(height)), hand, thing, *masks)
