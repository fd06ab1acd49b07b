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

"""Fast number formats of the current machine."""

from __future__ import annotations

from pathlib import Path

import torch

_INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}  # flags of x86 and of Arm (as /proc/cpuinfo names them)


def chosen_precision(name: str, accelerator: str) -> str:
    """Precision of a run; ``auto`` depends on the hardware.

    bfloat16 where processor or GPU has instructions for it, else float32; other names as they are.

    Without such instructions bfloat16 on a processor is several times slower than float32.
    """
    if name != "auto":
        return name
    if accelerator != "cpu" and torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if _INSTRUCTIONS & _processor_flags() else "float32"


def _processor_flags(path: Path = Path("/proc/cpuinfo")) -> set[str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.split()}
