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

"""Parameter name prefixes of network wrappers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

# who puts it there; also in the middle of a name, where only a part of the network was wrapped
_WITHIN = {
    "_orig_mod.": "torch.compile",
    "_fsdp_wrapped_module.": "FSDP",
    "_checkpoint_wrapped_module.": "activation checkpointing",
}
_BEFORE = {"module.": "DataParallel or DDP", "network.": "a LightningModule", "model.": "a LightningModule"} | _WITHIN


def unwrapped(state: Mapping[Any, Tensor]) -> dict[str, Tensor]:
    """State dict without its wrappers' prefixes.

    Those of ``torch.compile``, and a prefix of **every** name.

    A network's names never begin alike all of them, so what they share was put there by something that holds it.
    """
    names = [_without(str(name)) for name in state]
    while len(names) > 1 and len({name.partition(".")[0] for name in names}) == 1 and all("." in n for n in names):
        names = [name.partition(".")[2] for name in names]
    if len(set(names)) < len(state):  # two became one: it was no wrapper's
        return {str(name): tensor for name, tensor in state.items()}
    return dict(zip(names, state.values(), strict=True))


def left_over(found: Collection[str], expected: Collection[str]) -> str:
    """Description of a leftover prefix and its origin, else empty."""
    counts: Counter[str] = Counter()
    for name in found:
        prefix, _, rest = name.partition(".")
        while rest and name not in expected:
            if rest in expected:
                counts[f"{prefix}."] += 1
                break
            more, _, rest = rest.partition(".")
            prefix = f"{prefix}.{more}"
    if not counts:
        return ""
    prefix, count = counts.most_common(1)[0]
    maker = _BEFORE.get(f"{prefix.split('.')[0]}.")
    by = f" (of {maker})" if maker else ""
    return (
        f"{count} of {len(found)} names have the prefix {prefix!r}{by} and would fit without it; it is taken off where "
        "all names have it"
    )


def _without(name: str) -> str:
    for wrapper in _WITHIN:
        name = name.replace(wrapper, "")
    return name
