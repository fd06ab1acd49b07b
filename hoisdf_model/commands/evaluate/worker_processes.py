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

"""Several processes, of this machine or of torchrun, that evaluate together.

Each evaluates its shard of the frames on its own device.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hoisdf_model.commands.evaluate.progress import followed
from hoisdf_model.errors import ConfigError, EvaluationError, HoisdfError

if TYPE_CHECKING:
    from rich.console import Console

    from hoisdf_model.evaluation import RecordFile

Made = TypeVar("Made")
Options = TypeVar("Options")
PATIENCE = timedelta(days=7)  # the slowest process may take so much longer than the others


@dataclass(frozen=True)
class Processes:
    """This process among others.

    Attributes:
        rank: its number. count: how many there are. local: its number on this machine.
    """

    rank: int = 0
    count: int = 1
    local: int = 0

    @classmethod
    def joined(cls) -> Processes:
        """Process group of torchrun or :func:`side_by_side`, joined; a single process without it.

        Raises:
            ConfigError: the environment's numbers are no numbers, or the others can't be met.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        import torch.distributed

        try:
            own = cls(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
            torch.distributed.init_process_group("gloo", timeout=PATIENCE)
        except (KeyError, ValueError, RuntimeError) as error:
            raise ConfigError(f"the processes of the evaluation can't meet: {error}") from error
        return own

    @property
    def leads(self) -> bool:
        """Whether this process prints and writes the report."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """Device of this process.

        One of the GPUs where ``auto`` or ``cuda`` leave it open, else the named device.
        """
        import torch

        spread = self.count > 1 and name in ("auto", "cuda") and torch.cuda.is_available()
        return f"cuda:{self.local % torch.cuda.device_count()}" if spread else name

    def wait(self) -> None:
        """Barrier of all processes."""
        if self.count > 1:
            import torch.distributed

            torch.distributed.barrier()

    def leave(self) -> None:
        """Leave the process group."""
        if self.count > 1:
            import torch.distributed

            torch.distributed.destroy_process_group()

    def leader_first(self, make: Callable[[], Made]) -> Made:
        """Result of ``make`` in each process, the first process first."""
        if not self.leads:
            self.wait()
            return make()
        made = make()
        self.wait()
        return made


def side_by_side(count: int, run: Callable[[Options], None], options: Options) -> None:
    """A command in ``count`` processes of this machine, which share its cores.

    Args:
        count: how many.
        run: does the work of each and calls :meth:`Processes.joined`; a function of a module.
        options: of the command.

    Raises:
        SystemExit: one of them failed, and has said why; the others were ended.
        EvaluationError: one of them was ended from outside, by a signal.
    """
    from torch.multiprocessing.spawn import ProcessExitedException, spawn

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        spawn(_one_of, (count, port, run, options), count)
    except ProcessExitedException as error:
        if error.exit_code >= 0:
            raise SystemExit(error.exit_code) from error
        raise EvaluationError(
            f"process {error.error_index} of {count} was ended by {signal.Signals(-error.exit_code).name}; where "
            "memory ran out, ask for fewer with --processes; calling the same again goes on with what is done"
        ) from error


def _one_of(rank: int, count: int, port: int, run: Callable[[Options], None], options: Options) -> None:
    import torch

    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in names.items()})
    torch.set_num_threads(max(1, torch.get_num_threads() // count))
    try:
        run(options)
    except HoisdfError as error:
        sys.exit(f"error: {error}")


def records_of(processes: Processes, folder: Path, about: Mapping[str, Any]) -> RecordFile:
    """Records of the evaluation, those of interrupted processes included.

    Raises:
        EvaluationError: as ``RecordFile``.
    """
    from hoisdf_model.evaluation import RecordFile
    from hoisdf_model.evaluation.runs.sharding import gather

    def opened() -> RecordFile:
        records = RecordFile(folder, about)
        if processes.leads:
            gather(folder, records)
        return records

    return processes.leader_first(opened)


def work(
    processes: Processes,
    records: RecordFile,
    about: Mapping[str, Any],
    frames: Sequence[int],
    batch_size: int,
    steps: Callable[[Sequence[int], RecordFile], Iterator[int]],
    console: Console,
) -> float | None:
    """Evaluate frames that the records lack.

    Args:
        processes: who works.
        records: of the evaluation.
        about: what is evaluated on what.
        frames: by number.
        batch_size: frames at once.
        steps: evaluates frames into a file, see ``hoisdf_model.evaluation.evaluate``.
        console: for the bar.

    Returns:
        Frames a second of all together; None where there was nothing to do.

    Raises:
        EvaluationError: as ``RecordFile``.
    """
    import time

    from hoisdf_model.evaluation.runs.sharding import gather, shard_file, shard_of

    done = records.done()
    left = [frame for frame in frames if frame not in done]
    if processes.count == 1:
        return followed(steps(left, records), len(frames) - len(left), len(frames), console)
    own = shard_of(left, batch_size, processes.rank, processes.count)
    processes.wait()
    began = time.monotonic()
    followed(steps(own, shard_file(records.folder, about, processes.rank)), 0, len(own), console)
    processes.wait()
    pace = len(left) / (time.monotonic() - began) if left else None
    if processes.leads:
        gather(records.folder, records)
    return pace
