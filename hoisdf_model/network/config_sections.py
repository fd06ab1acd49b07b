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

"""Sections of the network configuration, each validating itself."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hoisdf_model.errors import ConfigError
from hoisdf_model.hand_tracking import ENCODER_CHANNELS
from hoisdf_model.settings import of_length, one_of, positive, within


class _TuplesFromLists:
    """Turns the lists that YAML gives into tuples, so that frozen configurations are hashable."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            if isinstance(value := getattr(self, item.name), list):
                object.__setattr__(self, item.name, tuple(value))


@dataclass(frozen=True)
class EncoderConfig(_TuplesFromLists):
    """Image encoder.

    Residual (He et al. 2016), or that of MediaPipe's hand landmark network.

    Attributes:
        kind: ``resnet``, or ``hand`` (``hoisdf_model.hand_tracking.HandEncoder``), to which the others say nothing.
        block: ``bottleneck`` (ResNet-50 and deeper) or ``basic`` (ResNet-18, ResNet-34).
        depths: residual blocks in each of the four stages.
        width: channels of the stem; the stages have 1, 2, 4 and 8 times as many (times 4 with ``bottleneck``).
    """

    kind: str = "resnet"
    block: str = "bottleneck"
    depths: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("encoder.kind", self.kind, ("resnet", "hand"))
        one_of("encoder.block", self.block, ("bottleneck", "basic"))
        of_length("encoder.depths", self.depths, 4)
        positive(self, "encoder.", "depths", "width")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels at strides 2, 4, 8, 16 and 32."""
        if self.kind == "hand":
            return ENCODER_CHANNELS
        expansion = 4 if self.block == "bottleneck" else 1
        return (self.width, *(self.width * 2**stage * expansion for stage in range(4)))


@dataclass(frozen=True)
class DecoderConfig(_TuplesFromLists):
    """U-Net decoder; lists run from stride 16 to stride 2.

    Attributes:
        bottleneck: channels of a 1x1 projection of the coarsest features, which points sample in its place; ``null``
            samples the encoder's own.
        upsample_bottleneck: whether the first transposed convolution works on that projection; the released networks'
            works on the encoder's own features.
        laterals: channels of 1x1 projections of the skip connections; ``null`` takes the features as they are.
        upsampled: channels after each transposed convolution.
        fused: channels after each 3x3 convolution of skip and upsampled features; these maps are what points sample.
        head_hidden: hidden channels of the three image heads.
    """

    bottleneck: int | None = 512
    upsample_bottleneck: bool = False
    laterals: tuple[int, ...] | None = (256, 128, 64, 32)
    upsampled: tuple[int, ...] = (256, 128, 64, 64)
    fused: tuple[int, ...] = (256, 128, 64, 32)
    head_hidden: tuple[int, ...] = (32,)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("laterals", "upsampled", "fused"):
            if (value := getattr(self, name)) is not None:
                of_length(f"decoder.{name}", value, 4)
                positive(self, "decoder.", name)
        positive(self, "decoder.", "head_hidden")
        if self.upsample_bottleneck and not self.bottleneck:
            raise ConfigError("decoder.upsample_bottleneck needs decoder.bottleneck, the channels to project to")


@dataclass(frozen=True)
class FieldConfig(_TuplesFromLists):
    """Signed distance fields of the hand and the object (paper, section 3.2).

    Attributes:
        scale: normalised coordinates are metres from the wrist or the object's centre times this; distances too.
        clamp: distances are clamped to plus and minus this, in normalised units.
        frequencies: octaves of the positional code, sine and cosine each.
        feature_hidden: hidden layers of the network from sampled pyramid features to the latent code of a point.
        latent: length of that code.
        hidden: hidden layers of the distance decoders.
        reinjection: the layer that gets the decoder's input once more, behind the hidden features.
        dropout: probability of dropping hidden features in training.
    """

    scale: float = 3.1
    clamp: float = 0.15
    frequencies: int = 5
    feature_hidden: tuple[int, ...] = (512,)
    latent: int = 256
    hidden: tuple[int, ...] = (512, 512, 512, 512)
    reinjection: int = 2
    dropout: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "field.", "scale", "clamp", "frequencies", "latent")
        if not 0 < self.reinjection <= len(self.hidden):
            raise ConfigError(
                f"field.reinjection must name a layer from 1 to {len(self.hidden)}, got {self.reinjection}"
            )
        if self.hidden[self.reinjection - 1] <= self.inputs:
            raise ConfigError(
                f"field.hidden[{self.reinjection - 1}] must exceed the {self.inputs} inputs that are put in again there"
            )

    @property
    def code_length(self) -> int:
        """Length of the positional code."""
        return 6 * self.frequencies

    @property
    def inputs(self) -> int:
        """Inputs of a distance decoder: latent code, positional code, coordinates."""
        return self.latent + self.code_length + 3


@dataclass(frozen=True)
class DensityConfig:
    """Density as a function of signed distance.

    The multiplier of a point's image features (paper, section 3.3).

    Attributes:
        high: where the density is high: ``inside`` the surface, as the paper means it (sigmoid(-d / beta) / beta), or
            ``outside``, as the released weights were trained.
        beta: initial width of the transition, learnt.
        minimum: ``beta`` never falls below this.
    """

    high: str = "inside"
    beta: float = 0.1
    minimum: float = 0.002

    def __post_init__(self) -> None:
        one_of("density.high", self.high, ("inside", "outside"))
        positive(self, "density.", "beta", "minimum")


@dataclass(frozen=True)
class TokensConfig:
    """Contents of a point's token beside its position.

    Paper, section 3.3; its tables 8 and 9 compare the choices.

    Attributes:
        augmentation: what the fields do to a point's image features: ``density_multiplied`` (the paper's choice),
            ``density_concatenated`` or ``distance_concatenated`` (one image feature less, and that number in its
            place; distances in normalised units, clamped), or ``none``.
        cross: how a transformer sees the points of the other field: ``field``, augmented by its own field there (the
            paper's choice); ``target_feature``, augmented by the other field, as that one's transformer sees them;
            ``image_feature``, not augmented; ``none``, not at all. Their positions are relative to its own origin.
    """

    augmentation: str = "density_multiplied"
    cross: str = "field"

    def __post_init__(self) -> None:
        one_of(
            "tokens.augmentation",
            self.augmentation,
            ("density_multiplied", "density_concatenated", "distance_concatenated", "none"),
        )
        one_of("tokens.cross", self.cross, ("field", "target_feature", "image_feature", "none"))
        if self.augmentation == "none" and self.cross in ("target_feature", "image_feature"):
            raise ConfigError(
                f"tokens.cross {self.cross!r} selects the field that augments the other field's points, but with "
                "tokens.augmentation 'none' no field does: use 'field' or 'none'"
            )
        if self.cross == "image_feature" and self.concatenated:
            raise ConfigError(
                f"tokens.cross 'image_feature' leaves no number to concatenate with tokens.augmentation "
                f"{self.augmentation!r}: use density_multiplied, or another cross"
            )

    @property
    def concatenated(self) -> int:
        """Number of scalars concatenated to a point's image features."""
        return int(self.augmentation.endswith("_concatenated"))


@dataclass(frozen=True)
class SamplingConfig:
    """Grid and selection of points.

    Paper, section 3.3; its table 7 compares the choices.

    Attributes:
        grid: ``regular``, or ``sheared`` as the released networks were evaluated (x and y grow a little with z and y).
        resolution: grid points along each axis of the cube from -1 to 1.
        choice: of the grid points in the box: ``absolute_distance``, those nearest to the predicted surface (the
            paper's choice); ``signed_distance``, those with the smallest distance, deepest inside; ``random``, any,
            new ones at each training step and always the same in testing; ``field_gradient``, any within the fields'
            clamp of the surface, moved down the gradient onto it.
        hand_points, object_points: how many points become tokens.
    """

    grid: str = "regular"
    resolution: int = 64
    choice: str = "absolute_distance"
    hand_points: int = 600
    object_points: int = 200

    def __post_init__(self) -> None:
        one_of("sampling.grid", self.grid, ("regular", "sheared"))
        one_of("sampling.choice", self.choice, ("absolute_distance", "signed_distance", "random", "field_gradient"))
        if self.resolution < 2 or self.resolution % 2:
            raise ConfigError(f"sampling.resolution must be even and at least 2, got {self.resolution}")
        positive(self, "sampling.", "hand_points", "object_points")


@dataclass(frozen=True)
class AttentionConfig(_TuplesFromLists):
    """Token features and transformers (paper, section 3.4).

    Attributes:
        feature_hidden: hidden layers of the network from sampled pyramid features to a token's image features.
        width, heads, feedforward, dropout: of every transformer layer.
        hand_encoder_layers, hand_decoder_layers, object_encoder_layers: numbers of layers.
        normalised_memory: whether the decoder sees the encoder's output after the final layer norm; the released
            networks don't.
    """

    feature_hidden: tuple[int, ...] = (1024, 512, 256)
    width: int = 256
    heads: int = 4
    feedforward: int = 1024
    dropout: float = 0.1
    hand_encoder_layers: int = 6
    hand_decoder_layers: int = 4
    object_encoder_layers: int = 3
    normalised_memory: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "attention.", "width", "heads", "feedforward")
        if self.width % self.heads:
            raise ConfigError(f"attention.width {self.width} must be a multiple of attention.heads {self.heads}")


@dataclass(frozen=True)
class RegressionConfig:
    """Regression heads behind the transformers.

    Paper, section 3.4; its table 10 compares the hand's.

    Attributes:
        hand: ``mano_queries`` (a query per joint rotation and one for the shape), ``inverse_kinematics`` (a query for
            the shape; rotations follow from the voted joints), or ``joints`` (the voted joints alone: no queries, no
            hand model, no vertices).
        votes: whether the hand's points vote for its joints; the other two kinds of hand need it.
        object_rotation: ``axis_angle``, averaged component by component over the points as in the released networks, or
            ``six_d`` (Zhou et al. 2019), averaged as rotations.
    """

    hand: str = "mano_queries"
    votes: bool = True
    object_rotation: str = "six_d"

    def __post_init__(self) -> None:
        one_of("regression.hand", self.hand, ("mano_queries", "inverse_kinematics", "joints"))
        if self.hand != "mano_queries" and not self.votes:
            raise ConfigError(
                f"regression.hand {self.hand!r} is made of the joints that points vote for: it needs regression.votes "
                "true; without votes use mano_queries"
            )
        one_of("regression.object_rotation", self.object_rotation, ("axis_angle", "six_d"))


@dataclass(frozen=True)
class RootConfig:
    """Hand-root head, for cameras without a given wrist position.

    Not part of the paper's network.

    Attributes:
        width: channels of its map. hidden: hidden features of its depth and spreads.
        landmarks: whether it also reads a hand tracker's landmarks, where the input brings some.
    """

    width: int = 64
    hidden: int = 128
    landmarks: bool = False

    def __post_init__(self) -> None:
        positive(self, "root.", "width", "hidden")


@dataclass(frozen=True)
class ObjectViewConfig:
    """Initial estimate of the object pose from its picture.

    By an image encoder of its own; not part of the paper's network.

    Attributes:
        size: edge of the picture, pixels; a multiple of 32.
        width: channels of each of two maps. hidden: hidden features of the estimate.
    """

    size: int = 96
    width: int = 96
    hidden: int = 256

    def __post_init__(self) -> None:
        positive(self, "object_view.", "size", "width", "hidden")
        if self.size % 32:
            raise ConfigError(f"object_view.size must be a multiple of 32 pixels, got {self.size}")


@dataclass(frozen=True)
class ContextConfig:
    """Context tokens of the transformers beside points.

    Not part of the paper's network.

    Attributes:
        image: whether every cell of the encoder's coarsest features is a token.
        landmarks: whether the hand's 21 landmarks, where the input brings some, are tokens.
        hidden: hidden features between a landmark's numbers and its token.
        upright: whether crops are turned until the hand points up, as its landmarks say.
    """

    image: bool = True
    landmarks: bool = True
    hidden: int = 128
    upright: bool = False

    def __post_init__(self) -> None:
        positive(self, "context.", "hidden")
        if not self.image and not self.landmarks:
            raise ConfigError("context has neither image nor landmarks: set context: null")
        if self.upright and not self.landmarks:
            raise ConfigError("context.upright turns crops as landmarks say, and context.landmarks is false")


@dataclass(frozen=True)
class RuntimeConfig:
    """Numerical settings of inference; the defaults are exact.

    Attributes:
        precision: ``float32`` or ``bfloat16`` (automatic mixed precision; geometry stays in float32).
        search: ``exhaustive`` evaluates every grid point in the box; ``coarse_to_fine`` evaluates the middles of blocks
            of 2x2x2 grid points first and then only points of the blocks nearest to the surface.
        search_factor: with ``coarse_to_fine``, points evaluated for each point wanted.
    """

    precision: str = "float32"
    search: str = "exhaustive"
    search_factor: float = 4.0

    def __post_init__(self) -> None:
        one_of("runtime.precision", self.precision, ("float32", "bfloat16"))
        one_of("runtime.search", self.search, ("exhaustive", "coarse_to_fine"))
        within("runtime.search_factor", self.search_factor, 1)
