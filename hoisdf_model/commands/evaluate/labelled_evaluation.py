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

"""Evaluation of labelled frames, from options to the report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoisdf_model.commands.evaluate.bags import labelled_bags
from hoisdf_model.commands.evaluate.contenders import INFORMED, MEAN, NETWORK, contenders_of
from hoisdf_model.commands.evaluate.labelled_data import data_at, hand_of
from hoisdf_model.commands.evaluate.metric_options import MetricOptions, fields_sheet
from hoisdf_model.commands.evaluate.progress import print_summary
from hoisdf_model.commands.evaluate.worker_processes import records_of, work
from hoisdf_model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from hoisdf_model.commands.evaluate.bag_options import BagOptions
    from hoisdf_model.commands.evaluate.network_choice import NetworkChoice
    from hoisdf_model.commands.evaluate.options import EvaluateOptions
    from hoisdf_model.commands.evaluate.worker_processes import Processes
    from hoisdf_model.data.bags.labelled_source import Find
    from hoisdf_model.evaluation import RecordFile
    from hoisdf_model.evaluation.runs.data_folder import DataFolder


class LabelledEvaluation:
    """Evaluation of labelled frames by a network and its baselines.

    Args:
        options: of the command.
        network: to evaluate.
        bags: whose frames are evaluated with true places; None: those of ``options.data``.
        find: objects by name.
        processes: that evaluate together.
        console: for progress.

    Raises:
        ConfigError, DatasetError, CheckpointError: options that don't fit the data, or what can't be loaded.
        EvaluationError: the folder holds another evaluation, or can't be written.
    """

    def __init__(
        self, options: EvaluateOptions, network: NetworkChoice, bags: BagOptions | None, find: Find,
        processes: Processes, console: Console,
    ) -> None:  # fmt: skip
        self._options, self._processes, self._console = options, processes, console
        self._data = data = self._opened(bags, network, find)
        frames = None if bags is not None else options.frames  # bags were read with that number of frames
        if options.submission is not None and data.challenge is None:
            raise ConfigError("--submission is for the evaluation frames of HO-3D: give its folder with --data")
        if options.submission is not None and frames is not None and frames < len(data.source):
            raise ConfigError("HO-3D's challenge takes all evaluation frames: leave out --frames or --submission")
        self._count = min(frames or len(data.source), len(data.source))
        self._load(network)

    def _opened(self, bags: BagOptions | None, network: NetworkChoice, find: Find) -> DataFolder:
        from hoisdf_model.evaluation.reports.descriptions import warnings_of
        from hoisdf_model.evaluation.runs.data_folder import FolderOptions
        from hoisdf_model.hand import load_hand_model

        options = self._options
        if bags is not None:
            data = labelled_bags(bags, options.frames, find, self._console)
        else:
            wanted = FolderOptions(
                options.split, options.subset, options.version, options.object_models, options.official
            )
            data = data_at(options.data, wanted, network.hand_model or load_hand_model())
        for warning in warnings_of(data.about):
            self._console.print(f"warning: {warning}", style="yellow", highlight=False, soft_wrap=True)
        return data

    def _load(self, network: NetworkChoice) -> None:
        from hoisdf_model.evaluation import Models, digest_of, name_of, preparation_for
        from hoisdf_model.evaluation.runs.hand_file import HandFile
        from hoisdf_model.objects import find_object

        options, data = self._options, self._data
        with self._console.status("loading the network"):
            loaded, config = network.load()
        metrics = MetricOptions(options.interaction, options.points and options.protocol == "paper", options.fields)
        self._about: dict[str, Any] = {
            "weights": network.weights, "digest": digest_of(network.weights), "network": config.to_mapping(),
            "data": data.about, "protocol": options.protocol, "untrained": options.untrained,
            "precision": loaded.runtime.precision, "search": loaded.runtime.search,
            "mean_pose": None if options.mean_pose is None else digest_of(str(options.mean_pose)),
            **metrics.about(), **({} if options.submission is None else {"submission": True}),
        }  # fmt: skip
        self._folder = options.folder(name_of(network.weights), data.label, options.protocol)
        self._preparation = preparation_for(config, data.preparation)
        catalogue = options.objects or data.models
        self._models = Models(partial(find_object, catalogue=str(catalogue or "")))
        self._hand = hand_of(data.source, network.hand_model, loaded)
        self._fields = metrics.quality(loaded, self._models, self._hand, network.device)
        contenders = contenders_of(
            loaded, network.device, options.protocol, options.untrained, options.mean_pose, self._models
        )
        self._contenders = metrics.added(contenders, self._models, self._hand, self._fields)
        self._records = records_of(self._processes, self._folder, self._about)
        self._hands: HandFile | None = None
        if options.submission is not None:
            hands = self._processes.leader_first(lambda: HandFile(self._folder, len(data.source)))
            evaluated = self._contenders[NETWORK]
            self._contenders[NETWORK] = replace(evaluated, method=hands.keeping(evaluated.method))
            self._hands = hands

    def run(self) -> None:
        """Evaluate the frames that the records lack.

        Raises:
            DatasetError, InvalidInputError: a frame is damaged or shows nothing that is known.
            EvaluationError: results can't be written.
        """
        options = self._options
        self._pace = work(
            self._processes, self._records, self._about, range(self._count), options.batch_size, self._steps,
            self._console,
        )  # fmt: skip
        self._processes.leave()

    def _steps(self, numbers: Sequence[int], file: RecordFile) -> Iterator[int]:
        from hoisdf_model.evaluation import evaluate

        return evaluate(
            self._data.source, numbers, self._contenders, file, self._preparation, self._models, self._hand,
            self._data.tags, self._options.batch_size, self._options.workers,
            images=self._options.protocol == "live",
        )  # fmt: skip

    def report(self) -> None:
        """Print the tables and write report, pictures and challenge file.

        Raises:
            EvaluationError: a file can't be written.
        """
        from hoisdf_model.evaluation import (
            Finished,
            best_median_worst,
            read_records,
            sheet,
            summarise,
            write_results,
        )

        records = [record for record in read_records(self._folder) if record.frame < self._count]
        finished = Finished(self._about, records, summarise(records), NETWORK, (MEAN, INFORMED), self._pace)
        print_summary(self._folder, finished, self._options.per_object, MEAN)
        source, preparation = self._data.source, self._preparation
        with self._console.status("drawing"):
            picked = best_median_worst(records, NETWORK)
            surfaces = None if self._fields is None else fields_sheet(self._fields, records, source, preparation)
            write_results(self._folder, finished, sheet(picked, NETWORK, source, preparation, self._models), surfaces)
        if self._options.submission is not None:
            self._submit(self._options.submission)

    def _submit(self, path: Path) -> None:
        from hoisdf_model.data.ho3d.submission import write_submission

        assert self._hands is not None
        joints, vertices = self._hands.read()
        write_submission(path, joints, vertices, len(joints))
        self._console.print(f"wrote {path}", highlight=False, soft_wrap=True)
        wanted = self._data.challenge
        if wanted is not None and len(joints) != wanted:
            self._console.print(f"the challenge takes {wanted:,} frames, these are {len(joints):,}", style="yellow")
