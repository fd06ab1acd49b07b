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

"""One rule says what number format a network is computed in."""

import json
import logging
import os
import platform
import subprocess
import sys

import pytest
import torch

from hoisdf_model.errors import ConfigError
from hoisdf_model.network import has_bfloat16, load_preset, resolve_precision

CPU = torch.device("cpu")
# In a process of its own: torch looks at the processor once.
LOOK = """
import json, logging, sys
logging.basicConfig(stream=sys.stderr)
import torch
from hoisdf_model.commands.doctor import _device
from hoisdf_model.network import has_bfloat16, load_preset, resolve_precision
cpu = torch.device("cpu")
chosen = {p: resolve_precision("auto", cpu, load_preset(p)) for p in ("compact", "compact_hand", "dexycb")}
explicit = resolve_precision("bfloat16", cpu, load_preset("compact"))
print(json.dumps([has_bfloat16(cpu), chosen, explicit, _device().detail]))
"""


def held_to(**environment: str) -> tuple[list, str]:
    run = subprocess.run(
        [sys.executable, "-c", LOOK], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout.splitlines()[-1]), run.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="AVX2 is an x86's")
@pytest.mark.parametrize("limits", [{"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}])
def test_a_processor_held_to_older_instructions_computes_in_float32_and_warns_of_bfloat16(limits: dict[str, str]):
    (instructions, chosen, explicit, doctor), log = held_to(**limits)
    assert not instructions
    assert set(chosen.values()) == {"float32"}
    assert explicit == "bfloat16"  # as was asked for
    assert "6 to 11 times as long as float32" in log
    assert "no bfloat16 instructions (it would take 6 to 11 times" in doctor


def test_bfloat16_is_chosen_where_the_processor_has_it_and_the_encoder_gains_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("hoisdf_model.network.precision.has_bfloat16", lambda device: True)
    chosen = {name: resolve_precision("auto", CPU, load_preset(name)) for name in ("compact", "compact_hand")}
    assert chosen == {"compact": "bfloat16", "compact_hand": "float32"}
    with caplog.at_level(logging.WARNING):
        assert resolve_precision("bfloat16", CPU, load_preset("compact_hand")) == "bfloat16"
    assert not caplog.records


@pytest.mark.parametrize(
    ("limit", "found"), [("", True), ("AVX512_CORE", False), ("AVX512_CORE_BF16", True), ("AVX2", False)]
)
def test_onednns_limit_decides_where_the_processor_has_the_instructions(
    monkeypatch: pytest.MonkeyPatch, limit: str, found: bool
):
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr("hoisdf_model.network.precision._processor_flags", lambda: {"avx512f", "avx512_bf16"})
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit or "ALL")
    assert has_bfloat16(CPU) == found


@pytest.mark.parametrize(("capability", "chosen"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_a_gpu_that_emulates_bfloat16_computes_in_float32(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capability: tuple[int, int], chosen: str
):
    second = torch.device("cuda", 1)
    asked: list[torch.device] = []
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: asked.append(device) or capability)
    assert resolve_precision("auto", second, load_preset("compact_hand")) == chosen
    with caplog.at_level(logging.WARNING):
        resolve_precision("bfloat16", second, load_preset("compact_hand"))
    assert bool(caplog.records) == (chosen == "float32")
    assert set(asked) == {second}


def test_unknown_precisions_are_refused():
    with pytest.raises(ConfigError, match="int3"):
        resolve_precision("int3", CPU, load_preset("compact"))
