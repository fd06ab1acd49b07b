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

"""Grasp library: many hands and objects, stored in one file.

Everything in it follows from its settings. The work is cut into one job per object; finished jobs are kept beside the
file until all are done, so that an interrupted run continues where it was.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.errors import DatasetError, InvalidInputError
from hoisdf_model.hand import HandModel, HandModelLike, as_hand_model
from hoisdf_model.objects import find_object, load_catalogue, shape_name
from hoisdf_model.synthesis import splits
from hoisdf_model.synthesis.grasps.articulation import Postures
from hoisdf_model.synthesis.grasps.free_grasps import KINDS, FreeGrasp, FreeGraspSampler
from hoisdf_model.synthesis.grasps.posing import PosableHand

VERSION = 1
SHAPE_SPREAD = 0.7  # standard deviation of the hands' betas
FINGERTIP_SHARE = 0.4

_Arrays = dict[str, NDArray[Any]]
Progress = Callable[[int, int, int], None]  # objects done, objects in all, grasps found in this run


@dataclass(frozen=True)
class LibrarySettings:
    """Settings of a grasp library.

    Attributes:
        split: training, validation and benchmark have no hand, grasp or random shape in common.
        seed: decides everything else.
        objects: names from the catalogue; empty: all of them.
        shapes: how many random shapes beside them.
        per_object: grasps wanted of each.
        hands: hand shapes for each object.
        catalogue: folder of meshes of one's own; empty for none.
    """

    split: splits.Split = "train"
    seed: int = 0
    objects: tuple[str, ...] = ()
    shapes: int = 200
    per_object: int = 48
    hands: int = 4
    catalogue: str = ""


@dataclass(frozen=True)
class LibraryReport:
    """Summary of building a library.

    Grasps in the file, those found in this run, its seconds, and objects without a single grasp.
    """

    grasps: int
    found: int
    seconds: float
    without: tuple[str, ...]


class GraspLibrary:
    """Grasps by number, in the object frame.

    Attributes:
        settings: what they were made from.
        objects: names, to which ``object`` refers.
        hand_model: hash of the hand model that they fit.
        meshes: checksums of the mesh files that they fit, by name; of look-alikes and random shapes there are none.
        shape: (G, 10) betas.
        object: (G,) index into ``objects``.
        fingertip: (G,) bool, held with the fingertips and not against the palm.
        closure, into_object, into_hand: (G,) see :class:`FreeGrasp`.
        touching: (G, 778) bool.
    """

    def __init__(
        self,
        settings: LibrarySettings,
        hand_model: str,
        objects: tuple[str, ...],
        arrays: _Arrays,
        meshes: dict[str, str] | None = None,
    ) -> None:
        self.meshes = meshes or {}
        self.settings, self.hand_model, self.objects, self._arrays = settings, hand_model, objects, arrays
        self.shape, self.object = arrays["shape"].astype(np.float64), arrays["object"].astype(np.int64)
        self.fingertip: NDArray[np.bool_] = arrays["fingertip"].astype(bool)
        self.closure, self.into_object = arrays["closure"], arrays["into_object"]
        self.into_hand = arrays["into_hand"]

    def __len__(self) -> int:
        """How many grasps."""
        return len(self.object)

    def check(self, hand_model: HandModelLike) -> None:
        """Check that the library is for that hand.

        Raises:
            InvalidInputError: it was made for another hand model.
        """
        hand_model = as_hand_model(hand_model)
        if self.hand_model != hand_model.hash:
            raise InvalidInputError(
                f"the grasp library was made for hand model {self.hand_model}, this one is {hand_model.hash}: "
                "make a library for it with hoisdf synthesize --grasps"
            )

    @property
    def touching(self) -> NDArray[np.bool_]:
        """Contact (G, 778) bool of hand vertices."""
        return np.unpackbits(self._arrays["touching"], axis=1, count=778).astype(bool)

    def touching_of(self, number: int) -> NDArray[np.bool_]:
        """Contact (778,) bool of hand vertices in one grasp."""
        return np.unpackbits(self._arrays["touching"][number], count=778).astype(bool)

    def placement(self, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Placement of one grasp in the object frame.

        Rotation (3, 3) of the hand and wrist (3,) in the object frame, approach (3,) away from it.
        """
        a = self._arrays
        return tuple(a[key][number].astype(np.float64) for key in ("rotation", "wrist", "approach"))  # type: ignore[return-value]

    def postures(self, number: int) -> tuple[Postures, Postures]:
        """Postures of one grasp before closing and closed."""
        a, one = self._arrays, slice(number, number + 1)
        loose = a["opposition"][one].astype(np.float64), a["spread"][one].astype(np.float64)
        opened = Postures(a["opened"][one].astype(np.float64), *loose)
        return opened, Postures(a["closed"][one].astype(np.float64), *loose)


def library_objects(settings: LibrarySettings) -> tuple[str, ...]:
    """Names of all objects of a library."""
    known = settings.objects or load_catalogue(settings.catalogue or None).names
    return (*known, *(shape_name(splits.shape_number(settings.split, k)) for k in range(settings.shapes)))


def build_library(
    path: str | Path,
    settings: LibrarySettings,
    hand_model: HandModelLike,
    workers: int = 0,
    progress: Progress | None = None,
) -> LibraryReport:
    """Build the grasp library and write its file.

    Grasps of an earlier call aren't searched again.

    Args:
        path: the npz file.
        settings: what to look for.
        hand_model: a right hand, or its file.
        workers: processes; 0: this one.
        progress: called after every object.

    Raises:
        DatasetError: the disk is full, the file can't be written, or is a library made from other settings or for
            another hand.
        InvalidInputError: settings out of range, or no grasp was found at all.
        MeshError: an object isn't in the catalogue.
    """
    if min(settings.per_object, settings.hands) < 1 or settings.shapes < 0:
        raise InvalidInputError(f"a grasp library needs at least one grasp and one hand for each object: {settings}")
    hand_model = as_hand_model(hand_model)
    names = library_objects(settings)
    for name in settings.objects:
        find_object(name, settings.catalogue)
    target = Path(path)
    if target.exists():
        return _finished(load_library(target), target, settings, names, hand_model)
    meshes = load_catalogue(settings.catalogue or None).checksums(names)
    folder = target.with_name(f"{target.name}.{_fingerprint(settings, hand_model.hash, meshes)}.parts")
    began, found, done = time.monotonic(), 0, 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = [k for k in range(len(names)) if not (folder / f"{k:05d}.npz").exists()]
        done = len(names) - len(missing)
        for number, arrays in _jobs(missing, settings, hand_model, workers):
            _write(folder / f"{number:05d}.npz", arrays)
            found, done = found + len(arrays["object"]), done + 1
            if progress is not None:
                progress(done, len(names), found)
        parts = [_read(folder / f"{k:05d}.npz") for k in range(len(names))]
        merged = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        if not len(merged["object"]):
            raise InvalidInputError(f"no grasp of any of {len(names)} objects was found")
        about = {"version": VERSION, "settings": asdict(settings), "objects": names, "hand_model": hand_model.hash,
                 "meshes": meshes}  # fmt: skip
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
        _write(target, {**merged, "about": text, "checksum": _checksum({**merged, "about": text})})
        shutil.rmtree(folder)
    except OSError as error:
        raise DatasetError(
            f"can't write the grasp library {target}: {error.strerror or error}; {done} of {len(names)} objects are "
            "done and kept: make room or mend the path, and call again"
        ) from error
    return LibraryReport(len(merged["object"]), found, time.monotonic() - began, _without(names, merged["object"]))


def load_library(path: str | Path) -> GraspLibrary:
    """Read a library.

    Raises:
        DatasetError: the file is missing, isn't a grasp library, or its checksum doesn't fit.
    """
    target = Path(path)
    if not target.is_file():
        raise DatasetError(f"no grasp library {target}; make one with: hoisdf synthesize --grasps {target}")
    arrays = _read(target)
    checksum, about = arrays.pop("checksum", None), arrays.get("about")
    if checksum is None or about is None or not np.array_equal(checksum, _checksum(arrays)):
        raise DatasetError(f"the grasp library {target} is damaged: its checksum doesn't fit; make it again")
    facts = json.loads(arrays.pop("about").tobytes().decode())
    if facts["version"] != VERSION:
        raise DatasetError(f"the grasp library {target} has version {facts['version']}, {VERSION} is needed")
    settings = LibrarySettings(**{**facts["settings"], "objects": tuple(facts["settings"]["objects"])})
    return GraspLibrary(settings, facts["hand_model"], tuple(facts["objects"]), arrays, facts.get("meshes"))


def _finished(
    library: GraspLibrary, path: Path, settings: LibrarySettings, names: tuple[str, ...], hand_model: HandModel
) -> LibraryReport:
    if library.settings != settings or library.hand_model != hand_model.hash:
        raise DatasetError(
            f"{path} is a grasp library made from other settings or for another hand ({library.settings}): "
            "give another file, or delete this one"
        )
    changed = changed_meshes(library)
    if changed:
        raise DatasetError(f"the meshes of {', '.join(changed)} have changed since {path} was made: delete it first")
    return LibraryReport(len(library), 0, 0.0, _without(names, library.object))


def changed_meshes(library: GraspLibrary) -> list[str]:
    """Names of objects whose mesh files have changed since."""
    now = load_catalogue(library.settings.catalogue or None).checksums(library.meshes)
    return [name for name, known in library.meshes.items() if now.get(name) != known]


def _without(names: tuple[str, ...], numbers: NDArray[np.integer[Any]]) -> tuple[str, ...]:
    return tuple(name for k, name in enumerate(names) if not (numbers == k).any())


def _fingerprint(settings: LibrarySettings, hand_model: str, meshes: dict[str, str]) -> str:
    text = json.dumps([VERSION, asdict(settings), hand_model, *([meshes] if meshes else [])], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _jobs(
    numbers: list[int], settings: LibrarySettings, hand_model: HandModel, workers: int
) -> Iterator[tuple[int, _Arrays]]:
    if not workers:
        for number in numbers:
            yield number, _find(number, settings, hand_model)
        return
    context = multiprocessing.get_context("spawn")  # threads of torch and OpenMP don't survive a fork
    pool = ProcessPoolExecutor(workers, context, _single_thread)
    try:
        waiting = {pool.submit(_find, number, settings, hand_model): number for number in numbers}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _single_thread() -> None:
    torch.set_num_threads(1)


def _find(number: int, settings: LibrarySettings, hand_model: HandModel) -> _Arrays:
    """All grasps of one object."""
    thing = find_object(library_objects(settings)[number], settings.catalogue)
    rows: list[tuple[NDArray[np.float64], FreeGrasp]] = []
    sampler: FreeGraspSampler | None = None
    for k in range(settings.hands):
        rng = splits.generator(settings.split, settings.seed, number, k)
        shape = rng.normal(0, SHAPE_SPREAD, 10)
        hand = PosableHand(hand_model, shape)
        sampler = sampler.by(hand) if sampler else FreeGraspSampler(hand, thing)
        share = settings.per_object // settings.hands + (k < settings.per_object % settings.hands)
        tips = round(share * FINGERTIP_SHARE)
        held = sampler.draw(KINDS[1], tips, rng) if tips else []
        rows += [(shape, grasp) for grasp in (*held, *sampler.draw(KINDS[0], share - len(held), rng))]
    return _packed(number, rows)


def _packed(number: int, rows: list[tuple[NDArray[np.float64], FreeGrasp]]) -> _Arrays:
    def stack(values: list[Any], shape: tuple[int, ...], kind: Any = np.float32) -> NDArray[Any]:
        return np.array(values, kind).reshape(len(rows), *shape)

    free = [item for _, item in rows]
    touching = stack([item.touching for item in free], (778,), bool)
    return {
        "object": np.full(len(rows), number, np.int32),
        "shape": stack([shape for shape, _ in rows], (10,)),
        "rotation": stack([item.grasp.rotation for item in free], (3, 3)),
        "wrist": stack([item.grasp.wrist for item in free], (3,)),
        "approach": stack([item.grasp.approach for item in free], (3,)),
        "closed": stack([item.grasp.closed.flexion for item in free], (5, 3)),
        "opened": stack([item.grasp.opened.flexion for item in free], (5, 3)),
        "opposition": stack([item.grasp.closed.opposition for item in free], ()),
        "spread": stack([item.grasp.closed.spread for item in free], ()),
        "fingertip": stack([item.kind == KINDS[1] for item in free], (), bool),
        "closure": stack([item.closure for item in free], ()),
        "into_object": stack([item.into_object for item in free], ()),
        "into_hand": stack([item.into_hand for item in free], ()),
        "touching": np.packbits(touching, axis=1),
    }


def _checksum(arrays: _Arrays) -> NDArray[np.uint8]:
    digest = hashlib.sha256()
    for key in sorted(arrays):
        digest.update(f"{key} {arrays[key].dtype} {arrays[key].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[key]).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def _write(path: Path, arrays: _Arrays) -> None:
    """All or nothing: a file of that name is always whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path) -> _Arrays:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except Exception as error:  # a damaged zip gives errors of many kinds
        raise DatasetError(f"{path} can't be read ({error}); delete it and make it again") from error
