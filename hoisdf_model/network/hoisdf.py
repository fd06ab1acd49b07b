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

"""The HOISDF network (Qi et al., CVPR 2024, arXiv 2402.17062), assembled.

image -> U-Net -> two signed distance fields -> points near their surfaces -> tokens -> transformers -> poses. Every
stage works on the whole batch and is a method of its own. Another representation may stand in place of the fields.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from hoisdf_model.errors import ConfigError
from hoisdf_model.network.interface import ImageFeatures, NetworkInput, NetworkOutput, RootPrediction
from hoisdf_model.network.point_search import PointSearch
from hoisdf_model.network.pose_regression import PoseRegression
from hoisdf_model.network.pyramid import pixels_of, taps
from hoisdf_model.network.stages import Attended, FieldPoints, Tokens
from hoisdf_model.network.tokens import Seen, make_tokens


class Hoisdf(PointSearch, PoseRegression):
    """The network: the order of its stages, tokens and attention."""

    def forward(
        self, batch: NetworkInput, every_layer: bool | None = None, features: ImageFeatures | None = None
    ) -> NetworkOutput:
        """Estimate hand and object pose.

        Args:
            batch: the crops and what is known about them.
            every_layer: whether to return the features and every transformer layer's predictions, as training needs;
                ``None``: in training mode.
            features: of the same images, where they have been looked at already, see ``find_root``.

        Raises:
            InvalidInputError: a tensor has a wrong shape.
        """
        batch.check(self.config.image_size)
        every_layer = self.training if every_layer is None else every_layer
        with self.precision(batch.image.device):
            features = self.encode(batch.image) if features is None else features
            found = self.find_points(features, batch)
            tokens = self.tokenise(features, found, batch)
            context = None if self.context is None else self.context(features.coarsest, batch)
            attended = self.attend(tokens, context, every_layer)
            voters = None if self.context is None else self.context.voters(batch)
            guess = None if self.object_view is None else self.object_view(batch)
            output = self.regress(found, tokens, attended, features.maps, voters, guess)
            root = self.read_root(features, batch) if every_layer and self.root_head is not None else None
        return replace(output, features=features, root=root) if every_layer else replace(output, layers=None)

    def find_root(self, batch: NetworkInput) -> tuple[ImageFeatures, RootPrediction]:
        """Predicted wrist position for a ``NetworkInput`` without one.

        Args:
            batch: its images, boxes of hands and landmarks are looked at; its wrists aren't.

        Returns:
            The images' features, for ``forward``, which then needn't look at them again; and the wrists.

        Raises:
            ConfigError: the network has no hand-root head.
        """
        with self.precision(batch.image.device):
            features = self.encode(batch.image)
            return features, self.read_root(features, batch)

    def read_root(self, features: ImageFeatures, batch: NetworkInput) -> RootPrediction:
        """Wrist positions from computed image features; see ``find_root``.

        Raises:
            ConfigError: the network has no hand-root head.
        """
        if self.root_head is None:
            raise ConfigError("this network has no hand-root head: its configuration has root: null")
        found: RootPrediction = self.root_head(features, batch)
        return found

    def encode(self, image: Tensor) -> ImageFeatures:
        """Image maps and feature pyramid of images (B, 3, S, S)."""
        encoded = self.encoder(image)
        pyramid = self.decoder(encoded)
        return ImageFeatures(self.image_heads(pyramid[0]).to(image.dtype), pyramid, encoded[-1])

    def tokenise(self, features: ImageFeatures, found: FieldPoints, batch: NetworkInput) -> Tokens:
        """Tokens of both kinds of points for both transformers (paper, section 3.3).

        A token is a point's position in metres, the positional code of its normalised position, and its image features
        times the density of the field in whose frame the token is, or what else ``config.tokens`` says.
        """
        scale = self.config.field.scale
        hand_count = found.hand.points.shape[1]
        camera = torch.cat(
            [
                found.hand.points / scale + batch.hand_root[:, None],
                found.object.points / scale + batch.object_center[:, None],
            ],
            1,
        )
        count = camera.shape[1]
        sample = torch.arange(len(camera), device=camera.device).repeat_interleave(count)
        pixels = pixels_of(camera, batch.intrinsics[:, None])
        at = taps(pixels.flatten(0, 1), sample, features.pyramid, self.config.image_size)
        tables = self.token_features.tables(features.pyramid, len(sample))
        image = self.token_features.sampled(features.pyramid, tables, at).to(camera.dtype).unflatten(0, (-1, count))

        from_hand, from_object = camera - batch.hand_root[:, None], camera - batch.object_center[:, None]
        by_hand, by_object = Seen(from_hand), Seen(from_object)
        object_sdf = hand_sdf = None
        if found.readers is not None:
            with torch.no_grad():
                latent = found.readers[0].latent(at).unflatten(0, (-1, count))
                object_sdf = found.readers[1].clamped(latent[:, :hand_count], from_object[:, :hand_count] * scale)
                hand_sdf = found.readers[0].clamped(latent[:, hand_count:], from_hand[:, hand_count:] * scale)
            by_hand = Seen(from_hand, torch.cat([found.hand.sdf, hand_sdf], 1), self.hand_density)
            by_object = Seen(from_object, torch.cat([object_sdf, found.object.sdf], 1), self.object_density)
        hand_tokens, object_tokens = make_tokens(
            image, by_hand, by_object, hand_count, self.config.tokens, self.config.field
        )
        if self.explicit is not None and self.explicit.code is not None:
            code = self.explicit.code
            hand_tokens = hand_tokens + code[: hand_tokens.shape[1]]
            object_tokens = object_tokens + code.roll(-hand_count, 0)[: object_tokens.shape[1]]
        return Tokens(hand_tokens, object_tokens, from_hand[:, :hand_count], count - hand_count, object_sdf, hand_sdf)

    def attend(self, tokens: Tokens, context: Tensor | None = None, every_layer: bool = False) -> Attended:
        """Point-wise attention.

        Paper, section 3.4; the queries attend only to hand points, and to the context.

        Args:
            tokens: of the points.
            context: (B, T, D) further tokens for both transformers.
            every_layer: whether the outputs of all layers are wanted.
        """
        hand_count, of_hand, of_object = tokens.hand_points.shape[1], tokens.hand, tokens.object
        kept = hand_count
        if context is not None:
            of_hand = torch.cat([of_hand[:, :hand_count], context.to(of_hand.dtype), of_hand[:, hand_count:]], 1)
            of_object = torch.cat([of_object, context.to(of_object.dtype)], 1)
            kept += context.shape[1]
        hand, memory = self.hand_encoder(of_hand, kept, every_layer)
        if self.config.attention.normalised_memory:
            memory = hand[-1]
        queries = None if self.hand_decoder is None else self.hand_decoder(memory, every_layer)
        object_, _ = self.object_encoder(of_object, tokens.object_count, every_layer)
        return Attended(hand, queries, object_)
