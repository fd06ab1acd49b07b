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

"""One evaluation by several processes: who does which frames, and their records put together."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation.runs.records import RECORDS, RecordFile, read_records

SHARE = "process_{}"


def share_of(frames: Sequence[int], batch_size: int, rank: int, processes: int) -> list[int]:
    """The frames of one process: every so many batches, so that batches are those of a single process.

    Args:
        frames: all that are left to do.
        batch_size: frames at once.
        rank: of this process, from 0.
        processes: how many there are.
    """
    batches = [frames[start : start + batch_size] for start in range(0, len(frames), batch_size)]
    return [frame for batch in batches[rank::processes] for frame in batch]


def share_file(folder: str | Path, about: Mapping[str, Any], rank: int) -> RecordFile:
    """Where one process writes its records: a folder inside that of the evaluation.

    Raises:
        EvaluationError: as :class:`RecordFile`.
    """
    return RecordFile(Path(folder) / SHARE.format(rank), about)


def gather(folder: str | Path, records: RecordFile) -> None:
    """Move the records of all processes, of this evaluation or of one that was interrupted, into its own file.

    Args:
        folder: of the evaluation.
        records: its file.

    Raises:
        EvaluationError: a file is damaged (named) or can't be moved.
    """
    for share in sorted(Path(folder).glob(SHARE.format("*"))):
        if (share / RECORDS).exists():
            done = records.done()
            records.append(record for record in read_records(share) if record.frame not in done)
        try:
            shutil.rmtree(share)
        except OSError as error:
            raise EvaluationError(f"can't remove {share}: {error.strerror or error}") from error
