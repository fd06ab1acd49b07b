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

"""Everything that wants a GPU's minutes, as one command: parity, precision, speeds of network, node, training, drawing.

    python benchmark/gpu.py                       # three minutes on a GPU
    python benchmark/gpu.py --minutes 1 --output out/gpu

Each part is a command of its own with its share of the time; one that fails or runs out of time is named and the
others go on. Output of each part, in full, and a summary go into a folder. It runs on a CPU too, to rehearse it: parts
that need CUDA then say that they were left out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

ROOT = Path(__file__).parents[1]
SHIPPED_PRESET = "compact_hand"
console = Console(width=120)


@dataclass(frozen=True)
class Part:
    """A command.

    Attributes:
        name: of its log. share: of all the time, at most.
        command: arguments of Python.
    """

    name: str
    share: float
    command: tuple[str, ...]


def parts(folder: Path) -> list[Part]:
    """In the order of their worth."""
    pytest = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    network = ("benchmark/network.py", "--rounds", "20")
    stills = ("benchmark/stills.py", "--stills", "100", "--warm", "50")
    node = ("benchmark/memory.py", "--minutes", "0.3")
    return [
        Part("parity", 0.25, (*pytest, "test/model", "-k", "cuda or device")),
        Part("network", 0.25, (*network, "--preset", SHIPPED_PRESET, "--output", str(folder / "network.json"))),
        Part("official", 0.2, (*network, "--preset", "dexycb", "--output", str(folder / "official.json"))),
        *(
            Part(f"node{rate}", 0.15, (*node, "--rate", str(rate), "--output", str(folder / f"node{rate}")))
            for rate in (30, 60)
        ),
        Part("cameras", 0.2, ("benchmark/cameras.py", "--seconds", "8", "--rounds", "1")),
        Part("training", 0.2, ("-m", "hoisdf_model.cli", "train", "shipped", "--dry-run")),
        Part("stills", 0.2, (*stills, "--json", str(folder / "stills.json"))),
    ]


def run(part: Part, folder: Path, seconds: float) -> dict[str, object]:
    """One part: how it ended, after how many seconds, and the last lines that it wrote."""
    log, start = folder / f"{part.name}.log", time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, *part.command], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
            os.killpg(process.pid, signal.SIGKILL)  # with what it has started, which would slow the next part
            process.wait()
    ended = "out of time" if code is None else "done" if code == 0 else f"failed ({code})"
    return {"ended": ended, "seconds": round(time.monotonic() - start, 1), "tail": log.read_text().splitlines()[-12:]}


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="All parts together take no longer.")] = 3.0,
    output: Annotated[Path, typer.Option(help="Folder for logs, figures and summary.json.")] = Path("out/gpu"),
) -> None:
    """Run all parts, print how each ended and write the summary."""
    import torch

    output = output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    machine = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device"
    console.print(f"{machine}, torch {torch.__version__}")
    end = time.monotonic() + minutes * 60
    found: dict[str, object] = {"machine": machine, "torch": torch.__version__}
    for part in parts(output):
        left = min(end - time.monotonic(), part.share * minutes * 60)
        if left < 1:
            found[part.name] = {"ended": "no time left"}
            console.print(f"{part.name}: no time left")
            continue
        found[part.name] = result = run(part, output, left)
        console.print(f"{part.name}: {result['ended']} after {result['seconds']} s")
        (output / "summary.json").write_text(json.dumps(found, indent=1) + "\n")
    console.print(f"logs and figures are in {output}", soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
