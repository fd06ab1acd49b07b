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

"""Loaders of training and validation batches."""

from __future__ import annotations

from typing import Any

import cv2
import lightning
import torch
from torch.utils.data import DataLoader

from hoisdf_model.data.samples.sample import Sample, collate
from hoisdf_model.training.config import DataConfig
from hoisdf_model.training.stream import Batches, SampleStream, Slices


def _alone(worker: int) -> None:
    """There is a worker for every core already."""
    cv2.setNumThreads(0)


class _ResumableLoader(DataLoader[Sample]):
    """Lightning asks loaders for their state; ours have none, their position follows from the steps done."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to take over."""


class TrainingData(lightning.LightningDataModule):
    """Batches of a sample stream, reproducible across processes and interruptions.

    Args:
        config: sizes.
        accumulate: batches of one optimiser step.
        training, validation: streams.
    """

    def __init__(self, config: DataConfig, accumulate: int, training: SampleStream, validation: SampleStream) -> None:
        super().__init__()
        self.config, self.accumulate, self.training, self.validation = config, accumulate, training, validation
        steps = config.epoch_samples // (config.batch_size * accumulate)
        self.epoch_batches = steps * accumulate

    @property
    def epoch_steps(self) -> int:
        """Optimiser steps in an epoch."""
        return self.epoch_batches // self.accumulate

    def train_dataloader(self) -> DataLoader[Sample]:
        """Loader of the remaining epoch, in order."""
        trainer = self.trainer
        assert trainer is not None
        batches = Batches(
            self.config.batch_size,
            self.epoch_batches,
            lambda: trainer.global_step * self.accumulate,
            trainer.global_rank,
            trainer.world_size,
        )
        return self._loader(self.training, batches)

    def val_dataloader(self) -> DataLoader[Sample]:
        """The validation samples, each once."""
        trainer = self.trainer
        assert trainer is not None
        share = max(self.config.batch_size // trainer.world_size, 1)
        slices = Slices(self.config.validation_samples, share, trainer.global_rank, trainer.world_size)
        return self._loader(self.validation, slices)

    def transfer_batch_to_device(self, batch: Sample, device: torch.device, dataloader_idx: int) -> Sample:
        """Lightning doesn't know our sample."""
        return batch.to(device, non_blocking=True)

    def _loader(self, stream: SampleStream, batches: Batches | Slices) -> DataLoader[Sample]:
        workers = self.config.workers
        return _ResumableLoader(
            stream,
            batch_sampler=batches,
            collate_fn=collate,
            num_workers=workers,
            # sources may draw, and neither OpenGL nor CUDA survives a fork
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
            worker_init_fn=_alone,
            pin_memory=self.trainer is not None and self.trainer.strategy.root_device.type == "cuda",
        )
