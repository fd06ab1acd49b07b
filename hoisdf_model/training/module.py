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

"""Training and validation steps for Lightning.

Everything random is a function of seed, step and process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn

from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.errors import ConfigError, TrainingError
from hoisdf_model.hand_tracking import HandEncoder
from hoisdf_model.network import (
    EfficientNetLite,
    Hoisdf,
    ImageFeatures,
    NetworkOutput,
    ResNet,
    resolve_precision,
)
from hoisdf_model.training.config import TrainingConfig
from hoisdf_model.training.curriculum import Curriculum
from hoisdf_model.training.explicit_losses import explicit_reading
from hoisdf_model.training.losses import Losses, LossSettings, Reading, loss_weights
from hoisdf_model.training.schedule import optimiser_for, rate_factor
from hoisdf_model.training.scores import SCORES, scores, wrist_scores
from hoisdf_model.training.targets import Target, input_of, target_of

ROOT_HEAD, OBJECT_VIEW = "root_head", "object_view"
# Parts that a trained network can be given, and the setting that does.
SETTING_OF = {ROOT_HEAD: "network.root={}", OBJECT_VIEW: "network.object_view={}"}


class TrainingModule(lightning.LightningModule):
    """The network with its losses.

    Args:
        network: what is trained.
        config: how.
        epoch_steps: optimiser steps in an epoch.
        rescue: where a batch that led to a number that isn't finite is put.
    """

    def __init__(self, network: Hoisdf, config: TrainingConfig, epoch_steps: int, rescue: Path) -> None:
        super().__init__()
        self.network, self.config, self.epoch_steps, self.rescue = network, config, epoch_steps, rescue
        hardware = config.hardware
        gpu = hardware.accelerator != "cpu" and torch.cuda.is_available()
        precision = resolve_precision(hardware.precision, torch.device("cuda" if gpu else "cpu"), network.config)
        network.runtime = replace(network.runtime, precision=precision, search=hardware.search)
        if hardware.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        weights = loss_weights(config.losses.preset, config.losses.weights)
        self.losses = Losses(weights, LossSettings(symmetric=config.losses.symmetric), network.config.field)
        self.curriculum = Curriculum(config.curriculum, config.seed, epoch_steps)
        if config.frozen_encoder_norms:
            for name, parameter in network.encoder.named_parameters():
                if "bn" in name:
                    parameter.requires_grad_(False)
        self._frozen = self._freeze(config.train_only) + self._frozen_encoder()
        self._batch: Sample | None = None
        self._scores: dict[str, Tensor] = {}

    def _freeze(self, trained: Sequence[str]) -> list[nn.Module]:
        parts = {name: part for name, part in self.network.named_children() if any(True for _ in part.parameters())}
        for name in trained:
            if name not in parts:
                raise ConfigError(
                    f"train_only: the configured network has no part {name!r}, it has {', '.join(parts)}"
                    + (f"; {SETTING_OF[name]} gives it one" if name in SETTING_OF else "")
                )
        return [part.requires_grad_(False) for name, part in parts.items() if trained and name not in trained]

    def _frozen_encoder(self) -> list[nn.Module]:
        settings, encoders = self.config.encoder, self._encoders()
        if settings.frozen:
            return [encoder.requires_grad_(False) for encoder in encoders]
        frozen: list[nn.Module] = []
        for encoder in encoders if settings.frozen_stages else []:
            if not isinstance(encoder, (HandEncoder, EfficientNetLite)):
                raise ConfigError("encoder.frozen_stages is for networks with encoder.kind hand: leave it at 0")
            frozen += [encoder.stem, *encoder.stages[: settings.frozen_stages]]
        return [part.requires_grad_(False) for part in frozen]

    def _encoders(self) -> list[HandEncoder | ResNet | EfficientNetLite]:
        view = self.network.object_view
        return [self.network.encoder] if view is None else [self.network.encoder, view.encoder]

    def train(self, mode: bool = True) -> TrainingModule:
        """Set the mode; frozen parts and statistics stay frozen."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        if mode and self.config.frozen_statistics:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def on_train_epoch_start(self) -> None:
        """Set the training mode.

        Lightning leaves the mode as it was found, and loaded networks are in evaluation mode.
        """
        self.train()

    def configure_optimizers(self) -> Any:
        """The optimiser, and its learning rate by step."""
        settings = self.config.optimiser
        slower = chain.from_iterable(encoder.parameters() for encoder in self._encoders())
        factor_there = self.config.encoder.learning_rate_factor
        optimiser = optimiser_for(self.network.parameters(), settings, slower, factor_there)

        def factor(step: int) -> float:
            return rate_factor(settings, step, self.epoch_steps, self.config.epochs)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def training_step(self, batch: Sample, batch_index: int) -> Tensor:
        """The total loss of a batch."""
        self._batch = batch
        step, part = self.global_step, batch_index % self.config.optimiser.accumulate
        # dropout, too, must not depend on what happened before
        seed = np.random.SeedSequence([self.config.seed, step, part, self.global_rank]).generate_state(1, np.uint64)
        torch.manual_seed(int(seed[0]))
        losses, total = self.losses_of(batch, step, part)
        if not torch.isfinite(total):
            self._stop(f"the loss is {total.item()}: " + ", ".join(f"{k} {v.item():.3g}" for k, v in losses.items()))
        self._log_losses(losses | {"total": total}, len(batch))
        self.log("start_points", float(self._starts(step, part)), batch_size=len(batch))
        return total

    def losses_of(self, batch: Sample, step: int, part: int = 0) -> tuple[dict[str, Tensor], Tensor]:
        """Unweighted losses and their weighted sum.

        As at an optimiser step; over all processes where there are several.

        Args:
            batch: samples.
            step: optimiser steps done, for the curriculum.
            part: counts the batches of one step.
        """
        if self.config.train_only == [ROOT_HEAD]:
            return self._compare_root(batch)
        if self.config.train_only == [OBJECT_VIEW]:
            return self._compare_view(batch)
        if self.curriculum.image_only(step):
            return self._compare_image(batch)
        queries = None
        if self._starts(step, part):
            queries = self.curriculum.queries(batch, step, self.network.config.field.scale, part)
        losses, total, _ = self._compare(batch, queries, joined=True)
        return losses, total

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Check the gradient before it is used."""
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if not torch.isfinite(norm):
            bad = [n for n, p in self.network.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
            self._stop(f"the gradient isn't finite in {', '.join(bad[:5])}{' and others' if len(bad) > 5 else ''}")
        self.log("gradient_norm", norm)
        self.log("learning_rate", optimizer.param_groups[0]["lr"])

    def validation_step(self, batch: Sample, batch_index: int) -> None:
        """Losses and errors as in testing: points chosen by the fields."""
        _, total, output = self._compare(batch, None, joined=False)
        self._scores["loss"] += torch.stack([total * len(batch), total.new_tensor(len(batch))])
        target = self._target(batch)
        found = scores(output, target, self.network.config.field.scale)
        if output.root is not None:
            found |= wrist_scores(output.root, target)
        for name, values in found.items():
            self._scores[name] += torch.stack([values.sum(), values.new_tensor(values.numel())])

    def on_validation_epoch_start(self) -> None:
        """Begin new means."""
        self._scores = {name: torch.zeros(2, device=self.device) for name in ("loss", *SCORES)}

    def on_validation_epoch_end(self) -> None:
        """Log mean scores over all samples of all processes.

        A score without known truth is left out.
        """
        gathered = self.all_gather(torch.stack(list(self._scores.values())))
        assert isinstance(gathered, Tensor)
        together = gathered.view(-1, len(self._scores), 2).sum(0)
        for name, (total, count) in zip(self._scores, together, strict=True):
            if count > 0:
                self.log(f"validation/{name}", total / count, prog_bar=name == "joints_mm", rank_zero_only=True)

    def _log_losses(self, losses: dict[str, Tensor], size: int) -> None:
        """Means over the processes, which are the losses of the joined batch."""
        values = self.trainer.strategy.reduce(torch.stack([value.detach() for value in losses.values()]))
        assert isinstance(values, Tensor)
        for name, value in zip(losses, values, strict=True):
            self.log(f"loss/{name}", value, prog_bar=name == "total", batch_size=size)

    def _compare(
        self, batch: Sample, queries: tuple[Tensor, Tensor] | None, joined: bool
    ) -> tuple[dict[str, Tensor], Tensor, NetworkOutput]:
        given = input_of(batch, queries)
        output: NetworkOutput = self.network(given, every_layer=True)
        assert output.features is not None
        losses = self.losses(output, self._reading(output.features, batch), self._target(batch), joined)
        if output.root is not None:
            losses |= self.losses.of_root(output.root, self._target(batch), joined)
        return losses, self.losses.total(losses), output

    def _compare_image(self, batch: Sample) -> tuple[dict[str, Tensor], Tensor]:
        """Image maps and fields alone, without the transformers."""
        with self.network.precision(batch.image.device):
            features = self.network.encode(batch.image)
        losses = self.losses.of_image(features.maps, self._reading(features, batch), self._target(batch), joined=True)
        if self.network.root_head is not None:
            losses |= self._root_losses(features, batch)
        return losses, self.losses.total(losses)

    def _compare_root(self, batch: Sample) -> tuple[dict[str, Tensor], Tensor]:
        """Wrists alone, on features that stay as they are."""
        with torch.no_grad(), self.network.precision(batch.image.device):
            features = self.network.encode(batch.image)
        losses = self._root_losses(features, batch)
        return losses, self.losses.total(losses)

    def _compare_view(self, batch: Sample) -> tuple[dict[str, Tensor], Tensor]:
        """The object's initial pose alone."""
        assert self.network.object_view is not None
        with self.network.precision(batch.image.device):
            rotation, translation = self.network.object_view(input_of(batch))
        losses = self.losses.of_view(rotation, translation, self._target(batch), joined=True)
        return losses, self.losses.total(losses)

    def _root_losses(self, features: ImageFeatures, batch: Sample) -> dict[str, Tensor]:
        with self.network.precision(batch.image.device):
            root = self.network.read_root(features, input_of(batch))
        return self.losses.of_root(root, self._target(batch), joined=True)

    def _starts(self, step: int, part: int) -> bool:
        """Whether the step takes points drawn near the surface; those of other representations aren't there either."""
        return self.network.has_fields and self.curriculum.uses_start_points(step, part)

    def _reading(self, features: ImageFeatures, batch: Sample) -> Reading:
        """What the intermediate representation says: both fields at the batch's field points, or another."""
        scale = self.network.config.field.scale
        if not self.network.has_fields:
            predicted = self.network.read_explicit(features)
            return None if predicted is None else explicit_reading(predicted, batch, self._target(batch), scale)
        points = batch.hand_field_points * scale, batch.object_field_points * scale
        return self.network.query_fields(features, *points, input_of(batch))

    def _target(self, batch: Sample) -> Target:
        return target_of(batch, self.network.hand_layer, self.network.config.field.scale)

    def _stop(self, reason: str) -> None:
        """Save the batch and end the run."""
        assert self._batch is not None
        self.rescue.mkdir(parents=True, exist_ok=True)
        path = self.rescue / f"step_{self.global_step}_process_{self.global_rank}.pt"
        batch = self._batch.to("cpu")
        torch.save({"batch": vars(batch), "network": self.network.state_dict(), "step": self.global_step}, path)
        raise TrainingError(
            f"step {self.global_step}: {reason}. The batch and the weights are in {path}; a lower learning rate or "
            "optimiser.clip often helps, bfloat16 seldom does"
        )
