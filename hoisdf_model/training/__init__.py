"""Training: losses, curriculum, the Lightning module and its data, runs."""

from hoisdf_model.training.config import TrainingConfig, read_config
from hoisdf_model.training.losses import Losses, LossSettings, LossWeights
from hoisdf_model.training.run import Run, Sources, build_run, newest_checkpoint, train
from hoisdf_model.training.trial import Trial, try_step

__all__ = [
    "LossSettings",
    "LossWeights",
    "Losses",
    "Run",
    "Sources",
    "TrainingConfig",
    "Trial",
    "build_run",
    "newest_checkpoint",
    "read_config",
    "train",
    "try_step",
]
