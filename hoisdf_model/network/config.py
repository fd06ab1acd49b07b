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

"""Configuration of the network.

Every difference between two presets is a named field here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hoisdf_model.errors import ConfigError
from hoisdf_model.hand.joints import NUM_JOINTS, NUM_VERTICES
from hoisdf_model.network.config_sections import (
    AttentionConfig,
    ContextConfig,
    DecoderConfig,
    DensityConfig,
    EncoderConfig,
    FieldConfig,
    ObjectViewConfig,
    RegressionConfig,
    RootConfig,
    RuntimeConfig,
    SamplingConfig,
    TokensConfig,
)
from hoisdf_model.settings import one_of, typed

REPRESENTATIONS = ("sdf", "keypoints_2d", "segmentation_2d", "vertices_3d")
KEYPOINTS = (NUM_JOINTS, 7)  # of the hand; of the object, its origin and a point on each half axis


@dataclass(frozen=True)
class NetworkConfig:
    """The whole network.

    Attributes:
        name: a label; nothing depends on it.
        image_size: height and width of the crop in pixels.
        object_center_depth: depth at which the object's centre is assumed when the network's input is prepared, metres;
            ``null``: the wrist's.
        object_in_mirror: how the network poses an object that it is shown in a mirror, beside a left hand: ``itself``,
            as the object in the pose that looks like that (our labels; and whatever was trained on right hands only,
            for nothing in the picture says mirror); ``mirror_image``, as the object's mirror image in the plane x = 0
            of its own frame (the released code's labels of left hands).
        representation: what stands between image and points (the paper's table 5 compares them): ``sdf``, the two
            signed distance fields; or in their place ``keypoints_2d``, ``segmentation_2d`` or ``vertices_3d``, as
            :mod:`hoisdf_model.network.explicit` builds them. These have no distances: ``tokens.augmentation`` must be
            ``none``.
        root: the hand-root head; ``null``: there is none.
        object_view: the initial estimate of the object's pose from its picture; ``null``: there is none.
        context: tokens beside the points' own; ``null``: there are none.
    """

    name: str = "unnamed"
    image_size: int = 256
    object_center_depth: float | None = None
    object_in_mirror: str = "itself"
    representation: str = "sdf"
    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)
    decoder: DecoderConfig = dataclasses.field(default_factory=DecoderConfig)
    field: FieldConfig = dataclasses.field(default_factory=FieldConfig)
    density: DensityConfig = dataclasses.field(default_factory=DensityConfig)
    tokens: TokensConfig = dataclasses.field(default_factory=TokensConfig)
    sampling: SamplingConfig = dataclasses.field(default_factory=SamplingConfig)
    attention: AttentionConfig = dataclasses.field(default_factory=AttentionConfig)
    regression: RegressionConfig = dataclasses.field(default_factory=RegressionConfig)
    root: RootConfig | None = None
    object_view: ObjectViewConfig | None = None
    context: ContextConfig | None = None
    runtime: RuntimeConfig = dataclasses.field(default_factory=RuntimeConfig)

    def __post_init__(self) -> None:
        if self.image_size % 32 or self.image_size <= 0:
            raise ConfigError(f"image_size must be a positive multiple of 32, got {self.image_size}")
        one_of("object_in_mirror", self.object_in_mirror, ("itself", "mirror_image"))
        one_of("representation", self.representation, REPRESENTATIONS)
        if self.object_view is not None and self.regression.object_rotation != "six_d":
            raise ConfigError("object_view gives rotations as six numbers: set regression.object_rotation to six_d")
        if self.representation != "sdf":
            self._check_explicit()
        if self.image_feature_length < 1:
            raise ConfigError(
                f"attention.width {self.attention.width} leaves no room for image features beside a point's "
                f"{self.attention.width - self.image_feature_length} other numbers"
            )

    def _check_explicit(self) -> None:
        """Compare an explicit representation with the settings that are about fields and numbers of points."""
        what, sampling = f"representation {self.representation!r}", self.sampling
        if self.tokens.augmentation != "none":
            raise ConfigError(
                f"{what} has no distances for tokens.augmentation {self.tokens.augmentation!r}: use 'none'"
            )
        if sampling.choice != "absolute_distance":
            raise ConfigError(
                f"{what} has no field for sampling.choice {sampling.choice!r} to choose from: leave it out"
            )
        points = (sampling.hand_points, sampling.object_points)
        if self.representation == "keypoints_2d" and points != KEYPOINTS:
            raise ConfigError(
                f"{what} has {KEYPOINTS[0]} keypoints of the hand and {KEYPOINTS[1]} of the object, each of which is a "
                f"point: set sampling.hand_points and object_points to these, not to {points[0]} and {points[1]}"
            )
        if self.representation == "vertices_3d" and sampling.hand_points > NUM_VERTICES:
            raise ConfigError(
                f"{what} takes its points from the hand's {NUM_VERTICES} vertices: sampling.hand_points must not "
                f"exceed that, got {sampling.hand_points}"
            )

    @property
    def upright(self) -> bool:
        """Whether crops are turned until the hand points up."""
        return self.context is not None and self.context.upright

    @property
    def image_feature_length(self) -> int:
        """Number of image features in a token.

        The rest is its position, the positional code and concatenated numbers.
        """
        return self.attention.width - self.field.code_length - 3 - self.tokens.concatenated

    @property
    def pyramid_channels(self) -> tuple[int, ...]:
        """Channels of the sampled feature maps.

        At strides 2, 4, 8, 16 and 32.
        """
        coarsest = self.decoder.bottleneck or self.encoder.channels[-1]
        return (*reversed(self.decoder.fused), coarsest)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> NetworkConfig:
        """Configuration from nested plain values, as in a preset file.

        Missing values keep their defaults.

        Raises:
            ConfigError: an unknown key (named with its path), a wrong type, or a value out of range.
        """
        return typed(cls, [mapping], page="docs/network.md")

    def to_mapping(self) -> dict[str, Any]:
        """Nested plain values for JSON or YAML.

        Lists, not tuples; the inverse of ``from_mapping``.
        """
        return _plain(asdict(self))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
