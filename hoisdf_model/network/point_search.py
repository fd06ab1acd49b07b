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

"""Point search near the surfaces of the fields, and field readings."""

from __future__ import annotations

import torch
from torch import Tensor

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.network import sampling, search
from hoisdf_model.network.choice import Choice
from hoisdf_model.network.explicit import Explicit
from hoisdf_model.network.interface import ImageFeatures, NetworkInput
from hoisdf_model.network.modules import NetworkModules
from hoisdf_model.network.stages import FieldPoints, without_field


class PointSearch(NetworkModules):
    """Stage from the image's features to points of hand and object."""

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

    def read_explicit(self, features: ImageFeatures) -> Explicit | None:
        """Explicit representation with gradients, in place of the fields.

        None: nothing beside the image maps.
        """
        if self.explicit is None:
            return None
        with self.precision(features.maps.device):
            predicted: Explicit | None = self.explicit(features)
            return predicted

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
