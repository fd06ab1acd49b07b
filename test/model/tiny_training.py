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

"""A network and a training configuration that a CPU takes a few tenths of a second for a step of."""

from dataclasses import replace

from labelled_frames import Frames

from hoisdf_model.training.config import TrainingConfig, read_config
from hoisdf_model.training.run import Sources

NETWORK = {
    "preset": "compact",
    "image_size": 64,
    "encoder": {"block": "basic", "depths": [1, 1, 1, 1], "width": 4},
    "decoder": {
        "bottleneck": 8, "laterals": [8, 8, 4, 4], "upsampled": [8, 8, 4, 4], "fused": [8, 8, 4, 4], "head_hidden": [4],
    },
    "field": {
        "feature_hidden": [8], "latent": 8, "hidden": [48, 48, 16], "reinjection": 2, "dropout": 0.1, "frequencies": 2,
    },
    "sampling": {"resolution": 16, "hand_points": 32, "object_points": 16},
    "attention": {
        "feature_hidden": [16], "width": 32, "heads": 2, "feedforward": 32, "dropout": 0.1,
        "hand_encoder_layers": 1, "hand_decoder_layers": 1, "object_encoder_layers": 1,
    },
}  # fmt: skip
CHANGES = (
    "losses.preset=compact", "epochs=2", "checkpoint_steps=2", "picture_samples=1",
    "optimiser.schedule=cosine", "optimiser.learning_rate=0.001", "optimiser.clip=10",
    "curriculum.image_epochs=0", "curriculum.start_epochs=1", "ema=0.9",
    "data.batch_size=4", "data.epoch_samples=12", "data.validation_samples=3", "data.workers=0",
    "data.preparation.hand_field_points=20", "data.preparation.object_field_points=20",
    "data.preparation.augmentation.turned=0.5", "data.preparation.augmentation.brightness=0.3",
    "hardware.accelerator=cpu", "hardware.devices=1",
)  # fmt: skip


def config(*changes: str) -> TrainingConfig:
    """The tiny configuration with changes."""
    return replace(read_config(None, [*CHANGES, *changes]), network=NETWORK)


def sources(count: int = 5) -> Sources:
    """A few frames made of geometry."""
    return Sources([Frames(count, 200)], [1.0])
