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

"""Metrics of ``hoisdf evaluate`` beside the errors of poses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hoisdf_model.commands.evaluate.contenders import NETWORK, TRUTH
from hoisdf_model.errors import ConfigError

if TYPE_CHECKING:
    from hoisdf_model.data.labelled_frames import FrameSource
    from hoisdf_model.data.samples.preparation import PreparationConfig
    from hoisdf_model.evaluation import Contender, FieldQuality, Models, Record
    from hoisdf_model.evaluation.runs.crop_pictures import Pixels
    from hoisdf_model.evaluation.runs.extra_metrics import BatchMetric
    from hoisdf_model.hand import HandLayer
    from hoisdf_model.network import Hoisdf

DRAWN = 4  # frames whose fields are drawn
RANKED_BY = ("hand field F@5", "object field F@5")


@dataclass(frozen=True)
class MetricOptions:
    """Choice of metrics beside the errors of poses.

    ``interaction`` of hand and object, sampled ``points``, ``fields`` of the first frames.
    """

    interaction: bool
    points: bool
    fields: int

    def about(self) -> dict[str, Any]:
        """Description for records: an evaluation resumes with the same only."""
        wanted = {"interaction": self.interaction, "points": self.points, "fields": self.fields}
        return {name: value for name, value in wanted.items() if value}

    def quality(self, network: Hoisdf, models: Models, hand: HandLayer, device: Any) -> FieldQuality | None:
        """Metric of the distance fields; None where it isn't wanted.

        Raises:
            ConfigError: the network has no fields.
        """
        from hoisdf_model.evaluation import FieldQuality
        from hoisdf_model.network import optimised

        if not self.fields:
            return None
        if network.explicit is not None:
            instead = network.config.representation
            raise ConfigError(f"--fields is for networks with distance fields, this one has {instead} in their place")
        return FieldQuality(optimised(network), models, hand, self.fields, device)

    def added(
        self, contenders: Mapping[str, Contender], models: Models, hand: HandLayer, quality: FieldQuality | None
    ) -> dict[str, Contender]:
        """Contenders with these metrics.

        Beside the network stands the ground truth where its figures aren't 0 either.
        """
        from hoisdf_model.evaluation import Contender, Interaction, KnownTruth, SampledPoints

        result = dict(contenders)
        metrics: list[BatchMetric] = []
        if self.interaction:
            metrics.append(interaction := Interaction(models, hand.model))
            result[TRUTH] = Contender(KnownTruth(hand), extra_metrics=(interaction,), compared=False)
        if self.points:
            metrics.append(SampledPoints(hand))
        if quality is not None:
            metrics.append(quality)
        result[NETWORK] = replace(result[NETWORK], extra_metrics=tuple(metrics))
        return result


def fields_sheet(
    quality: FieldQuality, records: list[Record], source: FrameSource, preparation: PreparationConfig
) -> Pixels | None:  # fmt: skip
    """Picture of frames from the best fields to the worst.

    Evenly spaced in rank; None where no frame has figures of fields.
    """
    import numpy as np

    def score(record: Record) -> float:
        errors = record.results[NETWORK].errors
        return float(np.mean([errors[metric] for metric in RANKED_BY if metric in errors]))

    judged = [r for r in records if any(metric in r.results[NETWORK].errors for metric in RANKED_BY)]
    order = sorted(judged, key=score, reverse=True)
    if not order:
        return None
    picked = np.unique(np.linspace(0, len(order) - 1, DRAWN).round().astype(int))
    return quality.sheet([order[k] for k in picked], source, preparation)
