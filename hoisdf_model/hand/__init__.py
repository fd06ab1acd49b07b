"""Hands: joint orders, hand models, the differentiable layer, inverse kinematics."""

from hoisdf_model.hand import joints, limits
from hoisdf_model.hand.inverse_kinematics import inverse_kinematics
from hoisdf_model.hand.joints import BONES, FROM_MANO, JOINT_NAMES, PARENTS, TIP_VERTICES, reorder
from hoisdf_model.hand.layer import HandLayer, HandMesh
from hoisdf_model.hand.limits import JointLimits, flexion_axes, joint_limits
from hoisdf_model.hand.model_file import HandModel, HandModelLike, as_hand_model, load_hand_model
from hoisdf_model.hand.poses import POSE_NAMES, named_pose
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
