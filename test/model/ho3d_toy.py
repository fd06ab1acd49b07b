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

"""A few frames in HO-3D's layout, and what the released code's loaders made of them.

``ho3d_toy.zip`` holds painted pictures, procedural objects and the labels of a hand model that isn't MANO;
``reference.npz`` in it the released loaders' tensors (numpy 1.23, Pillow 9.5) with the random draws that led to them,
thinned: every eighth point, ``image[1::8, 2::8]``, packed masks.
"""

import pickle
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from labelled_frames import hand_layer, posed
from scipy.spatial.transform import Rotation

from hoisdf_model.hand import reorder

DATA = Path(__file__).parents[1] / "data"
TRAIN, EVALUATION, RENDERED = ("SM2/0014", "MC1/0000"), ("SM1/0003", "AP10/0000"), "render/10"


def unpack(folder):
    """The tree, in a folder of its own, to be broken at will."""
    with zipfile.ZipFile(DATA / "ho3d_toy.zip") as packed:
        packed.extractall(folder)
    return folder


def with_open_hand(folder, name="MC1/0000"):
    """One frame's annotations replaced by those of the open hand, whose mesh is closed enough to measure distances."""
    path = folder / "train" / name.replace("/", "/meta/")
    path = path.with_suffix(".pkl")
    joints, _, rotations, shape = posed(3)
    flip = np.diag([1.0, -1.0, -1.0])
    rotations = np.concatenate([flip @ rotations[:1], rotations[1:]])
    model = hand_layer().model
    rest = (model.joint_regressor @ (model.v_template + model.shapedirs @ shape.astype(np.float32)))[0]
    stored = pickle.loads(path.read_bytes())
    stored |= {
        "handJoints3D": reorder(joints @ flip, "hoisdf", "ho3d"),
        "handPose": Rotation.from_matrix(rotations).as_rotvec().ravel(),
        "handBeta": shape,
        "handTrans": joints[0] @ flip - rest,
    }
    path.write_bytes(pickle.dumps(stored))
    return folder


@cache
def reference(name):
    """Arrays of one frame by name: ``tg_...``, ``me_...``, ``in_...`` of its sample and ``rnd_...`` draws."""
    with (
        zipfile.ZipFile(DATA / "ho3d_toy.zip") as packed,
        packed.open("reference.npz") as file,
        np.load(file) as stored,
    ):
        return {key.partition(":")[2]: stored[key] for key in stored.files if key.startswith(f"{name}:")}
