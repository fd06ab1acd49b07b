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

"""Initial estimate of the object pose from its picture.

The square around its box, seen by an image encoder of its own (ours, not the paper's).

Field points near an object that the network barely knows say little about its rotation. Its picture does: which object
it is, and the direction of its outline.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hoisdf_model.network.config_sections import ObjectViewConfig
from hoisdf_model.network.efficientnet import CHANNELS, EfficientNetLite
from hoisdf_model.network.heads import Head
from hoisdf_model.network.interface import NetworkInput
from hoisdf_model.network.region import sampled, square_grid, square_places

REGION = 1.4  # edge of the square around the box's middle that is looked at, in longest edges of the box
_DECIMETRES = 10.0
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # two columns of a rotation matrix


class ObjectView(nn.Module):
    """Initial object pose, added to every point's proposal.

    The rotation is predicted relative to the ray to the middle of the box (allocentric: Kundu et al., 3D-RCNN, CVPR
    2018): an object that moves across the picture without turning to the camera looks the same.

    Args:
        config: sizes.
    """

    def __init__(self, config: ObjectViewConfig) -> None:
        super().__init__()
        self.size = config.size
        width, hidden, cells = config.width, config.hidden, (config.size // 32) ** 2
        self.encoder = EfficientNetLite()
        self.middle = nn.Conv2d(CHANNELS[3], width, 3, stride=2, padding=1)
        self.coarse = nn.Conv2d(CHANNELS[4], width, 1)
        self.whole = nn.Sequential(
            nn.Flatten(), nn.Linear(2 * width * cells, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.rotation = nn.Linear(hidden, 6)
        self.translation = Head([hidden + 4, hidden, 3])
        for last, bias in ((self.rotation, _IDENTITY), (self.translation.linear(-1), (0.0, 0.0, 0.0))):
            nn.init.zeros_(last.weight)  # else its noise is added to every proposal
            with torch.no_grad():
                last.bias.copy_(torch.tensor(bias))

    def forward(self, batch: NetworkInput) -> tuple[Tensor, Tensor]:
        """Initial estimate of rotations and translations.

        Args:
            batch: crops, boxes and centres of the objects, and cameras.

        Returns:
            (B, 6) two columns of the rotation matrix, not orthonormal yet, and (B, 3) translations relative to the
            object's centre, metres.
        """
        box = batch.object_box
        middle, edges = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]).clamp(min=1.0)
        image = object_image(batch.image, middle, edges.amax(1) * REGION, self.size)
        # bfloat16 makes depthwise convolutions slower on a CPU, backwards above all
        with torch.autocast(image.device.type, enabled=image.device.type != "cpu" and torch.is_autocast_enabled()):
            *_, middle_features, coarse = self.encoder(image.contiguous(memory_format=torch.channels_last))
            seen = torch.cat([self.middle(middle_features), self.coarse(coarse)], 1).relu()
        whole = self.whole(seen).float()
        focal, principal = batch.intrinsics.diagonal(dim1=1, dim2=2)[:, :2], batch.intrinsics[:, :2, 2]
        ray, depth = (middle - principal) / focal, batch.object_center[:, 2:]
        columns = self.rotation(whole).float().unflatten(1, (2, 3))
        rotation = (turn_to(ray) @ columns.transpose(1, 2)).transpose(1, 2).flatten(1)
        # where the box is and how large, as if it were as far away as the given centre
        about = torch.cat([edges / focal * depth, ray * depth - batch.object_center[:, :2]], 1) * _DECIMETRES
        return rotation, self.translation(torch.cat([whole, about], 1)).float() / _DECIMETRES


def object_image(image: Tensor, middle: Tensor, edge: Tensor, size: int) -> Tensor:
    """Resampled squares of images.

    (B, 3, S, S) around ``middle`` (B, 2), ``edge`` (B,) pixels wide -> (B, 3, size, size); zero outside.
    """
    places = square_places(size, 1.0, image.device)
    return sampled(image, square_grid(middle, places, edge, image.shape[-1]))


def turn_to(ray: Tensor) -> Tensor:
    """Smallest rotations that turn the optical axis to rays.

    ``(x, y, 1)``, given as (B, 2) -> (B, 3, 3).
    """
    x, y, z = functional.normalize(functional.pad(ray, (0, 1), value=1.0), dim=1).unbind(1)
    along = 1 / (1 + z)
    return torch.stack(
        [
            torch.stack([1 - x * x * along, -x * y * along, x], 1),
            torch.stack([-x * y * along, 1 - y * y * along, y], 1),
            torch.stack([-x, -y, z], 1),
        ],
        1,
    )
