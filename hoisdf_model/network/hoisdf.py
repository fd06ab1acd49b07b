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

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from hoisdf_model.errors import ConfigError, InvalidInputError
from hoisdf_model.hand import HandLayer, inverse_kinematics
from hoisdf_model.hand.joints import NUM_SHAPES
from hoisdf_model.hand_tracking import HandEncoder
from hoisdf_model.network import sampling, search
from hoisdf_model.network.attention import Decoder, Encoder
from hoisdf_model.network.backbone import ResNet
from hoisdf_model.network.calibration import Calibration
from hoisdf_model.network.choice import Choice
from hoisdf_model.network.config import NetworkConfig
from hoisdf_model.network.context import ContextTokens
from hoisdf_model.network.explicit import Explicit, explicit_representation
from hoisdf_model.network.fields import Density, SdfDecoder
from hoisdf_model.network.heads import ROTATION_NUMBERS, Head, ObjectHead, PoseHead, VoteHead, Votes
from hoisdf_model.network.interface import (
    ImageFeatures,
    LayerPredictions,
    NetworkInput,
    NetworkOutput,
    RootPrediction,
)
from hoisdf_model.network.object_view import ObjectView
from hoisdf_model.network.pyramid import PointFeatures, pixels_of, taps
from hoisdf_model.network.root import RootHead
from hoisdf_model.network.stages import Attended, FieldPoints, RegressedHand, Tokens, without_field
from hoisdf_model.network.tokens import Seen, make_tokens
from hoisdf_model.network.unet import ImageHeads, UnetDecoder

# Queries that may see each other: the global rotation, three joints of each finger, the shape.
_QUERY_GROUPS = {"mano_queries": (1, 3, 3, 3, 3, 3, 1), "inverse_kinematics": (1,), "joints": ()}


class Hoisdf(nn.Module):
    """The network.

    Args:
        config: every size and choice.
        hand_layer: the hand that poses and shapes are for; its arrays aren't part of the state dict.

    Attributes:
        runtime: precision and point search; may be replaced at any time.
        calibration: how far its estimates were off, where its weights say so; of these weights only.
        explicit: what stands in place of the fields, as ``config.representation`` says; None: the fields do.
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
            numbers = ROTATION_NUMBERS[config.regression.object_rotation]
            self.object_view = ObjectView(config.object_view, config.pyramid_channels, numbers)
        coarsest = config.encoder.channels[-1]
        self.context = None if config.context is None else ContextTokens(config.context, coarsest, width)

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
            guess = None if self.object_view is None else self.object_view(features, batch)
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

    def precision(self, device: torch.device) -> AbstractContextManager[object]:
        """Autocast context of the stages, by ``runtime.precision``."""
        mixed = self.runtime.precision == "bfloat16"
        return torch.autocast(device.type, torch.bfloat16) if mixed else nullcontext()

    def encode(self, image: Tensor) -> ImageFeatures:
        """Image maps and feature pyramid of images (B, 3, S, S)."""
        encoded = self.encoder(image)
        pyramid = self.decoder(encoded)
        return ImageFeatures(self.image_heads(pyramid[0]).to(image.dtype), pyramid, encoded[-1])

    def query_fields(
        self, features: ImageFeatures, hand_points: Tensor, object_points: Tensor, batch: NetworkInput
    ) -> tuple[Tensor, Tensor]:
        """Read both fields anywhere, with gradients.

        Args:
            features: of the same batch.
            hand_points: (B, N, 3) normalised coordinates about the wrist.
            object_points: (B, M, 3) normalised coordinates about the object's centre.
            batch: for its cameras and origins.

        Returns:
            Distances (B, N) to the hand and (B, M) to the object, normalised units, clamped.

        Raises:
            InvalidInputError: the network has no fields.
        """
        if self.explicit is not None:
            raise InvalidInputError(f"there are no fields to read: the representation is {self.config.representation}")
        with self.precision(hand_points.device):
            hand, object_ = self._readers(features, batch, hand_points[..., 0].numel() + object_points[..., 0].numel())
            return search.read(hand, hand_points), search.read(object_, object_points)

    @property
    def has_fields(self) -> bool:
        """Whether the intermediate representation is the two distance fields."""
        return self.explicit is None

    @property
    def uses_landmarks(self) -> bool:
        """Whether the network uses landmarks of a hand tracker."""
        return self.config.context is not None and self.config.context.landmarks

    def read_explicit(self, features: ImageFeatures) -> Explicit | None:
        """Explicit representation with gradients, in place of the fields.

        None: nothing beside the image maps.
        """
        if self.explicit is None:
            return None
        with self.precision(features.maps.device):
            predicted: Explicit | None = self.explicit(features)
            return predicted

    @torch.no_grad()
    def find_points(self, features: ImageFeatures, batch: NetworkInput) -> FieldPoints:
        """Points of both fields inside the boxes.

        Selected as configured, or given with the batch.

        Raises:
            InvalidInputError: points are handed in, and the network has no fields.
        """
        if self.explicit is not None:
            if batch.hand_queries is not None or batch.object_queries is not None:
                raise InvalidInputError(f"the representation {self.config.representation} has points of its own")
            hand, object_ = self.explicit.points(features, batch, self.config.field.scale)
            return FieldPoints(without_field(hand), without_field(object_))
        hand_candidates = self._candidates(batch.hand_queries, batch.hand_root, batch.hand_box, batch.intrinsics)
        object_candidates = self._candidates(
            batch.object_queries, batch.object_center, batch.object_box, batch.intrinsics
        )
        hand_points, object_points = self.config.sampling.hand_points, self.config.sampling.object_points
        readings = search.expected_readings(hand_candidates, hand_points * len(batch.image), self.runtime)
        readings += search.expected_readings(object_candidates, object_points * len(batch.image), self.runtime)
        readers = self._readers(features, batch, readings)
        return FieldPoints(
            self._find(readers[0], batch.hand_queries, hand_candidates, hand_points),
            self._find(readers[1], batch.object_queries, object_candidates, object_points),
            readers,
        )

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

    def regress(
        self,
        found: FieldPoints,
        tokens: Tokens,
        attended: Attended,
        maps: Tensor,
        voters: tuple[Tensor, Tensor] | None = None,
        guess: tuple[Tensor, Tensor] | None = None,
    ) -> NetworkOutput:
        """Poses from the transformers' outputs.

        Predictions of every layer that ``attended`` has come in ``layers``.

        ``voters``: landmarks that vote beside the hand's points, as from ``ContextTokens.voters``. ``guess``: of the
        object's pose, as from ``ObjectView``.
        """
        votes = None if self.vote_head is None else self._votes(self.vote_head, tokens, attended, voters)
        hand = self._hand(votes, attended.queries)
        object_rotations, object_translations = self.object_head(attended.object, guess)
        object_pose = self.object_head.pose(object_rotations[-1], object_translations[-1])
        count = tokens.hand_points.shape[1]
        offsets, logits, voted = (None, None, None) if votes is None else votes[:3]
        if offsets is not None and logits is not None:  # those of landmarks aren't compared one by one
            offsets, logits = offsets[:, :, :count], logits[:, :, :count]
        layers = LayerPredictions(offsets, logits, voted, *hand.layers, object_rotations, object_translations)
        return NetworkOutput(
            maps=maps,
            hand_points=found.hand.points,
            hand_sdf=None if self.explicit is not None else found.hand.sdf,
            hand_grid_index=found.hand.grid_index,
            object_points=found.object.points,
            object_sdf=None if self.explicit is not None else found.object.sdf,
            object_grid_index=found.object.grid_index,
            hand_points_object_sdf=tokens.hand_points_object_sdf,
            object_points_hand_sdf=tokens.object_points_hand_sdf,
            voted_joints=None if votes is None else votes.joints[-1],
            vote_spread=None if votes is None else votes.spread[-1],
            mano_rotations=hand.rotations,
            mano_shape=hand.shape,
            joints=hand.joints,
            vertices=hand.vertices,
            object_rotation=object_pose.rotation,
            object_translation=object_pose.translation,
            object_rotation_spread=object_pose.rotation_spread,
            object_translation_spread=object_pose.translation_spread,
            hand_valid=found.hand.valid if hand.reached is None else found.hand.valid & hand.reached,
            object_valid=found.object.valid,
            layers=layers,
        )

    def _votes(self, head: VoteHead, tokens: Tokens, attended: Attended, voters: tuple[Tensor, Tensor] | None) -> Votes:
        count = tokens.hand_points.shape[1]
        if voters is None:
            return head(attended.hand[:, :, :count], tokens.hand_points)
        positions, trust = voters
        landmarks = attended.hand[:, :, -positions.shape[1] :]  # the last of the context's tokens
        features = torch.cat([attended.hand[:, :, :count], landmarks], 2)
        points = torch.cat([tokens.hand_points, positions], 1)
        return head(features, points, torch.cat([trust.new_zeros(len(trust), count, trust.shape[2]), trust], 1))

    def _hand(self, votes: Votes | None, queries: Tensor | None) -> RegressedHand:
        """The hand from the joints that were voted for, or from the queries, or from both, as configured."""
        if self.shape_head is None or queries is None:
            assert votes is not None
            return RegressedHand(votes.joints[-1])
        shape = self.shape_head(queries[:, :, -1])
        if self.pose_head is not None:
            rotations = self.pose_head(queries)
            mesh = self.hand_layer(rotations.flatten(0, 1), shape.flatten(0, 1))
            joints, vertices = (x.unflatten(0, shape.shape[:2]) for x in mesh)
            layers = shape, rotations, joints, vertices
            return RegressedHand(joints[-1], vertices[-1], rotations[-1], shape[-1], None, layers)
        assert votes is not None
        solved, reached = inverse_kinematics(self.hand_layer, votes.joints[-1].detach(), shape[-1].detach())
        mesh = self.hand_layer(solved, shape[-1])
        return RegressedHand(mesh.joints, mesh.vertices, solved, shape[-1], reached, (shape, None, None, None))

    def _candidates(
        self, queries: Tensor | None, center: Tensor, box: Tensor, intrinsics: Tensor
    ) -> sampling.Candidates:
        if queries is None:
            return sampling.points_in_box(self.grid, self.config.field.scale, center, intrinsics, box)
        sample = torch.arange(len(queries), device=queries.device).repeat_interleave(queries.shape[1])
        return sampling.Candidates(sample, torch.full_like(sample, -1))

    def _readers(
        self, features: ImageFeatures, batch: NetworkInput, points: int
    ) -> tuple[search.FieldReader, search.FieldReader]:
        """Readers of both fields, for ``points`` points in all."""
        tables = self.field_features.tables(features.pyramid, points)
        hand, object_ = (
            search.FieldReader(
                config=self.config.field,
                image_size=self.config.image_size,
                decoder=decoder,
                features=self.field_features,
                pyramid=features.pyramid,
                tables=tables,
                center=center,
                intrinsics=batch.intrinsics,
            )
            for decoder, center in ((self.hand_field, batch.hand_root), (self.object_field, batch.object_center))
        )
        return hand, object_

    def _find(
        self, reader: search.FieldReader, queries: Tensor | None, candidates: sampling.Candidates, wanted: int
    ) -> search.Found:
        if queries is not None:
            return search.given(reader, queries)
        kind = self.config.sampling.choice
        choice = Choice(kind, self.grid, self.middles, self.fixed_order, self.training, self.runtime)
        return choice(reader, candidates, wanted)
