"""What two flat, parallel pads find when they close on an object: its exact extent, and where they press."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from trimesh.intersections import slice_faces_plane

from hoisdf_model.geometry import meshes
from hoisdf_model.grasping.candidates import tool_frame
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.object_shapes import ObjectShape

ROUNDS = 3  # of turning the jaw axis into the surface normals
SETTLED = float(np.cos(np.radians(0.2)))  # of the last turn
STRAIGHT = 0.96  # cosine: a jaw axis so close to the approach can't be turned to
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


def close_jaws(thing: ObjectShape, pose: Floats, gripper: Gripper) -> JawContact | None:
    """Close the pads of a gripper at ``pose`` (4, 4), tool -> object frame; None where nothing is between them.

    The object is cut by the four planes around the pads, so the width is exact for its mesh.
    """
    vertices = (thing.vertices - pose[:3, 3]) @ pose[:3, :3]
    half = np.array([gripper.pad_width, gripper.pad_length]) / 2
    corners = vertices[thing.faces][:, :, [0, 2]]
    inside = ((corners.max(1) > -half) & (corners.min(1) < half)).all(1)
    if not inside.any():
        return None
    faces = thing.faces[inside]
    cut, cut_faces = vertices, faces
    for axis, limit in ((0, half[0]), (2, half[1])):
        for sign in (1.0, -1.0):
            normal = np.zeros(3)
            normal[axis] = -sign
            cut, cut_faces, *_ = slice_faces_plane(cut, cut_faces, normal, normal * -limit)
            if not len(cut_faces):
                return None
    used = cut[np.unique(cut_faces)]
    low, high = float(used[:, 1].min()), float(used[:, 1].max())
    scaled = meshes.face_normals(cut, cut_faces)
    middle = cut[cut_faces][:, :, 1].mean(1)
    sides = []
    for sign, pressed in ((1.0, middle > high - YIELD), (-1.0, middle < low + YIELD)):
        facing = pressed & (sign * scaled[:, 1] > 0)
        total = scaled[facing].sum(0)
        length = float(np.linalg.norm(total))
        if length < 1e-12:  # a sharp edge or a corner: nothing to press on
            return None
        sides.append(total / length)
    normals = np.stack(sides)
    return JawContact(high - low, (high + low) / 2, normals, float(min(normals[0, 1], -normals[1, 1])))


def centred(pose: Floats, contact: JawContact) -> Floats:
    """The pose (4, 4) moved along its y axis so that both pads touch at once."""
    result = pose.copy()
    result[:3, 3] += pose[:3, 1] * contact.offset
    return result


def aligned(thing: ObjectShape, pose: Floats, gripper: Gripper) -> Floats | None:
    """The pose with its jaw axis turned into the normals of the surfaces that the pads press on."""
    for _ in range(ROUNDS):
        contact = close_jaws(thing, pose, gripper)
        if contact is None:
            return None
        pose = centred(pose, contact)
        normal = pose[:3, :3] @ (contact.normals[0] - contact.normals[1])
        if np.linalg.norm(normal) < 1e-6 or abs(normal @ pose[:3, 2]) > STRAIGHT * np.linalg.norm(normal):
            return None
        turned = tool_frame(normal, pose[:3, 2], pose[:3, 3])
        settled = turned[:3, 1] @ pose[:3, 1] > SETTLED
        pose = turned
        if settled:
            break
    return pose
