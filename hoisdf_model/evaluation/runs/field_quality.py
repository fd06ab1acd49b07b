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

"""Surfaces of a network's distance fields beside the true ones.

Paper, figure 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.preparation import PreparationConfig
from hoisdf_model.data.samples.sample import collate, single
from hoisdf_model.drawing import Surface, paint
from hoisdf_model.evaluation.metrics.field_surfaces import Mesh, surface_of, surface_scores
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.metrics.object_metrics import posed
from hoisdf_model.evaluation.runs.crop_pictures import Pixels, captioned, crop_of
from hoisdf_model.evaluation.runs.extra_metrics import Figures
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, FrameBatch
from hoisdf_model.evaluation.runs.methods import Answer, given
from hoisdf_model.evaluation.runs.records import Record
from hoisdf_model.evaluation.runs.truth import truths_of
from hoisdf_model.geometry import meshes, simplified
from hoisdf_model.hand import HandLayer
from hoisdf_model.network import ImageFeatures, NetworkInput

# hands at 1 and 5 mm, objects at 5 and 10 mm as well, which gSDF's evaluation has in the places of 1 and 5
THRESHOLDS = {"hand": (0.001, 0.005), "object": (0.001, 0.005, 0.01)}
HAND_COLOUR, OBJECT_COLOUR = (120, 170, 235), (235, 200, 90)


class FieldNetwork(Protocol):
    """A network with two distance fields."""

    @property
    def config(self) -> Any:
        """Its configuration; ``field.scale`` and ``field.clamp`` are read."""

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        """See ``Hoisdf.encode``."""

    def query_fields(
        self, features: ImageFeatures, hand_points: torch.Tensor, object_points: torch.Tensor, batch: NetworkInput
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See ``Hoisdf.query_fields``."""


class Surfaces(NamedTuple):
    """Meshes in the camera frame, metres; None where unknown."""

    hand: Mesh | None
    object: Mesh | None


class FieldQuality:
    """Metric of the surfaces of a network's fields.

    The network is given the true wrist and boxes.

    The fields are read in the whole cube that the network's grid fills, also where it doesn't look for points, but for
    what lies behind the camera, which counts as outside.

    Args:
        network: in evaluation mode.
        models: objects by name.
        hand_layer: the hand that the frames' poses and shapes are of.
        frames: only frames with a smaller number are judged; None: all.
        device: where the network is.
    """

    def __init__(
        self,
        network: FieldNetwork,
        models: Models,
        hand_layer: HandLayer,
        frames: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.network, self.models, self.hand_layer = network, models, hand_layer
        self.frames, self.device = frames, device

    def __call__(self, batch: FrameBatch, answers: Sequence[Answer]) -> list[Figures]:
        """Of frames in which the hand's mesh or the object is known."""
        results: list[Figures] = [{} for _ in batch.numbers]
        for k, number in enumerate(batch.numbers):
            if self.frames is not None and number >= self.frames:
                continue
            true = self.true(batch, k)
            if true.hand is None and true.object is None:
                continue
            own = self.predicted(batch, k)
            for what in ("hand", "object"):
                predicted, known = getattr(own, what), getattr(true, what)
                if known is not None:
                    results[k] |= _figures(what, predicted, known)
        return results

    @torch.inference_mode()
    def predicted(self, batch: FrameBatch, k: int) -> Surfaces:
        """Surfaces of both fields in frame ``k`` of the batch.

        Empty where a field is nowhere zero.
        """
        one = given(collate([single(batch.sample, k)])).to(self.device)
        features, settings = self.network.encode(one.image), self.network.config.field
        nowhere = torch.zeros(1, 0, 3, device=one.image.device)

        def surface(center: torch.Tensor, hand: bool) -> Mesh:
            middle = center[0].double().cpu().numpy()

            def field(points: NDArray[np.float64]) -> NDArray[np.float64]:
                asked = torch.as_tensor(points * settings.scale, dtype=torch.float32, device=one.image.device)[None]
                both = (asked, nowhere) if hand else (nowhere, asked)
                read = self.network.query_fields(features, *both, one)[0 if hand else 1]
                values = read[0].double().cpu().numpy() / settings.scale
                return np.where(points[:, 2] + middle[2] > 0, values, settings.clamp / settings.scale)

            vertices, faces = surface_of(field, 1 / settings.scale, clamp=settings.clamp / settings.scale)
            return (vertices + middle) @ batch.axes[k], self._turned(faces, batch, k)

        return Surfaces(surface(one.hand_root, True), surface(one.object_center, False))

    def true(self, batch: FrameBatch, k: int) -> Surfaces:
        """True surfaces in frame ``k``, the hand's wrist closed."""
        truth = truths_of(batch, self.hand_layer)[k]
        hand = obj = None
        if bool(batch.sample.hand_known[k]) and len(truth.hands[0].vertices):
            vertices, faces = meshes.capped(truth.hands[0].vertices, self.hand_layer.model.faces)
            hand = vertices, self._turned(faces, batch, k)
        if batch.names[k]:
            model, held = self.models(batch.names[k]), truth.objects[0]
            obj = posed(model.vertices[None], (held.rotation[None], held.translation[None]))[0], model.faces
        return Surfaces(hand, obj)

    def _turned(self, faces: NDArray[np.int64], batch: FrameBatch, k: int) -> NDArray[np.int64]:
        """Faces of a right hand as those of the hand in frame ``k``.

        A mirrored hand's are turned inside out.
        """
        return faces[:, ::-1] if bool(batch.sample.mirrored[k]) else faces

    def sheet(self, records: Sequence[Record], source: FrameSource, preparation: PreparationConfig) -> Pixels:
        """Picture of frames: crop, true surfaces, surfaces of the fields.

        Returns:
            (H, W, 3) uint8 RGB.
        """
        rows = []
        for record in records:
            batch = EvaluatedFrames(source, [record.frame], preparation)[0]
            image, view = crop_of(batch)
            sides = [image]
            for found in (self.true(batch, 0), self.predicted(batch, 0)):
                sides.append(image.copy())
                known = ((found.hand, HAND_COLOUR), (found.object, OBJECT_COLOUR))
                drawn = [Surface(*simplified(*mesh, 20_000), colour) for mesh, colour in known if mesh is not None]
                paint(sides[-1], drawn, view, 0.9)
            taken = {name: value for result in record.results.values() for name, value in result.errors.items()}
            numbers = "".join(
                f"   {name} {taken[name]:.0f} mm" for name in ("hand field", "object field") if name in taken
            )
            words = f"{record.frame}  {record.object}   crop | true | fields{numbers}"
            rows.append(captioned(np.hstack(sides), words))
        return np.concatenate(rows)


def _figures(what: str, own: Mesh, true: Mesh) -> Figures:
    found = surface_scores(own, true, THRESHOLDS[what])
    result = {f"{what} surface": 100.0 * bool(len(own[1]))}
    for threshold, score in zip(THRESHOLDS[what], found.f_scores, strict=True):
        result[f"{what} field F@{round(threshold * 1e3)}"] = score * 100
    if len(own[1]):
        result |= {f"{what} field": found.distance * 1e3, f"{what} chamfer": found.chamfer * 1e4}
    return result
