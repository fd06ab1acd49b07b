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

"""TensorBoard pictures of a batch.

Joints over the image, heatmap, masks, and slices through both fields.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.drawing import Colour, Pen
from hoisdf_model.geometry import Pinhole
from hoisdf_model.network import Hoisdf, NetworkOutput
from hoisdf_model.training.targets import input_of

Pixels = NDArray[np.uint8]
TRUE: Colour = (255, 255, 255)
PREDICTED: Colour = (255, 90, 40)
SLICE = 64  # points along each edge of a field slice


@torch.no_grad()
def picture(network: Hoisdf, batch: Sample) -> Pixels:
    """One row of pictures for each sample.

    Overlay, heatmap, hand mask, object mask, and hand field, object field where there are.

    In the overlay white is true and orange predicted, with the object's origin as a disc. Field slices lie across the
    line of sight at the depth of the field's origin, blue inside, red outside, with the surface in black.

    Args:
        network: in evaluation mode.
        batch: with true labels.

    Returns:
        (B S, 6 S, 3) uint8 RGB; (B S, 4 S, 3) without fields.
    """
    given = input_of(batch)
    output = network(given, every_layer=True)
    assert output.features is not None
    side = torch.linspace(-1, 1, SLICE, device=batch.image.device) * 0.6
    rows, columns = torch.meshgrid(side, side, indexing="ij")
    plane = torch.stack([columns, rows, torch.zeros_like(rows)], -1).view(1, -1, 3).expand(len(batch), -1, -1)
    fields = network.query_fields(output.features, plane, plane, given) if network.has_fields else ()
    size = batch.image.shape[-1]
    result = []
    for b in range(len(batch)):
        maps = output.maps[b].float().cpu().numpy()
        masks = [_grey(value, size) for value in (maps[0] / 255, maps[1], maps[2])]
        slices = [
            _slice(field[b].view(SLICE, SLICE).cpu().numpy(), network.config.field.clamp, size) for field in fields
        ]
        result.append(np.hstack([_overlay(batch, output, b), *masks, *slices]))
    return np.vstack(result)


def _overlay(batch: Sample, output: NetworkOutput, b: int) -> Pixels:
    image = np.ascontiguousarray((batch.image[b].permute(1, 2, 0).cpu().numpy() * 255).astype(np.uint8))
    root, center = batch.hand_root[b].cpu().numpy(), batch.object_center[b].cpu().numpy()
    pen = Pen(image, Pinhole.from_matrix(batch.intrinsics[b].cpu().numpy()), unit=1)
    for joints, place, colour in (
        (batch.joints[b], batch.object_translation[b], TRUE),
        (_joints(output)[b], output.object_translation[b], PREDICTED),
    ):
        if batch.hand_known[b]:
            pen.bones(joints.float().cpu().numpy() + root, colour)
        if batch.object_known[b]:
            pen.disc(pen.pixels((place.float().cpu().numpy() + center)[None])[0], colour, 4)
    return image


def _joints(output: NetworkOutput) -> Tensor:
    return output.joints if output.voted_joints is None else output.voted_joints


def _grey(values: NDArray[Any], size: int) -> Pixels:
    grey = (np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.asarray(cv2.resize(grey, (size, size)), np.uint8)[..., None].repeat(3, 2)


def _slice(distances: NDArray[Any], clamp: float, size: int) -> Pixels:
    share = np.asarray(cv2.resize(distances.astype(np.float32), (size, size))) / clamp
    pale = 1 - np.abs(share)
    colours = np.stack([np.where(share > 0, 1, pale), pale, np.where(share < 0, 1, pale)], -1)
    colours[np.abs(share) < 0.03] = 0
    return (colours * 235).astype(np.uint8)
