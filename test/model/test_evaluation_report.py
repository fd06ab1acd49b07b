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

"""What is made of an evaluation's records: groups, pictures, curves, the HTML file, comparisons, and the commands."""

import base64
import io
import json
from dataclasses import astuple
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from labelled_frames import BOX, Frames, frame, hand_layer
from rich.console import Console
from scipy.stats import bootstrap
from test_evaluation_run import MODELS, Knowing
from tiny_network import tiny_network
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data import shards
from hoisdf_model.drawing.pen import EDGES
from hoisdf_model.errors import ConfigError, EvaluationError
from hoisdf_model.evaluation import (
    Contender,
    Content,
    Record,
    RecordFile,
    Result,
    bars,
    best_median_worst,
    compare,
    curves,
    evaluate,
    groups_of,
    object_groups,
    png,
    preparation_for,
    published_tables,
    read_records,
    sheet,
    summarise,
    write_report,
)
from hoisdf_model.evaluation.reports import summary as summaries
from hoisdf_model.evaluation.reports.comparison import difference_of
from hoisdf_model.evaluation.reports.frame_pictures import tile
from hoisdf_model.evaluation.reports.published import filled_table, tables_of
from hoisdf_model.evaluation.reports.summary import figure_of, figures_of
from hoisdf_model.evaluation.reports.tables import sections_of, summary_table
from hoisdf_model.evaluation.runs.crop_pictures import SIZE
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import save_network


def record(number, mje, adds=None, name="003_cracker_box", tags=("catalogue object", "occluded")):
    errors = {"MJE": float(mje), "ADD-S": float(mje if adds is None else adds), "OCE": 1.0, "rotation": 2.0}
    return Record(number, name, tags, {"network": Result(errors, (True, True), (float(mje),) * 21)})


def test_groups_are_all_frames_then_each_tag_then_each_object():
    records = [
        record(0, 1), record(1, 2, name="shape_00000001", tags=("random shape", "not occluded")),
        record(2, 3, name="025_mug", tags=("catalogue object", "not occluded")), record(3, 4, name="", tags=()),
    ]  # fmt: skip
    groups = {name: [r.frame for r in members] for name, members in groups_of(records).items()}
    assert list(groups.items()) == [
        ("all", [0, 1, 2, 3]), ("catalogue object", [0, 2]), ("random shape", [1]), ("occluded", [0]),
        ("not occluded", [1, 2]), ("003_cracker_box", [0]), ("025_mug", [2]),
    ]  # fmt: skip
    assert object_groups(records) == ["003_cracker_box", "025_mug"]


def test_the_interval_of_a_mean_is_about_two_standard_errors():
    values = np.random.default_rng(0).normal(30, 8, 400)
    figure = figure_of(values)
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert (figure.mean, figure.median) == (values.mean(), np.median(values))
    assert figure.low == pytest.approx(figure.mean - 1.96 * error, abs=0.15 * error)
    assert figure.high == pytest.approx(figure.mean + 1.96 * error, abs=0.15 * error)
    expected = bootstrap((values,), np.mean, method="percentile", random_state=1).confidence_interval
    np.testing.assert_allclose((figure.low, figure.high), expected, atol=0.15 * error)
    assert np.isnan(figure_of(values[:1]).low)


def test_figures_of_several_metrics_are_those_of_each_whatever_is_held_at_once(monkeypatch):
    rng = np.random.default_rng(3)
    columns = {"a": rng.gamma(2, 10, 40), "b": rng.normal(size=40), "c": rng.normal(size=7), "d": rng.normal(size=1)}
    alone = {name: figure_of(values) for name, values in columns.items()}
    monkeypatch.setattr(summaries, "BLOCK", 90)  # two resamples of 40 frames at once
    for name, figure in figures_of(columns).items():
        np.testing.assert_allclose(astuple(figure), astuple(alone[name]), rtol=1e-12)


def test_best_median_and_worst_are_by_hand_and_object_together():
    records = [record(k, mje, adds) for k, (mje, adds) in enumerate([(9, 9), (1, 5), (5, 5), (5, 1), (1, 1)])]
    records.append(Record(9, "x", (), {"network": Result({"MJE": 0.0})}))  # without an object it isn't ranked
    found = best_median_worst(records, "network", 1)
    assert {name: [r.frame for r in rows] for name, rows in found.items()} == {"best": [4], "median": [3], "worst": [0]}
    few = [Record(k, "x", (), {"network": Result({"MJE": float(k)})}) for k in (2, 1)]  # only hands were found
    assert [r.frame for r in best_median_worst(few, "network")["best"]] == [1, 2]
    assert best_median_worst([], "network") == {"best": [], "median": [], "worst": []}


def test_edges_are_those_of_a_box():
    corners = MODELS("box").corners
    lengths = sorted(float(np.linalg.norm(corners[a] - corners[b])) for a, b in EDGES)
    assert lengths == pytest.approx(sorted([*BOX.extents] * 4))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Source, preparation and records of one perfect and one shifted method."""
    folder, source = tmp_path_factory.mktemp("evaluation"), Frames(4, 200)
    preparation = preparation_for(tiny_network().config)
    methods = {"network": Contender(Knowing(), kept=True), "shifted": Contender(Knowing((0.03, 0, 0)), kept=True)}
    steps = evaluate(
        source, range(4), methods, RecordFile(folder, {}), preparation, MODELS, hand_layer(), tags=lambda n: ("kind",)
    )
    assert sum(steps) == 4
    return source, preparation, read_records(folder)


def test_a_perfect_estimate_is_drawn_as_the_truth(evaluated):
    source, preparation, records = evaluated
    for method, same in (("network", True), ("shifted", False)):
        picture = tile(records[0], method, source, preparation, MODELS)[:SIZE]
        apart = np.abs(picture[:, :SIZE].astype(int) - picture[:, SIZE:]).mean()
        assert apart < 0.1 if same else apart > 2  # poses are kept to a hundredth of a millimetre
    bare = tile(Record(0, "", (), {"x": Result({})}), "x", source, preparation, MODELS)[:SIZE, SIZE:]
    assert bare.shape == (SIZE, SIZE, 3)
    assert (picture[:, SIZE:] != bare).any(2).mean() > 0.02  # something is drawn


def test_a_sheet_has_a_row_for_each_kind(evaluated):
    source, preparation, records = evaluated
    picked = best_median_worst(records, "network")
    assert [len(rows) for rows in picked.values()] == [1, 1, 1]
    picture = sheet(picked, "network", source, preparation, MODELS)
    assert picture.shape[1] == 2 * SIZE
    assert picture.shape[0] > 3 * SIZE
    assert sheet(best_median_worst([], "network"), "network", source, preparation, MODELS).size  # nothing was found


def test_curves_end_at_the_share_of_frames_below_their_limit():
    values = [10, 20, 30, 99, 101, 400]
    drawing = curves([record(k, value) for k, value in enumerate(values)])
    panels = {axis.get_title(): axis.lines[0].get_ydata() for axis in drawing.axes if axis.lines}
    heights = panels["frames by ADD-S"]
    assert (np.diff(heights) >= 0).all()
    assert heights[-1] == pytest.approx(100 * 4 / 6)
    assert panels["joints, relative to the wrist"][-1] == pytest.approx(100 * 3 / 6)


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.images, self.text, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs)["src"])

    def handle_data(self, data):
        self.text.append(data)


def test_the_report_is_one_file_with_everything_in_it(tmp_path):
    records = [record(k, 10 + k) for k in range(6)]
    summary, drawn = summarise(records), np.full((20, 30, 3), 128, np.uint8)
    content = Content(
        "<script>run & 'one'", {"weights": "<b>w</b>"}, ["synthetic"], summary, ["all"], ["003_cracker_box"],
        ["MJE", "ADD-S"], "network", {"Curves": png(bars(summary, ["all"], ["network"])), "Sheet": drawn},
    )  # fmt: skip
    write_report(content, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    reader = Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    assert "b" not in reader.tags
    assert "<script>run & 'one'" in reader.text
    assert "http" not in page
    pictures = [cv2.imdecode(np.frombuffer(base64.b64decode(s.split(",")[1]), np.uint8), 1) for s in reader.images]
    assert len(pictures) == 2
    assert pictures[1].shape == (20, 30, 3)
    words = " ".join(reader.text)
    assert "12.5 / 12.5" in words  # mean and median of 10 to 15
    assert "synthetic" in words
    assert "29.4" in words  # the cracker box's OCE in the paper's table 11


def test_published_results_are_the_papers():
    """Rows of HOISDF in each table of the paper, typed from it; tables that repeat a figure agree."""
    tables = {table.title: table for table in published_tables()}
    assert len(tables) == 8
    assert tables["DexYCB"].metrics == ("MJE", "PA-MJE", "OCE", "MCE", "ADD-S")
    assert tables["DexYCB"].rows["HOISDF"] == (10.1, 5.31, 18.4, 27.4, 13.3)
    assert tables["DexYCB Full"].rows["HOISDF"] == (10.1, 5.13, 27.6, 35.8, 18.6)
    objects = tables["DexYCB, per object"].rows
    assert tables["DexYCB, per object"].methods == ("HOISDF", "Wang et al. [49]")
    assert objects["Mean"] == tables["DexYCB"].rows["HOISDF"][2:] + tables["DexYCB"].rows["Wang et al. [49]"][2:]
    assert len(objects) == 21  # 20 objects and their mean
    assert tables["DexYCB Full, hand mesh"].rows["HOISDF"] == (9.9, 80.5, 60.1, 94.9, 4.9, 90.2, 81.8, 99.3)
    ho3d = tables["HO3Dv2"]
    assert ho3d.metrics == ("MJE", "ST-MJE", "PA-MJE", "ADD", "ADD-S")
    assert ho3d.rows["HOISDF*"] == (19.0, 18.3, 9.2, 35.5, 14.4)
    assert tables["HO3Dv2, per object"].rows["Mean"] == ho3d.rows["HOISDF*"][3:] + ho3d.rows["Wang et al.* [49]"][3:]
    sampled = tables["DexYCB, sampled hand points"].rows["HOISDF"]
    assert sampled[0] == pytest.approx(np.mean(sampled[1:]), abs=0.005)  # the table's "Mean" is that of its columns
    assert tables["DexYCB, distance fields"].rows["HOISDF (intermediate)"] == (0.309, 16.8, 80.3, 2.78, 36.0, 59.5)


def test_own_figures_stand_in_the_published_tables_of_their_data():
    records = [record(k, 10 + k) for k in range(6)]
    summary = summarise(records)
    assert [table.source.split(", ")[-1] for table in tables_of({"data": {"kind": "dexycb", "subset": "full"}})] == [
        "table 1", "table 3",
    ]  # fmt: skip
    assert [t.title for t in tables_of({"data": {"kind": "ho3d"}})] == ["HO3Dv2", "HO3Dv2, per object"]
    assert tables_of({"data": {"kind": "ho3d", "synthetic": True}}) == ()
    assert tables_of({"data": {"benchmark": 2}}) == ()
    methods, objects, *rest = tables_of({"data": {"kind": "dexycb", "subset": "close"}})
    found = filled_table(methods, summary, "network")
    figure = summary.figures["all"]["network"]["MJE"]
    own = f"12.5 ({figure.low:.1f}–{figure.high:.1f})"
    assert found.rows[-1] == ("this evaluation", own, "", "1.0 (1.0–1.0)", "", own)
    assert found.rows[-2] == ("HOISDF", "10.1", "5.31", "18.4", "27.4", "13.3")
    seen = filled_table(objects, summary, "network", everything=False)
    assert seen.heads[:4] == ("", "OCE this evaluation", "OCE HOISDF", "OCE Wang et al. [49]")
    assert [row[0] for row in seen.rows] == ["003_cracker_box", "Mean"]
    assert seen.rows[0][1:4] == ("1.0 (1.0–1.0)", "29.4", "33.3")
    assert len(filled_table(objects, summary, "network").rows) == 21
    assert [filled_table(table, summary, "network") for table in rest] == [None, None]  # nothing of them was measured


def test_sections_show_what_was_measured_in_their_units():
    errors = {"penetration": 3.0, "intersection": 0.125, "contact": 100.0, "overlap": 100.0}
    records = [Record(k, "025_mug", (), {"network": Result({"MJE": 10.0}), "truth": Result(errors)}) for k in range(3)]
    summary = summarise(records)
    assert list(sections_of(summary).values()) == [("penetration", "intersection", "contact", "overlap")]
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(summary_table(summary, ["all"], ["MJE"]))
    assert "truth" not in console.export_text()  # which has no errors
    console.print(summary_table(summary, ["all"], tuple(errors)))
    printed = console.export_text()
    assert "0.12 / 0.12" in printed
    assert "3.0 / 3.0" in printed
    assert "network" not in printed


def test_a_difference_that_is_always_there_is_significant():
    rng = np.random.default_rng(1)
    first = rng.normal(50, 20, 60)
    found = difference_of(first, first - rng.uniform(1, 2, 60))
    assert found.high < 0
    assert found.low < found.mean - found.first < found.high
    assert found.p < 1e-6
    assert found.better == 1
    assert difference_of(first, first + 1, falling=False).better == 1


def test_a_difference_that_is_only_noise_is_not_significant():
    rng = np.random.default_rng(2)
    first = rng.normal(50, 20, 60)
    found = difference_of(first, first + rng.normal(0, 5, 60))
    assert found.low < 0 < found.high
    assert found.p > 0.05
    assert difference_of(first, first).p == 1


def test_runs_are_compared_on_the_frames_that_they_share():
    runs = {"a": [record(k, 10 + k) for k in range(5)], "b": [record(k, 20 + k) for k in range(3, 9)]}
    found = compare(runs, {"MJE": True, "MME": True}, {"a": "network", "b": "network"})
    assert found.keys() == {"b"}
    assert found["b"].keys() == {"MJE"}  # nobody has the other
    assert (found["b"]["MJE"].count, found["b"]["MJE"].first, found["b"]["MJE"].mean) == (2, 13.5, 23.5)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({"a": [record(0, 1)]}, "at least two"),
        ({"a": [record(0, 1)], "b": [record(1, 1)]}, "no frame in common"),
        ({"a": [record(0, 1)], "c": [record(0, 1)]}, "c has no results of 'other'; it has network"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(runs, message):
    with pytest.raises(EvaluationError, match=message):
        compare(runs, {"MJE": True}, {"a": "network", "b": "network", "c": "other"})


def test_compare_prints_and_writes_differences(tmp_path):
    for name, shift, data in (("one", 0, "x"), ("two", -5, "x"), ("three", 0, "y")):
        RecordFile(tmp_path / name, {"data": data}).append(record(k, 40 + k + shift) for k in range(9))
    one, two, three = (str(tmp_path / name) for name in ("one", "two", "three"))
    ran = CliRunner().invoke(app, ["compare", one, two, "--metric", "MJE", "-o", str(tmp_path / "c.json")])
    assert ran.exit_code == 0, ran.output
    assert "-5.00" in ran.output
    written = json.loads((tmp_path / "c.json").read_text())["differences"][two]["MJE"]
    assert written["mean"] - written["first"] == pytest.approx(-5)
    refused = CliRunner().invoke(app, ["compare", one, three])
    assert isinstance(refused.exception, EvaluationError)
    assert "aren't of the same frames" in str(refused.exception)


def test_shorter_evaluations_of_a_bag_are_compared(tmp_path):
    for count in (4, 9):
        about = {"data": {"folder": "x", "bags": 1, "frames": count}}
        RecordFile(tmp_path / str(count), about).append(record(k, 40 + k) for k in range(count))
    ran = CliRunner().invoke(app, ["compare", str(tmp_path / "4"), str(tmp_path / "9"), "-o", str(tmp_path / "c.json")])
    assert ran.exit_code == 0, ran.output
    differences = json.loads((tmp_path / "c.json").read_text())["differences"]
    assert differences[str(tmp_path / "9")]["MJE"]["count"] == 4


@pytest.mark.parametrize("about", [{}, {"library": {"split": "train"}}], ids=["unknown origin", "drawn"])
def test_evaluate_writes_everything(tmp_path, about):
    BOX.export(tmp_path / "box.stl")
    data = tmp_path / "data"
    shards.begin(data, 2, 2, about)
    shards.write_shard(data, 0, 2, 2, lambda index: (frame(index, 200), {}))
    network = tiny_network()
    save_network(network, network.config, tmp_path / "tiny.safetensors", keep_hand_model=True)
    command = [
        "evaluate", "-w", str(tmp_path / "tiny.safetensors"), "--data", str(data), "--objects", str(tmp_path),
        "--untrained", "1", "--workers", "0", "-o", str(tmp_path / "out"),
    ]  # fmt: skip
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, ran.output
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["frames"] == 2
    counts = {
        method: part["metrics"]["MJE"]["count"]
        for method, part in found["groups"]["all"].items()
        if "MJE" in part["metrics"]
    }
    assert counts == {"network": 2, "mean pose": 2, "informed mean": 2, "untrained": 1}
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "evaluation.json", "frames.jsonl", "frames.csv", "summary.json", "report.html", "curves.png", "bars.png",
        "sheet.jpg",
    }  # fmt: skip
    assert ("synthetic" in (tmp_path / "out" / "report.html").read_text()) == bool(about)


@pytest.mark.parametrize("drawn_with", ["the open hand", "one that nobody knows"])
def test_truth_is_posed_with_the_hand_of_the_frames_and_not_with_the_networks(tmp_path, monkeypatch, drawn_with):
    open_hand, asked = load_hand_model(), []
    shards.begin(tmp_path, 2, 2, {"hand_model": open_hand.hash if drawn_with == "the open hand" else drawn_with})
    shards.write_shard(tmp_path, 0, 2, 2, lambda index: (frame(index, 200), {}))
    network = tiny_network()  # with another hand
    save_network(network, network.config, tmp_path / "tiny.safetensors", keep_hand_model=True)

    def asked_for(*arguments, **options):
        asked.append(next(part for part in arguments if isinstance(part, HandLayer)).model.hash)
        raise EvaluationError("that will do")

    monkeypatch.setattr("hoisdf_model.evaluation.evaluate", asked_for)
    command = [
        "evaluate",
        "-w",
        str(tmp_path / "tiny.safetensors"),
        "--data",
        str(tmp_path),
        "-o",
        str(tmp_path / "out"),
    ]
    ran = CliRunner().invoke(app, command)
    if drawn_with == "the open hand":
        assert asked == [open_hand.hash]
    else:
        assert isinstance(ran.exception, ConfigError)
        assert f"another hand model ({drawn_with})" in str(ran.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--protocol", "given"], "--protocol must be one of paper, live"),
        (["mean-pose", "-o", "x.yaml"], "exactly one of --library and --data"),
        (["compare", "a", "b", "--metric", "XYZ"], "unknown metric 'XYZ'"),
    ],
)
def test_wrong_options_are_named(arguments, message):
    ran = CliRunner().invoke(app, arguments)
    assert isinstance(ran.exception, ConfigError)
    assert message in str(ran.exception)


def test_means_of_the_benchmark_are_refused(tmp_path):
    from importlib import resources

    library = resources.files("hoisdf_model") / "assets" / "benchmark_grasps.npz"
    ran = CliRunner().invoke(app, ["mean-pose", "--library", str(library), "-o", str(tmp_path / "x.yaml")])
    assert isinstance(ran.exception, ConfigError)
    assert "must come from training" in str(ran.exception)


def test_bars_have_one_for_each_group_and_method():
    records = [record(k, 10 + k) for k in range(4)]
    drawing = bars(summarise(records), ["all", "003_cracker_box"], ["network"])
    heights = [patch.get_height() for patch in drawing.axes[0].patches]
    assert heights == [11.5, 11.5]
