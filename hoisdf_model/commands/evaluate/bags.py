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

"""``hoisdf evaluate --bag``: evaluation of rosbags.

Estimated as the perception node would, with true places, or as recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoisdf_model.commands.evaluate.bag_options import BagOptions
from hoisdf_model.commands.evaluate.contenders import NETWORK
from hoisdf_model.commands.evaluate.progress import followed, print_summary
from hoisdf_model.errors import BagError, EvaluationError

if TYPE_CHECKING:
    from rich.console import Console

    from hoisdf_model.commands.evaluate.network_choice import NetworkChoice
    from hoisdf_model.data.bags.labelled_source import Find, Moment
    from hoisdf_model.data.samples.preparation import PreparationConfig
    from hoisdf_model.evaluation import Models, Record
    from hoisdf_model.evaluation.runs.bag_reading import BagTally, Reading
    from hoisdf_model.evaluation.runs.data_folder import DataFolder

Steps = Callable[[Path, int, Any, "BagTally", Sequence[str]], "Iterator[Any]"]


def labelled_bags(options: BagOptions, frames: int | None, find: Find, console: Console) -> DataFolder:
    """Frames of bags with true places, as a data folder.

    Raises:
        BagError, EvaluationError: there is nothing to evaluate on; says why.
    """
    from hoisdf_model.data.bags.labelled_source import BagFrames, bags_in
    from hoisdf_model.data.samples.preparation import PreparationConfig
    from hoisdf_model.evaluation.runs.bag_run import labelled
    from hoisdf_model.evaluation.runs.data_folder import DataFolder

    bags, reading = bags_in(options.path), options.reading(frames)
    source = BagFrames(bags, reading.topics, [], find)

    def steps(path: Path, number: int, _: Any, tally: BagTally, tags: Sequence[str]) -> Iterator[Moment]:
        return labelled(path, number, source, reading, PreparationConfig(), tally)

    tallies: list[BagTally] = []
    with console.status("reading the bags"):
        source.moments += list(_through(bags, steps, None, tallies))
    _print_problems(tallies, console)
    if not source.moments:
        raise EvaluationError(f"the ground truth of {options.path} knows no hand in any image: nothing to compare")
    about = options.about(bags) | {"frames": len(source)}
    return DataFolder(source, PreparationConfig(), about, None, options.label)


def evaluate_live(
    options: BagOptions, network: NetworkChoice, folder: Path, frames: int | None, models: Models, find: Find,
    per_object: bool, console: Console,
) -> None:  # fmt: skip
    """Run an estimator over bags, and write the results.

    Raises:
        BagError, EvaluationError: there is nothing to evaluate on; says why. Or results can't be written.
    """
    from hoisdf_model.evaluation import digest_of, preparation_for
    from hoisdf_model.evaluation.runs.bag_run import estimated

    reading = options.reading(frames)
    with console.status("loading the network"):
        estimator = network.estimator()

    def steps(path: Path, number: int, evaluation: Any, tally: BagTally, tags: Sequence[str]) -> Iterator[Any]:
        return estimated(path, number, estimator, reading, evaluation, tally, tags)

    about: dict[str, Any] = {
        "weights": network.weights, "digest": digest_of(network.weights), "network": estimator.config.to_mapping(),
        "protocol": "live", "precision": estimator.network.runtime.precision, "search": network.search,
    }  # fmt: skip
    preparation = preparation_for(estimator.config)
    _evaluate(options, steps, about, folder, reading, models, find, preparation, per_object, console)


def evaluate_recorded(
    options: BagOptions, folder: Path, frames: int | None, models: Models, find: Find, per_object: bool,
    console: Console,
) -> None:  # fmt: skip
    """Compare recorded estimates with their ground truth, and write the results.

    Raises:
        BagError, EvaluationError: as :func:`evaluate_live`.
    """
    from hoisdf_model.evaluation import preparation_for
    from hoisdf_model.evaluation.runs.bag_run import recorded
    from hoisdf_model.network import NetworkConfig

    reading, topic = options.reading(frames), str(options.estimates)

    def steps(path: Path, number: int, evaluation: Any, tally: BagTally, tags: Sequence[str]) -> Iterator[Any]:
        return recorded(path, number, topic, reading, evaluation, tally, tags)

    about: dict[str, Any] = {"estimates": topic, "protocol": "live"}
    preparation = preparation_for(NetworkConfig())
    _evaluate(options, steps, about, folder, reading, models, find, preparation, per_object, console)


def _evaluate(
    options: BagOptions, steps: Steps, about: dict[str, Any], folder: Path, reading: Reading, models: Models,
    find: Find, preparation: PreparationConfig, per_object: bool, console: Console,
) -> None:  # fmt: skip
    from rich.console import Console

    from hoisdf_model.data.bags.labelled_source import BagFrames, bags_in
    from hoisdf_model.evaluation import (
        EstimateErrors,
        OnlineEvaluation,
        RecordFile,
        finished_stream,
        write_results,
    )
    from hoisdf_model.evaluation.reports.bag_pictures import bag_sheet

    bags = bags_in(options.path)
    about |= {"data": options.about(bags), "given": list(options.given), "forgetful": options.forgetful}
    file = RecordFile(folder, about)
    file.restart()
    evaluation = OnlineEvaluation(EstimateErrors(models), NETWORK, file)
    source = BagFrames(bags, reading.topics, [], find)
    records: list[Record] = []
    tallies: list[BagTally] = []

    def worked() -> Iterator[int]:
        for new, moments in _through(bags, steps, evaluation, tallies):
            records.extend(new)
            source.moments += moments
            yield 1

    try:
        pace = followed(worked(), 0, _expected(bags, reading), console)
        if not records:
            raise EvaluationError(f"the ground truth of {options.path} knows no hand in any frame: nothing to compare")
    finally:
        file.abandon()  # a mended command would be refused the folder
    _print_problems(tallies, console)
    counts = {"bags": {tally.name: tally.to_json() for tally in tallies}}
    finished = finished_stream(about, records, NETWORK, evaluation.figures, _facts(tallies), counts, pace)
    print_summary(folder, finished, per_object)
    for sentence in (*finished.notes, *(f"{name}: {fact}" for name, fact in finished.facts.items())):
        Console().print(sentence, highlight=False, soft_wrap=True)
    with console.status("drawing"):
        write_results(folder, finished, bag_sheet(records, NETWORK, source, preparation, models))


def _through(bags: Mapping[str, Path], steps: Steps, evaluation: Any, tallies: list[BagTally]) -> Iterator[Any]:
    """Bag by bag; one of several that can't be evaluated is left out.

    Raises:
        BagError, EvaluationError: of the only bag, or of the first one where none can be evaluated.
    """
    from hoisdf_model.evaluation.runs.bag_reading import BagTally

    failures = []
    for number, (name, path) in enumerate(bags.items()):
        tallies.append(tally := BagTally(name))
        try:
            yield from steps(path, number, evaluation, tally, (name,) if len(bags) > 1 else ())
        except (BagError, EvaluationError) as error:
            failures.append(error)
            tally.leave_out("the whole bag", str(error))
    if len(failures) == len(bags):
        raise failures[0]


def _print_problems(tallies: Sequence[BagTally], console: Console) -> None:
    for tally in tallies:
        for problem in tally.problems:
            console.print(f"{tally.name}: {problem}", style="yellow", highlight=False, soft_wrap=True)


def _expected(bags: Mapping[str, Path], reading: Reading) -> int:
    """Frames with ground truth, as far as the bags' indices know."""
    from hoisdf_model.data.bags.reader import BagReader
    from hoisdf_model.evaluation.runs.bag_reading import truth_topic

    total = 0
    for path in bags.values():
        try:
            with BagReader(path) as bag:
                count = truth_topic(bag, reading.topics).count
        except (BagError, EvaluationError):
            continue  # said when its turn comes
        total += count if reading.frames is None else min(count, reading.frames)
    return total


def _facts(tallies: Sequence[BagTally]) -> dict[str, str]:
    recorded, computed = sum(tally.recorded for tally in tallies), sum(tally.computed for tally in tallies)
    facts = {"pace": f"{recorded:.1f} s of recording in {computed:.1f} s: {recorded / computed:.2f} times real time"}
    left_out: dict[str, int] = {}
    for tally in tallies:
        for cause, count in tally.left_out.items():
            left_out[cause] = left_out.get(cause, 0) + count
    if left_out:
        facts["left out"] = ", ".join(f"{count} x {cause}" for cause, count in sorted(left_out.items()))
    return facts
