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

"""Modules of the network, assembled from its configuration.

The names of their attributes are those of the state dict.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from hoisdf_model.hand import HandLayer
from hoisdf_model.hand.joints import NUM_SHAPES
from hoisdf_model.hand_tracking import HandEncoder
from hoisdf_model.network import sampling
from hoisdf_model.network.attention import Decoder, Encoder
from hoisdf_model.network.backbone import ResNet
from hoisdf_model.network.calibration import Calibration
from hoisdf_model.network.config import NetworkConfig
from hoisdf_model.network.context import ContextTokens
from hoisdf_model.network.explicit import explicit_representation
from hoisdf_model.network.fields import Density, SdfDecoder
from hoisdf_model.network.heads import Head, ObjectHead, PoseHead, VoteHead
from hoisdf_model.network.object_view import ObjectView
from hoisdf_model.network.pyramid import PointFeatures
from hoisdf_model.network.root import RootHead
from hoisdf_model.network.unet import ImageHeads, UnetDecoder

# Queries that may see each other: the global rotation, three joints of each finger, the shape.
_QUERY_GROUPS = {"mano_queries": (1, 3, 3, 3, 3, 3, 1), "inverse_kinematics": (1,), "joints": ()}


class NetworkModules(nn.Module):
    """Modules of the network.

    Args:
        config: every size and choice.
        hand_layer: the hand that poses and shapes are for; its arrays aren't part of the state dict.

    Attributes:
        runtime: precision and point search; may be replaced at any time.
        calibration: errors measured with these weights, where they were.
        explicit: representation in place of the fields, as ``config.representation`` says; None: the fields.
    """

    grid: Tensor
    middles: Tensor
    field_features: PointFeatures  # this and the next four only where there are fields
    hand_field: SdfDecoder
    object_field: SdfDecoder
    hand_density: Density
    object_density: Density
    fixed_order: Tensor | None

    def __init__(self, config: NetworkConfig, hand_layer: HandLayer) -> None:
        super().__init__()
        self.config = config
        self.runtime = config.runtime
        self.calibration: Calibration | None = None
        self.hand_layer = hand_layer
        field, attention, width = config.field, config.attention, config.attention.width
        points = sampling.grid(config.sampling.grid, config.sampling.resolution)
        self.register_buffer("grid", points, persistent=False)
        middles = sampling.block_middles(points, config.sampling.resolution)
        self.register_buffer("middles", middles, persistent=False)
        drawn = sampling.fixed_order(len(points)) if config.sampling.choice in ("random", "field_gradient") else None
        self.register_buffer("fixed_order", drawn, persistent=False)

        self.encoder = HandEncoder() if config.encoder.kind == "hand" else ResNet(config.encoder)
        self.decoder = UnetDecoder(config.decoder, config.encoder.channels)
        self.image_heads = ImageHeads(config.decoder.fused[-1], config.decoder.head_hidden)

        channels = sum(config.pyramid_channels)
        self.explicit = explicit_representation(config, hand_layer.model)
        if self.explicit is None:
            self.field_features = PointFeatures([channels, *field.feature_hidden, field.latent], final_relu=True)
            self.hand_field = SdfDecoder(field)
            self.object_field = SdfDecoder(field)
            self.hand_density = Density(config.density)
            self.object_density = Density(config.density)
            if not config.tokens.augmentation.startswith("density"):  # nothing reads them, and nothing can train them
                self.hand_density.requires_grad_(False)
                self.object_density.requires_grad_(False)

        token_features = [channels, *attention.feature_hidden, config.image_feature_length]
        self.token_features = PointFeatures(token_features, final_relu=True)
        sizes = (width, attention.heads, attention.feedforward, attention.dropout)
        self.hand_encoder = Encoder(attention.hand_encoder_layers, *sizes)
        queries = _QUERY_GROUPS[config.regression.hand]
        self.hand_decoder = Decoder(queries, attention.hand_decoder_layers, *sizes) if queries else None
        self.object_encoder = Encoder(attention.object_encoder_layers, *sizes)

        self.vote_head = VoteHead(width) if config.regression.votes else None
        self.pose_head = PoseHead(width) if config.regression.hand == "mano_queries" else None
        self.shape_head = Head([width, width, width, NUM_SHAPES]) if queries else None
        self.object_head = ObjectHead(width, config.regression.object_rotation)
        self.root_head = None if config.root is None else RootHead(config.root, config.pyramid_channels)
        self.object_view = None
        if config.object_view is not None:
            self.object_view = ObjectView(config.object_view)
        coarsest = config.encoder.channels[-1]
        self.context = None if config.context is None else ContextTokens(config.context, coarsest, width)

    @property
    def has_fields(self) -> bool:
        """Whether the intermediate representation is the two distance fields."""
        return self.explicit is None

    @property
    def uses_landmarks(self) -> bool:
        """Whether the network uses landmarks of a hand tracker."""
        return self.config.context is not None and self.config.context.landmarks

    def precision(self, device: torch.device) -> AbstractContextManager[object]:
        """Autocast context of the stages, by ``runtime.precision``."""
        mixed = self.runtime.precision == "bfloat16"
        return torch.autocast(device.type, torch.bfloat16) if mixed else nullcontext()
