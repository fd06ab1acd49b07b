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

"""Evaluation of a distance field, and search for near-surface points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from hoisdf_model.network import sampling
from hoisdf_model.network.config_sections import FieldConfig, RuntimeConfig
from hoisdf_model.network.fields import SdfDecoder, positional_code
from hoisdf_model.network.pyramid import LevelTables, PointFeatures, Taps, pixels_of, taps

# Points evaluated at once without gradients: on a CPU the activations should stay in its cache.
_CHUNK = {"cpu": 4096}
# ... in full steps, the last one filled up: oneDNN keeps code and memory for each number of rows it has met, and how
# many points lie in a box differs from frame to frame.
_STEP = 256
_ACCELERATOR_CHUNK = 262144
Key = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class FieldReader:
    """Distance field of a batch of images, ready for evaluation.

    Attributes:
        config: the fields' settings.
        image_size: of the crop, pixels.
        decoder: the field's distance decoder.
        features: the network from sampled pyramid features to latent codes, shared by both fields.
        pyramid, tables: what it samples, ``tables`` as from ``PointFeatures.tables``.
        center: (B, 3) origin of the field, camera frame, metres.
        intrinsics: (B, 3, 3).
    """

    config: FieldConfig
    image_size: int
    decoder: SdfDecoder
    features: PointFeatures
    pyramid: Sequence[Tensor]
    tables: LevelTables
    center: Tensor
    intrinsics: Tensor

    def distances(self, points: Tensor, sample: Tensor) -> Tensor:
        """Signed distances (P,) at points, normalised, not clamped.

        Points (P, 3), normalised, of the images ``sample`` (P,).
        """
        if torch.is_grad_enabled():
            return self._distances(points, sample)
        count, size = len(points), _CHUNK.get(points.device.type, _ACCELERATOR_CHUNK)
        points, sample = (functional.pad(x, (0, 0) * (x.dim() - 1) + (0, -count % _STEP)) for x in (points, sample))
        chunks = zip(points.split(size), sample.split(size), strict=True)
        return torch.cat([self._distances(*chunk) for chunk in chunks])[:count]

    def distances_from_latent(self, latent: Tensor, points: Tensor) -> Tensor:
        """Signed distances (P,) at points with known latent codes.

        Points (P, 3), normalised; codes (P, latent).
        """
        code = positional_code(points, self.config.frequencies)
        return self.decoder(torch.cat([latent, code.to(latent.dtype), points.to(latent.dtype)], 1)).to(points.dtype)

    def clamped(self, latent: Tensor, points: Tensor) -> Tensor:
        """Clamped signed distances (B, N) at points with latent codes.

        Points (B, N, 3), normalised; codes (B, N, latent).
        """
        distance = self.distances_from_latent(latent.flatten(0, 1), points.flatten(0, 1))
        return distance.clamp(-self.config.clamp, self.config.clamp).view(points.shape[:2])

    def latent(self, at: Taps) -> Tensor:
        """Latent codes of points, (P, latent)."""
        return self.features.sampled(self.pyramid, self.tables, at)

    def _distances(self, points: Tensor, sample: Tensor) -> Tensor:
        camera = points / self.config.scale + self.center[sample]
        pixels = pixels_of(camera, self.intrinsics[sample])
        return self.distances_from_latent(self.latent(taps(pixels, sample, self.pyramid, self.image_size)), points)


class Found(NamedTuple):
    """Points of one field.

    ``points`` (B, N, 3) normalised; ``sdf`` (B, N) normalised, clamped; ``grid_index`` (B, N), -1 where there is none;
    ``valid`` (B,) bool.
    """

    points: Tensor
    sdf: Tensor
    grid_index: Tensor
    valid: Tensor


def expected_readings(candidates: sampling.Candidates, wanted: int, config: RuntimeConfig) -> int:
    """Expected number of field evaluations of the search.

    To find ``wanted`` points among the candidates.
    """
    count = len(candidates.index)
    if config.search == "coarse_to_fine":
        return min(count, count // 8 + int(wanted * config.search_factor))
    return count


def read(reader: FieldReader, points: Tensor) -> Tensor:
    """Distances (B, N) at points (B, N, 3), normalised units, clamped."""
    batch, count = points.shape[:2]
    sample = torch.arange(batch, device=points.device).repeat_interleave(count)
    distance = reader.distances(points.flatten(0, 1), sample).view(batch, count)
    return distance.clamp(-reader.config.clamp, reader.config.clamp)


def given(reader: FieldReader, queries: Tensor) -> Found:
    """Given points with their distances, in place of found ones.

    (B, N, 3) normalised; none has a grid index (-1).
    """
    index = torch.full(queries.shape[:2], -1, device=queries.device)
    return Found(queries, read(reader, queries), index, torch.ones_like(index[:, 0], dtype=torch.bool))


def nearest_to_surface(
    reader: FieldReader,
    grid: Tensor,
    middles: Tensor,
    candidates: sampling.Candidates,
    wanted: int,
    config: RuntimeConfig,
    key: Key = torch.abs,
) -> Found:
    """The candidates with the smallest distance, before clamping.

    Args:
        reader: the field.
        grid: (G, 3) all grid points, normalised.
        middles: (G/8, 3) the middles of its blocks.
        candidates: grid points in the boxes.
        wanted: points for each sample.
        config: how to search.
        key: what of a distance counts.
    """
    if not len(candidates.index):
        return nothing(reader, wanted)
    candidates, distance = distances_of(reader, grid, middles, candidates, wanted, config, key)
    selection = sampling.smallest(candidates.sample, key(distance), len(reader.center), wanted)
    index = candidates.index[selection.position]
    return found(reader, grid[index], distance[selection.position], index, selection)


def distances_of(
    reader: FieldReader,
    grid: Tensor,
    middles: Tensor,
    candidates: sampling.Candidates,
    wanted: int,
    config: RuntimeConfig,
    key: Key = torch.abs,
) -> tuple[sampling.Candidates, Tensor]:
    """Reduced candidates and their distances, before clamping.

    The wanted ones are among them; as ``nearest_to_surface``.
    """
    if config.search == "coarse_to_fine":
        candidates = _promising(reader, middles, candidates, int(wanted * config.search_factor), key)
    return candidates, reader.distances(grid[candidates.index], candidates.sample)


def found(reader: FieldReader, points: Tensor, distance: Tensor, index: Tensor, selection: sampling.Selection) -> Found:
    """Selected points with distances and grid indices.

    (B, N, 3), (B, N), (B, N), where a sample has any.
    """
    instead, valid = nothing(reader, points.shape[1]), selection.count > 0
    sdf = distance.clamp(-reader.config.clamp, reader.config.clamp)
    return Found(
        points.where(valid[:, None, None], instead.points),
        sdf.where(valid[:, None], instead.sdf),
        index.where(valid[:, None], instead.grid_index),
        valid,
    )


def _promising(
    reader: FieldReader, middles: Tensor, candidates: sampling.Candidates, limit: int, key: Key
) -> sampling.Candidates:
    """Of each sample the candidates whose block's middle has the smallest key, at most ``limit``."""
    batch, blocks = len(reader.center), len(middles)
    resolution = 2 * round(blocks ** (1 / 3))
    block = candidates.sample * blocks + sampling.block_of(candidates.index, resolution)
    touched = torch.zeros(batch * blocks, dtype=torch.bool, device=block.device)
    touched[block] = True
    (flat,) = touched.nonzero(as_tuple=True)
    distance = torch.zeros(batch * blocks, dtype=middles.dtype, device=block.device)
    distance[flat] = reader.distances(middles[flat % blocks], flat // blocks)
    selection = sampling.smallest(candidates.sample, key(distance)[block], batch, limit)
    kept = torch.arange(limit, device=block.device) < selection.count[:, None]
    return candidates[selection.position[kept]]


def nothing(reader: FieldReader, wanted: int) -> Found:
    """Placeholder points of a sample without any in its box.

    The field's origin, as far away as the clamp goes.
    """
    points = reader.center.new_zeros(len(reader.center), wanted, 3)
    sdf = torch.full_like(points[..., 0], reader.config.clamp)
    index = torch.full(sdf.shape, -1, device=points.device)
    return Found(points, sdf, index, torch.zeros_like(index[:, 0], dtype=torch.bool))
