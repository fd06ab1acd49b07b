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

"""Initial weights of a run.

Of a weights file, or of another run's checkpoint.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from torch import Tensor

from hoisdf_model.errors import CheckpointError
from hoisdf_model.network import read_weights
from hoisdf_model.network.tensor_files import load_tensors
from hoisdf_model.network.wrappers import unwrapped
from hoisdf_model.training.module import SETTING_OF

_LOG = logging.getLogger(__name__)
_NETWORK = "network."  # before the names of the network's parameters in a checkpoint


def starting_weights(path: str | Path) -> dict[str, Tensor]:
    """The network's state.

    Args:
        path: a weights file, ``shipped``, or a run's checkpoint (``.ckpt``), whose averaged weights are taken if it has
            some.

    Raises:
        CheckpointError, UnsafeFileError: there is no such file, or it is damaged or another kind of file.
    """
    if Path(path).suffix != ".ckpt":
        return read_weights(path).state
    try:
        checkpoint: dict[str, Any] = load_tensors(Path(path))
        parameters = checkpoint["state_dict"].items()
        state = unwrapped({name: value for name, value in parameters if name.startswith(_NETWORK)})
        average = checkpoint.get("callbacks", {}).get("WeightAverage")  # where older checkpoints have it
        return state | unwrapped(average["average"]) if average else state
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint at {path}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is no checkpoint of a training run: {error}") from error


def with_parts_of(own: dict[str, Tensor], weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Weights with the hand-root head and the object's view added or removed.

    As the network, whose state is ``own``, has them or not.

    Each change is logged, with the ``name`` of the weights.
    """
    for part, setting in SETTING_OF.items():
        wanted, there = ({key for key in state if key.startswith(f"{part}.")} for state in (own, weights))
        if wanted and not there:
            _LOG.warning("%s has no %s: it begins untrained", name, part)
            weights = weights | {key: own[key] for key in wanted}
        elif there and not wanted:
            _LOG.warning("%s has a %s, which is left out: %s keeps it in the network", name, part, setting)
            weights = {key: value for key, value in weights.items() if key not in there}
    return weights
