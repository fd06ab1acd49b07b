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

"""Every intermediate and final array of the official network against ours, on the same made-up weights.

The reference arrays in ``test/data/parity_*.npz`` come from the official code (amathislab/HOISDF at 666e5b7) on a CPU;
the inputs are those of ``train_reference.npz``. ``python test/model/parity_comparison.py`` prints the table of
``docs/network.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import parity_weights
import torch
from torch import Tensor

from hoisdf_model.geometry import rotations
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import Hoisdf, ImageFeatures, NetworkInput, NetworkOutput, load_preset
from hoisdf_model.network.fields import positional_code
from hoisdf_model.network.heads import Head
from hoisdf_model.network.sampling import points_in_box
from hoisdf_model.network.stages import FieldPoints

DATA = Path(__file__).parents[1] / "data"
SETTINGS = ("dexycb", "ho3d", "ho3d_render")
MAPS, SDF, HEADS, METRES = 1e-4, 5e-6, 3e-5, 5e-6
STRIDES = (2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Deviation:
    """The largest absolute difference of one array, and how much there may be."""

    name: str
    value: float
    tolerance: float


@cache
def hand_layer() -> HandLayer:
    return HandLayer(load_hand_model(DATA / "fake_mano_right.npz"))


@cache
def network(setting: str, seed: int = 0) -> Hoisdf:
    built = Hoisdf(load_preset(setting), hand_layer()).eval()
    built.load_state_dict(parity_weights.state_dict(built, setting, seed))
    return built


@cache
def reference(setting: str) -> dict[str, Tensor]:
    with np.load(DATA / f"parity_{setting}.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


@cache
def train_reference(setting: str) -> dict[str, Tensor]:
    source = "dexycb" if setting == "dexycb" else "ho3d_render"
    with np.load(DATA / "train_reference.npz") as arrays:
        names = [name for name in arrays.files if name.startswith(f"{source}/") and arrays[name].dtype.kind in "fu"]
        return {name.split("/")[1]: torch.from_numpy(arrays[name]) for name in names}


def batch(setting: str) -> NetworkInput:
    given = train_reference(setting)
    return NetworkInput(
        image=given["image_u8"].float() / 255,
        intrinsics=given["cam_intr"],
        hand_root=given["mano_root"],
        object_center=given["obj_center_cam"],
        hand_box=given["bbox_hand"],
        object_box=given["bbox_obj"],
    )


def deviation(name: str, ours: Tensor, theirs: Tensor, tolerance: float) -> Deviation:
    assert ours.shape == theirs.shape, f"{name}: {tuple(ours.shape)} against {tuple(theirs.shape)}"
    return Deviation(name, (ours.double() - theirs.double()).abs().max().item(), tolerance)


def eval_deviations(setting: str) -> Iterator[Deviation]:
    """All arrays of the evaluation fixture."""
    with torch.inference_mode():
        net, given, theirs = network(setting), batch(setting), reference(setting)
        features = net.encode(given.image)
        found = net.find_points(features, given)
        yield from _image_deviations(net.encoder(given.image), features, theirs)
        yield from _search_deviations(net, given, found, theirs)
        yield from _token_deviations(net, given, features, found, theirs)
        yield from _pose_deviations(net(given), theirs)


def train_deviations(setting: str) -> Iterator[Deviation]:
    """All forward arrays of the training fixture: the same network at points handed in."""
    net, theirs, given = network(setting), reference(setting), train_reference(setting)
    queries = replace(batch(setting), hand_queries=given["hand_pre_points"], object_queries=given["obj_pre_points"])
    with torch.inference_mode():
        output = net(queries, every_layer=True)
        assert output.features is not None
        assert output.layers is not None
        hand, object_ = net.query_fields(output.features, given["hand_sdf_points"], given["obj_sdf_points"], queries)
    yield deviation("train sdf_pred_hand", hand, given["sdf_pred_hand"][..., 0], SDF)
    yield deviation("train sdf_pred_obj", object_, given["sdf_pred_obj"][..., 0], SDF)
    arrays = {
        "pre_hand_sdf": (output.hand_sdf[..., None], SDF),
        "pre_obj_sdf": (output.object_sdf[..., None], SDF),
        "cross_hand_o_sdf": (output.hand_points_object_sdf[..., None], SDF),
        "cross_obj_h_sdf": (output.object_points_hand_sdf[..., None], SDF),
        "hand_joints_all_layers": (output.layers.voted_joints[:, :, 1:], METRES),
        "obj_rot_points": (output.layers.object_rotations.transpose(1, 2), HEADS),
        "obj_trans_points": (output.layers.object_translations.transpose(1, 2), METRES),
        "mano_shape_all_layers": (output.layers.mano_shape, HEADS),
        "mano_joints_all_layers": (output.layers.joints, METRES),
        "mano_rotmat_all_layers": (output.layers.mano_rotations, HEADS),
    }
    for name, (ours, tolerance) in arrays.items():
        if f"train_{name}" in theirs:
            yield deviation(f"train {name}", ours, theirs[f"train_{name}"], tolerance)
    target = given["target_mano_param"]
    matrices = rotations.axis_angle_to_matrix(target[:, :48].unflatten(1, (16, 3)))
    if "train_gt_mano_rotmat" in theirs:
        mesh = hand_layer()(matrices, target[:, 48:])
        yield deviation("train gt_mano_rotmat", matrices, theirs["train_gt_mano_rotmat"], METRES)
        yield deviation("train gt_mano_joints", mesh.joints, theirs["train_gt_mano_joints"], METRES)
        yield deviation("train gt_mano_verts", mesh.vertices, theirs["train_gt_mano_verts"], METRES)


def _image_deviations(
    skips: Sequence[Tensor], features: ImageFeatures, theirs: dict[str, Tensor]
) -> Iterator[Deviation]:
    for prefix, levels in (("skip", skips), ("pyr", features.pyramid)):
        for stride, level in zip(STRIDES, levels, strict=True):
            name = f"{prefix}_stride{stride}"
            channel, row, column = (max(1, size // 8) for size in level.shape[1:])
            yield deviation(f"{name}_slice", level[:, ::channel, ::row, ::column][:, :8], theirs[f"{name}_slice"], MAPS)
            yield deviation(f"{name}_chmean", level.mean((2, 3)), theirs[f"{name}_chmean"], MAPS)
            spread = level.std((2, 3), correction=0)
            yield deviation(f"{name}_chstd", spread, theirs[f"{name}_chstd"], MAPS)
    yield deviation("maps", features.maps[:, :, ::4, ::4], theirs["maps"], MAPS)


def same_order(ours: Tensor, theirs: Tensor) -> Tensor:
    """(B, N): for each of their grid indices where ours has it; both hold the same sets."""
    assert torch.equal(ours.sort(1).values, theirs.long().sort(1).values), "other points were chosen"
    return ours.argsort(1).gather(1, theirs.argsort(1).argsort(1))


def _search_deviations(
    net: Hoisdf, given: NetworkInput, found: FieldPoints, theirs: dict[str, Tensor]
) -> Iterator[Deviation]:
    fields = (
        ("hand", found.hand, found.readers[0], given.hand_root, given.hand_box),
        ("obj", found.object, found.readers[1], given.object_center, given.object_box),
    )
    for name, points, reader, center, box in fields:
        order = same_order(points.grid_index, theirs[f"{name}_grid_index"])
        yield Deviation(f"{name}_grid_index (as sets)", 0.0, 0.0)
        placed = points.points.gather(1, order[..., None].expand(-1, -1, 3))
        yield deviation(f"{name}_points", placed, theirs[f"{name}_points"], 0.0)
        yield deviation(f"{name}_sdf", points.sdf.gather(1, order)[..., None], theirs[f"{name}_sdf"], SDF)
        code = positional_code(placed[:, ::20], net.config.field.frequencies)
        yield deviation(f"{name}_posenc_slice", code, theirs[f"{name}_posenc_slice"], SDF)

        boxed = points_in_box(net.grid, net.config.field.scale, center, given.intrinsics, box)
        counts = boxed.sample.bincount(minlength=len(center))
        yield deviation(f"{name}_survivors", counts, theirs[f"{name}_survivors"].long(), 0.0)
        distances = reader.distances(net.grid[boxed.index], boxed.sample)
        for sample in range(len(center)):
            of_sample = boxed.sample == sample
            index, distance = boxed.index[of_sample], distances[of_sample]
            yield deviation(f"{name}_field_index_b{sample}", index[::16], theirs[f"{name}_field_index_b{sample}"], 0.0)
            yield deviation(f"{name}_field_sdf_b{sample}", distance[::16], theirs[f"{name}_field_sdf_b{sample}"], SDF)
            kept = points.points.shape[1]
            cut = distance.abs().sort().values[kept - 1 : kept + 1]
            yield deviation(f"{name}_cut_abs_sdf_b{sample}", cut, theirs[f"{name}_cut_abs_sdf"][sample], SDF)


def _token_deviations(
    net: Hoisdf, given: NetworkInput, features: ImageFeatures, found: FieldPoints, theirs: dict[str, Tensor]
) -> Iterator[Deviation]:
    """From tokens to heads, with the tokens in the order of the reference."""
    hand = same_order(found.hand.grid_index, theirs["hand_grid_index"])
    object_ = same_order(found.object.grid_index, theirs["obj_grid_index"])
    found = found._replace(hand=_reordered(found.hand, hand), object=_reordered(found.object, object_))
    tokens = net.tokenise(features, found, given)
    scale, hand_count, object_count = net.config.field.scale, hand.shape[1], object_.shape[1]

    yield deviation("hand_o_sdf", tokens.hand_points_object_sdf[..., None], theirs["hand_o_sdf"], SDF)
    yield deviation("obj_h_sdf", tokens.object_points_hand_sdf[..., None], theirs["obj_h_sdf"], SDF)
    hand_camera = found.hand.points / scale + given.hand_root[:, None]
    object_camera = found.object.points / scale + given.object_center[:, None]
    yield deviation("hand_points_cam_slice", hand_camera[:, ::10], theirs["hand_points_cam_slice"], METRES)
    yield deviation("obj_points_cam_slice", object_camera[:, ::10], theirs["obj_points_cam_slice"], METRES)
    yield deviation("hand_o_points", tokens.object[:, object_count::10, :3] * scale, theirs["hand_o_points"], METRES)
    yield deviation("obj_h_points", tokens.hand[:, hand_count::10, :3] * scale, theirs["obj_h_points"], METRES)
    densities = {
        "sigma_hand": net.hand_density(found.hand.sdf),
        "sigma_obj": net.object_density(found.object.sdf),
        "sigma_hand_o": net.object_density(tokens.hand_points_object_sdf),
        "sigma_obj_h": net.hand_density(tokens.object_points_hand_sdf),
    }
    for name, density in densities.items():
        yield deviation(name, density[..., None], theirs[name], MAPS)
    coordinates = 3 + net.config.field.code_length
    for name, own, density in (("hand", tokens.hand, "sigma_hand"), ("obj", tokens.object, "sigma_obj")):
        image = own[:, : densities[density].shape[1], coordinates:] / densities[density][..., None]
        yield deviation(f"{name}_fea_slice", image[:, ::10], theirs[f"{name}_fea_slice"], MAPS)
        yield deviation(f"{name}_tokens_slice", own[:, ::20].transpose(0, 1), theirs[f"{name}_tokens_slice"], MAPS)

    encoded, memory = net.hand_encoder(tokens.hand, hand_count + object_count, True)
    yield deviation("hand_encoder_slice", encoded[:, :, ::40].transpose(1, 2), theirs["hand_encoder_slice"], MAPS)
    yield deviation("hand_memory_slice", memory[:, ::40].transpose(0, 1), theirs["hand_memory_slice"], MAPS)
    object_encoded, _ = net.object_encoder(tokens.object, hand_count + object_count, True)
    yield deviation("obj_encoder_slice", object_encoded[:, :, ::40].transpose(1, 2), theirs["obj_encoder_slice"], MAPS)

    seen: list[Tensor] = []
    last = net.hand_decoder.layers[-1].multihead_attn
    handle = last.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs[:2]))
    attended = net.attend(tokens, every_layer=True)
    handle.remove()
    yield deviation("hand_decoder_out", attended.queries.transpose(1, 2), theirs["hand_decoder_out"], MAPS)
    query, key, _ = (last._split(x) for x in last._projected(seen[0], seen[1], seen[1]))
    attention = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1).mean(1)
    attention = torch.nn.functional.pad(attention, (0, object_count))
    yield deviation("hand_attn_last", attention, theirs["hand_attn_last"], HEADS)

    votes = net.vote_head(attended.hand, tokens.hand_points)
    offsets = votes.offsets[:, :, ::10].flatten(-2).transpose(1, 2)
    yield deviation("hand_off_slice", offsets, theirs["hand_off_slice"], METRES)
    yield deviation("hand_cls_slice", votes.logits[:, :, ::10].transpose(1, 2), theirs["hand_cls_slice"], HEADS)
    rotation, translation = net.object_head(attended.object)
    yield deviation("obj_rot_points", rotation.transpose(1, 2), theirs["obj_rot_points"], HEADS)
    yield deviation("obj_trans_points", translation.transpose(1, 2), theirs["obj_trans_points"], METRES)
    layers = net.regress(found, tokens, attended, features.maps).layers
    assert layers is not None
    yield deviation("hand_joints_all_layers", layers.voted_joints[:, :, 1:], theirs["hand_joints_all_layers"], METRES)
    yield deviation("mano_shape_all_layers", layers.mano_shape, theirs["mano_shape_all_layers"], HEADS)
    if net.pose_head is not None:
        six_d = Head.forward(net.pose_head, attended.queries[:, :, :16]).transpose(1, 2)
        yield deviation("mano_pose6d", six_d, theirs["mano_pose6d"], HEADS)
        rotmat, all_joints = theirs["mano_rotmat_all_layers"], theirs["mano_joints_all_layers"]
        yield deviation("mano_rotmat_all_layers", layers.mano_rotations, rotmat, HEADS)
        yield deviation("mano_joints_all_layers", layers.joints, all_joints, METRES)


def _reordered(found, order: Tensor):
    return found._replace(
        points=found.points.gather(1, order[..., None].expand(-1, -1, 3)),
        sdf=found.sdf.gather(1, order),
        grid_index=found.grid_index.gather(1, order),
    )


def _pose_deviations(output: NetworkOutput, theirs: dict[str, Tensor]) -> Iterator[Deviation]:
    """What leaves the network, by the ordinary way through ``forward``."""
    yield deviation("hand_joints", output.voted_joints[:, 1:], theirs["hand_joints"], METRES)
    yield deviation("obj_rot_mean", output.object_rotation, theirs["obj_rot_mean"], HEADS)
    yield deviation("obj_trans_mean", output.object_translation, theirs["obj_trans_mean"], METRES)
    if "mano_verts" in theirs:
        yield deviation("mano_joints", output.joints, theirs["mano_joints"], METRES)
        yield deviation("mano_verts", output.vertices, theirs["mano_verts"], METRES)
    if "gt_mano_param" in theirs:
        target = theirs["gt_mano_param"]
        mesh = hand_layer()(rotations.axis_angle_to_matrix(target[:, :48].unflatten(1, (16, 3))), target[:, 48:])
        yield deviation("gt_mano_joints", mesh.joints, theirs["gt_mano_joints"], METRES)
        yield deviation("gt_mano_verts", mesh.vertices, theirs["gt_mano_verts"], METRES)
    if "ik_vis" in theirs:
        # where the official code gives up at a reflection (ik_vis 0) ours goes on, so there is nothing to compare
        solved = theirs["ik_vis"][:, 0] == 1
        matrices = rotations.axis_angle_to_matrix(theirs["ik_pose"].unflatten(1, (16, 3)))
        yield deviation("ik_shape", output.mano_shape, theirs["ik_shape"], HEADS)
        # their angles come from arc cosines in float32, which lose half of the digits where a bone is nearly straight
        yield deviation("ik_pose (matrices)", output.mano_rotations[solved], matrices[solved], 5e-4)
        yield deviation("ik_joints", output.joints[solved], theirs["ik_joints"][solved], METRES)
        yield deviation("ik_verts", output.vertices[solved], theirs["ik_verts"][solved], METRES)


def table() -> str:
    """Markdown: a row for each array, the largest deviation in each setting."""
    columns = {s: {d.name: d for d in (*eval_deviations(s), *train_deviations(s))} for s in SETTINGS if s != "ho3d"}
    columns["ho3d"] = {d.name: d for d in eval_deviations("ho3d")}
    rows = {name: d.tolerance for column in columns.values() for name, d in column.items()}
    lines = [f"| array | tolerance | {' | '.join(SETTINGS)} |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, tolerance in rows.items():
        cells = [f"{columns[s][name].value:.1e}" if name in columns[s] else "" for s in SETTINGS]
        lines.append(f"| `{name}` | {tolerance:.0e} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
