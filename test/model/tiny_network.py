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

"""A network small enough for quick tests, with seeded random weights that make its fields cross zero."""

from __future__ import annotations

from pathlib import Path

import torch

from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import Hoisdf, NetworkConfig, NetworkInput

DATA = Path(__file__).parents[1] / "data"
TINY = {
    "image_size": 64,
    "encoder": {"block": "basic", "depths": [1, 1, 1, 1], "width": 8},
    "decoder": {"bottleneck": 16, "laterals": None, "upsampled": [16, 16, 8, 8], "fused": [16, 16, 8, 8]},
    "field": {"frequencies": 3, "feature_hidden": [24], "latent": 16, "hidden": [64, 64, 64], "dropout": 0.1},
    "sampling": {"resolution": 32, "hand_points": 50, "object_points": 30},
    "attention": {
        "feature_hidden": [24],
        "width": 32,
        "heads": 2,
        "feedforward": 48,
        "hand_encoder_layers": 2,
        "hand_decoder_layers": 2,
        "object_encoder_layers": 2,
    },
}


# made here, not inside a test: one in inference mode would make tensors that no other test could train with
HAND_LAYER = HandLayer(load_hand_model(DATA / "fake_mano_right.npz"))


def tiny_network(**changes: object) -> Hoisdf:
    """In evaluation mode; ``changes`` replace whole sections of the configuration."""
    torch.manual_seed(0)
    network = Hoisdf(NetworkConfig.from_mapping({**TINY, **changes}), HAND_LAYER)
    with torch.no_grad():
        for field in (network.hand_field, network.object_field) if network.has_fields else ():
            field.layers[0].parametrizations.weight.original1[:, -21:].mul_(4)
    return network.eval()


def tiny_batch(samples: int = 3, seed: int = 0) -> NetworkInput:
    """Crops of noise; the hand and object in the middle, half a metre away."""
    drawn = torch.Generator().manual_seed(seed)
    intrinsics = torch.tensor([[80.0, 0, 31.5], [0, 80.0, 31.5], [0, 0, 1]]).expand(samples, 3, 3)
    root = torch.tensor([0.0, 0.0, 0.5]) + 0.02 * torch.randn(samples, 3, generator=drawn)
    return NetworkInput(
        image=torch.rand(samples, 3, 64, 64, generator=drawn),
        intrinsics=intrinsics.clone(),
        hand_root=root,
        object_center=root + 0.02 * torch.randn(samples, 3, generator=drawn),
        hand_box=torch.tensor([12.0, 12.0, 50.0, 52.0]).repeat(samples, 1),
        object_box=torch.tensor([18.0, 16.0, 48.0, 44.0]).repeat(samples, 1),
    )
