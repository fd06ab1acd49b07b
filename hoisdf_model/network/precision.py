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

"""Number format in which a network is computed on a device."""

from __future__ import annotations

import logging
import os
import platform
from pathlib import Path

import torch

from hoisdf_model.network.config import NetworkConfig
from hoisdf_model.settings import one_of

PRECISIONS = ("auto", "float32", "bfloat16")
EMULATED = "6 to 11 times as long as float32"  # measured: compact, compact_hand and dexycb, AVX2
_LOG = logging.getLogger(__name__)
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}  # flags of x86 and of Arm (as /proc/cpuinfo names them)
# What oneDNN may be held to without losing them, by parts of the names of ONEDNN_MAX_CPU_ISA's values.
_WITH_INSTRUCTIONS = ("BF16", "FP16", "AMX", "AVX10", "ALL", "DEFAULT")


def resolve_precision(name: str, device: torch.device, config: NetworkConfig) -> str:
    """Precision of a network on a device; ``auto`` is what pays there.

    That is bfloat16 on a GPU that computes in it, and on a processor that has instructions for it where the encoder is
    a ResNet. The depthwise convolutions of the ``hand`` encoder gain nothing from it on a CPU. Where a processor lacks
    the instructions, bfloat16 is computed when asked for, with a warning that says how slow it is.

    Args:
        name: ``auto``, ``float32`` or ``bfloat16``.
        device: of the network.
        config: the network's.

    Returns:
        ``float32`` or ``bfloat16``.

    Raises:
        ConfigError: unknown precision.
    """
    one_of("precision", name, PRECISIONS)
    computes = has_bfloat16(device)
    if name == "bfloat16" and not computes:
        _LOG.warning(
            "%s has no instructions for bfloat16 (or is held to fewer): emulated, it takes %s; "
            "precision auto or float32 is faster",
            "this processor" if device.type == "cpu" else f"the device {device}",
            EMULATED if device.type == "cpu" else "longer than float32",
        )
    if name != "auto":
        return name
    pays = device.type == "cuda" or (device.type == "cpu" and config.encoder.kind == "resnet")
    return "bfloat16" if pays and computes else "float32"


def has_bfloat16(device: torch.device) -> bool:
    """Whether torch may use bfloat16 instructions of a device.

    On a processor, ``ONEDNN_MAX_CPU_ISA`` and ``ATEN_CPU_CAPABILITY`` may hold it to older ones. NVIDIA's GPUs have
    them from compute capability 8.0 on (CUDA programming guide); torch itself also counts those that emulate them.
    """
    if device.type == "cuda":
        return bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    held_to = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    if x86 and (torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "NO AVX", "AVX2")):
        return False
    return any(part in held_to for part in _WITH_INSTRUCTIONS) and bool(_INSTRUCTIONS & _processor_flags())


def _processor_flags(path: Path = Path("/proc/cpuinfo")) -> set[str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.split()}
