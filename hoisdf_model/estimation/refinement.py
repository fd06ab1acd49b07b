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

"""Refinement of one hand with all evidence, by Gauss-Newton.

A few steps over its pose and place.

The network's joints, a hand tracker's landmarks in pixels and in space, the wrist's place and a natural pose each pull
with the inverse of their variance. Joints are moved by the rotations of the bones that carry them, whose derivative is
a cross product; the mesh is posed once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.estimation.wrists import bone_length
from hoisdf_model.hand import HandLayer, inverse_kinematics
from hoisdf_model.hand.joints import BONES, FINGERS, MANO_FINGER_BASE, NUM_ROTATIONS

Floats = NDArray[np.float64]

STEPS = 4
DAMPING = 1e-3  # of the normal equations' diagonal
# Spreads of MediaPipe's landmarks on photographs with annotated joints.
PIXEL_SPREAD = 0.012  # along each axis, in longest edges of the landmarks' box
SPACE_SPREAD = 0.009  # metres along each axis, of the hand's size
POSE_SPREAD = 0.5  # radians about each axis, of a bone about where it starts
# What all landmarks of a hand have in common: where the tracker thinks that the hand is, and how large it looks.
# Without it 21 landmarks that err together would outvote a depth image.
SHIFT_SPREAD, SCALE_SPREAD = 0.012, 0.05  # along each axis, in the same edges; relative
OUTLIER = 3.0  # standard deviations from which on a landmark pulls no harder
# What is solved for: small rotations of the bones, the wrist's place, and what landmarks have in common.
_POSE = slice(0, 3 * NUM_ROTATIONS)
_PLACE = slice(_POSE.stop, _POSE.stop + 3)
_COMMON = slice(_PLACE.stop, _PLACE.stop + 3)
_UNKNOWNS = _COMMON.stop
# (3, 50) Which of our 21 joints each of MANO's 16 rotations carries along: rotation, its own joint, the carried one.
_FINGER_NUMBER = {finger: number for number, finger in enumerate(FINGERS)}
_LEVERS = np.array(
    [(0, 0, joint) for joint in range(1, 21)]
    + [
        (first + k, 1 + 4 * _FINGER_NUMBER[name] + k, 1 + 4 * _FINGER_NUMBER[name] + joint)
        for name, first in MANO_FINGER_BASE.items()
        for k in range(3)
        for joint in range(k + 1, 4)
    ]
).T


@dataclass(frozen=True)
class Evidence:
    """A hand tracker's landmarks of a right hand.

    Attributes:
        pixels: (21, 2).
        relative: (21, 3) metres, relative to the wrist, camera frame; a hand of average size.
    """

    pixels: Floats
    relative: Floats


@dataclass(frozen=True)
class HandFit:
    """A right hand in the camera frame, metres.

    Attributes:
        rotations: (16, 3, 3), MANO's order. shape: (10,).
        root: (3,) wrist.
        joints: (21, 3) and vertices: (778, 3), relative to the wrist.
        disagreement: metres, mean distance between the network's joints and the landmarks.
    """

    rotations: Floats
    shape: Floats
    root: Floats
    joints: Floats
    vertices: Floats
    disagreement: float


def fit_hand(
    layer: HandLayer,
    matrix: Floats,
    joints: Floats,
    joint_spread: float,
    shape: Floats,
    root: Floats,
    root_covariance: Floats,
    evidence: Evidence,
) -> HandFit:
    """Hand that fits all evidence best.

    Args:
        layer: of the right hand, on the CPU.
        matrix: (3, 3) intrinsics, pixels.
        joints: (21, 3) of the network, metres, relative to the wrist. joint_spread: metres along each axis.
        shape: (10,) the hand's, which stays.
        root: (3,) where the wrist is said to be. root_covariance: (3, 3) square metres.
        evidence: landmarks.
    """
    rest = _rest(layer, shape)
    landmarks = evidence.relative * (bone_length(rest) / bone_length(evidence.relative))
    weights = joint_spread**-2, SPACE_SPREAD**-2
    # two targets of the same joints pull as their weighted mean does
    wanted = (joints * weights[0] + landmarks * weights[1]) / sum(weights)
    rotations = _solved(layer, wanted, shape)
    offsets = _offsets(rest)
    place = root.astype(np.float64)
    spread = PIXEL_SPREAD * float((evidence.pixels.max(0) - evidence.pixels.min(0)).max())
    sure = np.linalg.inv(root_covariance)
    first, moved = rotations.copy(), np.zeros((NUM_ROTATIONS, 3))
    common = np.zeros(3)  # shift in pixels and relative scale of all landmarks together
    shift = SHIFT_SPREAD / PIXEL_SPREAD * spread
    common_spread = np.array([shift, shift, SCALE_SPREAD])
    for _ in range(STEPS):
        posed, frames = _posed(rotations, offsets)
        jacobian = _jacobian(posed)
        normal, gradient = np.zeros((_UNKNOWNS, _UNKNOWNS)), np.zeros(_UNKNOWNS)
        _add(normal, gradient, jacobian, (wanted - posed).ravel(), np.full(63, sum(weights)))
        _add(normal, gradient, *_pixel_rows(matrix, posed + place, jacobian, common, evidence.pixels, spread))
        own = slice(3, _POSE.stop)
        normal[own, own] += POSE_SPREAD**-2 * np.eye(3 * NUM_ROTATIONS - 3)
        parents = frames @ rotations.transpose(0, 2, 1)  # how a bone has turned is known in its parent's axes
        gradient[own] -= POSE_SPREAD**-2 * np.einsum("bij,bj->bi", parents, moved)[1:].ravel()
        normal[_PLACE, _PLACE] += sure
        gradient[_PLACE] += sure @ (root - place)
        normal[_COMMON, _COMMON] += np.diag(common_spread**-2)
        gradient[_COMMON] -= common / common_spread**2
        step = np.linalg.solve(normal + DAMPING * np.diag(np.diag(normal)), gradient)
        turns = np.clip(step[_POSE].reshape(-1, 3), -0.5, 0.5)
        rotations = _turned(rotations, frames, turns)
        moved = Rotation.from_matrix(rotations @ first.transpose(0, 2, 1)).as_rotvec()
        place, common = place + step[_PLACE], common + step[_COMMON]
    with torch.inference_mode():
        mesh = layer(torch.tensor(rotations[None]), torch.tensor(shape[None]))
    apart = float(np.linalg.norm(joints - landmarks, axis=1).mean())
    return HandFit(rotations, shape, place, _array(mesh.joints), _array(mesh.vertices), apart)


def _pixel_rows(
    matrix: Floats, seen: Floats, jacobian: Floats, common: Floats, pixels: Floats, spread: float
) -> tuple[Floats, Floats, Floats]:
    """Jacobian (42, unknowns), residuals (42,) and weights (42,) of landmarks in the picture.

    Args:
        matrix: (3, 3) intrinsics.
        seen: (21, 3) joints, camera frame. jacobian: theirs, as from ``_jacobian``.
        common: (3,) shift and relative scale of all landmarks together.
        pixels: (21, 2) the landmarks. spread: their standard deviation, pixels.
    """
    depth = np.maximum(seen[:, 2:], 0.05)
    flat = seen[:, :2] / depth
    focal = matrix.diagonal()[:2]
    shown = flat * focal + matrix[:2, 2]
    spread_out = shown - shown.mean(0)
    residual = pixels - (shown + common[:2] + common[2] * spread_out)
    to_pixels = np.zeros((21, 2, 3))
    to_pixels[:, 0, 0], to_pixels[:, 1, 1] = focal[0] / depth[:, 0], focal[1] / depth[:, 0]
    to_pixels[:, :, 2] = -flat * focal / depth
    by_common = np.concatenate([np.tile(np.eye(2), (21, 1, 1)), spread_out[..., None]], 2)
    by_pose = to_pixels @ jacobian.reshape(21, 3, _UNKNOWNS)[:, :, _POSE]
    rows = np.concatenate([by_pose, to_pixels, by_common], 2).reshape(42, _UNKNOWNS)
    far = np.linalg.norm(residual, axis=1) / spread
    weight = spread**-2 * np.minimum(1, OUTLIER / np.maximum(far, 1e-9))
    return rows, residual.ravel(), np.repeat(weight, 2)


def _add(normal: Floats, gradient: Floats, jacobian: Floats, residual: Floats, weight: Floats) -> None:
    weighted = jacobian * weight[:, None]
    normal += jacobian.T @ weighted
    gradient += weighted.T @ residual


def _rest(layer: HandLayer, shape: Floats) -> Floats:
    with torch.inference_mode():
        return _array(layer.rest_joints(torch.tensor(shape[None]).to(layer.v_template)))


def _array(batch: torch.Tensor) -> Floats:
    return batch[0].double().numpy()


def _solved(layer: HandLayer, joints: Floats, shape: Floats) -> Floats:
    with torch.inference_mode():
        rotations, _ = inverse_kinematics(layer, torch.tensor(joints[None]), torch.tensor(shape[None]))
    return _array(rotations)


def _offsets(rest: Floats) -> Floats:
    """(21, 3) from each joint's parent, at rest."""
    offsets = rest.copy()
    parent, child = np.array(BONES).T
    offsets[child] = rest[child] - rest[parent]
    return offsets


def _posed(rotations: Floats, offsets: Floats) -> tuple[Floats, Floats]:
    """Joints (21, 3) relative to the wrist and the bones' rotations (16, 3, 3) in the camera frame."""
    joints, frames = np.zeros((21, 3)), np.zeros((NUM_ROTATIONS, 3, 3))
    frames[0] = rotations[0]
    for name, first in MANO_FINGER_BASE.items():
        base = 1 + 4 * _FINGER_NUMBER[name]
        frame = rotations[0]
        joints[base] = frame @ offsets[base]
        for k in range(3):
            frame = frame @ rotations[first + k]
            frames[first + k] = frame
            joints[base + k + 1] = joints[base + k] + frame @ offsets[base + k + 1]
    return joints, frames


def _jacobian(joints: Floats) -> Floats:
    """(63, 54) of the joints relative to the wrist by small rotations of each bone, camera axes; and by the place and
    what landmarks have in common, which don't move them.
    """
    jacobian = np.zeros((21, 3, _UNKNOWNS))
    bone, own, carried = _LEVERS
    lever = joints[carried] - joints[own]
    # a small rotation w moves a point at lever r by w x r; a row of the cross products for each axis of w
    for axis, moves in enumerate(np.cross(np.eye(3)[:, None], lever)):
        jacobian[carried, :, 3 * bone + axis] = moves
    return jacobian.reshape(63, -1)


def _turned(rotations: Floats, frames: Floats, turns: Floats) -> Floats:
    """Local rotations after every bone was turned by a small vector (16, 3) about the camera's axes."""
    # w in the bones' own frames; turning a parent carries its children along by itself
    local = np.einsum("bji,bj->bi", frames, turns)
    turned: Floats = rotations @ Rotation.from_rotvec(local).as_matrix()
    return turned
