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

"""Data sets of stills, written by several processes and resumable."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.data import shards
from hoisdf_model.data.labelled_frames import LabelledFrame
from hoisdf_model.errors import DatasetError, InvalidInputError
from hoisdf_model.synthesis.render.appearance import PLAIN
from hoisdf_model.synthesis.render.fineness import FULL
from hoisdf_model.synthesis.stills.source import Stills
from hoisdf_model.synthesis.stills.still import Still

PER_SHARD = 200
TILE = 224  # pixels of a contact sheet's pictures
BONE_COLOUR, OBJECT_COLOUR = (60, 255, 90), (90, 200, 255)

Progress = Callable[[int, int], None]  # frames done, frames in all


@dataclass(frozen=True)
class DatasetReport:
    """Summary of writing a data set.

    Frames written in this run, its seconds, and bytes of the whole data set.
    """

    written: int
    seconds: float
    size: int


def write_dataset(
    folder: str | Path,
    stills: Stills,
    frames: int,
    per_shard: int = PER_SHARD,
    workers: int = 0,
    progress: Progress | None = None,
    details: bool = True,
) -> DatasetReport:
    """Render and write the first ``frames`` stills.

    Existing shards are kept.

    Args:
        folder: of the data set; ``data.shards.ShardedFrames`` reads it.
        stills: what to draw.
        frames: how many.
        per_shard: frames in a file.
        workers: processes; 0: this one.
        progress: called after every shard.
        details: also write what training doesn't read: depth, the hand's mesh, contacts.

    Raises:
        DatasetError: the folder holds another data set, or the disk is full.
        DependencyError: nothing to render with.
        InvalidInputError: no frames wanted.
    """
    if frames < 1 or per_shard < 1:
        raise InvalidInputError(f"a data set needs at least one frame and one frame in a shard: {frames}, {per_shard}")
    target, began, written = Path(folder), time.monotonic(), 0
    about = origin_of(stills)
    total, done = len(shards.shard_paths(target, frames, per_shard)), 0
    try:
        missing = shards.begin(target, frames, per_shard, about)
        done = total - len(missing)
        for count in _written(target, missing, frames, per_shard, stills, workers, details):
            written, done = written + count, done + 1
            if progress is not None:
                progress(min(done * per_shard, frames), frames)
    except OSError as error:
        raise DatasetError(
            f"can't write the data set {target}: {error.strerror or error}; {done} of {total} shards are done and "
            "kept: make room or mend the path, and call again"
        ) from error
    size = sum(path.stat().st_size for path in target.glob("*.tar"))
    return DatasetReport(written, time.monotonic() - began, size)


def origin_of(stills: Stills) -> dict[str, Any]:
    """Provenance of stills, as in a data set's manifest."""
    library, settings = stills.library, stills.settings
    later = {  # what there was before one could choose isn't named, so that older data sets are recognised
        name: asdict(value)
        for name, value, before in (
            ("fineness", settings.fineness, FULL),
            ("appearance", settings.appearance, PLAIN),
        )
        if value != before
    }
    return {"library": asdict(library.settings), "hand_model": library.hand_model, "seed": settings.seed,
            "pictures": settings.pictures, "stage": settings.stage.described(), **later}  # fmt: skip


def detailed(stills: Stills, index: int, details: bool = True) -> tuple[LabelledFrame, dict[str, NDArray[np.generic]]]:
    """One still as a labelled frame with details.

    Visible joints, boxes, with details depth and contacts.
    """
    frame, still = stills.labelled(index)
    further: dict[str, NDArray[np.generic]] = {}
    if details:
        further["depth_mm"] = np.round(still.depth * 1000).astype(np.uint16)
    for name in (*(("vertices", "touching") if details else ()), "visible", "hand_box", "object_box"):
        value = getattr(still, name)
        if value is not None:
            further[name] = value if value.dtype == bool else value.astype(np.float32)
    further["mode"] = np.array(still.scene.mode)
    return frame, further


def sheet_tile(still: Still, drawn: bool = True) -> NDArray[np.uint8]:
    """Contact sheet tile of the still.

    (TILE, TILE, 3), with joints and the object's box if ``drawn``.
    """
    image = still.image.copy()
    if drawn and still.joints is not None:
        for x, y in np.round(still.camera.project(still.joints)).astype(int).tolist():
            cv2.circle(image, (x, y), 2, BONE_COLOUR, -1, cv2.LINE_AA)
    if drawn and still.object_box is not None:
        x0, y0, x1, y1 = (int(v) for v in np.round(still.object_box))
        cv2.rectangle(image, (x0, y0), (x1, y1), OBJECT_COLOUR, 1)
    scale = TILE / max(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:TILE, :TILE]
    tile = np.zeros((TILE, TILE, 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    return tile


_STILLS: list[Stills] = []  # of a worker process


def _written(
    folder: Path, numbers: list[int], frames: int, per_shard: int, stills: Stills, workers: int, details: bool
) -> Iterator[int]:
    if not workers:
        for number in numbers:
            yield shards.write_shard(folder, number, frames, per_shard, lambda index: detailed(stills, index, details))
        return
    # an OpenGL context doesn't survive a fork
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _prepare_worker, (stills,))
    try:
        for future in as_completed([pool.submit(_write_one, folder, n, frames, per_shard, details) for n in numbers]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_worker(stills: Stills) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _STILLS.append(stills)


def _write_one(folder: Path, number: int, frames: int, per_shard: int, details: bool) -> int:
    return shards.write_shard(folder, number, frames, per_shard, lambda index: detailed(_STILLS[0], index, details))
