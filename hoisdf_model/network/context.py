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

"""Context tokens: coarsest image features and hand landmarks.

Beside the points; ours, not the paper's.

Points see the image only where they fall. A cell of the coarsest features sees the whole hand, as the tokens of DETR
do (Carion et al., ECCV 2020), and landmarks of another network are evidence that the transformers weigh against what
they see themselves.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hoisdf_model.hand.joints import NUM_JOINTS
from hoisdf_model.network.config_sections import ContextConfig
from hoisdf_model.network.interface import NetworkInput
from hoisdf_model.network.mlp import Mlp

_DECIMETRES = 10.0
_PLACE = 4  # numbers of a place in the image: relative to the hand's box, and to the crop
_TRUST, _NEVER = 6.0, -1e4  # of a landmark for its own joint at first; of a missing one
_START = 0.02  # standard deviation of embeddings that are learnt


class ContextTokens(nn.Module):
    """Tokens of image cells and landmarks.

    Args:
        config: which there are.
        channels: of the encoder's coarsest features.
        width: of a token.
    """

    def __init__(self, config: ContextConfig, channels: int, width: int) -> None:
        super().__init__()
        self.cells = nn.Linear(channels, width) if config.image else None
        self.cell_place = Mlp([_PLACE, config.hidden, width]) if config.image else None
        self.landmarks = Mlp([_PLACE + 3 + 1, config.hidden, width]) if config.landmarks else None
        self.names = nn.Parameter(_START * torch.randn(NUM_JOINTS, width)) if config.landmarks else None
        self.unseen = nn.Parameter(_START * torch.randn(NUM_JOINTS, width)) if config.landmarks else None
        self.trust = nn.Parameter(torch.tensor(_TRUST)) if config.landmarks else None

    def forward(self, coarsest: Tensor, batch: NetworkInput) -> Tensor:
        """Tokens for both transformers.

        Args:
            coarsest: (B, C, H, W) the encoder's features.
            batch: boxes, and landmarks where there are some.

        Returns:
            (B, T, D): cells row by row, then landmarks.
        """
        size = batch.image.shape[-1]
        tokens = []
        if self.cells is not None and self.cell_place is not None:
            rows, columns = ((torch.arange(n, device=coarsest.device) + 0.5) * (size / n) for n in coarsest.shape[2:])
            cells = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).reshape(1, -1, 2)
            places = _places(cells.expand(len(coarsest), -1, -1), batch.hand_box, size)
            tokens.append(self.cells(coarsest.flatten(2).transpose(1, 2)) + self.cell_place(places))
        if self.landmarks is not None and self.names is not None and self.unseen is not None:
            tokens.append(self._evidence(batch, size))
        return torch.cat(tokens, 1)

    def voters(self, batch: NetworkInput) -> tuple[Tensor, Tensor] | None:
        """Landmarks as points that vote for joints beside the hand's own points.

        Returns:
            Positions (B, 21, 3), metres relative to the wrist, and how far each is trusted for each joint, (B, 21, 20):
            missing ones not at all; a landmark for its own joint the more, the surer the tracker is. None:
            the network reads no landmarks.
        """
        if self.trust is None:
            return None
        if batch.landmarks is None or batch.landmark_presence is None:
            nowhere = batch.hand_root.new_zeros(len(batch.hand_root), NUM_JOINTS, 3)
            return nowhere, nowhere.new_full((*nowhere.shape[:2], NUM_JOINTS - 1), _NEVER)
        own = torch.eye(NUM_JOINTS, device=batch.image.device)[:, 1:]
        presence = batch.landmark_presence[:, None, None]
        trust = torch.where(presence > 0, self.trust * presence * own, _NEVER)
        return batch.landmarks[..., 2:], trust

    def _evidence(self, batch: NetworkInput, size: int) -> Tensor:
        assert self.landmarks is not None
        assert self.names is not None
        assert self.unseen is not None
        if batch.landmarks is None or batch.landmark_presence is None:
            return self.unseen.expand(len(batch.image), -1, -1)
        pixels, relative = batch.landmarks.split([2, 3], 2)
        presence = batch.landmark_presence[:, None, None].expand(-1, NUM_JOINTS, 1)
        numbers = torch.cat([_places(pixels, batch.hand_box, size), relative * _DECIMETRES, presence], 2)
        seen = self.landmarks(numbers) + self.names
        return torch.where(presence > 0, seen, self.unseen.to(seen.dtype))


def _places(pixels: Tensor, box: Tensor, size: int) -> Tensor:
    """(B, N, 2) pixels -> (B, N, 4): from the box's middle in its longest edges, and over the crop from -1 to 1."""
    middle, edge = (box[:, None, :2] + box[:, None, 2:]) / 2, (box[:, 2:] - box[:, :2]).amax(1).clamp(min=1.0)
    return torch.cat([(pixels - middle) / edge[:, None, None], pixels * (2 / size) - 1], 2)
