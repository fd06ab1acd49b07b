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

"""Settings of sample preparation."""

from __future__ import annotations

from dataclasses import dataclass, field

from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.errors import ConfigError
from hoisdf_model.geometry import crops
from hoisdf_model.settings import one_of

PROTOCOLS = ("ours", "official")


@dataclass
class PreparationConfig:
    """Settings of sample preparation.

    Attributes:
        protocol: ``ours``, or ``official``: with all the quirks of the released code's loaders (see
            ``data/samples/official_protocol.py``), for its weights and for tables that compare with the paper's.
        image_size: edge of the crop, pixels.
        object_center_depth: metres; None: the wrist's depth. As in the network's configuration.
        upright: whether crops are turned until the hand points up, as its landmarks say. As in the network's
            configuration; only with the protocol ``ours``.
        margin: boxes are enlarged by this factor for the crop's window.
        hand_box, object_box: the box given to the network, as a factor of the box around the joints and around the
            corners of the object.
        hand_field_points, object_field_points: how many points the fields are compared at.
        hand_start_points, object_start_points: how many points the transformers get; as many as the network looks for.
        start_distance: metres; start points are at most this far from the surface.
        augmentation: random changes.
    """

    protocol: str = "ours"
    image_size: int = crops.CROP_SIZE
    object_center_depth: float | None = None
    upright: bool = False
    margin: float = 1.5
    hand_box: float = 1.1
    object_box: float = 1.0
    hand_field_points: int = 600
    object_field_points: int = 200
    hand_start_points: int = 600
    object_start_points: int = 200
    start_distance: float = 0.05
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)

    def __post_init__(self) -> None:
        one_of("preparation.protocol", self.protocol, PROTOCOLS)
        if self.upright and self.protocol != "ours":
            raise ConfigError(
                f"preparation.protocol {self.protocol!r} turns no crops until the hand points up, as this network "
                "(context.upright) wants: use 'ours'"
            )
