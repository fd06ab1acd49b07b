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

"""Configuration, curriculum, data order, schedules, averages: each does what it says."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import labelled_frames
import numpy as np
import pytest
import tiny_training
import torch

from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.data.samples.evidence import landmark_origin
from hoisdf_model.data.samples.preparation import PreparationConfig
from hoisdf_model.data.samples.sample import collate
from hoisdf_model.errors import ConfigError, DatasetError
from hoisdf_model.evaluation import TrackedFrames
from hoisdf_model.training import TrainingConfig, build_run, read_config
from hoisdf_model.training.config import CurriculumConfig, OptimiserConfig, SourceConfig, to_yaml
from hoisdf_model.training.curriculum import Curriculum
from hoisdf_model.training.data_sources import build_source
from hoisdf_model.training.losses import LossWeights, loss_weights
from hoisdf_model.training.schedule import rate_factor
from hoisdf_model.training.stream import PATTERN, Batches, SampleStream, Slices
from hoisdf_model.training.tensorboard_pictures import picture

RECIPES = sorted((Path(__file__).parents[2] / "hoisdf_model" / "assets" / "training").glob("*.yaml"))


class Numbered:
    """A source that counts what is asked of it; its frames are all the same."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def frame(self, index):
        return labelled_frames.frame(0, 700)


def stream(*sizes, ratios=None, **options):
    return SampleStream([Numbered(s) for s in sizes], ratios or [1.0] * len(sizes), PreparationConfig(), 5, **options)


def test_landmarks_come_as_often_from_each_origin_as_asked():
    settings = AugmentationConfig(landmarks_unseen=0.25, landmarks_true=0.35)
    count = Counter(landmark_origin(settings, 3, index) for index in range(4000))
    # four standard deviations of a binomial: sqrt(4000 p (1 - p)) is at most 32
    assert {name: abs(count[name] - 4000 * p) < 128 for name, p in (("hidden", 0.25), ("true", 0.35))} == {
        "hidden": True, "true": True,
    }  # fmt: skip
    assert landmark_origin(AugmentationConfig(), 3, 0) == "tracked"


def test_nothing_is_tracked_whose_landmarks_are_not_wanted(monkeypatch):
    def track(self, index):
        raise AssertionError("the tracker was asked")

    monkeypatch.setattr(TrackedFrames, "frame", track)
    hidden = replace(PreparationConfig(), augmentation=AugmentationConfig(landmarks_unseen=1.0))
    sample = SampleStream([TrackedFrames(Numbered(3), followed=True)], [1.0], hidden, 5)[0]
    assert sample.landmark_presence == 0
    with pytest.raises(AssertionError, match="the tracker was asked"):
        SampleStream([TrackedFrames(Numbered(3), followed=True)], [1.0], PreparationConfig(), 5)[0]


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_recipes_are_complete_and_read_back_the_same(path, tmp_path):
    config = read_config(path)
    (tmp_path / "again.yaml").write_text(to_yaml(config))
    assert read_config(tmp_path / "again.yaml") == config
    loss_weights(config.losses.preset, config.losses.weights)


def test_live_recipe_is_the_compact_one_told_wrong_places():
    compact, live = (read_config(RECIPES[0].parent / f"{name}.yaml") for name in ("compact", "live"))
    told = live.data.preparation.augmentation
    assert min(told.root_depth, told.root_sideways, told.box, told.visible) > 0
    told.root_depth = told.root_sideways = told.box = told.visible = 0.0
    live.name = compact.name
    assert live == compact


def test_recipes_of_paper_and_released_code():
    paper, official = (read_config(RECIPES[0].parent / f"{name}.yaml") for name in ("paper", "official"))
    assert (paper.optimiser.name, paper.optimiser.learning_rate, paper.data.batch_size) == ("adam", 1e-4, 32)
    assert paper.data.preparation.hand_field_points == paper.data.preparation.object_field_points == 1000
    assert (official.optimiser.name, official.optimiser.weight_decay) == ("adamw", 0.01)
    rates = [1e-4 * rate_factor(paper.optimiser, epoch * 7, 7, 70) for epoch in (0, 4, 5, 10)]
    np.testing.assert_allclose(rates, [1e-4, 1e-4, 0.7e-4, 0.49e-4])
    rates = [1e-4 * rate_factor(official.optimiser, epoch * 7 + 6, 7, 70) for epoch in (8, 9, 69)]
    np.testing.assert_allclose(rates, [1e-4, 0.7e-4, 1e-5])


def test_documentation_lists_all_keys_with_their_defaults():
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    assert to_yaml(TrainingConfig()) in text


def test_changes_come_on_top_of_the_file():
    config = read_config(
        RECIPES[0].parent / "compact.yaml", ["optimiser.learning_rate=0.25", "data.workers=0", "name=x"]
    )
    assert (config.optimiser.learning_rate, config.data.workers, config.name) == (0.25, 0, "x")
    assert config.optimiser.name == "adamw"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("optimiser.lr=1", r"'optimiser\.lr'"),
        ("optimizer.name=adam", "'optimizer'"),
        ("network.field.sise=3", r"field\.sise"),
        ("network.preset=compakt", "compakt"),
        ("data.preparation.augmentation.rotate=1", r"augmentation\.rotate"),
        ("data.batch_size=many", r"data\.batch_size"),
        ("optimiser.name=sgd", r"optimiser\.name must be one of adam, adamw, got 'sgd'"),
        ("data.batch_size=0", r"data\.batch_size must be positive"),
        ("curriculum.image_epochs=70", r"image_epochs must leave some of the 70 epochs"),
        ("epochs", "key=value"),
    ],
)
def test_wrong_keys_and_values_are_named(change, named):
    with pytest.raises(ConfigError, match=named):
        read_config(None, [change])


def test_missing_and_broken_configurations_say_so(tmp_path):
    with pytest.raises(ConfigError, match="no training configuration at"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1")
    with pytest.raises(ConfigError, match="not readable YAML"):
        read_config(tmp_path / "broken.yaml")


def test_unknown_losses_and_sources_are_named():
    with pytest.raises(ConfigError, match=r"losses\.weights\.jonts"):
        loss_weights("official", {"jonts": 1})
    with pytest.raises(ConfigError, match="official, compact"):
        loss_weights("oficial", {})
    assert loss_weights("official", {"heatmap": 2.0}) == replace(LossWeights(), heatmap=2.0)
    with pytest.raises(ConfigError, match="unknown data source 'imagenet'; there are plays, stills"):
        build_source(SourceConfig("imagenet"), labelled_frames.hand_layer().model)
    with pytest.raises(DatasetError, match="nowhere"):
        build_source(SourceConfig("stills", options={"library": "nowhere"}), labelled_frames.hand_layer().model)
    with pytest.raises(DatasetError, match="nothing_here"):
        build_source(SourceConfig("shards", options={"folder": "nothing_here"}), labelled_frames.hand_layer().model)
    with pytest.raises(ConfigError, match=r"\(shards\) options\.folder"):
        build_source(SourceConfig("shards"), labelled_frames.hand_layer().model)
    with pytest.raises(ConfigError, match=r"options\.frame'"):
        build_source(SourceConfig("plays", options={"frame": 3}), labelled_frames.hand_layer().model)


def test_curriculum_of_the_released_code():
    curriculum = Curriculum(CurriculumConfig(), seed=0, epoch_steps=100)
    assert all(curriculum.uses_start_points(step) for step in range(0, 4000, 37))
    share = np.mean([curriculum.uses_start_points(step) for step in range(4000, 8000)])
    assert abs(share - 0.4) < 0.03
    assert [curriculum.jitter(e * 100 + s) for e in (0, 50) for s in (0, 30, 31, 70, 71, 99)] == [
        0.03, 0.03, 0.05, 0.05, 0.07, 0.07,
    ] * 2  # fmt: skip


def test_curriculum_is_a_function_of_seed_and_step():
    def choices(seed):
        return [Curriculum(CurriculumConfig(start_epochs=0), seed, 10).uses_start_points(s) for s in range(200)]

    assert choices(1) == choices(1)
    assert choices(1) != choices(2)


def test_jitter_over_the_first_epochs_grows_once():
    settings = CurriculumConfig(start_epochs=10, jitter_over="start")
    curriculum = Curriculum(settings, 0, epoch_steps=10)
    assert [curriculum.jitter(step) for step in (0, 30, 31, 71, 99, 100, 5000)] == [
        0.03, 0.03, 0.05, 0.07, 0.07, 0.07, 0.07,
    ]  # fmt: skip


def test_jittered_start_points_are_that_far_from_the_drawn_ones():
    batch = collate([stream(3)[i] for i in range(2)])
    hand, thing = Curriculum(CurriculumConfig(), 0, 10).queries(batch, 9, 3.1)
    for points, start in ((hand, batch.hand_start_points), (thing, batch.object_start_points)):
        moved = (points - start * 3.1).abs()
        assert 0.065 < moved.max() <= 0.07
        assert abs(moved.mean() - 0.035) < 0.002


def test_sources_are_mixed_by_their_ratios():
    mixture = stream(10, 1000, 7, ratios=[3.0, 1.0, 0.001])
    counts = Counter(mixture.place(i)[0] for i in range(10 * PATTERN))
    assert counts[0] == pytest.approx(7.5 * PATTERN, rel=0.02)
    assert counts[1] == pytest.approx(2.5 * PATTERN, rel=0.02)
    assert counts[2] == 10  # rare, but never forgotten


def test_each_frame_comes_once_a_lap_in_a_new_order():
    places = [stream(13).place(i)[1] for i in range(39)]
    laps = [places[i : i + 13] for i in (0, 13, 26)]
    assert all(sorted(lap) == list(range(13)) for lap in laps)
    assert laps[0] != laps[1] != laps[2]


def test_endless_sources_come_in_their_own_order():
    assert [stream(2**31).place(i)[1] for i in (0, 1, 1000)] == [0, 1, 1000]


def test_repeated_frames_are_the_first_ones():
    few = stream(50, repeat=4)
    assert {few[i].source.item() for i in range(2)} == {0}
    frames = [few.place(i % 4) for i in range(12)]
    assert len(set(frames)) == 4


def test_processes_share_the_batches_of_one_process():
    whole = [i for batch in Batches(8, 5, lambda: 0) for i in batch]
    assert whole == list(range(40))
    for world in (2, 4):
        parts = [list(Batches(8, 5, lambda: 0, rank, world)) for rank in range(world)]
        together = [i for step in zip(*parts, strict=True) for part in step for i in part]
        assert together == whole


def test_interrupted_epochs_go_on_where_they_stopped():
    assert list(Batches(2, 3, lambda: 4)) == [[8, 9], [10, 11]]
    assert list(Batches(2, 3, lambda: 6)) == [[12, 13], [14, 15], [16, 17]]


def test_batches_must_divide_among_processes():
    with pytest.raises(ConfigError, match="batch_size 9 can't be divided among 2"):
        Batches(9, 1, lambda: 0, 0, 2)


def test_validation_takes_every_sample_once():
    parts = [list(Slices(11, 2, rank, 3)) for rank in range(3)]
    assert sorted(i for part in parts for batch in part for i in batch) == list(range(11))
    assert [len(Slices(11, 2, rank, 3)) for rank in range(3)] == [2, 2, 2]


def test_cosine_schedule_warms_up_and_ends_at_its_floor():
    settings = OptimiserConfig(schedule="cosine", learning_rate=1e-3, floor=1e-5, warmup_steps=10)
    assert rate_factor(settings, 0, 100, 5) == pytest.approx(0.1, rel=1e-3)
    assert rate_factor(settings, 250, 100, 5) == pytest.approx((1 + 0.01) / 2)
    assert rate_factor(settings, 500, 100, 5) == pytest.approx(0.01)


def test_frozen_encoder_norms_are_those_that_the_released_code_froze(tmp_path):
    network = build_run(tiny_training.config("frozen_encoder_norms=true"), tmp_path, tiny_training.sources()).network
    frozen = {n for n, p in network.named_parameters() if not p.requires_grad}
    norms = {n for n, p in network.encoder.named_parameters(prefix="encoder") if ".bn" in n}
    assert frozen == norms
    assert not any("downsample" in name for name in frozen)
    assert len(frozen) > 10


@pytest.mark.parametrize("frozen", [False, True])
def test_frozen_statistics_stay(frozen, tmp_path):
    run = build_run(tiny_training.config(f"frozen_statistics={str(frozen).lower()}"), tmp_path, tiny_training.sources())
    before = run.network.encoder.bn1.running_mean.clone()
    run.module.train()
    run.module.losses_of(collate([run.data.training[0]] * 2), 0)
    assert torch.equal(before, run.network.encoder.bn1.running_mean) == frozen


def test_picture_has_a_row_for_each_sample(tmp_path):
    run = build_run(tiny_training.config("picture_samples=2"), tmp_path, tiny_training.sources())
    run.network.eval()
    drawn = picture(run.network, run.validation_batch())
    assert drawn.shape == (2 * 64, 6 * 64, 3)
    assert drawn.dtype == np.uint8
    assert (drawn[:64, :64] > 200).all(-1).sum() > 20  # the true joints' bones
