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

"""Ablations: every row of every table builds, trains and evaluates; tables say what was measured."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny_training
import torch
import yaml
from labelled_frames import Frames, hand_layer
from test_evaluation_run import MODELS
from typer.testing import CliRunner

from hoisdf_model.ablations import (
    Ablation,
    AblationRow,
    HeldOutFrames,
    Plan,
    chart_png,
    load_table,
    results_of,
    table_names,
    typed_changes,
    write_results,
)
from hoisdf_model.ablations.row_runs import TRAINING
from hoisdf_model.ablations.start import SHARED, begin
from hoisdf_model.ablations.table import parsed_table
from hoisdf_model.cli import app
from hoisdf_model.data.samples.sample import collate
from hoisdf_model.errors import ConfigError, EvaluationError
from hoisdf_model.evaluation import PaperProtocol, Record, Result, preparation_for
from hoisdf_model.evaluation.runs.frame_run import results_of as compared
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, joined
from hoisdf_model.network import load_network, read_weights, shipped_weights
from hoisdf_model.training import build_run
from hoisdf_model.training.run import Sources

TABLES = {name: load_table(name) for name in ("table5", "table7", "table8", "table9", "table10", "figure7")}
DIFFERENT = {json.dumps(row.changes, sort_keys=True): (table, row) for table in TABLES.values() for row in table.rows}
ROWS = [pytest.param(table, row, id=f"{table.name}: {row.name}") for table, row in DIFFERENT.values()]
SMALL = {
    "network": {key: value for key, value in tiny_training.NETWORK.items() if key != "preset"},
    "data": {"batch_size": 2, "preparation": {"hand_field_points": 10, "object_field_points": 10}},
    "hardware": {"accelerator": "cpu", "devices": 1, "precision": "auto", "channels_last": False},
    "curriculum": {"start_epochs": 0},
}
TINY = Plan(2, "none", changes=SMALL)


@pytest.fixture(scope="module")
def frames():
    return Frames(3, 200)


@pytest.fixture(scope="module")
def test(frames):
    return HeldOutFrames(frames, range(2), {"of": "geometry"}, MODELS, hand_layer())


def test_the_papers_tables_are_there():
    assert set(table_names()) == set(TABLES)


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_every_row_trains_a_step_and_is_evaluated(table, row, frames, tmp_path):
    run = build_run(TINY.config_of(row), tmp_path, Sources([frames], [1.0]))
    module = run.module.train()
    batch = collate([run.data.training[k] for k in range(2)])
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    (optimiser,) = [module.configure_optimizers()["optimizer"]]
    _, total = module.losses_of(batch, step=0)
    total.backward()
    untouched = [n for n, p in run.network.named_parameters() if p.requires_grad and p.grad is None]
    assert not untouched  # several GPUs would wait for them
    optimiser.step()
    moved = {name.split(".")[0] for name, value in run.network.state_dict().items() if not value.equal(before[name])}
    assert {"encoder", "token_features", "object_head"} <= moved

    network = run.network.eval()
    evaluated = joined([EvaluatedFrames(frames, [0, 1], preparation_for(network.config))[k] for k in range(2)])
    for result in compared(PaperProtocol(network)(evaluated), evaluated, MODELS, hand_layer()):
        for metric in table.metrics:
            assert np.isfinite(result.errors[row.measured.get(metric, metric)])


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_rows_differ_and_the_chosen_one_is_the_recipe(table):
    plan = Plan(2, "none")
    keys = {row.name: plan.key_of(plan.config_of(row)) for row in table.rows}
    assert len(set(keys.values())) == len(table.rows)
    if table.name != "table8":  # whose rows all do without the points of the other field
        assert keys[table.chosen] == plan.key_of(plan.config_of(AblationRow("nothing changed")))
    published = [row.published for row in table.rows]
    assert all(published) or not any(published)


def test_equal_rows_of_two_tables_share_a_folder_and_other_budgets_do_not(tmp_path, test):
    work = Ablation(tmp_path, TINY, test)
    one, other = TABLES["table8"].row("Density multiplied"), TABLES["table9"].row("Without")
    assert work.folder_of(one) == work.folder_of(other)
    longer = Ablation(tmp_path, replace(TINY, steps=3), test)
    assert longer.folder_of(one) != work.folder_of(one)


def test_a_row_is_done_once_and_taken_up_again(tmp_path, frames, test, monkeypatch):
    table = TABLES["table8"]
    row = table.row("Without")
    work = Ablation(tmp_path, TINY, test, Sources([frames], [1.0]))
    assert not work.is_done(row)
    first = work.finish(table, row)
    assert work.is_done(row)
    assert [record.frame for record in first] == [0, 1]
    trained = read_weights(work.folder_of(row) / TRAINING / "weights.safetensors")
    assert trained.config.tokens.augmentation == "none"

    def never(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr("hoisdf_model.ablations.row_runs.build_run", never)
    assert work.finish(table, row) == first
    further = replace(work, test=replace(test, numbers=range(3)))
    assert not further.is_done(row)
    assert further.finish(table, row)[:2] == first
    with pytest.raises(EvaluationError, match="another evaluation, which differs in data"):
        replace(work, test=replace(test, about={"of": "something else"})).finish(table, row)


def test_rows_begin_with_the_shipped_weights_in_front_and_the_same_ones_behind():
    plan = Plan(1)
    recipe, changed = (plan.config_of(AblationRow("", changes)) for changes in ({}, TABLES["table8"].rows[1].changes))
    networks = []
    for config in (recipe, changed):
        network, _ = load_network("untrained:compact")
        network = type(network)(config.network_config(), hand_layer())
        begin(network, recipe.network_config(), plan.start, recipe.seed)
        networks.append(network.state_dict())
    shipped = read_weights(shipped_weights()).state
    last = "token_features.layers.2.weight"  # one number less for the one that is put beside
    for name, value in networks[1].items():
        if name.split(".")[0] in SHARED:
            assert torch.equal(value, shipped[name].to(value.dtype)), name
        elif not name.startswith("token_features.layers.2"):
            assert torch.equal(value, networks[0][name]), name
    assert len(networks[1][last]) == len(networks[0][last]) - 1
    assert not torch.equal(
        networks[0]["vote_head.offsets.layers.0.weight"], shipped["vote_head.offsets.layers.0.weight"]
    )
    assert set(SHARED).isdisjoint(recipe.train_only)
    assert {"token_features", "hand_encoder", "object_head"} <= set(recipe.train_only)


def test_parts_that_the_shipped_weights_do_not_fit_are_not_held():
    wide = Plan(1, changes={"network": {"field": {"hidden": [300, 300, 300]}}}).config_of(AblationRow(""))
    assert {"hand_field", "object_field"} <= set(wide.train_only)
    assert "encoder" not in wide.train_only
    assert not Plan(1, hold=False).config_of(AblationRow("")).train_only


def made_up(errors, metric="MJE"):
    return [Record(k, "", (), {"network": Result({metric: error})}) for k, error in enumerate(errors)]


def test_a_table_compares_frame_by_frame_and_stands_beside_the_paper(tmp_path):
    table = TABLES["table10"]
    without, mano = "Without MANO regression", "MANO regression"
    table = replace(
        table, rows=tuple(replace(r, measured={"MJE": "MJE voted"} if r.name == without else {}) for r in table.rows)
    )
    results = results_of(table, {without: made_up([11, 22, 33], "MJE voted"), mano: made_up([10, 20, 30])})
    assert [result.name for result in results] == [without, mano]
    assert results[0].figures["MJE"].mean == pytest.approx(22)
    assert results[0].differences["MJE"].mean - results[0].differences["MJE"].first == pytest.approx(2)
    assert results[0].differences["MJE"].low >= 1
    assert not results[1].differences
    write_results(tmp_path, table, results, chart_png(table, results), {"steps": 1}, ["A remark."])
    text = (tmp_path / "table10.md").read_text()
    assert "| **MANO regression** | 20.0 (10.0 – 30.0) |  | 10.1 | 5.31 |" in text
    assert "+2.0 (+1.0 to +3.0)" in text
    assert "A remark." in text
    content = json.loads((tmp_path / "table10.json").read_text())
    assert content["rows"][0]["published"] == {"MJE": 10.5, "PA-MJE": 5.65}
    assert (tmp_path / "table10.png").read_bytes()[:4] == b"\x89PNG"


CONTENT = {"title": "t", "source": "s", "metrics": ["MJE"], "chosen": "a", "rows": [{"name": "a"}]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"chosen": "b"}, "t has no row 'b'; it has a"),
        ({"metrics": ["MJE", "XYZ"]}, r"unknown metric\(s\) XYZ"),
        ({"rows": [{"name": "a", "publishd": [1]}]}, "row 'a': missing nothing, unknown publishd"),
        ({"rows": [{"changes": {}}]}, "missing name"),
        ({"rows": [{"name": "a", "published": [1, 2]}]}, "2 published numbers for 1 metrics"),
        ({"rows": [{"name": "a", "measured": {"OCE": "MJE"}}]}, r"unknown metric\(s\) OCE"),
        ({"rows": ["a"]}, "must be keys with values"),
    ],
)
def test_a_wrong_table_says_where(change, words):
    with pytest.raises(ConfigError, match=words):
        parsed_table("t", yaml.safe_load(yaml.safe_dump({**CONTENT, **change})))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": {"tokens": {"augmentation": "none", "cross": "image_feature"}}}, "row 'x'.*no field does"),
        ({"network": {"tokens": {"augmentation": "density_concatenated", "cross": "image_feature"}}}, "no number"),
        ({"network": {"tokens": {"cross": "features"}}}, "tokens.cross must be one of field, "),
        ({"network": {"sampling": {"choice": "any"}}}, "sampling.choice must be one of absolute_distance, "),
        ({"optimizer": {}}, "row 'x': unknown configuration key 'optimizer'"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        TINY.config_of(AblationRow("x", changes))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["table6"], "unknown ablation 'table6'; there are table5, "),
        (["table8", "--row", "Wihtout"], "table8 has no row 'Wihtout'; it has Without, "),
        (["all", "--row", "Without"], "--row goes with one table"),
        (["table8", "--steps", "3", "--minutes", "1"], "give --steps or --minutes, not both"),
        (["table8", "--from", "imagenet"], "starts from shipped or none, got 'imagenet'"),
        (["table8", "--on", "nowhere.yaml"], "no description of a data source at nowhere.yaml"),
        (["table8", "--set", "network.image_size=100"], "image_size must be a positive multiple of 32"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_trained(arguments, words, tmp_path):
    result = CliRunner().invoke(app, ["ablate", *arguments, "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, ConfigError)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match=words):
        raise result.exception


def test_a_damaged_description_of_data_is_named(tmp_path):
    (tmp_path / "x.yaml").write_text("kind: [shards")
    result = CliRunner().invoke(
        app, ["ablate", "table8", "--data", str(tmp_path / "x.yaml"), "-o", str(tmp_path / "out")]
    )
    with pytest.raises(ConfigError, match=r"x\.yaml is not readable YAML"):
        raise result.exception


def test_changes_are_nested():
    assert typed_changes(["a.b=1", "a.c=[x]"]) == {"a": {"b": 1, "c": ["x"]}}
    with pytest.raises(ConfigError, match="key=value"):
        typed_changes(["a.b"])
