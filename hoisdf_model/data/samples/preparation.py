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

"""Preparation of samples from labelled frames.

Mirrored, turned, cropped, with points drawn; a function of frame and seed.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import FieldSamples, Floats, LabelledFrame
from hoisdf_model.data.samples import augmentation, label_boxes, labelled_views
from hoisdf_model.data.samples.assembly import Cropped, FieldRows, anchor, assembled, masks
from hoisdf_model.data.samples.evidence import evidence, followed_box
from hoisdf_model.data.samples.official_protocol import prepare_official
from hoisdf_model.data.samples.preparation_config import PreparationConfig
from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import Pinhole, boxes, crops
from hoisdf_model.hand.upright import upright_turn

__all__ = ["PreparationConfig", "prepare"]

SEEN = 20  # pixels of a mask from which on there is a box around it


def prepare(frame: LabelledFrame, config: PreparationConfig, seed: int, index: int = 0, source: int = 0) -> Sample:
    """Make a sample.

    A hand that isn't there has its root at the object, and the other way round, so that all numbers are finite.

    Args:
        frame: what is known.
        config: how.
        seed: together with ``index`` it decides about everything random.
        index: position in the stream.
        source: number of the data source.

    Raises:
        InvalidInputError: neither hand nor object (the official protocol needs both), they don't touch the image, or
            there are too few field samples.
    """
    if config.protocol == "official":
        return prepare_official(frame, config, seed, index, source)
    rng = np.random.default_rng([seed, index])
    if frame.hand is None and frame.object is None:
        raise InvalidInputError("a frame without hand and object can't be learnt from")
    scene = labelled_views.right_handed(frame)
    camera, settings = scene.camera, config.augmentation
    window = crops.window_around(
        *_boxes(scene, camera, 1.0, 1.0), width=camera.width, height=camera.height, margin=config.margin
    )
    turn = augmentation.draw_turn(settings, rng)
    rolled = crops.turned_image(camera.matrix, turn)  # the image of a camera that is held otherwise
    scene = labelled_views.turned(scene, turn)
    known = _projected(_joints(scene), camera.matrix)
    landmarks, presence = evidence(scene, rolled, known, settings, seed, index)
    hand_given, object_given = _boxes(scene, camera, config.hand_box, config.object_box, rolled)

    upright = upright_turn(landmarks[:, :2], presence, camera.matrix) if config.upright else np.eye(3)
    upwards = crops.turned_image(camera.matrix, upright)
    scene = labelled_views.turned(scene, upright)
    window = augmentation.jittered_window(window, upwards @ rolled, settings, rng)
    cut = window.affine(config.image_size)
    crop_camera, to_crop = cut @ camera.matrix, cut @ upwards
    hand_box, object_box = (
        augmentation.jittered_box(crops.map_box(to_crop, box), settings, rng) for box in (hand_given, object_given)
    )
    root = augmentation.jittered_root(anchor(scene), settings, rng)
    depth = root[2] if config.object_center_depth is None else config.object_center_depth
    center = Pinhole.from_matrix(crop_camera).back_project(boxes.center(object_box), depth)

    image = crops.crop_image(np.ascontiguousarray(scene.image), to_crop @ rolled, config.image_size)
    image = augmentation.changed_colours(image, settings, rng)
    hand_mask, object_mask = (_mask(mask, to_crop @ rolled, config.image_size) for mask in masks(scene))
    if settings.visible and rng.random() < settings.visible and hand_mask.sum() >= SEEN:
        visible = _box_around(masks(scene)[0], rolled)
        hand_box = augmentation.jittered_box(crops.map_box(to_crop, visible), settings, rng)
    hand_rows = _rows(scene.hand.samples if scene.hand else None, config, "hand", rng)
    object_rows = _rows(scene.object.samples if scene.object else None, config, "object", rng)
    if settings.box_followed and rng.random() < settings.box_followed and presence > 0:
        followed = followed_box(landmarks, hand_given)
        hand_box = hand_box if followed is None else crops.map_box(to_crop, followed)
    shown = np.concatenate([crops.apply_affine(to_crop, landmarks[:, :2]), landmarks[:, 2:] @ upright.T], 1)
    cropped = Cropped(
        scene, image, hand_mask, object_mask, crop_camera, upright @ turn, root, center, hand_box, object_box,
        _projected(_joints(scene), crop_camera), hand_rows, object_rows, shown if presence else landmarks, presence,
    )  # fmt: skip
    mirrored = frame.hand is not None and frame.hand.side == "left"
    return assembled(cropped, config, rng, mirrored, index, source)


def _joints(scene: LabelledFrame) -> Floats:
    """(21, 3) metres, all at the object where there is no hand."""
    return scene.hand.joints if scene.hand else np.zeros((21, 3)) + anchor(scene)


def _boxes(
    scene: LabelledFrame, camera: Pinhole, hand_factor: float, object_factor: float, turned: Floats | None = None
) -> tuple[Floats, Floats]:
    """Boxes of hand and object in pixels of the camera; the one stands in for the other where it is missing."""
    hand = None if scene.hand is None else label_boxes.hand_box(scene.hand, camera, hand_factor, turned)
    object_ = None if scene.object is None else label_boxes.object_box(scene.object, camera, object_factor)
    hand = object_ if hand is None else hand
    assert hand is not None
    return hand, hand if object_ is None else object_


def _mask(mask: NDArray[np.bool_], affine: Floats, size: int) -> NDArray[np.bool_]:
    """(H, W) -> (S/2, S/2); of every four crop pixels the lower right one, as in the official code."""
    whole = cv2.warpAffine(mask.astype(np.uint8), affine[:2], (size, size), flags=cv2.INTER_NEAREST)
    return np.asarray(whole[1::2, 1::2] > 0)


def _box_around(mask: NDArray[np.bool_], affine: Floats) -> Floats:
    """(4,) around the pixels that a mask (H, W) shows, in the image to which ``affine`` (3, 3) takes them."""
    rows, columns = np.nonzero(mask)
    corners = np.concatenate([np.stack([columns + x, rows + y], 1) for x in (-0.5, 0.5) for y in (-0.5, 0.5)])
    return boxes.around(crops.apply_affine(affine, corners))


def _rows(
    samples: FieldSamples | None, config: PreparationConfig, what: str, rng: np.random.Generator
) -> FieldRows | None:
    if samples is None or not len(samples.distances):
        return None  # such frames can be evaluated on
    count: int = getattr(config, f"{what}_field_points")
    started: int = getattr(config, f"{what}_start_points")
    near = np.flatnonzero(np.abs(samples.distances) < config.start_distance)
    if len(samples.distances) < count or not len(near):
        raise InvalidInputError(
            f"{count} {what} field samples are wanted, some of them within {config.start_distance} m of the surface; "
            f"the frame has {len(samples.distances)}, {len(near)} of them there"
        )
    field = rng.choice(len(samples.distances), count, replace=False)
    return FieldRows(field, rng.choice(near, started, replace=len(near) < started))


def _projected(points: Floats, matrix: Floats) -> Floats:
    homogeneous = points @ matrix.T
    return homogeneous[:, :2] / np.maximum(homogeneous[:, 2:], 1e-6)
