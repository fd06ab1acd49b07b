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

"""Grasp poses for parallel-jaw grippers from a hand and its object."""

from hoisdf_model.grasping.candidates import MODES, GraspCandidate, GraspPlan, Mode, Reason, Refusal
from hoisdf_model.grasping.contacts import ContactMap, Contacts, find_contacts
from hoisdf_model.grasping.demonstration import Demonstration, RecordedGrasp
from hoisdf_model.grasping.fusion import FusedPose, fuse_poses
from hoisdf_model.grasping.grasp_files import read_grasp, write_grasp
from hoisdf_model.grasping.grasp_following import GraspFollower, Steadiness, SteadyGrasp, SteadyPlan, drawn_back, moved
from hoisdf_model.grasping.grasp_memory import GraspMemory
from hoisdf_model.grasping.grasp_pictures import draw_grasp, tiled
from hoisdf_model.grasping.grasp_settings import GraspSettings
from hoisdf_model.grasping.grippers import Gripper, gripper_names, load_gripper
from hoisdf_model.grasping.hands import HandShape, hand_shape, posed_shape
from hoisdf_model.grasping.imitation import Opposition, opposition
from hoisdf_model.grasping.object_shapes import ObjectShape, object_shape
from hoisdf_model.grasping.planner import GraspPlanner
from hoisdf_model.hand.hand_parts import PARTS, REGIONS

__all__ = [
    "MODES",
    "PARTS",
    "REGIONS",
    "ContactMap",
    "Contacts",
    "Demonstration",
    "FusedPose",
    "GraspCandidate",
    "GraspFollower",
    "GraspMemory",
    "GraspPlan",
    "GraspPlanner",
    "GraspSettings",
    "Gripper",
    "HandShape",
    "Mode",
    "ObjectShape",
    "Opposition",
    "Reason",
    "RecordedGrasp",
    "Refusal",
    "Steadiness",
    "SteadyGrasp",
    "SteadyPlan",
    "draw_grasp",
    "drawn_back",
    "find_contacts",
    "fuse_poses",
    "gripper_names",
    "hand_shape",
    "load_gripper",
    "moved",
    "object_shape",
    "opposition",
    "posed_shape",
    "read_grasp",
    "tiled",
    "write_grasp",
]
