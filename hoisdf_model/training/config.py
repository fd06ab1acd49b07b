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

"""Configuration of a training run.

One YAML file with ``key=value`` changes on top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from hoisdf_model.data.samples.preparation_config import PreparationConfig
from hoisdf_model.errors import ConfigError
from hoisdf_model.network import NetworkConfig, load_preset
from hoisdf_model.settings import one_of, positive, typed, within


@dataclass
class OptimiserConfig:
    """Steps in weight space.

    Attributes:
        name: ``adam`` or ``adamw``.
        learning_rate: at the start. weight_decay: with ``adamw``, of every parameter.
        schedule: ``step`` multiplies the rate by ``factor`` every ``every`` epochs, not below ``floor``; ``cosine``
            takes it down to ``floor`` at the end of the run; ``constant``.
        warmup_steps: the rate grows from 0 over these first steps.
        clip: largest norm of the gradient; 0: any.
        accumulate: batches whose gradients are added up for one step.
    """

    name: str = "adamw"
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    schedule: str = "step"
    every: int = 9
    factor: float = 0.7
    floor: float = 1e-5
    warmup_steps: int = 0
    clip: float = 0.0
    accumulate: int = 1

    def __post_init__(self) -> None:
        one_of("optimiser.name", self.name, ("adam", "adamw"))
        one_of("optimiser.schedule", self.schedule, ("step", "cosine", "constant"))
        positive(self, "optimiser.", "learning_rate", "every", "accumulate")


@dataclass
class EncoderTraining:
    """Training settings of the image encoder.

    Attributes:
        frozen: whether it stays as it is. frozen_stages: of its stages, those at the finest strides that do (with
            ``encoder.kind: hand`` in the network, 0 to 5).
        learning_rate_factor: its learning rate, relative to the other parts'.
    """

    frozen: bool = False
    frozen_stages: int = 0
    learning_rate_factor: float = 1.0

    def __post_init__(self) -> None:
        within("encoder.frozen_stages", self.frozen_stages, 0, 5)
        positive(self, "encoder.", "learning_rate_factor")


@dataclass
class CurriculumConfig:
    """Schedule of trained parts and of query points.

    Attributes:
        image_epochs: in these first epochs only image maps and fields are trained, several times as many samples a
            second; 0 as in the released code, whose encoder begins with ImageNet's weights.
        start_epochs: in these first epochs always points drawn near the true surfaces.
        start_share: afterwards still with this probability in each step; else the fields' own points, as in testing.
        jitter: the drawn points move by up to this along each axis, normalised units (3.1 per metre); one value after
            the other as training proceeds.
        jitter_at: shares of ``jitter_over`` at which the next value begins.
        jitter_over: ``epoch`` (begins anew with each epoch, as the released code does) or ``start`` (the first epochs).
    """

    image_epochs: int = 0
    start_epochs: int = 40
    start_share: float = 0.4
    jitter: list[float] = field(default_factory=lambda: [0.03, 0.05, 0.07])
    jitter_at: list[float] = field(default_factory=lambda: [0.3, 0.7])
    jitter_over: str = "epoch"

    def __post_init__(self) -> None:
        one_of("curriculum.jitter_over", self.jitter_over, ("epoch", "start"))
        if len(self.jitter) != len(self.jitter_at) + 1:
            raise ConfigError("curriculum.jitter needs one value more than curriculum.jitter_at")


@dataclass
class LossConfig:
    """Losses.

    Attributes:
        preset: the factors, ``official`` or ``compact``.
        weights: factors that replace the preset's, by name.
        symmetric: whether poses of symmetric objects are compared with the nearest that looks the same.
    """

    preset: str = "official"
    weights: dict[str, float] = field(default_factory=dict)
    symmetric: bool = True


@dataclass
class SourceConfig:
    """One data source.

    Attributes:
        kind: which one, see docs/training.md.
        ratio: its share among all sources, relative to theirs.
        options: what the kind takes.
    """

    kind: str = "plays"
    ratio: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class DataConfig:
    """Data.

    Attributes:
        sources: mixed by their ratios. validation: sources of the validation frames; empty: those of training.
        preparation: from frames to samples; sizes that the network decides are set from it.
        batch_size: samples in a batch, of all processes together.
        epoch_samples: samples in an epoch; sources may be endless.
        validation_samples: how many are validated on.
        workers: processes that prepare samples, for each training process; 0: none.
    """

    sources: list[SourceConfig] = field(default_factory=lambda: [SourceConfig()])
    validation: list[SourceConfig] = field(default_factory=list)
    preparation: PreparationConfig = field(default_factory=PreparationConfig)
    batch_size: int = 32
    epoch_samples: int = 50_000
    validation_samples: int = 256
    workers: int = 2

    def __post_init__(self) -> None:
        positive(self, "data.", "batch_size", "epoch_samples", "validation_samples")
        if not self.sources or not all(source.ratio > 0 for source in self.sources):
            raise ConfigError("data.sources must name at least one source, each with a positive ratio")


@dataclass
class HardwareConfig:
    """Devices, precision and processes of a run.

    Attributes:
        accelerator: ``auto``, ``cpu`` or ``gpu``. devices: how many on each machine; 0: all. nodes: machines.
        precision: ``float32``, ``bfloat16``, or ``auto``: what pays, as
            ``hoisdf_model.network.resolve_precision`` says.
        search: how the fields' points are found: ``exhaustive`` or ``coarse_to_fine``.
        channels_last: how convolutions' arrays lie in memory; with bfloat16 much faster on processors that know it.
    """

    accelerator: str = "auto"
    devices: int = 0
    nodes: int = 1
    precision: str = "float32"
    search: str = "exhaustive"
    channels_last: bool = False

    def __post_init__(self) -> None:
        one_of("hardware.accelerator", self.accelerator, ("auto", "cpu", "gpu"))
        one_of("hardware.precision", self.precision, ("auto", "float32", "bfloat16"))
        one_of("hardware.search", self.search, ("exhaustive", "coarse_to_fine"))
        positive(self, "hardware.", "nodes")


@dataclass
class TrainingConfig:
    """A training run.

    Attributes:
        name: of the run's folder.
        seed: decides about everything random.
        network: ``preset`` and what is changed of it (see docs/network.md).
        hand_model: path of the hand model; None: the open hand.
        start_from: weights to begin with, or a run's checkpoint (``.ckpt``). encoder_weights: ImageNet weights of the
            encoder, under torchvision's names; or ``hand_tracker``, for an encoder of the kind ``hand``, those of the
            shipped hand tracker. object_view_weights: ImageNet weights of EfficientNet-Lite0, of the encoder of
            ``object_view``.
        encoder: how the encoders are trained.
        train_only: parts of the network, by name (``root_head``, ``object_view``), that are trained; the others stay as
            they are. Empty: everything is trained. With one of these two alone, only what it needs is computed.
        epochs: how many.
        frozen_encoder_norms: whether scales and shifts of the encoder's batch norms named ``bn`` stay as they are, as
            in the released code; those beside shortcuts are trained and all statistics are kept up to date.
        frozen_statistics: whether batch norms use their running statistics in training and leave them as they are.
        ema: decay of the averaged weights, which are validated and exported; 0: no average.
        checkpoint_steps: steps between checkpoints: what a crash costs at most.
        validate_epochs: epochs between validations.
        picture_samples: how many validation samples are drawn for TensorBoard.
    """

    name: str = "run"
    seed: int = 0
    network: dict[str, Any] = field(default_factory=lambda: {"preset": "compact"})
    hand_model: str | None = None
    start_from: str | None = None
    encoder_weights: str | None = None
    object_view_weights: str | None = None
    encoder: EncoderTraining = field(default_factory=EncoderTraining)
    train_only: list[str] = field(default_factory=list)
    epochs: int = 70
    frozen_encoder_norms: bool = False
    frozen_statistics: bool = False
    ema: float = 0.0
    checkpoint_steps: int = 500
    validate_epochs: int = 1
    picture_samples: int = 4
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    data: DataConfig = field(default_factory=DataConfig)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)

    def __post_init__(self) -> None:
        positive(self, "", "epochs", "checkpoint_steps", "validate_epochs")
        if not 0 <= self.curriculum.image_epochs < self.epochs:
            raise ConfigError(
                f"curriculum.image_epochs must leave some of the {self.epochs} epochs for the transformers, got "
                f"{self.curriculum.image_epochs}; 0 where the weights to begin with have learnt from images already"
            )
        if not 0 <= self.ema < 1:
            raise ConfigError(f"ema must be at least 0 and below 1, got {self.ema}")
        if self.data.epoch_samples < self.data.batch_size * self.optimiser.accumulate:
            raise ConfigError("data.epoch_samples must be at least one step: batch_size times accumulate")

    def network_config(self) -> NetworkConfig:
        """The network: its preset with the changes.

        Raises:
            ConfigError: no such preset, or an unknown key.
        """
        changes = dict(self.network)
        preset = load_preset(str(changes.pop("preset", "compact")))
        merged = OmegaConf.merge(OmegaConf.create(preset.to_mapping()), OmegaConf.create(changes))
        return NetworkConfig.from_mapping(cast(dict[str, Any], OmegaConf.to_container(merged)))


def read_config(path: str | Path | None, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a training configuration.

    Args:
        path: YAML file; None: the defaults.
        changes: ``key=value`` each, keys with dots, values in YAML; they come on top.

    Raises:
        ConfigError: no such file, an unknown key (named with its path), a wrong type, a value out of range, an entry of
            a list.
    """
    layers = []
    if path is not None:
        if not Path(path).is_file():
            raise ConfigError(f"there is no training configuration at {path}")
        try:
            layers.append(OmegaConf.load(path))
        except Exception as error:  # whatever the YAML parser raises
            raise ConfigError(f"{path} is not readable YAML: {error}") from error
    return _checked([*layers, parsed_changes(changes)])


def parsed_changes(changes: Sequence[str]) -> DictConfig:
    """``key=value`` each, keys with dots, values in YAML, as one configuration.

    Raises:
        ConfigError: there is no ``=``, or a key or value can't be read (named).
    """
    for change in changes:
        if "=" not in change:
            raise ConfigError(f"a change must be key=value, got {change!r}")
        try:
            OmegaConf.from_dotlist([change])
        except Exception as error:  # whatever the YAML parser raises
            raise ConfigError(f"the change {change!r} can't be read: {error}") from error
    try:
        return OmegaConf.from_dotlist(list(changes))
    except Exception as error:
        raise ConfigError(f"the changes {', '.join(changes)} don't go together: {error}") from error


def config_of(content: Mapping[str, Any]) -> TrainingConfig:
    """A training configuration from nested plain values; raises as ``read_config``."""
    return _checked([OmegaConf.create(dict(content))])


def to_yaml(config: Any) -> str:
    """The whole configuration as YAML, which ``read_config`` reads back."""
    return str(OmegaConf.to_yaml(OmegaConf.structured(config)))


def _checked(layers: Sequence[Any]) -> TrainingConfig:
    config = typed(TrainingConfig, layers)
    config.network_config()
    return config
