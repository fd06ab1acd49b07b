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

"""Post-norm transformer layers on scaled dot product attention.

Vaswani et al. 2017, on PyTorch's kernel. Batch first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head attention with the parameters of ``nn.MultiheadAttention``.

    Rows of query, key and value stacked.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self._scale = (width // heads) ** -0.5
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.xavier_uniform_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Attended values (B, Q, D).

        (B, Q, D), (B, K, D), (B, K, D) -> (B, Q, D); ``allowed`` (Q, K) bool, true where a query may attend.
        """
        q, k, v = (self._split(x) for x in self._projected(query, key, value))
        dropout = self.dropout if self.training else 0.0
        if allowed is None and not dropout and q.requires_grad and q.device.type == "cpu" and q.dtype is torch.bfloat16:
            # PyTorch's fused attention computes its gradients on a CPU in half the pace of plain bfloat16 products
            mixed = (q * self._scale @ k.transpose(2, 3)).softmax(3) @ v
        else:
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed, dropout_p=dropout)
        projected: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return projected

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        if query is key and key is value:
            return functional.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        inputs = zip((query, key, value), self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True)
        return tuple(functional.linear(x, weight, bias) for x, weight, bias in inputs)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class EncoderLayer(nn.Module):
    """Self-attention and a feedforward network, a layer norm behind each."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads, dropout)
        self.linear1 = nn.Linear(width, feedforward)
        self.linear2 = nn.Linear(feedforward, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, kept: int | None = None) -> Tensor:
        """Encoded tokens (B, N, D), or the first ``kept`` ones.

        (B, N, D) -> (B, N, D), or (B, kept, D): the first tokens alone, which attend to all the others.
        """
        query = x if kept is None else x[:, :kept]
        query = self.norm1(query + self.dropout(self.self_attn(query, x, x)))
        hidden = self.dropout(functional.relu(self.linear1(query), inplace=True))
        return self.norm2(query + self.dropout(self.linear2(hidden)))


class Encoder(nn.Module):
    """Layers of self-attention over all tokens."""

    def __init__(self, layers: int, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, heads, feedforward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, kept: int, every_layer: bool) -> tuple[Tensor, Tensor]:
        """Encoded tokens; the last layer computes only those used afterwards.

        Args:
            tokens: (B, N, D).
            kept: how many of the first tokens are wanted.
            every_layer: whether the outputs of all layers are wanted.

        Returns:
            The normalised outputs (L, B, kept, D), L = 1 without ``every_layer``; and the last layer's output before
            the norm, (B, kept, D).
        """
        outputs = []
        for layer in self.layers[:-1]:
            tokens = layer(tokens)
            if every_layer:
                outputs.append(self.norm(tokens[:, :kept]))
        memory = self.layers[-1](tokens, kept)
        return torch.stack([*outputs, self.norm(memory)]), memory


class DecoderLayer(nn.Module):
    """Decoder layer: self-attention, cross-attention, feedforward network.

    A layer norm behind each.
    """

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads, dropout)
        self.multihead_attn = Attention(width, heads, dropout)
        self.linear1 = nn.Linear(width, feedforward)
        self.linear2 = nn.Linear(feedforward, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, queries: Tensor, memory: Tensor, allowed: Tensor | None) -> Tensor:
        """Next state of the queries.

        State (B, Q, D), query embeddings (Q, D), memory (B, N, D), mask (Q, Q) -> next state (B, Q, D).
        """
        placed = x + queries
        x = self.norm1(x + self.dropout(self.self_attn(placed, placed, x, allowed)))
        x = self.norm2(x + self.dropout(self.multihead_attn(x + queries, memory, memory)))
        hidden = self.dropout(functional.relu(self.linear1(x), inplace=True))
        return self.norm3(x + self.dropout(self.linear2(hidden)))


class Decoder(nn.Module):
    """Decoder with learnt queries over a memory.

    As in DETR (Carion et al. 2020); the state starts at zero.

    Args:
        groups: how many neighbouring queries see each other, (1, 3, 3, ...); queries of different groups don't.
        layers, width, heads, feedforward, dropout: of the transformer.
    """

    allowed: Tensor

    def __init__(
        self, groups: tuple[int, ...], layers: int, width: int, heads: int, feedforward: int, dropout: float
    ) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(sum(groups), width))
        self.layers = nn.ModuleList(DecoderLayer(width, heads, feedforward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        blocks = torch.block_diag(*(torch.ones(size, size) for size in groups))
        self.register_buffer("allowed", blocks.bool(), persistent=False)

    def forward(self, memory: Tensor, every_layer: bool) -> Tensor:
        """Normalised outputs (L, B, Q, D) of the layers.

        From (B, N, D); L = 1, the last layer's, without ``every_layer``.
        """
        state = torch.zeros_like(self.queries, dtype=memory.dtype).expand(len(memory), -1, -1)
        outputs = []
        for layer in self.layers:
            state = layer(state, self.queries, memory, self.allowed)
            outputs.append(state)
        return self.norm(torch.stack(outputs if every_layer else outputs[-1:]))
