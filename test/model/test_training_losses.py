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

"""Every loss against an independent computation, and all of them with their gradients against the official code's."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import parity_weights
import pytest
import torch
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import rotations
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import Hoisdf, LayerPredictions, NetworkInput, load_preset
from hoisdf_model.training import losses
from hoisdf_model.training.explicit_losses import EXPLICIT_LOSSES
from hoisdf_model.training.losses import Losses, LossSettings, LossWeights
from hoisdf_model.training.root_losses import ROOT_LOSSES
from hoisdf_model.training.targets import Target

DATA = Path(__file__).parents[1] / "data"
ELSEWHERE = {*EXPLICIT_LOSSES, *ROOT_LOSSES}  # losses of parts that these networks lack; they have tests of their own
# our losses and the official ones; those of the hand model carry their weight in the official value already
OFFICIAL = {
    "hand_distance": "sdfhand_loss",
    "object_distance": "sdfobj_loss",
    "heatmap": "joint_heatmap",
    "hand_mask": "hand_seg",
    "object_mask": "obj_seg",
    "votes": "loss_joint_3d",
    "vote_scores": "loss_joint_cls",
    "voted_joints": "loss_all_joint_3d",
    "object_rotation": "obj_rot",
    "object_translation": "obj_trans",
}
OFFICIAL_WEIGHTED = {
    "vertices": "mano_mesh_loss",
    "mano_joints": "mano_joint_loss",
    "rotations": "pose_param_loss",
    "shape": "shape_param_loss",
    "shape_prior": "shape_reg_loss",
}
# the decoder's input is zeros, so this gradient is zero but for rounding
ZERO = "hand_decoder.layers.0.self_attn.in_proj_weight"


def smooth_l1(a, b):
    d = np.abs(a - b)
    return np.where(d < 1, d * d / 2, d - 0.5)


@pytest.mark.parametrize("setting", ["dexycb", "ho3d_render"])
def test_losses_and_gradients_are_those_of_the_official_code(setting):
    archive = np.load(DATA / "train_reference.npz")
    data = {k.split("/")[1]: archive[k] for k in archive.files if k.startswith(f"{setting}/")}
    given = {k: torch.from_numpy(v) for k, v in data.items() if v.dtype.kind in "fu" and v.ndim > 1}
    layer = HandLayer(load_hand_model(DATA / "fake_mano_right.npz"))
    network = Hoisdf(load_preset(setting), layer).eval()
    network.load_state_dict(parity_weights.state_dict(network, setting, 0))
    for name, parameter in network.encoder.named_parameters():
        parameter.requires_grad_("bn" not in name)
    pose, shape = given["target_mano_param"].split([48, 10], 1)
    turned = rotations.axis_angle_to_matrix(pose.reshape(2, 16, 3))
    mesh, known = layer(turned, shape), torch.ones(2, dtype=torch.bool)
    batch = NetworkInput(
        given["image_u8"] / 255, given["cam_intr"], given["mano_root"], given["obj_center_cam"],
        given["bbox_hand"], given["bbox_obj"], given["hand_pre_points"], given["obj_pre_points"],
    )  # fmt: skip
    target = Target(
        hand_known=known, pose_known=known, object_known=known, turn_known=known, masks_known=known,
        heatmap_joints=given["target_joint_coord"],
        hand_mask=given["target_hand_seg"], object_mask=given["target_obj_seg"],
        hand_sdf=given["target_hand_sdf"], object_sdf=given["target_obj_sdf"],
        joints=given["target_joint_cam_no_trans"] / 1000,
        mano_joints=mesh.joints, vertices=mesh.vertices, mano_rotations=turned, mano_shape=shape,
        object_rotations=rotations.axis_angle_to_matrix(given["target_obj_rot"])[:, None],
        object_translations=given["target_rel_obj_trans"][:, None],
        wrist_pixel=torch.zeros(2, 2), wrist_log_extent=torch.zeros(2),
    )  # fmt: skip
    weights = LossWeights(shape_prior=1e-6 if setting == "ho3d_render" else 0.0)
    criterion = Losses(weights, LossSettings(), network.config.field)

    output = network(batch, every_layer=True)
    distances = network.query_fields(output.features, given["hand_sdf_points"], given["obj_sdf_points"], batch)
    np.testing.assert_allclose(distances[0].detach(), data["sdf_pred_hand"][..., 0], atol=5e-6)
    np.testing.assert_allclose(distances[1].detach(), data["sdf_pred_obj"][..., 0], atol=5e-6)
    found = criterion(output, distances, target)
    expected = dict(zip(data["loss_names"].tolist(), data["loss_unweighted"].tolist(), strict=True))
    official_weights = dict(zip(data["loss_names"].tolist(), data["loss_weights"].tolist(), strict=True))
    for name, official in OFFICIAL.items():
        np.testing.assert_allclose(found[name].item(), expected.pop(official), rtol=1e-5, err_msg=name)
        assert getattr(weights, name) == official_weights[official]
    for name, official in OFFICIAL_WEIGHTED.items():
        if official in expected:
            weighted = found[name].item() * getattr(weights, name)
            np.testing.assert_allclose(weighted, expected.pop(official), rtol=1e-5, err_msg=name)
    assert not expected

    total = criterion.total(found)
    np.testing.assert_allclose(total.item(), data["loss_total"], rtol=1e-6)
    total.backward()
    norms = dict(zip(data["grad_names"].tolist(), data["grad_norm"].tolist(), strict=True))
    for name, parameter in network.named_parameters():
        norm = norms[parity_weights.official_name(name)]
        if np.isnan(norm):
            assert parameter.grad is None, name
        elif name != ZERO:
            np.testing.assert_allclose(parameter.grad.norm(), norm, rtol=5e-3, err_msg=name)


def made_up(seed=0, batch=3, layers=2, points=7, rotation_numbers=6, equal=1):
    """Predictions and a target of random numbers, everything known."""
    rng = torch.Generator().manual_seed(seed)

    def noise(*shape, scale=1.0):
        return torch.randn(*shape, generator=rng) * scale

    def turns(*shape):
        return rotations.axis_angle_to_matrix(noise(*shape, 3))

    predicted = LayerPredictions(
        vote_offsets=noise(layers, batch, points, 20, 3, scale=0.02), vote_logits=noise(layers, batch, points, 20),
        voted_joints=noise(layers, batch, 21, 3, scale=0.05), mano_shape=noise(layers, batch, 10),
        mano_rotations=turns(layers, batch, 16), joints=noise(layers, batch, 21, 3, scale=0.05),
        vertices=noise(layers, batch, 778, 3, scale=0.05),
        object_rotations=noise(layers, batch, 5, rotation_numbers), object_translations=noise(layers, batch, 5, 3),
    )  # fmt: skip
    known = torch.ones(batch, dtype=torch.bool)
    target = Target(
        hand_known=known, pose_known=known, object_known=known, turn_known=known, masks_known=known,
        heatmap_joints=torch.rand(batch, 21, 2, generator=rng) * 8,
        hand_mask=(noise(batch, 8, 8) > 0).float(), object_mask=(noise(batch, 8, 8) > 0).float(),
        hand_sdf=noise(batch, 4, scale=0.2), object_sdf=noise(batch, 6, scale=0.2),
        joints=noise(batch, 21, 3, scale=0.05), mano_joints=noise(batch, 21, 3, scale=0.05),
        vertices=noise(batch, 778, 3, scale=0.05), mano_rotations=turns(batch, 16), mano_shape=noise(batch, 10),
        object_rotations=turns(batch, equal), object_translations=noise(batch, equal, 3),
        wrist_pixel=noise(batch, 2), wrist_log_extent=noise(batch),
    )  # fmt: skip
    return predicted, target


class Output:
    """As much of a network's output as the losses read."""

    def __init__(self, layers, seed=0):
        batch = layers.vote_offsets.shape[1]
        rng = torch.Generator().manual_seed(seed)
        self.maps = torch.rand(batch, 3, 8, 8, generator=rng)
        self.hand_points = torch.randn(batch, layers.vote_offsets.shape[2], 3, generator=rng) * 0.15
        self.distances = (torch.randn(batch, 4, generator=rng) * 0.1, torch.randn(batch, 6, generator=rng) * 0.1)
        self.layers = layers


def criterion():
    return Losses(LossWeights(), LossSettings(), load_preset("compact").field)


def values(layers, target, rows=slice(None)):
    output = Output(layers)
    output.maps, output.hand_points = output.maps[rows], output.hand_points[rows]
    output.layers = replace(layers, **{f.name: getattr(layers, f.name)[:, rows] for f in fields(layers)})
    target = replace(target, **{f.name: getattr(target, f.name)[rows] for f in fields(target)})
    return criterion()(output, tuple(d[rows] for d in output.distances), target)


def test_every_loss_equals_a_computation_in_numpy():
    layers, target = made_up(rotation_numbers=3)
    output = Output(layers)
    found = {k: v.item() for k, v in criterion()(output, output.distances, target).items()}
    p = {f.name: getattr(layers, f.name).double().numpy() for f in fields(layers)}
    t = {f.name: np.asarray(getattr(target, f.name)) for f in fields(target)}
    maps, clamp, scale = output.maps.double().numpy(), 0.15, 3.1

    y, x = np.mgrid[:8, :8]
    heat = np.zeros((3, 8, 8))
    for b in range(3):
        for u, v in t["heatmap_joints"][b]:
            heat[b] += 255 * np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * 1.25**2))
    error, joints = [], t["joints"][:, 1:]
    points = output.hand_points.numpy() / scale
    score = []
    for layer in range(2):
        for b in range(3):
            for i in range(7):
                for j in range(20):
                    close = np.linalg.norm(points[b, i] - joints[b, j]) < 0.04
                    vote = (points[b, i] + p["vote_offsets"][layer, b, i, j]) * 1000
                    probability = 1 / (1 + np.exp(-p["vote_logits"][layer, b, i, j]))
                    score.append(-np.log(probability if close else 1 - probability))
                    if close:
                        error.append(smooth_l1(vote, joints[b, j] * 1000).mean())
    assert len(error) > 10

    def entropy(predicted, true):
        return -(true * np.log(predicted) + (1 - true) * np.log(1 - predicted)).mean()

    vectors = Rotation.from_matrix(t["object_rotations"][:, 0]).as_rotvec()
    expected = {
        "hand_distance": np.abs(output.distances[0].numpy() - np.clip(t["hand_sdf"], -clamp, clamp)).mean(),
        "object_distance": np.abs(output.distances[1].numpy() - np.clip(t["object_sdf"], -clamp, clamp)).mean(),
        "heatmap": ((maps[:, 0] - heat) ** 2).mean(),
        "hand_mask": entropy(maps[:, 1], t["hand_mask"]),
        "object_mask": entropy(maps[:, 2], t["object_mask"]),
        "votes": np.mean(error),
        "vote_scores": np.mean(score),
        "voted_joints": smooth_l1(p["voted_joints"][:, :, 1:] * 1000, joints * 1000).mean(),
        "vertices": ((p["vertices"] - t["vertices"]) ** 2).mean(),
        "mano_joints": ((p["joints"] - t["mano_joints"]) ** 2).mean(),
        "rotations": ((p["mano_rotations"] - t["mano_rotations"]) ** 2).mean(),
        "shape": ((p["mano_shape"] - t["mano_shape"]) ** 2).mean(),
        "shape_prior": (p["mano_shape"] ** 2).mean(),
        "object_rotation": smooth_l1(p["object_rotations"], vectors[None, :, None]).mean(),
        "object_translation": smooth_l1(
            p["object_translations"], t["object_translations"][None, :, :1]
        ).mean(),
    }  # fmt: skip
    assert found.keys() == expected.keys() == {f.name for f in fields(LossWeights)} - ELSEWHERE
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-5, err_msg=name)


def test_total_is_the_weighted_sum():
    layers, target = made_up()
    output = Output(layers)
    found = criterion()(output, output.distances, target)
    expected = sum(getattr(LossWeights(), name) * value.item() for name, value in found.items())
    np.testing.assert_allclose(criterion().total(found).item(), expected, rtol=1e-6)


def test_six_numbers_are_compared_as_rotations():
    layers, target = made_up()
    expected = layers.object_rotations.numpy().reshape(-1, 2, 3)
    first = expected[:, 0] / np.linalg.norm(expected[:, 0], axis=1, keepdims=True)
    second = expected[:, 1] - (expected[:, 1] * first).sum(1, keepdims=True) * first
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    matrices = np.stack([first, second, np.cross(first, second)], -1).reshape(2, 3, 5, 3, 3)
    error = smooth_l1(matrices, target.object_rotations.numpy()[None, :, :1]).mean()
    np.testing.assert_allclose(values(layers, target)["object_rotation"].item(), error, rtol=1e-5)


def test_symmetric_object_costs_nothing_in_any_pose_that_looks_the_same():
    layers, target = made_up(equal=4)
    for which in range(4):
        seen, place = target.object_rotations[:, which], target.object_translations[:, which]
        six_d = seen[..., :2].transpose(-1, -2).flatten(-2)
        same = replace(
            layers,
            object_rotations=six_d[None, :, None].expand(2, 3, 5, 6),
            object_translations=place[None, :, None].expand(2, 3, 5, 3),
        )
        found = values(same, target)
        assert found["object_rotation"] < 1e-10
        assert found["object_translation"] < 1e-10
    assert values(layers, target)["object_rotation"] > 0.01


@pytest.mark.parametrize(
    ("flag", "names"),
    [
        ("hand_known", {"hand_distance", "votes", "vote_scores", "voted_joints", "shape_prior"}),
        ("pose_known", {"vertices", "mano_joints", "rotations", "shape"}),
        ("object_known", {"object_distance", "object_rotation", "object_translation"}),
        ("masks_known", {"hand_mask", "object_mask"}),
    ],
)
def test_what_is_unknown_in_a_sample_is_left_out_of_the_mean(flag, names):
    layers, target = made_up()
    known = torch.tensor([True, False, True])
    without = values(layers, replace(target, **{flag: known}))
    only = values(layers, target, rows=[0, 2])
    full = values(layers, target)
    for name in {f.name for f in fields(LossWeights)} - {"heatmap", *ELSEWHERE}:
        wanted = only if name in names else full
        torch.testing.assert_close(without[name], wanted[name], msg=name)


def test_nothing_known_costs_nothing_and_is_finite():
    layers, target = made_up()
    nothing = torch.zeros(3, dtype=torch.bool)
    flags = dict.fromkeys(("hand_known", "pose_known", "object_known", "masks_known"), nothing)
    found = values(layers, replace(target, **flags))
    assert {name for name, value in found.items() if value != 0} == {"heatmap"}


def test_absent_hand_has_an_empty_heatmap():
    layers, target = made_up()
    found = values(layers, replace(target, hand_known=torch.zeros(3, dtype=torch.bool)))
    torch.testing.assert_close(found["heatmap"], Output(layers).maps[:, 0].square().mean())


def test_losses_ask_for_every_layer():
    layers, target = made_up()
    output = Output(layers)
    output.layers = None
    with pytest.raises(InvalidInputError, match="every_layer"):
        criterion()(output, output.distances, target)


def test_gaussians_of_joints_add_up():
    one = losses.gaussian_heatmap(torch.tensor([[[3.0, 4.0]]]), (8, 8), 255.0, 1.25)
    two = losses.gaussian_heatmap(torch.tensor([[[3.0, 4.0], [3.0, 4.0]]]), (8, 8), 255.0, 1.25)
    assert one[0, 4, 3] == 255
    torch.testing.assert_close(two, 2 * one)
