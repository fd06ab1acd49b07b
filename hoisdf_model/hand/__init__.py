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

"""Hands: joint orders, hand models, the differentiable layer, inverse kinematics."""

from hoisdf_model.hand import joints, limits
from hoisdf_model.hand.inverse_kinematics import inverse_kinematics
from hoisdf_model.hand.joints import BONES, FROM_MANO, JOINT_NAMES, PARENTS, TIP_VERTICES, reorder
from hoisdf_model.hand.layer import HandLayer, HandMesh
from hoisdf_model.hand.limits import JointLimits, flexion_axes, joint_limits
from hoisdf_model.hand.model_file import HandModel, HandModelLike, as_hand_model, load_hand_model
from hoisdf_model.hand.postures import POSE_NAMES, named_pose
from hoisdf_model.hand.safe_pickle import load_pickle

__all__ = [
    "BONES",
    "FROM_MANO",
    "JOINT_NAMES",
    "PARENTS",
    "POSE_NAMES",
    "TIP_VERTICES",
    "HandLayer",
    "HandMesh",
    "HandModel",
    "HandModelLike",
    "JointLimits",
    "as_hand_model",
    "flexion_axes",
    "inverse_kinematics",
    "joint_limits",
    "joints",
    "limits",
    "load_hand_model",
    "load_pickle",
    "named_pose",
    "reorder",
]
