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

"""``hoisdf doctor``: checks of the installation, with remedies."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from hoisdf_model.errors import HoisdfError

Status = Literal["ok", "warn", "fail"]
ENTRY_POINTS = "hoisdf.doctor"
ROS_CHECKS = "hoisdf_ros.doctor:checks"

# module to import -> distribution, lowest version that is known to work ("" where any is)
_LIBRARIES = {
    "numpy": ("numpy", ""),
    "scipy": ("scipy", ""),
    "torch": ("torch", "2.4"),
    "roma": ("roma", ""),
    "smplx": ("smplx", ""),
    "trimesh": ("trimesh", ""),
    "omegaconf": ("omegaconf", ""),
    "safetensors": ("safetensors", ""),
    "rosbags": ("rosbags", ""),
}
# what changes how nodes find each other and what they load
_ENVIRONMENT = (
    "ROS_DISTRO", "RMW_IMPLEMENTATION", "ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_STATIC_PEERS",
    "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE", "CYCLONEDDS_URI", "ROS_HOME", "ROS_LOG_DIR",
    "CUDA_VISIBLE_DEVICES", "GOMP_SPINCOUNT", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "VIRTUAL_ENV",
)  # fmt: skip
_RENDER = "import moderngl; print(moderngl.create_context(standalone=True, backend='egl').info['GL_RENDERER'])"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        check: what was looked at.
        status: ``ok``, ``warn`` (works, but worse than it could) or ``fail`` (something won't work).
        detail: what was found and what it means.
        remedy: what to do; empty where nothing needs doing.
    """

    check: str
    status: Status
    detail: str
    remedy: str = ""

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Finding:
        """Finding from an entry point's result.

        ``check``, ``status``, ``detail`` and, optionally, ``remedy``.
        """
        status = mapping["status"]
        if status not in get_args(Status):
            raise ValueError(f"status must be one of {', '.join(get_args(Status))}, got {status!r}")
        return cls(str(mapping["check"]), status, str(mapping["detail"]), str(mapping.get("remedy", "")))


def register(app: typer.Typer) -> None:
    """Add ``hoisdf doctor``."""

    @app.command()
    def doctor(
        weights: Annotated[str | None, typer.Option(help="Weights to check; default: the shipped ones.")] = None,
        hand_model: Annotated[
            Path | None, typer.Option(help="Hand model to check (.pkl or .npz); default: the open hand.")
        ] = None,
        also: Annotated[
            list[str] | None,
            typer.Option(
                metavar="MODULE:FUNCTION",
                help=f"More checks, for a source checkout that isn't installed: --also {ROS_CHECKS}. Packages that are "
                f"installed bring theirs through the entry point group {ENTRY_POINTS}.",
            ),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
        report: Annotated[
            bool,
            typer.Option(
                help="Plain text for a bug report, with the system and the environment variables that matter; the home "
                "folder's name is left out."
            ),
        ] = False,
    ) -> None:
        """Check versions, GPU, hand model, weights, rendering and, where installed, ROS; exit 1 if anything fails."""
        findings = [*model_findings(weights, hand_model), *registered_findings(also or [])]
        failed = any(finding.status == "fail" for finding in findings)
        if report:
            typer.echo(_report(findings))
        elif as_json:
            typer.echo(json.dumps({"ok": not failed, "findings": [asdict(f) for f in findings]}, indent=2))
        else:
            width = max(len(finding.check) for finding in findings)
            for finding in findings:
                _show(finding, width)
        raise typer.Exit(1 if failed else 0)


def model_findings(weights: str | None = None, hand_model: Path | None = None) -> list[Finding]:
    """The checks that need no ROS."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("python", _python),
        *((name, lambda name=name: _library(name)) for name in _LIBRARIES),  # type: ignore[misc]
        ("opencv", _opencv),
        ("device", _device),
        ("hand model", lambda: _hand_model(hand_model)),
        ("weights", lambda: _weights(weights, hand_model)),
        ("rendering", _rendering),
    ]
    return [_guarded(name, check) for name, check in checks]


def registered_findings(also: Iterable[str]) -> list[Finding]:
    """The checks of other packages.

    Each is a function without arguments that returns mappings with the keys of :class:`Finding`. They are found through
    the entry point group ``hoisdf.doctor`` or named as ``module:function``.
    """
    named = {
        **{entry.value: entry.load for entry in metadata.entry_points(group=ENTRY_POINTS)},
        **{name: lambda name=name: _resolve(name) for name in also},  # type: ignore[misc]
    }
    if not named:
        remedy = f"in a source checkout: hoisdf doctor --also {ROS_CHECKS}; else install the package"
        return [Finding("ros", "warn", "no ROS checks are registered: nothing is known about ROS", remedy)]
    findings: list[Finding] = []
    for name, load in named.items():
        try:
            findings += [Finding.from_mapping(mapping) for mapping in load()()]
        except Exception as error:  # whatever the plug-in does, the report goes on and says so
            findings.append(
                Finding(name, "fail", f"these checks can't run: {_said(error)}", "source ROS and the workspace first")
            )
    return findings


def _resolve(name: str) -> Callable[[], Iterable[Mapping[str, Any]]]:
    module, _, function = name.partition(":")
    found: Callable[[], Iterable[Mapping[str, Any]]] = getattr(importlib.import_module(module), function)
    return found


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # a broken library can raise anything; that is a finding and no reason to stop
        return Finding(name, "fail", _said(error), "reinstall the package's dependencies (scripts/setup)")


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _library(name: str) -> Finding:
    distribution, lowest = _LIBRARIES[name]
    try:
        importlib.import_module(name)
        version = metadata.version(distribution)
    except ImportError as error:
        return Finding(name, "fail", _said(error), f"pip install {distribution}")
    if lowest and _numbers(version) < _numbers(lowest):
        return Finding(name, "fail", f"{version} is too old", f"pip install '{distribution}>={lowest}'")
    return Finding(name, "ok", version)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split("+")[0].split(".")[:2]
    return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in parts)


def _opencv() -> Finding:
    import cv2
    import numpy as np

    # an OpenCV built for NumPy 1 imports under NumPy 2 in some combinations and fails at the first array
    cv2.resize(np.zeros((4, 4, 3), np.uint8), (2, 2))
    return Finding("opencv", "ok", f"{cv2.__version__} at {Path(cv2.__file__).parent}")


def _device() -> Finding:
    import torch

    from hoisdf_model.network import EMULATED, has_bfloat16

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        half = "bfloat16" if has_bfloat16(torch.device("cuda", 0)) else "no bfloat16 instructions"
        memory = properties.total_memory / 2**30
        return Finding("device", "ok", f"{properties.name}, {memory:.0f} GiB, CUDA {torch.version.cuda}, {half}")
    on_cpu = has_bfloat16(torch.device("cpu"))
    half = "with bfloat16 instructions" if on_cpu else f"no bfloat16 instructions (it would take {EMULATED})"
    threads = f"CPU, {torch.get_num_threads()} threads of {os.cpu_count()} cores, {half}"
    if torch.version.cuda:
        remedy = "install or repair the NVIDIA driver (nvidia-smi should list the GPU)"
        return Finding("device", "warn", f"{threads}; torch is built for CUDA but finds no GPU", remedy)
    remedy = "for a live camera, use a machine with an NVIDIA GPU and a CUDA build of torch"
    return Finding("device", "warn", f"{threads}; torch has no CUDA, so a frame takes a good part of a second", remedy)


def _hand_model(path: Path | None) -> Finding:
    from hoisdf_model.hand import load_hand_model

    try:
        model = load_hand_model(path)
    except HoisdfError as error:
        remedy = "give MANO_RIGHT.pkl or an .npz of hoisdf hand-model convert" if path else "reinstall the package"
        return Finding("hand model", "fail", str(error), remedy)
    return Finding("hand model", "ok", f"{model.name} ({model.side}), hash {model.hash}")


def _weights(weights: str | None, hand_model: Path | None) -> Finding:
    from hoisdf_model.estimation import Estimator

    try:
        estimator = Estimator.load(weights, hand_model)
    except HoisdfError as error:
        remedy = "give --weights, a converted official snapshot for instance (hoisdf convert)"
        return Finding("weights", "fail" if weights else "warn", str(error), remedy)
    trained = "not trained: for trying out only" if (weights or "").startswith("untrained:") else ""
    detail = f"{weights or 'shipped'}: a {estimator.config.name} network for the hand {estimator.hand_model.name}"
    return Finding("weights", "warn" if trained else "ok", f"{detail}; {trained}" if trained else detail)


def _rendering() -> Finding:
    # in a process of its own: a broken graphics driver kills the process it is loaded into
    run = subprocess.run([sys.executable, "-c", _RENDER], capture_output=True, text=True, timeout=60, check=False)
    if run.returncode == 0:
        return Finding("rendering", "ok", f"EGL on {run.stdout.strip()}")
    reason = (run.stderr.strip().splitlines() or [f"the driver ended the process ({run.returncode})"])[-1]
    remedy = "apt install libegl1 libgl1 libgl1-mesa-dri, pip install moderngl"
    return Finding("rendering", "warn", f"no EGL, so no synthetic scenes ({reason}); estimation works", remedy)


def _report(findings: Iterable[Finding]) -> str:
    """Everything that a maintainer asks for, without the user's name."""
    try:
        version = metadata.version("hoisdf")
    except metadata.PackageNotFoundError:
        version = "not installed, a checkout"
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "") if Path("/etc/os-release").exists() else ""
    lines = [
        f"hoisdf     {version}",
        f"system     {system or platform.system()}, {platform.release()}, {platform.machine()}",
    ]
    lines += [f"{name}={os.environ[name]}" for name in _ENVIRONMENT if name in os.environ]
    for finding in findings:
        lines.append(f"{finding.status:<5}{finding.check:<15} {finding.detail}")
        if finding.remedy:
            lines.append(f"{'':<20} -> {finding.remedy}")
    home = os.path.expanduser("~")  # stays so where nobody knows it
    return "\n".join(lines if home in "~/" else [line.replace(home, "~") for line in lines])


def _show(finding: Finding, width: int) -> None:
    colours = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}
    typer.secho(f"{finding.status:<5}", fg=colours[finding.status], nl=False)
    typer.echo(f"{finding.check:<{width}} {finding.detail}")
    if finding.remedy:
        typer.echo(f"{'':<{width + 6}}-> {finding.remedy}")
