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

"""Options of ``hoisdf evaluate`` for bags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoisdf_model.errors import ConfigError

if TYPE_CHECKING:
    from hoisdf_model.evaluation.runs.bag_reading import Reading

ROLES = ("image", "camera_info", "depth", "regions", "truth")
GIVEN = ("regions", "depth")


@dataclass(frozen=True)
class BagOptions:
    """Options for bags."""

    path: Path
    given: tuple[str, ...]
    estimates: str | None
    topics: Mapping[str, str]
    rectified: bool
    forgetful: bool
    slop: float = 0.0

    def reading(self, frames: int | None) -> Reading:
        """Reading options of the bags."""
        from hoisdf_model.data.bags.labelled_source import BagTopics
        from hoisdf_model.evaluation.runs.bag_reading import Reading

        return Reading(BagTopics(dict(self.topics), self.rectified, self.slop), self.given, frames, self.forgetful)

    def about(self, bags: Mapping[str, Path]) -> dict[str, Any]:
        """Description of the data, for records and reports."""
        from hoisdf_model.data.bags.labelled_source import is_synthetic

        root = self.path.resolve()
        about: dict[str, Any] = {"folder": str(root.with_suffix("") if root.is_file() else root), "bags": len(bags)}
        about |= {f"topic {role}": topic for role, topic in self.topics.items()}
        about |= {"rectified": True} if self.rectified else {}
        about |= {"slop": self.slop} if self.slop else {}
        return about | ({"synthetic": True} if all(is_synthetic(path) for path in bags.values()) else {})

    @property
    def label(self) -> str:
        """Short name, for folders."""
        topic = [self.estimates.strip("/").replace("/", "_")] if self.estimates else []
        return "_".join((self.path.resolve().stem, *topic, *self.given, *(["forgetful"] if self.forgetful else [])))


def bag_options(
    bag: Path | None, given: str, estimates: str | None, topics: Sequence[str], rectified: bool, forgetful: bool,
    protocol: str, foreign: Mapping[str, bool], slop: float = 0.0,
) -> BagOptions | None:  # fmt: skip
    """Checked options for bags; None without ``--bag``.

    Args:
        bag, given, estimates, topics, rectified, forgetful, slop: as given.
        protocol: paper or live.
        foreign: options that are of other data -> whether they were given.

    Raises:
        ConfigError: they don't go together, or there is no such role.
    """
    own = {"--given": given, "--estimates": estimates, "--topic": topics, "--rectified": rectified,
           "--forget": forgetful, "--slop": slop}  # fmt: skip
    if bag is None:
        for option, value in own.items():
            if value:
                raise ConfigError(f"{option} is for bags: give one with --bag")
        return None
    for option, was_given in foreign.items():
        if was_given:
            raise ConfigError(f"{option} doesn't go together with --bag")
    known = tuple(part.strip() for part in given.split(",") if part.strip())
    for part in known:
        if part not in GIVEN:
            raise ConfigError(f"--given takes {' and '.join(GIVEN)}, separated by a comma, got {part!r}")
    named = dict(_role(topic) for topic in topics)
    if protocol == "paper" and estimates is None and (known or forgetful):
        option = "--given" if known else "--forget"
        raise ConfigError(f"{option} is for --protocol live: under paper wrist, boxes and class are the true ones")
    if estimates is not None and (known or forgetful):
        raise ConfigError("--given and --forget are for networks that are run, --estimates compares what was recorded")
    return BagOptions(bag, known, estimates, named, rectified, forgetful, slop)


def _role(text: str) -> tuple[str, str]:
    role, found, topic = text.partition("=")
    if not found or role not in ROLES:
        raise ConfigError(f"--topic takes ROLE=TOPIC with a role of {', '.join(ROLES)}, got {text!r}")
    return role, topic
