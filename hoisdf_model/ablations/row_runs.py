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

"""Resumable training and evaluation of rows, one after the other.

Each in a folder of its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from hoisdf_model.ablations.plan import Plan
from hoisdf_model.ablations.start import begin
from hoisdf_model.ablations.table import AblationRow, AblationTable
from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.preparation import PreparationConfig
from hoisdf_model.errors import TrainingError
from hoisdf_model.evaluation import (
    Contender,
    MeanHandAndObject,
    Models,
    PaperProtocol,
    Record,
    RecordFile,
    evaluate,
    preparation_for,
    read_mean_pose,
    read_records,
)
from hoisdf_model.evaluation.runs.records import RECORDS
from hoisdf_model.hand import HandLayer
from hoisdf_model.network import load_network, optimised, resolve_precision
from hoisdf_model.training.config import TrainingConfig
from hoisdf_model.training.run import CHECKPOINTS, WEIGHTS, Sources, build_run, newest_checkpoint, train

ROWS, ABOUT = "rows", "row.json"
TRAINING, EVALUATION, BASELINES = "training", "evaluation", "baselines"
NETWORK, MEAN, INFORMED = "network", "mean pose", "informed mean"
Watch = Callable[[Iterator[int], int], object]


def _unwatched(steps: Iterable[int], count: int) -> None:
    for _ in steps:
        pass


@dataclass(frozen=True)
class HeldOutFrames:
    """Evaluation data of the rows.

    Attributes:
        source: labelled frames. numbers: which of them.
        about: where they come from.
        models: objects by name.
        hand_layer: the hand that the frames' poses and shapes are of.
        tags: groups of the frames.
        preparation: protocol and box sizes; None: ours.
    """

    source: FrameSource
    numbers: Sequence[int]
    about: dict[str, Any]
    models: Models
    hand_layer: HandLayer
    tags: Callable[[int], tuple[str, ...]] = lambda number: ()
    preparation: PreparationConfig | None = None


@dataclass(frozen=True)
class Ablation:
    """A folder of rows.

    Attributes:
        folder: what is done is found in it, and not done again.
        plan: the same for all rows.
        test: the same for all rows.
        sources: training data, opened; None: as the configuration names them.
        progress: whether training shows bars.
        watch: goes through an evaluation's steps, of so many frames; for a bar.
    """

    folder: Path
    plan: Plan
    test: HeldOutFrames
    sources: Sources | None = None
    progress: bool = False
    watch: Watch = field(default=_unwatched)

    def folder_of(self, row: AblationRow) -> Path:
        """The row's folder; the same for rows of equal configuration."""
        return self.folder / ROWS / self.plan.key_of(self.plan.config_of(row))

    def is_done(self, row: AblationRow) -> bool:
        """Whether all frames are evaluated."""
        return self._left(self.folder_of(row) / EVALUATION) == 0

    def finish(self, table: AblationTable, row: AblationRow) -> list[Record]:
        """The row's results; what they lack is done first.

        Raises:
            ConfigError: the row's settings contradict each other.
            TrainingError: training went wrong.
            EvaluationError: results are damaged or of something else.
        """
        config, folder = self.plan.config_of(row), self.folder_of(row)
        about = self._about(network=config.network_config().to_mapping(), **asdict(config.hardware))
        records = RecordFile(folder / EVALUATION, about)
        if self._left(records.folder):
            self._train(config, folder, f"{table.name}: {row.name}")
            self._evaluate(config, folder, records)
        return self._records(records.folder)

    def baselines(self) -> list[Record]:
        """Results of the two mean-pose baselines on the same frames."""
        folder, means, models = self.folder / BASELINES, read_mean_pose(None), self.test.models
        contenders = {
            MEAN: Contender(MeanHandAndObject(means, models)),
            INFORMED: Contender(MeanHandAndObject(means, models, informed=True)),
        }
        records = RecordFile(folder, self._about())
        if self._left(folder):
            network = self._recipe().network_config()
            self._go_through(contenders, records, preparation_for(network, self.test.preparation))
        return self._records(folder)

    def _about(self, **more: Any) -> dict[str, Any]:
        return {"data": self.test.about, "protocol": "paper", **more}

    def _recipe(self) -> TrainingConfig:
        return self.plan.config_of(AblationRow("the recipe"))

    def _train(self, config: TrainingConfig, folder: Path, name: str) -> None:
        place = folder / TRAINING
        if (place / WEIGHTS).is_file():
            return
        run = build_run(config, place, self.sources)
        begin(
            run.network, self.plan.config_of(AblationRow("the recipe")).network_config(), self.plan.start, config.seed
        )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ABOUT).write_text(json.dumps({"row": name, "trained": config.train_only or "everything"}, indent=1))
        train(run, resume=newest_checkpoint(place) is not None, progress=self.progress)
        if not (place / WEIGHTS).is_file():
            raise TrainingError(f"training of {name} left no weights in {place}")
        shutil.rmtree(place / CHECKPOINTS, ignore_errors=True)  # twenty rows of them would fill a disk

    def _evaluate(self, config: TrainingConfig, folder: Path, records: RecordFile) -> None:
        hardware = config.hardware
        device = "cuda" if torch.cuda.is_available() and hardware.accelerator != "cpu" else "cpu"
        network, own = load_network(folder / TRAINING / WEIGHTS, self.test.hand_layer.model, device=device)
        precision = resolve_precision(hardware.precision, torch.device(device), own)
        network.runtime = replace(network.runtime, precision=precision, search=hardware.search)
        method = PaperProtocol(optimised(network), device)
        preparation = preparation_for(own, self.test.preparation)
        self._go_through({NETWORK: Contender(method, kept=True)}, records, preparation)

    def _go_through(
        self, contenders: dict[str, Contender], records: RecordFile, preparation: PreparationConfig
    ) -> None:
        test = self.test
        steps = evaluate(
            test.source, test.numbers, contenders, records, preparation, test.models, test.hand_layer, test.tags
        )
        self.watch(steps, self._left(records.folder))

    def _left(self, folder: Path) -> int:
        """How many frames aren't evaluated yet."""
        return len(set(self.test.numbers) - {record.frame for record in self._records(folder)})

    def _records(self, folder: Path) -> list[Record]:
        if not (folder / RECORDS).exists():
            return []
        wanted = set(self.test.numbers)
        return [record for record in read_records(folder) if record.frame in wanted]
