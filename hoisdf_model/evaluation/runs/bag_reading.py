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

"""Reading of a bag that is evaluated, with an account of losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hoisdf_model.data.bags.frame_assembly import BagFrame
from hoisdf_model.data.bags.labelled_source import ROLES, BagTopics
from hoisdf_model.data.bags.reader import BagProblem, BagReader, Topic
from hoisdf_model.data.bags.recorded_estimates import HAND_OBJECT, estimates_of
from hoisdf_model.errors import BagError, CameraError, EvaluationError
from hoisdf_model.evaluation.runs.records import exact_seconds

GIVEN = ("regions", "depth")
SHOWN = 3  # problems of a bag that are kept one by one

Item = TypeVar("Item")


@dataclass(frozen=True)
class Reading:
    """Reading options of a bag.

    Attributes:
        topics: which topics play which role.
        given: what the estimator is given beside image and camera, of ``GIVEN``.
        frames: the first so many frames with ground truth of each bag; None: all.
        forgetful: whether the estimator forgets after each frame.
    """

    topics: BagTopics = field(default_factory=BagTopics)
    given: tuple[str, ...] = ()
    frames: int | None = None
    forgetful: bool = False


@dataclass
class BagTally:
    """Counts of compared and lost frames of one bag.

    Attributes:
        name: the bag's.
        compared: frames with estimate and truth.
        left_out: by cause, frames and messages that weren't. problems: of them the first few, in words.
        recorded: seconds of the recording that were gone through. computed: seconds that it took.
    """

    name: str
    compared: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    recorded: float = 0.0
    computed: float = 0.0

    def leave_out(self, cause: str, problem: str = "", count: int = 1) -> None:
        """Count losses, and keep the text of the first few."""
        if count:
            self.left_out[cause] += count
        if problem and len(self.problems) < SHOWN:
            self.problems.append(problem)

    def to_json(self) -> dict[str, Any]:
        """Content for JSON, without the times, which vary between runs."""
        return {"compared": self.compared, "left_out": dict(self.left_out), "problems": self.problems}


def frames_of(bag: BagReader, topics: BagTopics, given: Sequence[str], tally: BagTally) -> Iterator[BagFrame]:
    """Frames of a bag with the given inputs.

    What can't be read is counted in ``tally``.

    Raises:
        BagError: a topic is missing or ambiguous, or the bag is damaged before anything was compared.
    """
    names = dict(topics.names) | {role: "" for role in GIVEN if role not in given}
    roles = bag.roles(*map(names.get, ROLES))
    for role in given:
        if role not in roles:
            raise BagError(f"{bag.path} has no topic for {role}, which are to be given to the estimator")
    role_of = {topic: role for role, topic in roles.items()}
    yield from until_damage(replace(topics, names=names).frames(bag, problem_counter(tally, role_of)), tally)


def truth_topic(bag: BagReader, topics: BagTopics) -> Topic:
    """The topic of the ground truth.

    Raises:
        BagError: the topic that was named isn't there.
        EvaluationError: there is none, or several might be meant.
    """
    named = topics.names.get("truth")
    found = [bag.topic(named)] if named else [
        topic for topic in bag.topics_of_type(HAND_OBJECT) if topic.name.endswith("ground_truth")
    ]  # fmt: skip
    if len(found) == 1 and found[0].count:
        return found[0]
    there = ", ".join(f"{topic.name} ({topic.type})" for topic in bag.topics.values()) or "no topics"
    if not found:
        reason = f"needs a topic of the type {HAND_OBJECT} whose name ends in ground_truth, or is given as truth"
        raise EvaluationError(f"{bag.path} has no ground truth: {reason}; it has {there}")
    names = ", ".join(topic.name for topic in found)
    if len(found) > 1:
        raise EvaluationError(f"{bag.path} has several topics with ground truth, say which: {names}")
    raise EvaluationError(f"{bag.path} has no ground truth: topic {names} has no messages")


def nothing_compared(bag: BagReader, truth: Topic, first: int | None, tally: BagTally) -> EvaluationError:
    """Error for a bag of which no frame could be compared.

    ``first`` is the stamp of the first image or estimate that was read, nanoseconds.
    """
    if first is None:
        reason = tally.problems[0] if tally.problems else "there are no images or estimates"
        return EvaluationError(f"nothing of {bag.path} can be used: {reason}")
    others = [f"{count} x {cause}" for cause, count in tally.left_out.items() if count and "truth" not in cause]
    if others:
        example = "".join(f"; {problem}" for problem in tally.problems[:1])
        return EvaluationError(f"no frame of {bag.path} could be compared: {', '.join(others)}{example}")
    known = next((item.stamp for item in estimates_of(bag, [truth.name], lambda problem: None)), None)
    return EvaluationError(
        f"no stamp of {bag.path} has both an image or estimate and ground truth: the first one is of "
        f"{exact_seconds(first)} s, the first message of {truth.name} of {exact_seconds(known)} s: "
        "stamps must be equal"
    )


def until_damage(items: Iterator[Item], tally: BagTally) -> Iterator[Item]:
    """Items up to the place where the bag is damaged.

    Where nothing was compared by then, the error is raised.
    """
    try:
        yield from items
    except BagError as error:
        if not tally.compared:
            raise
        tally.leave_out("the rest of a damaged bag", str(error))


def problem_counter(tally: BagTally, role_of: Mapping[str, str]) -> Callable[[BagProblem], None]:
    """Callback for a reader's ``on_problem``.

    Counts under the role (topic -> role) of the message.
    """

    def count(problem: BagProblem) -> None:
        role = role_of.get(problem.topic, problem.topic)
        cause = f"unreadable {role}"
        if problem.unused:
            cause = f"unused {role}"
        elif isinstance(problem.error, CameraError):
            cause = "unusable camera_info"
        elif isinstance(problem.error, BagError) and role == "image":
            cause = "no camera_info"
        tally.leave_out(cause, str(problem))

    return count
