"""Parameters that several nodes have."""

from __future__ import annotations

from dataclasses import dataclass

from hoisdf_model.errors import ConfigError
from hoisdf_ros.parameters import parameter


def check_relative(name: str, frame: str) -> None:
    """TF's frames have no leading slash.

    Raises:
        ConfigError: this one has; names the parameter.
    """
    if frame.startswith("/"):
        raise ConfigError(f"parameter {name} must not start with '/', got {frame!r}")


@dataclass(frozen=True)
class DiagnosticParameters:
    """How the node reports on itself."""

    period: float = parameter(
        1.0, "Seconds between two messages on /diagnostics.", change="never", minimum=0.1, maximum=60.0
    )
    timeout: float = parameter(
        3.0, "Nothing coming in for so long is a warning, and an error is shown for so long. Seconds.",
        change="any time", minimum=0.5, maximum=600.0,
    )  # fmt: skip
