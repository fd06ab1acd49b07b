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

"""Samples as made by the released code's loaders.

Quirk by quirk; selected by ``protocol: official``.

Its weights were trained on such samples and the paper's tables measured on them. Where they differ from ours
(``preparation.prepare``), the public code (amathislab/HOISDF at 666e5b7, ``data/``) does this:

- The crop takes the nearest pixel, sampled at pixel centres, while joints are mapped without half pixels; no
  antialiasing. Blur and colours are Pillow's, on 8-bit images.
- Every box has its centre truncated to whole pixels: in training in pixels of the crop, in evaluation in those of the
  image. The object's centre is truncated once more. The window's centre is truncated too, in single precision.
- The object's box is that around 21 points: corners, edge middles and centre of the model's box; those of a mirrored
  scene are of the model as it was, so that they are a few pixels off.
- Turns are about the principal point and exact only where fx = fy; joints in the image are turned as pixels.
- The wrist, both boxes and the object's centre come from the labels, in evaluation too. Nothing is jittered.

A frame is evaluated where ``config.augmentation`` has only zeros, else trained on. What the data sets differ in is in
the configuration and in the labels: DexYCB takes ``hand_box: 1.1`` and draws normal turns; HO-3D takes
``hand_box: 1.2``, ``object_center_depth: 0.5244322``, ``augmentation: {turned: 1, turn_limit: 180, turn_uniform:
true}``, and in evaluation labels with ``HandLabel.box``, whose joints but the wrist may be NaN and whose field may be
empty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import FieldSamples, Floats, LabelledFrame
from hoisdf_model.data.samples import labelled_views, official_pictures
from hoisdf_model.data.samples.assembly import Cropped, FieldRows, anchor, assembled, masks
from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.data.samples.official_pictures import ColourDraws
from hoisdf_model.data.samples.preparation_config import PreparationConfig
from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import Pinhole, poses

# edge middles of a box whose corners are counted with x fastest, as pairs of corners
_EDGES = ((0, 2), (1, 3), (2, 3), (0, 1), (4, 6), (5, 7), (6, 7), (4, 5), (6, 2), (4, 0), (7, 3), (5, 1))


@dataclass(frozen=True)
class OfficialDraws:
    """All random numbers of a sample.

    Attributes:
        hand, object: rows of the field samples; None: no samples.
        center: (2,) in [-1, 1], moves the window. scale: standard normal, zooms it.
        turn: radians.
        colours: blur and colours; None in evaluation.
    """

    hand: FieldRows | None
    object: FieldRows | None
    center: Floats
    scale: float = 0.0
    turn: float = 0.0
    colours: ColourDraws | None = None


def prepare_official(
    frame: LabelledFrame,
    config: PreparationConfig,
    seed: int = 0,
    index: int = 0,
    source: int = 0,
    draws: OfficialDraws | None = None,
) -> Sample:
    """Make a sample (see the module's docstring).

    Args:
        frame: what is known; hand and object.
        config: sizes, factors and augmentation; ``root_*``, ``box`` and ``noise`` of the augmentation aren't used.
        seed, index, source: as ``preparation.prepare``.
        draws: what is random; None: drawn from seed and index.

    Raises:
        InvalidInputError: hand or object missing, the window is empty, or too few field samples.
    """
    rng = np.random.default_rng([seed, index])
    if frame.hand is None or frame.object is None:
        raise InvalidInputError("the official protocol needs a hand and an object in every frame")
    if draws is None:
        draws = drawn(frame, config, rng)
    training, left = config.augmentation != AugmentationConfig(), frame.hand.side == "left"
    # the official code mirrors every pose as if the model were its own mirror image in x = 0
    frame = replace(frame, object=replace(frame.object, reflection=poses.MIRROR.copy()))
    scene = labelled_views.right_handed(frame)
    assert frame.object
    assert scene.hand
    assert scene.object
    camera = scene.camera
    # and projects the points of the model as it is
    corners = box_points(frame.object.corners) @ scene.object.pose[:3, :3].T + scene.object.pose[:3, 3]
    outline = camera.project(corners)
    joints = camera.project(scene.hand.joints) if scene.hand.pixels is None else scene.hand.pixels
    hand_points = joints if scene.hand.box is None else scene.hand.box.reshape(2, 2)

    center, size = window(hand_points, outline, config.margin, camera.width, camera.height)
    if training:
        jitter = config.augmentation
        center = center + jitter.center * size * draws.center
        size = size * float(np.clip(jitter.scale * draws.scale + 1, 1 - jitter.scale, 1 + jitter.scale))
    turn, affine, intrinsics = _maps(center, size, draws.turn if training else 0.0, camera, config.image_size)
    scene = labelled_views.turned(scene, turn.astype(np.float64))

    hand_box, object_box = (
        truncated_box(_mapped(affine, points), factor)
        if training
        else _mapped(affine, truncated_box(points, factor).reshape(2, 2)).reshape(4)
        for points, factor in ((hand_points, config.hand_box), (outline, config.object_box))
    )
    root = anchor(scene)
    depth = root[2] if config.object_center_depth is None else config.object_center_depth
    middle = np.trunc((object_box[:2] + object_box[2:]) / 2)
    object_center = Pinhole.from_matrix(intrinsics).back_project(middle, depth)

    image = official_pictures.nearest_crop(scene.image, affine, config.image_size)
    if draws.colours is not None:
        image = official_pictures.changed_colours(image, draws.colours)
    hand_mask, object_mask = (
        official_pictures.nearest_crop(mask, affine, config.image_size)[1::2, 1::2] for mask in masks(scene)
    )
    cropped = Cropped(
        scene, image, hand_mask, object_mask, intrinsics, turn.astype(np.float64), root, object_center,
        hand_box.astype(np.float64), object_box.astype(np.float64), _mapped(affine, joints), draws.hand, draws.object,
    )  # fmt: skip
    return assembled(cropped, config, rng, left, index, source)


def drawn(frame: LabelledFrame, config: PreparationConfig, rng: np.random.Generator) -> OfficialDraws:
    """Random numbers in the official order and distributions.

    From another generator.

    Raises:
        InvalidInputError: too few field samples.
    """
    hand = _rows(frame.hand.samples if frame.hand else None, config, "hand", rng)
    thing = _rows(frame.object.samples if frame.object else None, config, "object", rng)
    changes = config.augmentation
    center, scale = rng.uniform(-1, 1, 2), float(rng.normal())
    turn = 0.0
    if rng.random() < changes.turned:
        limit = changes.turn_limit
        turn = (
            rng.uniform(-limit, limit) if changes.turn_uniform else np.clip(rng.normal() * changes.turn, -limit, limit)
        )
    colours = None
    if changes != AugmentationConfig():
        colours = official_pictures.drawn_colours(changes, rng)
    return OfficialDraws(hand, thing, center, scale, float(np.radians(turn)), colours)


def box_points(corners: Floats) -> Floats:
    """Box points (21, 3): corners, edge middles, centre.

    (8, 3) corners of a box along the axes, in any order.
    """
    low, high = corners.min(0), corners.max(0)
    ordered = np.array([[(low, high)[i >> axis & 1][axis] for axis in range(3)] for i in range(8)])
    middles = np.array([(ordered[a] + ordered[b]) / 2 for a, b in _EDGES])
    return np.concatenate([ordered, middles, ((low + high) / 2)[None]])


def truncated_box(points: NDArray[np.floating], factor: float) -> NDArray[np.float32]:
    """Box (4,) around pixels (N, 2), with truncated centre.

    Truncated towards zero, the size not, enlarged by ``factor``.
    """
    low, high = points.min(0), points.max(0)
    center, half = np.trunc((low + high) / 2), (high - low) / 2 * factor
    return np.concatenate([center - half, center + half]).astype(np.float32)


def window(
    hand: NDArray[np.floating], thing: NDArray[np.floating], margin: float, width: int, height: int
) -> tuple[Floats, float]:
    """Square window around both sets of pixels.

    Centre (2,) in whole pixels and size.

    Raises:
        InvalidInputError: the square is empty.
    """
    both = np.stack([truncated_box(hand, margin), truncated_box(thing, margin)])
    low = np.maximum(both[:, :2].min(0), np.float32(0))
    high = np.minimum(both[:, 2:].max(0), np.array([width, height], np.float32))
    size = float((high - low).max())
    if not size > 0:
        raise InvalidInputError(f"neither hand nor object touch the image of {width}x{height} pixels")
    return np.trunc((low + high) / np.float32(2)).astype(np.float64), size


def _maps(
    center: Floats, size: float, angle: float, camera: Pinhole, crop: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], Floats]:
    """Turn (3, 3) of points, affine (3, 3) image -> crop, intrinsics (3, 3) of the crop."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    principal = np.array([camera.cx, camera.cy])
    affine = (_window_map(turn[:2, :2] @ center, size, crop) @ turn).astype(np.float32)
    straight = _window_map(principal + turn[:2, :2] @ (center - principal), size, crop).astype(np.float32)
    return turn.astype(np.float32), affine, straight @ camera.matrix


def _window_map(center: Floats, size: float, crop: int) -> Floats:
    scale = crop / size
    x, y = crop * (0.5 - center / size)
    return np.array([[scale, 0, x], [0, scale, y], [0, 0, 1]])


def _mapped(affine: NDArray[np.float32], pixels: NDArray[np.floating]) -> Floats:
    homogeneous = np.concatenate([pixels, np.ones((len(pixels), 1))], 1)
    return np.asarray((homogeneous @ affine.T)[:, :2], np.float64)


def _rows(
    samples: FieldSamples | None, config: PreparationConfig, what: str, rng: np.random.Generator
) -> FieldRows | None:
    if samples is None or not len(samples.distances):
        return None
    count: int = getattr(config, f"{what}_field_points")
    started: int = getattr(config, f"{what}_start_points")
    near = np.flatnonzero(np.abs(samples.distances) < config.start_distance)
    if len(samples.distances) < count or len(near) < started:
        raise InvalidInputError(
            f"{count} {what} field samples are wanted, {started} of them within {config.start_distance} m of the "
            f"surface; the frame has {len(samples.distances)}, {len(near)} of them there"
        )
    field = rng.choice(len(samples.distances), count, replace=False)
    return FieldRows(field, rng.choice(near, started, replace=False))
