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

"""Network that the command was asked to evaluate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoisdf_model.commands.evaluate.options import EvaluateOptions
    from hoisdf_model.estimation import Estimator
    from hoisdf_model.hand import HandModel
    from hoisdf_model.network import Hoisdf, NetworkConfig


@dataclass(frozen=True)
class NetworkChoice:
    """Network to evaluate, and how.

    Attributes:
        weights, preset: as ``load_network`` takes them. hand_model: None: the weights' own.
        device: that it is on. precision: as ``resolve_precision`` takes it. search: of its runtime.
        objects: folder of own meshes.
    """

    weights: str
    hand_model: HandModel | None
    preset: str | None
    device: Any
    precision: str
    search: str
    objects: Path | None

    @classmethod
    def of(cls, options: EvaluateOptions, device: str) -> NetworkChoice:
        """Choice of the command's options, on a device of this name.

        Raises:
            ConfigError, HandModelError: there is no such device or hand model.
        """
        from hoisdf_model.estimation import resolve_device
        from hoisdf_model.hand import load_hand_model
        from hoisdf_model.network import shipped_weights
        from hoisdf_model.network.shipped import NAME as SHIPPED

        place = resolve_device(device)
        weights = str(shipped_weights() if options.weights in (None, SHIPPED) else options.weights)
        model = load_hand_model(options.hand_model) if options.hand_model else None
        return cls(weights, model, options.preset, place, options.precision, options.search, options.objects)

    def load(self) -> tuple[Hoisdf, NetworkConfig]:
        """Network on its device, with its configuration.

        Raises:
            CheckpointError, HandModelError: as ``load_network``.
            ConfigError: there is no such precision.
        """
        from hoisdf_model.network import load_network, resolve_precision

        network, config = load_network(self.weights, self.hand_model, self.preset, self.device)
        precision = resolve_precision(self.precision, self.device, config)
        network.runtime = replace(network.runtime, precision=precision, search=self.search)
        return network, config

    def estimator(self) -> Estimator:
        """Estimator, loaded as the perception node loads it.

        Raises:
            CheckpointError, HandModelError: as :meth:`hoisdf_model.estimation.Estimator.load`.
        """
        from hoisdf_model.estimation import Estimator
        from hoisdf_model.network import optimised
        from hoisdf_model.objects import load_catalogue

        loaded, config = self.load()
        network = optimised(loaded)
        return Estimator(
            network, config, network.hand_layer.model, self.device,
            catalogue=load_catalogue(self.objects), calibration=network.calibration,
        )  # fmt: skip
