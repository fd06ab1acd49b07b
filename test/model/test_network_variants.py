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

"""The variants of the paper's tables 5 and 10: other intermediate representations, other ways to regress the hand."""

import copy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tiny_training
import torch
from labelled_frames import CAMERA, Frames, frame, hand_layer
from scipy.spatial import cKDTree
from test_evaluation_run import MODELS
from tiny_network import TINY, tiny_batch, tiny_network

from hoisdf_model.ablations import load_table
from hoisdf_model.data.samples.sample import collate
from hoisdf_model.errors import ConfigError, InvalidInputError
from hoisdf_model.estimates import Frame, Prior
from hoisdf_model.estimation import Estimator
from hoisdf_model.evaluation import (
    Contender,
    PaperProtocol,
    RecordFile,
    evaluate,
    preparation_for,
    read_records,
    summarise,
)
from hoisdf_model.hand import load_hand_model
from hoisdf_model.network import NetworkConfig, load_network, load_preset, optimised, save_network
from hoisdf_model.network.config import KEYPOINTS
from hoisdf_model.network.explicit import AXIS_LENGTH, OBJECT_KEYPOINTS, coarse_vertices
from hoisdf_model.training import build_run
from hoisdf_model.training.explicit_losses import chamfer, explicit_reading, keypoint_part
from hoisdf_model.training.targets import target_of
from hoisdf_model.training.tensorboard_pictures import picture

EXPLICIT = {"tokens": {"augmentation": "none"}}
POINTS = dict(zip(("hand_points", "object_points"), KEYPOINTS, strict=True))
# every row of both tables that isn't the paper's own network
VARIANTS = {
    "keypoints_2d": {**EXPLICIT, "representation": "keypoints_2d", "sampling": POINTS},
    "segmentation_2d": {**EXPLICIT, "representation": "segmentation_2d"},
    "vertices_3d": {**EXPLICIT, "representation": "vertices_3d"},
    "without_votes": {"regression": {"votes": False}},
    "joints": {"regression": {"hand": "joints"}},
    "inverse_kinematics": {"regression": {"hand": "inverse_kinematics"}},
}
REPRESENTATIONS = ("keypoints_2d", "segmentation_2d", "vertices_3d")
CODED = ("keypoints_2d", "vertices_3d")
variants = pytest.mark.parametrize("name", VARIANTS)
representations = pytest.mark.parametrize("name", REPRESENTATIONS)


@cache
def variant(name):
    """In evaluation mode; not to be changed."""
    sections = copy.deepcopy(VARIANTS[name])
    if "sampling" in sections:
        sections["sampling"] = {**TINY["sampling"], **sections["sampling"]}
    return tiny_network(**sections)


@cache
def sources():
    return tiny_training.sources(3)


@cache
def training_run(name):
    network = copy.deepcopy(tiny_training.NETWORK)
    for key, value in VARIANTS[name].items():
        network[key] = {**network.get(key, {}), **value} if isinstance(value, dict) else value
    network["attention"]["dropout"] = network["field"]["dropout"] = 0.0
    settings = replace(tiny_training.config("data.batch_size=3", "data.preparation.hand_box=1.2"), network=network)
    return build_run(settings, Path("nowhere"), sources())


def batch_of(run):
    return collate([run.data.training[i] for i in range(3)])


@torch.inference_mode()
@variants
def test_forward_gives_what_the_variant_has_and_none_for_the_rest(name):
    network, batch = variant(name), tiny_batch()
    output = network(batch)
    fields = name not in REPRESENTATIONS
    for part in ("hand_sdf", "object_sdf", "hand_points_object_sdf", "object_points_hand_sdf"):
        assert (getattr(output, part) is not None) == fields, part
    for part in ("voted_joints", "vote_spread"):
        assert (getattr(output, part) is not None) == (name != "without_votes"), part
    for part in ("mano_rotations", "mano_shape", "vertices"):
        assert (getattr(output, part) is not None) == (name != "joints"), part
    assert output.joints.shape == (3, 21, 3)
    assert output.hand_points.shape[1] == network.config.sampling.hand_points
    assert output.hand_valid.all()
    assert all(
        v.isfinite().all() for v in vars(output).values() if isinstance(v, torch.Tensor) and v.is_floating_point()
    )
    parts = dict(network.named_children())
    assert ("hand_field" in parts) == fields
    assert ("vote_head" in parts) == (name != "without_votes")
    assert ({"hand_decoder", "shape_head"} <= parts.keys()) == (name != "joints")


@torch.inference_mode()
@variants
def test_a_batch_equals_its_samples_and_the_optimised_network(name):
    network, batch = variant(name), tiny_batch()
    together, fast = network(batch), optimised(network)(batch)
    alone = network(replace(batch, **{key: value[1:2] for key, value in vars(batch).items() if value is not None}))
    for part in ("joints", "object_rotation", "object_translation"):
        torch.testing.assert_close(getattr(alone, part)[0], getattr(together, part)[1], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(getattr(fast, part), getattr(together, part), atol=1e-5, rtol=1e-4)


@torch.inference_mode()
@variants
def test_weights_come_back_from_a_file(name, tmp_path):
    network, batch = variant(name), tiny_batch()
    save_network(network, network.config, tmp_path / "weights.safetensors")
    again, config = load_network(tmp_path / "weights.safetensors", network.hand_layer.model)
    assert config == network.config
    torch.testing.assert_close(again(batch).joints, network(batch).joints, rtol=0, atol=0)
    torch.testing.assert_close(again(batch).object_rotation, network(batch).object_rotation, rtol=0, atol=0)


@variants
def test_a_training_step_reaches_every_parameter(name):
    run = training_run(name)
    run.module.train()
    losses, total = run.module.losses_of(batch_of(run), step=0)
    assert torch.isfinite(total)
    run.module.zero_grad()
    total.backward()
    trained = {n: p.grad for n, p in run.network.named_parameters() if p.requires_grad}
    silent = {name for name, gradient in trained.items() if gradient is None or not gradient.abs().max() > 0}
    # the queries' states start at zero, as the biases do, and so is what they first tell each other
    first = "hand_decoder.layers.0."
    assert {n for n in silent if not n.startswith((f"{first}self_attn", f"{first}norm1.weight"))} == set()
    expected = {"keypoints_2d": {"hand_keypoints", "object_keypoints"}, "vertices_3d": {"hand_points", "object_points"}}
    if name in REPRESENTATIONS:
        assert not {"hand_distance", "object_distance"} & losses.keys()
        assert expected.get(name, set()) <= losses.keys()
    assert ({"votes", "vote_scores", "voted_joints"} <= losses.keys()) == (name != "without_votes")
    assert ({"shape", "shape_prior"} <= losses.keys()) == (name != "joints")
    assert ({"vertices", "mano_joints", "rotations"} <= losses.keys()) == (name not in ("joints", "inverse_kinematics"))


@variants
def test_the_first_epochs_train_images_and_representation_alone(name):
    run = training_run(name)
    run.module.train()
    before, run.module.curriculum.config.image_epochs = run.module.curriculum.config.image_epochs, 1
    try:
        losses, _ = run.module.losses_of(batch_of(run), step=0)
    finally:
        run.module.curriculum.config.image_epochs = before
    own = {"keypoints_2d": {"hand_keypoints", "object_keypoints"}, "vertices_3d": {"hand_points", "object_points"}}
    fields = {"hand_distance", "object_distance"}
    expected = own.get(name, set() if name in REPRESENTATIONS else fields)
    assert losses.keys() == expected | {"heatmap", "hand_mask", "object_mask"}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("keypoints_2d", {"hand_keypoints": "explicit.hand.3.weight", "object_keypoints": "explicit.object.3.weight"}),
        (
            "vertices_3d",
            {"hand_points": "explicit.hand.layers.2.weight", "object_points": "explicit.object.layers.2.weight"},
        ),
    ],
)
def test_a_representation_learns_from_its_own_losses(name, parts):
    """Twenty steps down the gradient of a representation's own losses: they fall."""
    run = training_run.__wrapped__(name)
    run.module.train()
    batch = batch_of(run)
    target = run.module._target(batch)
    optimiser = torch.optim.Adam(run.network.parameters(), 3e-3)
    first = last = None
    for _ in range(20):
        features = run.network.encode(batch.image)
        losses = run.module.losses.of_image(features.maps, run.module._reading(features, batch), target)
        last = {key: losses[key].item() for key in parts}
        first = first or last
        optimiser.zero_grad()
        sum(losses[key] for key in parts).backward()
        assert all(run.network.get_parameter(parameter).grad.abs().max() > 0 for parameter in parts.values())
        optimiser.step()
    assert all(last[key] < 0.9 * first[key] for key in parts), (first, last)


@variants
def test_evaluation_leaves_out_what_the_variant_has_not(name, tmp_path):
    run = training_run(name)
    network = run.network.eval()
    frames = Frames(2, 200)
    preparation = preparation_for(network.config)
    records = RecordFile(tmp_path, {})
    contenders = {"network": Contender(PaperProtocol(network))}
    assert sum(evaluate(frames, range(2), contenders, records, preparation, MODELS, hand_layer())) == 2
    summary = summarise(read_records(tmp_path)).figures["all"]["network"]
    assert {"MJE", "PA-MJE", "OCE", "MCE", "ADD-S"} <= summary.keys()
    assert ({"MME", "PA-MME", "VAUC", "F@5", "F@15"} & summary.keys() == set()) == (name == "joints")
    assert ({"MJE voted", "PA-MJE voted"} & summary.keys() == set()) == (name == "without_votes")
    assert all(np.isfinite(figure.mean) and figure.count == 2 for figure in summary.values())


@pytest.mark.parametrize("name", ["vertices_3d", "without_votes", "joints"])
def test_pictures_leave_out_what_the_variant_has_not(name):
    run = training_run(name)
    run.module.eval()
    batch = batch_of(run)
    drawn = picture(run.network, batch)
    assert drawn.shape == (3 * 64, (4 if name in REPRESENTATIONS else 6) * 64, 3)


def test_live_estimates_need_a_hand_model():
    network = variant("joints")
    with pytest.raises(ConfigError, match=r"joints alone.*paper's protocol"):
        Estimator(network, network.config, network.hand_layer.model)


@torch.inference_mode()
@pytest.mark.parametrize("name", ["keypoints_2d", "segmentation_2d"])
def test_points_of_the_image_lie_at_the_depth_of_their_field(name):
    network, batch = variant(name), tiny_batch()
    output, scale = network(batch), network.config.field.scale
    for points, origin in ((output.hand_points, batch.hand_root), (output.object_points, batch.object_center)):
        torch.testing.assert_close(points[..., 2], torch.zeros_like(points[..., 2]), atol=1e-6, rtol=0)
        assert (points[..., :2] / scale + origin[:, None, :2]).isfinite().all()


@torch.inference_mode()
def test_keypoints_project_to_where_they_are_seen():
    network, batch = variant("keypoints_2d"), tiny_batch()
    features = network.encode(batch.image)
    seen, output = network.read_explicit(features), network(batch)
    for pixels, points, origin in (
        (seen.hand, output.hand_points, batch.hand_root),
        (seen.object, output.object_points, batch.object_center),
    ):
        camera = (points / network.config.field.scale + origin[:, None]).double().numpy()
        projected = np.einsum("bij,bnj->bni", batch.intrinsics.double().numpy(), camera)
        np.testing.assert_allclose(projected[..., :2] / projected[..., 2:], pixels.numpy(), atol=1e-3)


@torch.inference_mode()
def test_a_sharp_heatmap_is_a_keypoint_at_its_peak():
    network = copy.deepcopy(variant("keypoints_2d"))
    features = network.encode(tiny_batch(1).image)
    peaked = torch.zeros_like(features.pyramid[0])
    peaked[:, 0, 5, 9] = 1.0
    head = network.explicit.hand
    head[0].weight.zero_()[:, 0] = 1.0
    head[0].bias.zero_()
    head[1].reset_running_stats()
    head[3].weight.fill_(100.0)
    found = network.explicit(replace(features, pyramid=(peaked, *features.pyramid[1:]))).hand
    # map pixel (x, y) is crop pixel (2x + 1, 2y + 1)
    torch.testing.assert_close(found, torch.tensor([19.0, 11.0]).expand_as(found))


@torch.inference_mode()
def test_segmentation_points_cover_the_mask_inside_the_box():
    network, batch = variant("segmentation_2d"), tiny_batch(2)
    features = network.encode(batch.image)
    maps = torch.zeros_like(features.maps)
    maps[0, 1, 8:20, 10:14] = 0.9  # 48 pixels, all in the box
    maps[0, 2, 0:3, 0:3] = 0.9  # outside the box
    maps[1, 1] = 0.9
    hand, thing = network.explicit.points(replace(features, maps=maps), batch, network.config.field.scale)
    camera = hand.points / network.config.field.scale + batch.hand_root[:, None]
    pixels = (camera @ batch.intrinsics.mT)[..., :2] / camera[..., 2:]
    at = ((pixels - 1) / 2).round().long()
    chosen = [{tuple(p) for p in row.tolist()} for row in at]
    assert chosen[0] == {(x, y) for x in range(10, 14) for y in range(8, 20)}  # 50 wanted: two come twice
    assert len(chosen[1]) == 50
    x, y = (2 * at[1] + 1).unbind(1)
    left, top, right, bottom = batch.hand_box[1]
    assert ((x > left) & (x < right) & (y > top) & (y < bottom)).all()
    # spread over the box, not crowded into its first rows
    assert y.min() < top + 3
    assert y.max() > bottom - 4
    assert thing.valid.all()  # no sure pixel in the box: the box stands in
    spread = (thing.points[0] / network.config.field.scale)[:, :2]
    assert spread.std(0).min() > 0.02


@torch.inference_mode()
@representations
def test_a_box_without_a_pixel_makes_its_sample_invalid(name):
    network, batch = variant(name), tiny_batch()
    box = batch.hand_box.clone()
    box[1] = torch.tensor([500.0, 500.0, 600.0, 600.0])
    output, everything = network(replace(batch, hand_box=box)), network(batch)
    assert output.hand_valid.tolist() == [True, False, True]
    assert output.joints.isfinite().all()
    torch.testing.assert_close(output.joints[0], everything.joints[0], atol=1e-6, rtol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("name", CODED)
def test_tokens_say_which_of_a_list_they_are(name):
    network, batch = copy.deepcopy(variant(name)), tiny_batch()
    features = network.encode(batch.image)
    found = network.find_points(features, batch)
    tokens = network.tokenise(features, found, batch)
    code = network.explicit.code.clone()
    network.explicit.code.zero_()
    plain = network.tokenise(features, found, batch)
    count = found.hand.points.shape[1]
    torch.testing.assert_close(tokens.hand - plain.hand, code.expand_as(plain.hand), atol=1e-5, rtol=1e-4)
    wanted = torch.cat([code[count:], code[:count]])
    torch.testing.assert_close(tokens.object - plain.object, wanted.expand_as(plain.object), atol=1e-5, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("name", CODED)
def test_codes_fit_tokens_without_the_other_fields_points(name):
    network = variant(name)
    changed = NetworkConfig.from_mapping(
        {**network.config.to_mapping(), "tokens": {"augmentation": "none", "cross": "none"}}
    )
    alone = type(network)(changed, network.hand_layer).eval()
    assert alone(tiny_batch()).joints.isfinite().all()


@torch.inference_mode()
@representations
def test_representations_have_no_fields_and_take_no_points(name):
    network, batch = variant(name), tiny_batch()
    features, points = network.encode(batch.image), torch.zeros(3, 5, 3)
    with pytest.raises(InvalidInputError, match=f"no fields to read.*{name}"):
        network.query_fields(features, points, points, batch)
    with pytest.raises(InvalidInputError, match=f"{name} has points of its own"):
        network(replace(batch, hand_queries=points))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"representation": "depth"}, "representation must be one of sdf, keypoints_2d"),
        ({"representation": "segmentation_2d"}, "has no distances for tokens.augmentation 'density_multiplied'"),
        (
            {**EXPLICIT, "representation": "vertices_3d", "sampling": {"choice": "random"}},
            "has no field for sampling.choice 'random'",
        ),
        ({**EXPLICIT, "representation": "keypoints_2d"}, "21 keypoints of the hand and 7 of the object.* 600 and 200"),
        (
            {**EXPLICIT, "representation": "vertices_3d", "sampling": {"hand_points": 779}},
            "778 vertices: sampling.hand_points must not exceed",
        ),
        ({"regression": {"hand": "joints", "votes": False}}, "'joints' is made of the joints that points vote for"),
        ({"regression": {"hand": "inverse_kinematics", "votes": False}}, "it needs regression.votes true"),
    ],
)
def test_contradictions_are_named(mapping, message):
    with pytest.raises(ConfigError, match=message):
        NetworkConfig.from_mapping(mapping)


def test_presets_have_fields_votes_and_a_hand_model():
    for name in ("compact", "dexycb", "dexycb_full", "ho3d", "ho3d_render"):
        config = load_preset(name)
        assert (config.representation, config.regression.votes) == ("sdf", True)
        assert config.regression.hand != "joints"


def test_coarse_vertices_are_different_and_all_over_the_hand():
    vertices = load_hand_model().v_template
    for count in (50, 600, 778):
        chosen = coarse_vertices(vertices, count)
        assert len(set(chosen.tolist())) == count
        # no vertex is farther from the chosen ones than any two of these are from each other
        hole = cKDTree(vertices[chosen]).query(vertices)[0].max()
        assert hole <= cKDTree(vertices[chosen]).query(vertices[chosen], k=2)[0][:, 1].min() + 1e-6


def test_object_keypoints_are_origin_and_half_axes():
    assert len(OBJECT_KEYPOINTS) == KEYPOINTS[1]
    assert sorted(map(tuple, (OBJECT_KEYPOINTS / AXIS_LENGTH).round().int().tolist())) == sorted(
        [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0, -1, 0), (0, 0, -1)]
    )


def test_keypoints_are_compared_with_the_nearest_pose_that_looks_the_same():
    run = training_run("keypoints_2d")
    batch = batch_of(run)
    target = target_of(batch, run.network.hand_layer, 3.1)
    blind = run.network.read_explicit(run.network.encode(batch.image))
    reading = explicit_reading(blind, batch, target, 3.1)
    # independently: pose each symmetric copy, project it
    for b in range(3):
        for k, symmetry in enumerate(batch.object_symmetries[b].double().numpy()):
            pose = np.eye(4)
            pose[:3, :3] = batch.object_rotation[b].numpy()
            pose[:3, 3] = (batch.object_translation[b] + batch.object_center[b]).numpy()
            points = np.c_[OBJECT_KEYPOINTS.numpy(), np.ones(7)] @ (pose @ symmetry).T
            pixels = points[:, :3] @ batch.intrinsics[b].numpy().T
            np.testing.assert_allclose(reading.object_pixels[b, k], pixels[:, :2] / pixels[:, 2:], atol=1e-3)
    inside = torch.rand(2, 4, 7, 2) * 60
    known = torch.tensor([True, True])
    for k in range(4):
        part = keypoint_part(inside[:, k], inside, known, 64)
        assert part.total == 0
        assert part.counted == 14
    moved = keypoint_part(inside[:, 0] + 3.0, inside[:, :1], known, 64)
    assert (moved.total / moved.counted).item() == pytest.approx(2.5)  # smooth L1 of 3
    outside = inside.clone()
    outside[0, :, 0] = 200.0
    part = keypoint_part(outside[:, 0] + 3.0, outside[:, :1], torch.tensor([True, False]), 64)
    assert (part.total.item(), part.counted.item()) == (pytest.approx(15.0), 6)


def test_surfaces_are_compared_point_by_point_or_as_sets():
    run = training_run("vertices_3d")
    batch = batch_of(run)
    target = target_of(batch, run.network.hand_layer, 3.1)
    blind = run.network.read_explicit(run.network.encode(batch.image))
    reading = explicit_reading(blind, batch, target, 3.1)
    surface = reading.object_surface / 3.1
    assert surface.shape == (3, 5, 3)
    for b in range(3):
        nearest = batch.object_field_distances[b].abs().argsort()[:5]
        wanted = {tuple(p) for p in batch.object_field_points[b, nearest].tolist()}
        assert {tuple(np.round(p, 5)) for p in surface[b].tolist()} == {tuple(np.round(p, 5)) for p in wanted}
    a, b = torch.randn(2, 6, 3), torch.randn(2, 9, 3)
    for i in range(2):
        one, other = cKDTree(b[i]).query(a[i])[0].mean(), cKDTree(a[i]).query(b[i])[0].mean()
        assert chamfer(a, b)[i].item() == pytest.approx((one + other) / 2, rel=1e-5)
    true = target.vertices[:, reading.predicted.numbers] * 3.1
    same = reading._replace(predicted=reading.predicted._replace(hand=true + 0.01))
    assert run.module.losses.representation_parts(same, target)["hand_points"].total.item() == pytest.approx(
        0.03, rel=1e-4
    )


@pytest.mark.parametrize(("table", "names"), [("table5", REPRESENTATIONS), ("table10", ())])
def test_rows_of_the_tables_are_the_variants_with_the_published_errors(table, names):
    """The paper's tables 5 and 10, errors in millimetres."""
    rows = {row.name: row for row in load_table(table).rows}
    published = {
        "table5": {"2D Keypoint": 14.9, "2D Segmentation": 14.1, "3D Vertices": 12.7, "3D SDFs": 10.1},
        "table10": {
            "Without intermediate joint regression": 10.4,
            "Without MANO regression": 10.5,
            "MANO shape and inverse kinematics": 10.0,
            "MANO regression": 10.1,
        },
    }[table]
    assert {name: row.published[0] for name, row in rows.items()} == published
    networks = [NetworkConfig.from_mapping(row.changes.get("network", {})) for row in rows.values()]
    found = {(n.representation, n.regression.hand, n.regression.votes) for n in networks}
    if table == "table5":
        assert found == {(name, "mano_queries", True) for name in ("sdf", *names)}
    else:
        hands = {("mano_queries", True), ("mano_queries", False), ("joints", True), ("inverse_kinematics", True)}
        assert found == {("sdf", *hand) for hand in hands}


def test_estimates_without_votes_have_the_hands_score_for_every_joint():
    network = variant("without_votes")
    estimator = Estimator(network, network.config, network.hand_layer.model)
    shown = frame(0)
    prior = Prior(root=shown.hand.joints[0], hand_box=np.array([60.0, 40, 260, 200]), side="right")
    estimate = estimator(Frame(shown.image, CAMERA), prior)
    (hand,) = estimate.hands
    np.testing.assert_allclose(hand.joint_scores, hand.score, rtol=1e-5)
