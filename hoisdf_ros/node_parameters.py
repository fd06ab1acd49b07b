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

"""Parameters shared by several nodes."""

from __future__ import annotations

from dataclasses import dataclass

from hoisdf_model.errors import ConfigError
from hoisdf_ros.parameters import parameter


def check_relative(name: str, frame: str) -> None:
    """Check that a TF frame has no leading slash.

    Raises:
        ConfigError: this one has; names the parameter.
    """
    if frame.startswith("/"):
        raise ConfigError(f"parameter {name} must not start with '/', got {frame!r}")


@dataclass(frozen=True)
class DiagnosticParameters:
    """Parameters of the published diagnostics."""

    period: float = parameter(
        1.0, "Period of messages on /diagnostics, seconds.", change="never", minimum=0.1, maximum=60.0
    )
    timeout: float = parameter(
        3.0, "Time without input before a warning, and duration for which an error is shown, seconds.",
        change="any time", minimum=0.5, maximum=600.0,
    )  # fmt: skip


@dataclass(frozen=True)
class SyncParameters:
    """Parameters of message synchronization by stamp."""

    policy: str = parameter(
        "exact",
        "Synchronization policy: stamps of an image and its partners are equal, or differ by at most sync.slop.",
        choices=("exact", "approximate"),
    )  # fmt: skip
    slop: float = parameter(
        0.01, "Maximum stamp difference with the approximate policy, seconds.", minimum=0.0, maximum=1.0
    )
    queue_size: int = parameter(
        10, "Queue size per topic of messages that wait for their partners.", minimum=1, maximum=200
    )
    jump_back: float = parameter(
        0.1, "An image older than the previous one by this, seconds, is a jump back in time and resets tracking.",
        minimum=0.0, maximum=3600.0,
    )  # fmt: skip

    @property
    def allowed_difference(self) -> int:
        """Largest difference of stamps in nanoseconds; 0 with the exact policy."""
        return int(self.slop * 1e9) if self.policy == "approximate" else 0
