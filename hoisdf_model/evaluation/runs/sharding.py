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

"""Sharding of one evaluation over several processes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation.runs.records import RECORDS, RecordFile, read_records

SHARD = "process_{}"


def shard_of(frames: Sequence[int], batch_size: int, rank: int, processes: int) -> list[int]:
    """Frames of one process: every n-th batch of all.

    Batches are thus those of a single process.

    Args:
        frames: all that are left to do.
        batch_size: frames at once.
        rank: of this process, from 0.
        processes: how many there are.
    """
    batches = [frames[start : start + batch_size] for start in range(0, len(frames), batch_size)]
    return [frame for batch in batches[rank::processes] for frame in batch]


def shard_file(folder: str | Path, about: Mapping[str, Any], rank: int) -> RecordFile:
    """Record file of one process, inside the evaluation's folder.

    Raises:
        EvaluationError: as :class:`RecordFile`.
    """
    return RecordFile(Path(folder) / SHARD.format(rank), about)


def gather(folder: str | Path, records: RecordFile) -> None:
    """Move the records of all processes into the evaluation's file.

    Those that an interrupted evaluation left too.

    Args:
        folder: of the evaluation.
        records: its file.

    Raises:
        EvaluationError: a file is damaged (named) or can't be moved.
    """
    shards = sorted(Path(folder).glob(SHARD.format("*")))
    done = records.done() if shards else set()
    found = {one.frame: one for shard in shards if (shard / RECORDS).exists() for one in read_records(shard)}
    records.append(found[frame] for frame in sorted(found.keys() - done))  # as one process writes them
    for shard in shards:
        try:
            shutil.rmtree(shard)
        except OSError as error:
            raise EvaluationError(f"can't remove {shard}: {error.strerror or error}") from error
