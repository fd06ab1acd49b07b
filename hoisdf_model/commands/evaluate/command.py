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

"""The command ``hoisdf evaluate``."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial

import typer

from hoisdf_model.commands.evaluate.bags import evaluate_live, evaluate_recorded
from hoisdf_model.commands.evaluate.labelled_evaluation import LabelledEvaluation
from hoisdf_model.commands.evaluate.network_choice import NetworkChoice
from hoisdf_model.commands.evaluate.option_fields import command_of
from hoisdf_model.commands.evaluate.options import EvaluateOptions
from hoisdf_model.commands.evaluate.progress import console_for_progress
from hoisdf_model.commands.evaluate.worker_processes import Processes, side_by_side
from hoisdf_model.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add ``hoisdf evaluate``."""
    app.command()(command_of(evaluate, EvaluateOptions))


def evaluate(options: EvaluateOptions) -> None:
    """Measure the errors of a network on labelled frames.

    Prints mean and median, and writes report.html into the output folder: figures, curves, and pictures of the best,
    median and worst frames; also as curves.png, bars.png, sheet.jpg, frames.csv (every frame) and summary.json.

    An interrupted evaluation is resumed when it is called again. The network is compared with two baselines that don't
    use the image, the means of a training split, and with a network with initial weights.

    With --processes the frames are divided among processes, which share the cores; so they are under torchrun (torchrun
    --nproc-per-node 2 -m hoisdf_model.cli evaluate ...), each with its own GPU. The first one prints and writes.

    With --bag the frames come from a recording. Under the live protocol they are estimated as by the perception node,
    with tracking, but none is dropped; there are no baselines, and an evaluation isn't resumed but repeated.
    """
    from hoisdf_model.evaluation import Models, name_of
    from hoisdf_model.objects import find_object

    bags = options.bags()
    in_order = bags is not None and (bags.estimates is not None or options.protocol == "live")
    alone = int(os.environ.get("WORLD_SIZE") or 1) == 1
    if options.processes > 1 and not in_order and alone:
        NetworkChoice.of(options, options.device).load()  # what is wrong with it is said once, not by each process
        side_by_side(options.processes, evaluate, replace(options, processes=1))
        return
    if options.processes > 1 and not alone:
        raise ConfigError("torchrun starts the processes: leave out --processes")
    processes = Processes.joined()
    if in_order and max(processes.count, options.processes) > 1:
        raise ConfigError("frames of a bag are followed in order, by one process: leave out torchrun and --processes")
    console = console_for_progress(quiet=not processes.leads)
    find = partial(find_object, catalogue=str(options.objects or ""))
    if bags is not None and bags.estimates is not None:
        folder = options.folder("recorded", bags.label)
        evaluate_recorded(bags, folder, options.frames, Models(find), find, options.per_object, console)
        return
    network = NetworkChoice.of(options, processes.device(options.device))
    if bags is not None and options.protocol == "live":
        folder = options.folder(name_of(network.weights), bags.label, "live")
        evaluate_live(bags, network, folder, options.frames, Models(find), find, options.per_object, console)
        return
    evaluation = LabelledEvaluation(options, network, bags, find, processes, console)
    evaluation.run()
    if processes.leads:
        evaluation.report()
