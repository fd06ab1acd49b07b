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

"""Evaluated network and its baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hoisdf_model.evaluation import Contender, Models
    from hoisdf_model.network import Hoisdf

NETWORK, UNTRAINED, MEAN, INFORMED, TRUTH = "network", "untrained", "mean pose", "informed mean", "truth"


def contenders_of(
    network: Hoisdf, device: Any, protocol: str, untrained: int, mean_pose: Path | None, models: Models
) -> Mapping[str, Contender]:
    """Network and baselines, by name.

    Args:
        network: what is evaluated.
        device: where it is.
        protocol: paper or live.
        untrained: how many frames are also given to a network with initial weights.
        mean_pose: file of the means; None: the shipped ones.
        models: objects by name.
    """
    from hoisdf_model.estimation import Estimator
    from hoisdf_model.evaluation import (
        Contender,
        LiveProtocol,
        MeanHandAndObject,
        PaperProtocol,
        read_mean_pose,
        untrained_like,
    )
    from hoisdf_model.network import optimised

    def method(taken: Hoisdf) -> Any:
        fast = optimised(taken)
        if protocol == "paper":
            return PaperProtocol(fast, device, taken.config.field.scale)
        estimator = Estimator(fast, taken.config, taken.hand_layer.model, device, calibration=taken.calibration)

        def estimate(frame: Any) -> Any:
            estimator.reset()
            return estimator(frame)

        return LiveProtocol(estimate)

    means = read_mean_pose(mean_pose)
    result = {NETWORK: Contender(method(network), kept=True)}
    result[MEAN] = Contender(MeanHandAndObject(means, models))
    result[INFORMED] = Contender(MeanHandAndObject(means, models, informed=True))
    if untrained:
        result[UNTRAINED] = Contender(method(untrained_like(network).to(device)), untrained)
    return result
