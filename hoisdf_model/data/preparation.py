"""From a labelled frame to a sample: mirrored, turned, cropped, with points drawn; a function of frame and seed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.data import augmentation
from hoisdf_model.data.augmentation import AugmentationConfig
from hoisdf_model.data.sample import Sample
from hoisdf_model.data.sources import FieldSamples, Floats, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import Pinhole, boxes, crops, rotations
from hoisdf_model.hand.joints import NUM_ROTATIONS, NUM_SHAPES

_MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


@dataclass
class PreparationConfig:
    """How samples are made.

    Attributes:
        image_size: edge of the crop, pixels.
        object_center_depth: metres; None: the wrist's depth. As in the network's configuration.
        margin: boxes are enlarged by this factor for the crop's window.
        hand_box, object_box: the box that the network is told, as a factor of the box around the joints and around the
            corners of the object.
        hand_field_points, object_field_points: how many points the fields are compared at.
        hand_start_points, object_start_points: how many points the transformers get; as many as the network looks for.
        start_distance: metres; start points are at most this far from the surface.
        augmentation: random changes.
    """

    image_size: int = crops.CROP_SIZE
    object_center_depth: float | None = None
    margin: float = 1.5
    hand_box: float = 1.1
    object_box: float = 1.0
    hand_field_points: int = 600
    object_field_points: int = 200
    hand_start_points: int = 600
    object_start_points: int = 200
    start_distance: float = 0.05
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)


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
        InvalidInputError: neither hand nor object, they don't touch the image, or there are too few field samples.
    """
    rng = np.random.default_rng([seed, index])
    if frame.hand is None and frame.object is None:
        raise InvalidInputError("a frame without hand and object can't be learnt from")
    scene = _right_handed(frame)
    camera, settings = scene.camera, config.augmentation
    hand_box, object_box = _boxes(scene, camera, 1.0, 1.0)
    window = crops.window_around(
        hand_box, object_box, width=camera.width, height=camera.height, margin=config.margin
    )  # fmt: skip
    turn = augmentation.draw_turn(settings, rng)
    turned = augmentation.turned_image(camera.matrix, turn)
    window = augmentation.jittered_window(window, turned, settings, rng)
    cut = window.affine(config.image_size)
    scene = _turned(scene, turn)
    crop_camera = cut @ camera.matrix

    hand_box, object_box = (
        augmentation.jittered_box(crops.map_box(cut, box), settings, rng)
        for box in _boxes(scene, camera, config.hand_box, config.object_box)
    )
    anchor = scene.hand.joints[0] if scene.hand else scene.object.pose[:3, 3]  # type: ignore[union-attr]
    root = augmentation.jittered_root(anchor, settings, rng)
    depth = root[2] if config.object_center_depth is None else config.object_center_depth
    center = Pinhole.from_matrix(crop_camera).back_project(boxes.center(object_box), depth)

    image = crops.crop_image(np.ascontiguousarray(scene.image), cut @ turned, config.image_size)
    image = augmentation.changed_colours(image, settings, rng)
    hand_mask, object_mask = (_mask(mask, cut @ turned, config.image_size) for mask in _masks(scene))
    hand, object_ = scene.hand, scene.object
    joints = hand.joints if hand else np.zeros((21, 3)) + anchor
    pose = object_.pose if object_ else np.eye(4) + np.pad(anchor[:, None], ((0, 1), (3, 0)))
    hand_points = _points(hand.samples if hand else None, root, config, "hand", rng)
    object_points = _points(object_.samples if object_ else None, center, config, "object", rng)
    mano_rotations, mano_shape = np.tile(np.eye(3), (NUM_ROTATIONS, 1, 1)), np.zeros(NUM_SHAPES)
    pose_known = False
    if hand is not None and hand.rotations is not None and hand.shape is not None:
        mano_rotations, mano_shape, pose_known = hand.rotations, hand.shape, True
    return Sample(
        index=torch.tensor(index),
        source=torch.tensor(source),
        image=torch.from_numpy(image).permute(2, 0, 1).float().div_(255).contiguous(),
        intrinsics=_tensor(crop_camera),
        mirrored=torch.tensor(frame.hand is not None and frame.hand.side == "left"),
        hand_root=_tensor(root),
        object_center=_tensor(center),
        hand_box=_tensor(hand_box),
        object_box=_tensor(object_box),
        hand_known=torch.tensor(hand is not None),
        pose_known=torch.tensor(pose_known),
        object_known=torch.tensor(object_ is not None),
        masks_known=torch.tensor(frame.hand_mask is not None and frame.object_mask is not None),
        joints=_tensor(joints - joints[0]),
        joint_pixels=_tensor(_projected(joints, crop_camera)),
        mano_rotations=_tensor(mano_rotations),
        mano_shape=_tensor(mano_shape),
        object_rotation=_tensor(pose[:3, :3]),
        object_translation=_tensor(pose[:3, 3] - center),
        object_symmetries=_tensor(object_.symmetries if object_ else np.eye(4)[None]),
        hand_mask=hand_mask,
        object_mask=object_mask,
        hand_field_points=hand_points.field,
        hand_field_distances=hand_points.distances,
        object_field_points=object_points.field,
        object_field_distances=object_points.distances,
        hand_start_points=hand_points.start,
        object_start_points=object_points.start,
        hand_jitter=_tensor(rng.uniform(-1, 1, (config.hand_start_points, 3))),
        object_jitter=_tensor(rng.uniform(-1, 1, (config.object_start_points, 3))),
    )


def _right_handed(frame: LabelledFrame) -> LabelledFrame:
    """The frame, or where its hand is a left one, what a mirror with the normal x shows."""
    hand, thing = frame.hand, frame.object
    if hand is None or hand.side == "right":
        return frame
    hand = HandLabel(
        "right",
        hand.joints @ _MIRROR[:3, :3],
        hand.samples.moved(_MIRROR),
        None if hand.rotations is None else rotations.mirror_matrix(hand.rotations),
        hand.shape,
    )
    if thing is not None:
        # the mirrored pose is that of the mirrored mesh: M T M, so that its points are the mirrored points
        thing = ObjectLabel(
            thing.name,
            _MIRROR @ thing.pose @ _MIRROR,
            thing.corners @ _MIRROR[:3, :3],
            thing.samples.moved(_MIRROR),
            _MIRROR @ thing.symmetries @ _MIRROR,
        )
    masks = (None if mask is None else mask[:, ::-1] for mask in (frame.hand_mask, frame.object_mask))
    return LabelledFrame(frame.image[:, ::-1], frame.camera.mirrored(), hand, thing, *masks)


def _turned(scene: LabelledFrame, turn: Floats) -> LabelledFrame:
    """Labels in the camera that is turned about its optical axis; image and masks aren't touched."""
    move = np.eye(4)
    move[:3, :3] = turn
    hand, thing = scene.hand, scene.object
    if hand is not None:
        pose = hand.rotations
        if pose is not None:
            pose = np.concatenate([turn @ pose[:1], pose[1:]])
        hand = replace(hand, joints=hand.joints @ turn.T, samples=hand.samples.moved(move), rotations=pose)
    if thing is not None:
        thing = replace(thing, pose=move @ thing.pose, samples=thing.samples.moved(move))
    return replace(scene, hand=hand, object=thing)


def _boxes(scene: LabelledFrame, camera: Pinhole, hand_factor: float, object_factor: float) -> tuple[Floats, Floats]:
    """Boxes of hand and object in pixels of the camera; the one stands in for the other where it is missing."""
    hand = object_ = None
    if scene.hand is not None:
        hand = boxes.around(camera.project(scene.hand.joints), hand_factor)
    if scene.object is not None:
        pose = scene.object.pose
        object_ = boxes.around(camera.project(scene.object.corners @ pose[:3, :3].T + pose[:3, 3]), object_factor)
    hand = object_ if hand is None else hand
    assert hand is not None
    return hand, hand if object_ is None else object_


def _masks(scene: LabelledFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if scene.hand_mask is None or scene.object_mask is None:
        nothing = np.zeros(scene.image.shape[:2], bool)
        return nothing, nothing
    return scene.hand_mask, scene.object_mask


def _mask(mask: NDArray[np.bool_], affine: Floats, size: int) -> torch.Tensor:
    """(H, W) -> (S/2, S/2) float32; of every four crop pixels the lower right one, as in the official code."""
    whole = cv2.warpAffine(mask.astype(np.uint8), affine[:2], (size, size), flags=cv2.INTER_NEAREST)
    return torch.from_numpy(whole[1::2, 1::2].astype(np.float32))


@dataclass(frozen=True)
class _Points:
    field: torch.Tensor
    distances: torch.Tensor
    start: torch.Tensor


def _points(
    samples: FieldSamples | None, origin: Floats, config: PreparationConfig, what: str, rng: np.random.Generator
) -> _Points:
    count: int = getattr(config, f"{what}_field_points")
    started: int = getattr(config, f"{what}_start_points")
    if samples is None:
        return _Points(torch.zeros(count, 3), torch.zeros(count), torch.zeros(started, 3))
    near = np.flatnonzero(np.abs(samples.distances) < config.start_distance)
    if len(samples.distances) < count or not len(near):
        raise InvalidInputError(
            f"{count} {what} field samples are wanted, some of them within {config.start_distance} m of the surface; "
            f"the frame has {len(samples.distances)}, {len(near)} of them there"
        )
    chosen = rng.choice(len(samples.distances), count, replace=False)
    start = rng.choice(near, started, replace=len(near) < started)
    return _Points(
        _tensor(samples.points[chosen] - origin),
        _tensor(samples.distances[chosen]),
        _tensor(samples.points[start] - origin),
    )


def _projected(points: Floats, matrix: Floats) -> Floats:
    homogeneous = points @ matrix.T
    return homogeneous[:, :2] / np.maximum(homogeneous[:, 2:], 1e-6)


def _tensor(values: ArrayLike) -> torch.Tensor:
    return torch.from_numpy(np.array(values, np.float32))
