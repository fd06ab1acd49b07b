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

"""Snapshots of the official HOISDF code, and their parameter names.

A snapshot is ``torch.save({"epoch", "network", "optimizer", "lr_scheduler"})``; ``network`` is the state dict of a
``DataParallel`` model. It may embed the user's own MANO model, in buffers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hoisdf_model.errors import CheckpointError, HandModelError
from hoisdf_model.hand import HandModel
from hoisdf_model.network.tensor_files import load_tensors
from hoisdf_model.network.wrappers import unwrapped

# Official prefix <-> ours; the first that fits counts, so what is special comes before what is general.
_PREFIXES: tuple[tuple[str, str], ...] = (
    ("backbone_net.resnet.", "encoder."),
    ("decoder_net.resnet_decoder.conv0d.", "decoder.bottleneck."),
    *((f"decoder_net.resnet_decoder.conv{i + 1}d.", f"decoder.laterals.{i}.") for i in range(4)),
    *((f"decoder_net.resnet_decoder.deconv{i + 1}.", f"decoder.upsamplers.{i}.") for i in range(4)),
    *((f"decoder_net.resnet_decoder.conv{i + 1}.", f"decoder.fusions.{i}.") for i in range(4)),
    ("decoder_net.resnet_decoder.convOut_hm.", "image_heads.heatmap."),
    ("decoder_net.resnet_decoder.convOut_hand_seg.", "image_heads.hand_mask."),
    ("decoder_net.resnet_decoder.convOut_obj_seg.", "image_heads.object_mask."),
    ("linear_sdfin.", "field_features."),
    ("linear_transformerin.", "token_features."),
    *(
        (f"{theirs}_sdf_decoder.linh{i}.{part}", f"{ours}_field.layers.{i}.{name}")
        for theirs, ours in (("hand", "hand"), ("obj", "object"))
        for i in range(5)
        for part, name in (
            ("weight_g", "parametrizations.weight.original0"),
            ("weight_v", "parametrizations.weight.original1"),
            ("", ""),
        )
    ),
    ("hand_sigmoid_beta", "hand_density.beta"),
    ("obj_sigmoid_beta", "object_density.beta"),
    ("mano_query_embed.weight", "hand_decoder.queries"),
    ("hand_transformer.encoder.inter_norm.", "hand_encoder.norm."),
    ("obj_transformer.encoder.inter_norm.", "object_encoder.norm."),
    ("hand_transformer.encoder.", "hand_encoder."),
    ("hand_transformer.decoder.", "hand_decoder."),
    ("obj_transformer.encoder.", "object_encoder."),
    ("linear_pose.", "pose_head."),
    ("linear_shape.", "shape_head."),
    ("linear_handvote.", "vote_head.offsets."),
    ("linear_handcls.", "vote_head.scores."),
    ("linear_obj_rot.", "object_head.rotation."),
    ("linear_obj_rel_trans.", "object_head.translation."),
)
# Parameters that the official network has and never uses.
_UNUSED = frozenset(
    [f"norm1.{part}" for part in ("weight", "bias")]
    + [f"linear_objvote.layers.{i}.{part}" for i in range(4) for part in ("weight", "bias")]
    + [f"linear_objcls.layers.{i}.{part}" for i in range(3) for part in ("weight", "bias")]
)
_HAND = "mano_head."
_HAND_BUFFERS = {
    "v_template": "th_v_template",
    "shapedirs": "th_shapedirs",
    "posedirs": "th_posedirs",
    "joint_regressor": "th_J_regressor",
    "weights": "th_weights",
    "faces": "th_faces",
    "hands_mean": "th_hands_mean",
    "hands_components": "th_selected_comps",
}


@dataclass(frozen=True)
class Snapshot:
    """The network of an official snapshot.

    Attributes:
        weights: under our names; what isn't known keeps its official name.
        missing: official names of parameters that every snapshot has and this one lacks.
        hand_model: the MANO model that it embeds, or None.
    """

    weights: dict[str, Tensor]
    missing: tuple[str, ...]
    hand_model: HandModel | None


def read_snapshot(path: Path) -> Snapshot:
    """Contents of an official snapshot.

    Weights stay on disk until they are used (memory-mapped). The optimizer isn't touched.

    Raises:
        CheckpointError: damaged, or something else than a snapshot.
        UnsafeFileError: the file asks for something that could run code; nothing of it was run.
    """
    content = load_tensors(path)
    network = content.get("network", _of_lightning(content)) if isinstance(content, Mapping) else None
    if not isinstance(network, Mapping) or not all(isinstance(value, Tensor) for value in network.values()):
        found = sorted(map(str, content))[:8] if isinstance(content, Mapping) else type(content).__name__
        raise CheckpointError(
            f"{path} is no official snapshot: it should hold the state dict 'network' beside 'epoch', 'optimizer' and "
            f"'lr_scheduler', it holds {found}"
        )
    state = unwrapped(network)
    hand = {key.removeprefix(_HAND): state.pop(key) for key in list(state) if key.startswith(_HAND)}
    official = any(our_name(key) != key for key in state)
    missing = tuple(sorted(_UNUSED - state.keys())) if official else ()
    weights = {our_name(key): value for key, value in state.items() if key not in _UNUSED}
    return Snapshot(weights, missing, _hand_model(hand, path) if hand else None)


def _of_lightning(content: Mapping[str, Any]) -> Any:
    """The network of a LightningModule's checkpoint, which may hold the parameters of other modules too."""
    state = content.get("state_dict")
    if not isinstance(state, Mapping):
        return state
    own = {name: value for name, value in state.items() if str(name).startswith("network.")}
    return own or state


def our_name(official: str) -> str:
    """Parameter name in this package for an official one.

    Without wrappers' prefixes; an unknown one keeps its name.
    """
    return _renamed(official, _PREFIXES)


def official_name(ours: str) -> str:
    """The inverse of :func:`our_name`."""
    return _renamed(ours, tuple((here, there) for there, here in _PREFIXES))


def _renamed(name: str, prefixes: tuple[tuple[str, str], ...]) -> str:
    for old, new in prefixes:
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def _hand_model(buffers: Mapping[str, Tensor], path: Path) -> HandModel:
    layer = "mano_layer."
    missing = [f"{_HAND}{layer}{name}" for name in _HAND_BUFFERS.values() if layer + name not in buffers]
    if missing:
        raise CheckpointError(f"{path} holds a part of a hand model, it lacks {', '.join(missing)}")
    arrays = {ours: buffers[layer + theirs].numpy() for ours, theirs in _HAND_BUFFERS.items()}
    for batched in ("v_template", "hands_mean"):  # manopth keeps a batch axis
        arrays[batched] = arrays[batched][0]
    try:
        return HandModel(name="mano", side="right", **arrays)
    except HandModelError as error:
        raise CheckpointError(f"the hand model inside {path}: {error}") from error
