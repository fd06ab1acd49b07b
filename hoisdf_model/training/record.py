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

"""Record of a run: configuration, command, code, versions, machine.

In the run's folder.
"""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
import yaml

from hoisdf_model.errors import UNREADABLE, TrainingError
from hoisdf_model.network import Hoisdf
from hoisdf_model.training.config import TrainingConfig, to_yaml

CONFIG, RECORD, CHANGES = "config.yaml", "record.yaml", "uncommitted.patch"
_PACKAGES = ("torch", "lightning", "numpy", "scipy", "libigl", "smplx", "roma", "moderngl", "opencv-python-headless")


def write_record(folder: Path, config: TrainingConfig, network: Hoisdf) -> None:
    """Write ``config.yaml``, ``record.yaml`` and the code's uncommitted changes.

    A run that goes on adds to the record; what was there stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(to_yaml(config))
    earlier = _stored(folder / RECORD, list) if (folder / RECORD).exists() else []
    git, hand_model = _git_state(folder), network.hand_layer.model
    entry: dict[str, Any] = {
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": " ".join(sys.argv),
        "network_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "hand_model": {"name": hand_model.name, "hash": hand_model.hash},
        "git": git,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] or [platform.processor()],
    }
    (folder / RECORD).write_text(yaml.safe_dump([*earlier, entry], sort_keys=False))


def changed_keys(folder: Path, config: TrainingConfig) -> list[str]:
    """Changed configuration keys, as ``key: before -> now``.

    Compared with the run's own ``config.yaml``.

    A folder without one has none.
    """
    path = folder / CONFIG
    if not path.is_file():
        return []
    before, now = (dict(_leaves(values)) for values in (_stored(path, dict), yaml.safe_load(to_yaml(config))))
    return [
        f"{key}: {before.get(key)} -> {now.get(key)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]


def _stored(path: Path, kind: type[Any]) -> Any:
    try:
        content = yaml.safe_load(path.read_text())
    except UNREADABLE as error:
        raise TrainingError(f"{path} can't be read: {error}; mend it, or give another folder") from error
    if not isinstance(content, kind):
        raise TrainingError(f"{path} isn't what a run wrote: a {kind.__name__} is wanted; give another folder")
    return content


def _leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, values


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _git_state(folder: Path) -> dict[str, Any]:
    """Commit of the code that runs, and whether it was changed; the changes go into the folder."""
    code = Path(__file__).parent
    commit = _git(code, "rev-parse", "HEAD")
    if commit is None:
        return {"commit": None, "changed": None}
    changes = _git(code, "diff", "HEAD", "--", ".") or ""
    if changes:
        (folder / CHANGES).write_text(changes)
    return {"commit": commit.strip(), "changed": bool(changes)}


def _git(where: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(where), *arguments], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
