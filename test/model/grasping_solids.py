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

"""Objects, hands and estimates with known grasps, for the tests of grasping."""

import numpy as np
import trimesh

from hoisdf_model.estimates import Estimate, HandEstimate, ObjectEstimate
from hoisdf_model.grasping import PARTS, HandShape, ObjectShape, load_gripper
from hoisdf_model.objects import symmetry
from hoisdf_model.synthesis import PosableHand

EXACT = np.diag([1e-8] * 6)


def shape(mesh, same=None, name="thing") -> ObjectShape:
    spread = mesh.vertices[:, None] - mesh.vertices[None] if len(mesh.vertices) < 900 else np.ptp(mesh.vertices, axis=0)
    return ObjectShape(
        name,
        np.asarray(mesh.vertices, np.float64),
        np.asarray(mesh.faces, np.int64),
        same or symmetry.none(),
        np.asarray(mesh.center_mass, np.float64),
        float(np.linalg.norm(spread, axis=-1).max()),
    )


def box(x, y, z):
    return shape(trimesh.creation.box((x, y, z)), symmetry.discrete((0, 0, 0), np.eye(3), (2, 2, 2)))


def cylinder(radius, height):
    mesh = trimesh.creation.cylinder(radius, height, sections=96)
    return shape(mesh, symmetry.continuous((0, 0, 0), (0, 0, 1), flip=True))


def sphere(radius):
    return shape(trimesh.creation.icosphere(4, radius))


def small_gripper():
    """The generic one: stroke 100 mm, pads 20 x 20 mm."""
    return load_gripper("generic")


def held(library, number, hand_model, turn=None, shift=(0.0, 0.0, 0.6)) -> Estimate:
    """One grasp of a library in front of the camera, without errors."""
    turn = np.eye(3) if turn is None else turn
    hand = PosableHand(hand_model, library.shape[number])
    rotation, wrist, _ = library.placement(number)
    posed = hand.pose(library.postures(number)[1], rotation[None], wrist[None])
    joints, vertices = (points[0] @ turn.T + shift for points in (posed.joints, posed.vertices))
    return Estimate(
        (
            HandEstimate(
                "right", 1.0, joints.astype(np.float32), np.ones(21, np.float32), vertices.astype(np.float32),
                np.zeros((16, 3), np.float32), library.shape[number].astype(np.float32), EXACT[:3, :3], "given",
                hand_model.info,
            ),
        ),
        (ObjectEstimate(library.objects[library.object[number]], 1.0, turn, np.array(shift), EXACT),),
    )  # fmt: skip


def squeezing(thumb, fingers, palm) -> HandShape:
    """A hand of three small balls: thumb and index tip where they should press, and a palm."""
    ball = trimesh.creation.icosphere(2, 0.004)
    centers = np.array([palm, thumb, fingers], float)
    vertices = (centers[:, None] + ball.vertices).reshape(-1, 3)
    faces = (ball.faces[None] + len(ball.vertices) * np.arange(3)[:, None, None]).reshape(-1, 3)
    numbers = [PARTS.index(name) for name in ("palm", "thumb_distal", "index_distal")]
    joints = np.tile(np.asarray(palm, float), (21, 1))
    return HandShape(vertices, joints, vertices, faces, np.repeat(numbers, len(ball.vertices)))
