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

"""A training run: from a configuration and a folder to weights."""

from __future__ import annotations

import logging
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger

from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.data.samples.preparation import PreparationConfig
from hoisdf_model.data.samples.sample import Sample, collate
from hoisdf_model.errors import ConfigError, HoisdfError, TrainingError, as_raised
from hoisdf_model.evaluation import TrackedFrames
from hoisdf_model.hand import HandLayer, HandModel, load_hand_model
from hoisdf_model.hand_tracking import HandEncoder, load_hand_encoder
from hoisdf_model.network import Hoisdf, NetworkConfig, ResNet, save_network
from hoisdf_model.training.average import MovingAverage
from hoisdf_model.training.card import History, model_card
from hoisdf_model.training.config import SourceConfig, TrainingConfig
from hoisdf_model.training.data_sources import build_source
from hoisdf_model.training.datamodule import TrainingData
from hoisdf_model.training.module import TrainingModule
from hoisdf_model.training.record import changed_keys, write_record
from hoisdf_model.training.starting import starting_weights, with_parts_of
from hoisdf_model.training.stream import SampleStream
from hoisdf_model.training.tensorboard_pictures import picture

HAND_TRACKER = "hand_tracker"  # in place of a file: the encoder's weights are those of the shipped hand tracker
CHECKPOINTS, WEIGHTS, CARD, RESCUED = "checkpoints", "weights.safetensors", "model_card.md", "not_finite"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sources:
    """Training and validation sources of frames.

    Of training, with their ratios, and of validation (None: the same).
    """

    training: Sequence[FrameSource]
    ratios: Sequence[float]
    validation: Sequence[FrameSource] | None = None


@dataclass(frozen=True)
class Run:
    """Built training run.

    Attributes:
        module: network and losses. data: batches. folder: where results go.
        overfit: how many samples it is trained and validated on; 0: normally.
    """

    config: TrainingConfig
    module: TrainingModule
    data: TrainingData
    folder: Path
    overfit: int = 0

    @property
    def network(self) -> Hoisdf:
        """Trained network."""
        return self.module.network

    def validation_batch(self) -> Sample:
        """The first validation samples, as many as are drawn."""
        count = min(self.config.picture_samples, self.config.data.validation_samples)
        return collate([self.data.validation[i] for i in range(count)])


def build_run(config: TrainingConfig, folder: Path, sources: Sources | None = None, overfit: int = 0) -> Run:
    """Build network, losses and data.

    Args:
        config: the run.
        folder: where results will go; isn't touched yet.
        sources: in place of those that the configuration names.
        overfit: train on the frames of this many samples only, without augmentation, and validate on them; 0: normal.

    Raises:
        ConfigError: something in the configuration doesn't fit.
        HandModelError, CheckpointError, MeshError, DependencyError: what it names is missing or damaged.
    """
    hand_model = load_hand_model(config.hand_model)
    network = _network(config, hand_model)
    preparation = _preparation(config.data.preparation, network.config)
    still = replace(preparation, augmentation=AugmentationConfig())
    if sources is None:
        sources = _sources(config, hand_model)
    validation = sources.training if sources.validation is None or overfit else sources.validation
    ratios = sources.ratios if validation is sources.training else [1.0] * len(validation)
    if overfit:
        config = replace(config, data=replace(config.data, validation_samples=overfit))
    data = TrainingData(
        config.data,
        config.optimiser.accumulate,
        SampleStream(sources.training, sources.ratios, still if overfit else preparation, config.seed, overfit),
        SampleStream(validation, ratios, still, config.seed if overfit else config.seed + 1, overfit),
    )
    return Run(config, TrainingModule(network, config, data.epoch_steps, folder / RESCUED), data, folder, overfit)


def train(run: Run, resume: bool = False, progress: bool = True, minutes: float | None = None) -> dict[str, float]:
    """Train to the end of the configured epochs.

    The averaged weights are written after every validation and at the end.

    Args:
        run: as from ``build_run``.
        resume: go on from the newest checkpoint in the folder.
        progress: show bars.
        minutes: stop after so many, with a checkpoint to go on from; None: at the end of the epochs.

    Returns:
        The last validation's errors.

    Raises:
        TrainingError: the folder holds a run already (or none, to resume), a number isn't finite, or memory is short.
    """
    config, folder = run.config, run.folder
    checkpoint = newest_checkpoint(folder)
    if resume and checkpoint is None:
        raise TrainingError(f"there is no checkpoint to resume from in {folder / CHECKPOINTS}")
    if not resume and checkpoint is not None:
        raise TrainingError(f"{folder} holds a run already: resume it with --resume, or give another folder")
    for change in changed_keys(folder, config) if resume else []:
        _LOG.warning("the run is resumed with a changed configuration, %s", change)
    history = History()
    trainer = _trainer(run, history, progress, minutes)
    if trainer.is_global_zero:
        write_record(folder, config, run.network)
    try:
        trainer.fit(run.module, datamodule=run.data, ckpt_path=checkpoint, weights_only=True)
    except torch.cuda.OutOfMemoryError as error:
        raise TrainingError(_memory_advice(config)) from error
    except HoisdfError as error:
        raise as_raised(error) from error
    scores = {name: float(value) for name, value in trainer.callback_metrics.items() if "validation" in name}
    if trainer.is_global_zero:
        save_network(run.network, run.network.config, folder / WEIGHTS, half=True)
        (folder / CARD).write_text(model_card(config, run.network, history, run.overfit))
    return scores


def newest_checkpoint(folder: Path) -> Path | None:
    """Complete checkpoint with the most steps in a run's folder."""
    found = sorted((folder / CHECKPOINTS).glob("step*.ckpt"), key=lambda path: -int(path.stem.removeprefix("step")))
    for path in found:
        if zipfile.is_zipfile(path):
            return path
        _LOG.warning("%s is damaged, going back to the one before", path)
    return None


class _Clock(lightning.Callback):
    """Ends a run after so many minutes, between two steps and with a checkpoint.

    Lightning's Timer ends a run too, but leaves no checkpoint that resumes exactly: one saved after ``fit`` counts the
    epoch as done.
    """

    def __init__(self, folder: Path, minutes: float) -> None:
        self._folder, self._end = folder, time.monotonic() + minutes * 60

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if time.monotonic() >= self._end and not trainer.should_stop:
            trainer.save_checkpoint(self._folder / CHECKPOINTS / f"step{trainer.global_step}.ckpt")
            trainer.should_stop = True


class _Exports(lightning.Callback):
    """Writes the weights at each validation, while the averaged ones are in the network: a run may end at any time."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.is_global_zero:
            network = self._run.network
            save_network(network, network.config, self._run.folder / WEIGHTS, half=True)


class _Pictures(lightning.Callback):
    """Draws the first validation samples after each validation."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if (
            trainer.is_global_zero
            and self._run.config.picture_samples
            and isinstance(trainer.logger, TensorBoardLogger)
        ):
            batch = self._run.validation_batch().to(pl_module.device)
            drawn = picture(self._run.network, batch)
            trainer.logger.experiment.add_image("validation", drawn, trainer.global_step, dataformats="HWC")


def _trainer(run: Run, history: History, progress: bool, minutes: float | None = None) -> lightning.Trainer:
    config, hardware = run.config, run.config.hardware
    callbacks: list[lightning.Callback] = [
        _Exports(run),
        _Pictures(run),
        # takes its weights out of the network when a validation ends: after what uses them, before what saves the state
        *([MovingAverage(config.ema)] if config.ema else []),
        history,
        *([] if minutes is None else [_Clock(run.folder, minutes)]),
        ModelCheckpoint(
            run.folder / CHECKPOINTS,
            filename="step{step}",
            auto_insert_metric_name=False,
            every_n_train_steps=config.checkpoint_steps,
            monitor="step",
            mode="max",
            save_top_k=2,
        ),
    ]
    if progress:
        callbacks.append(RichProgressBar())
    several = hardware.nodes > 1 or hardware.devices > 1 or (hardware.devices == 0 and torch.cuda.device_count() > 1)
    devices: Any = hardware.devices or ("auto" if hardware.accelerator != "cpu" else 1)
    return lightning.Trainer(
        accelerator=hardware.accelerator,
        devices=devices,
        num_nodes=hardware.nodes,
        # while image maps and fields are trained alone, the transformers get no gradients
        strategy="ddp_find_unused_parameters_true" if config.curriculum.image_epochs and several else "auto",
        max_epochs=config.epochs,
        accumulate_grad_batches=config.optimiser.accumulate,
        gradient_clip_val=config.optimiser.clip or None,
        check_val_every_n_epoch=config.validate_epochs,
        num_sanity_val_steps=0,
        log_every_n_steps=min(20, run.data.epoch_batches),
        callbacks=callbacks,
        logger=TensorBoardLogger(run.folder, name="", version="log"),
        enable_progress_bar=progress,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _network(config: TrainingConfig, hand_model: HandModel) -> Hoisdf:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = Hoisdf(config.network_config(), HandLayer(hand_model))
    if config.start_from is not None:
        own = network.state_dict()
        weights = with_parts_of(own, starting_weights(config.start_from), config.start_from)
        other = [n for n in sorted(own.keys() | weights.keys()) if _shape(own.get(n)) != _shape(weights.get(n))]
        if other:
            raise ConfigError(
                f"the weights {config.start_from} don't fit the configured network: {len(other)} parameters missing,"
                f" unknown or of another shape, such as {', '.join(other[:3])}"
            )
        network.load_state_dict(weights)
    if config.encoder_weights is not None:
        _fill_encoder(network.encoder, config.encoder_weights)
    if config.object_view_weights is not None:
        if network.object_view is None:
            raise ConfigError("object_view_weights are for networks with an object_view: set network.object_view={}")
        network.object_view.encoder.load_imagenet_weights(config.object_view_weights)
    return network


def _fill_encoder(encoder: HandEncoder | ResNet, weights: str) -> None:
    if isinstance(encoder, HandEncoder):
        if weights != HAND_TRACKER:
            raise ConfigError(
                f"encoder_weights of an encoder of the kind hand must be {HAND_TRACKER!r}, got {weights!r}; ImageNet "
                "weights are for network.encoder.kind=resnet"
            )
        encoder.load_state_dict(load_hand_encoder())
    elif weights == HAND_TRACKER:
        raise ConfigError(f"encoder_weights {HAND_TRACKER!r} needs network.encoder.kind=hand")
    else:
        encoder.load_imagenet_weights(weights)


def _shape(tensor: torch.Tensor | None) -> tuple[int, ...] | None:
    return None if tensor is None else tuple(tensor.shape)


def _preparation(config: PreparationConfig, network: NetworkConfig) -> PreparationConfig:
    """With what the network decides."""
    return replace(
        config,
        image_size=network.image_size,
        object_center_depth=network.object_center_depth,
        upright=network.upright,
        hand_start_points=network.sampling.hand_points,
        object_start_points=network.sampling.object_points,
    )


def _sources(config: TrainingConfig, hand_model: HandModel) -> Sources:
    context = config.network_config().context
    tracked = context is not None and context.landmarks

    def built(all_: Sequence[SourceConfig]) -> list[FrameSource]:
        sources = [build_source(source, hand_model) for source in all_]
        return [TrackedFrames(source, followed=True) for source in sources] if tracked else sources

    data = config.data
    return Sources(
        built(data.sources), [s.ratio for s in data.sources], built(data.validation) if data.validation else None
    )


def _memory_advice(config: TrainingConfig) -> str:
    data, hardware, optimiser = config.data, config.hardware, config.optimiser
    advice = [f"data.batch_size={max(data.batch_size // 2, 1)} with optimiser.accumulate={optimiser.accumulate * 2}"]
    if hardware.precision != "bfloat16":
        advice.append("hardware.precision=bfloat16")
    if hardware.search != "coarse_to_fine":
        advice.append("hardware.search=coarse_to_fine")
    return "the GPU's memory is too small for this run; resume it with --resume and " + ", or ".join(advice)
