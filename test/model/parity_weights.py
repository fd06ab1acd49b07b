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

"""Made-up weights that the parity arrays in test/data were computed with: seeded noise, no trained values.

Every parameter's noise depends on its name in the official code and the seed alone, so that any seed can be made anew.
The scales keep activations near one; the exceptions make the fields change sign in space, keep queries and tokens
distinguishable, and let the votes look like a hand.
"""

from __future__ import annotations

import re
from zlib import crc32

import numpy as np
import torch

from hoisdf_model.hand import HandModel, joints
from hoisdf_model.network import Hoisdf

# our key prefix -> the official one; the first that fits counts
OFFICIAL_NAMES = [
    (r"encoder\.(?=conv1|bn1|layer)", "backbone_net.resnet."),
    (r"decoder\.bottleneck\.", "decoder_net.resnet_decoder.conv0d."),
    (r"decoder\.laterals\.(\d)\.", lambda m: f"decoder_net.resnet_decoder.conv{int(m[1]) + 1}d."),
    (r"decoder\.upsamplers\.(\d)\.", lambda m: f"decoder_net.resnet_decoder.deconv{int(m[1]) + 1}."),
    (r"decoder\.fusions\.(\d)\.", lambda m: f"decoder_net.resnet_decoder.conv{int(m[1]) + 1}."),
    (r"image_heads\.heatmap\.", "decoder_net.resnet_decoder.convOut_hm."),
    (r"image_heads\.hand_mask\.", "decoder_net.resnet_decoder.convOut_hand_seg."),
    (r"image_heads\.object_mask\.", "decoder_net.resnet_decoder.convOut_obj_seg."),
    (r"field_features\.", "linear_sdfin."),
    (r"token_features\.", "linear_transformerin."),
    (r"hand_field\.layers\.(\d)\.", r"hand_sdf_decoder.linh\1."),
    (r"object_field\.layers\.(\d)\.", r"obj_sdf_decoder.linh\1."),
    (r"hand_density\.beta", "hand_sigmoid_beta"),
    (r"object_density\.beta", "obj_sigmoid_beta"),
    (r"hand_encoder\.norm\.", "hand_transformer.encoder.inter_norm."),
    (r"object_encoder\.norm\.", "obj_transformer.encoder.inter_norm."),
    (r"hand_encoder\.", "hand_transformer.encoder."),
    (r"object_encoder\.", "obj_transformer.encoder."),
    (r"hand_decoder\.queries", "mano_query_embed.weight"),
    (r"hand_decoder\.", "hand_transformer.decoder."),
    (r"pose_head\.", "linear_pose."),
    (r"shape_head\.", "linear_shape."),
    (r"vote_head\.offsets\.", "linear_handvote."),
    (r"vote_head\.scores\.", "linear_handcls."),
    (r"object_head\.rotation\.", "linear_obj_rot."),
    (r"object_head\.translation\.", "linear_obj_rel_trans."),
]
GAINS = [
    (".bn3.weight", 0.3),
    ("linear_handvote.layers.3.weight", 0.03),
    ("linear_obj_rel_trans.layers.2.weight", 0.05),
    ("linear_pose.layers.2.weight", 0.3),
    ("linear_shape.layers.2.weight", 0.3),
    ("linear_obj_rot.layers.2.weight", 0.5),
    ("sdf_decoder.linh4.weight", 0.12),
    ("linear_transformerin.layers.3.weight", 0.3),
    ("multihead_attn.out_proj.weight", 2.0),
    ("out_proj.weight", 0.6),
    ("linear2.weight", 0.4),
]
# last bias of the hand and object field by setting and seed: puts the zero level into the boxes of the inputs, where
# the last point chosen and the first one left out differ by more than rounding
FIELD_BIAS = {
    ("dexycb", 0): (-0.099, -0.080),
    ("dexycb", 1): (0.021, 0.058),
    ("ho3d", 0): (-0.071, -0.068),
    ("ho3d", 1): (-0.017, 0.024),
    ("ho3d_render", 0): (-0.106, -0.069),
    ("ho3d_render", 1): (0.022, 0.056),
}


def official_name(key: str) -> str:
    """The official name (without ``module.``) of one of our state dict's keys."""
    key = key.replace("parametrizations.weight.original0", "weight_g").replace(
        "parametrizations.weight.original1", "weight_v"
    )
    for pattern, replacement in OFFICIAL_NAMES:
        renamed, count = re.subn("^" + pattern, replacement, key)
        if count:
            return renamed
    raise KeyError(key)


def rest_joints(hand: HandModel) -> np.ndarray:
    """(21, 3) joints of the undeformed hand, metres, wrist at the origin."""
    regressed = hand.joint_regressor.astype(np.float64) @ hand.v_template
    with_tips = np.concatenate([regressed, hand.v_template[list(joints.TIP_VERTICES.values())]])[list(joints.FROM_MANO)]
    return with_tips - with_tips[0]


def parameter(name: str, shape: tuple[int, ...], setting: str, seed: int, hand: HandModel) -> np.ndarray:
    """One float parameter or batch norm statistic, by its official name."""
    if name.endswith("sigmoid_beta"):
        return np.full(shape, 0.1, np.float32)
    noise = np.random.Generator(np.random.PCG64(crc32(name.encode()) + 1000003 * seed)).standard_normal(shape)
    gain = next((value for text, value in GAINS if name.endswith(text)), 1.0)
    leaf = name.rsplit(".", 1)[1]
    if leaf == "running_var":
        values = np.exp(0.1 * noise)
    elif leaf == "running_mean":
        values = 0.05 * noise
    elif leaf == "weight_g":
        values = np.sqrt(2.0) * np.exp(0.05 * noise)
    elif leaf.endswith("bias"):
        values = 0.02 * noise
        if name.endswith("linear_pose.layers.2.bias"):
            values += np.array([1, 0, 0, 0, 1, 0], np.float32)
        if name.endswith("linear_handvote.layers.3.bias"):
            values = values * 0.03 + rest_joints(hand)[1:].ravel()
        if name.endswith("linh4.bias"):
            values += FIELD_BIAS.get((setting, seed), (0.0, 0.0))[name.startswith("obj")]
    elif len(shape) == 1:
        values = gain * (1 + 0.05 * noise)
    elif "query_embed" in name:
        values = 2.0 * noise
    else:
        fan_in = shape[0] * 4 if "deconv" in name else np.prod(shape[1:])
        values = gain * noise * np.sqrt((1.0 if "_attn." in name else 2.0) / fan_in)
        if len(shape) == 2 and not name.endswith("in_proj_weight"):
            values -= values.mean(1, keepdims=True)
        if name.endswith("in_proj_weight"):
            values[:512] *= 2.0
        if name.endswith(("linh0.weight_v", "linh2.weight_v")):
            values[:, -33:] *= 6.0
    return values.astype(np.float32)


def state_dict(network: Hoisdf, setting: str, seed: int) -> dict[str, torch.Tensor]:
    """Weights for every key of ``network.state_dict()``."""
    state = {}
    for key, value in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(1000)
        else:
            name = official_name(key)
            state[key] = torch.from_numpy(parameter(name, tuple(value.shape), setting, seed, network.hand_layer.model))
    return state
