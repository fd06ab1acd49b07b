"""What two flat, parallel pads find when they close on an object: its exact extent, and where they press."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry.clipping import clipped
from hoisdf_model.grasping.candidates import tool_frame
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.object_shapes import ObjectShape

ROUNDS = 3  # of turning the jaw axis into the surface normals
SETTLED = float(np.cos(np.radians(0.2)))  # of the last turn
STRAIGHT = 0.96  # cosine: a jaw axis so close to the approach can't be turned to
NO_AREA = 1e-12  # square metres
YIELD = 0.0015  # metres: rubber pads and skins of packages give that much, what lies this deep is pressed on

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JawContact:
    """Pads closed on an object; tool frame.

    Attributes:
        width: between the pads, metres.
        offset: y of the middle between the pads, metres; the tool's origin belongs there.
        normals: (2, 3) unit, out of the object where the pads at +y and -y press, means by area.
        antipodality: cosine between pad and surface normal of the worse side; 1 where both are flat on the pads.
    """

    width: float
    offset: float
    normals: Floats
    antipodality: float


def close_jaws(thing: ObjectShape, poses: Floats, gripper: Gripper) -> list[JawContact | None]:
    """Close the pads of a gripper at ``poses`` (K, 4, 4), tool -> object frame; None where nothing is between them.

    The object is cut by the four planes around the pads, so the width is exact for its mesh.
    """
    triangles, owner = _between_pads(thing, poses, gripper)
    result: list[JawContact | None] = [None] * len(poses)
    if not len(owner):
        return result
    low, high = np.full(len(poses), np.inf), np.full(len(poses), -np.inf)
    np.minimum.at(low, owner, triangles[:, :, 1].min(1))
    np.maximum.at(high, owner, triangles[:, :, 1].max(1))
    scaled = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    middle = triangles[:, :, 1].mean(1)
    sides = []
    for sign, pressed in ((1.0, middle > (high - YIELD)[owner]), (-1.0, middle < (low + YIELD)[owner])):
        facing = np.flatnonzero(pressed & (sign * scaled[:, 1] > 0))
        sides.append(
            np.stack([np.bincount(owner[facing], scaled[facing, axis], len(poses)) for axis in range(3)], axis=1)
        )
    total = np.stack(sides, 1)
    length = np.linalg.norm(total, axis=2, keepdims=True)
    normals = total / np.maximum(length, NO_AREA)
    # a sharp edge or a corner is nothing to press on
    for k in np.flatnonzero((length > NO_AREA).all((1, 2))):
        antipodality = float(min(normals[k, 0, 1], -normals[k, 1, 1]))
        result[k] = JawContact(float(high[k] - low[k]), float(high[k] + low[k]) / 2, normals[k], antipodality)
    return result


def _between_pads(thing: ObjectShape, poses: Floats, gripper: Gripper) -> tuple[Floats, NDArray[np.int64]]:
    """(T, 3, 3) triangles between the pads, tool frames, and (T,) to which of ``poses`` (K, 4, 4) they belong."""
    half = np.array([gripper.pad_width, gripper.pad_length]) / 2
    centers, radii = thing.face_balls
    across = poses[:, :3, ::2][:, :, :2]  # x and z of the tools
    shift = np.einsum("ki,kic->kc", poses[:, :3, 3], across)
    places = centers @ across - shift[:, None]
    owner, face = np.nonzero((np.abs(places) - radii[:, None] < half).all(2))
    triangles = thing.vertices[thing.faces[face]] - poses[owner, None, :3, 3]
    triangles = triangles @ poses[owner, :3, :3]
    for axis, limit in ((0, half[0]), (2, half[1])):
        for side in (1, -1):
            triangles, source = clipped(triangles, axis, side, side * limit)
            owner = owner[source]
    return triangles, owner


def centred(pose: Floats, contact: JawContact) -> Floats:
    """The pose (4, 4) moved along its y axis so that both pads touch at once."""
    result = pose.copy()
    result[:3, 3] += pose[:3, 1] * contact.offset
    return result


def aligned(thing: ObjectShape, poses: Floats, gripper: Gripper) -> list[Floats | None]:
    """Poses (K, 4, 4) with their jaw axes turned into the normals of the surfaces that the pads press on."""
    result: list[Floats | None] = list(poses)
    moving = list(range(len(poses)))
    for _ in range(ROUNDS):
        if not moving:
            break
        contacts = close_jaws(thing, np.stack([pose for k in moving if (pose := result[k]) is not None]), gripper)
        unsettled = []
        for k, contact in zip(moving, contacts, strict=True):
            before = result[k]
            result[k] = turned = None if contact is None or before is None else _turned(before, contact)
            if turned is not None and before is not None and turned[:3, 1] @ before[:3, 1] <= SETTLED:
                unsettled.append(k)
        moving = unsettled
    return result


def _turned(pose: Floats, contact: JawContact) -> Floats | None:
    """The pose (4, 4) centred, its jaw axis in the mean of the normals; None where that is no way to come from."""
    pose = centred(pose, contact)
    normal = pose[:3, :3] @ (contact.normals[0] - contact.normals[1])
    size = np.linalg.norm(normal)
    if size < 1e-6 or abs(normal @ pose[:3, 2]) > STRAIGHT * size:
        return None
    return tool_frame(normal, pose[:3, 2], pose[:3, 3])
