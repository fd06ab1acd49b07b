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

"""``hoisdf data check``: whole downloads pass, and what is missing or wrong is named with what to fetch."""

import pickle
import shutil

import ho3d_toy
import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data.dexycb import layout as dexycb_layout
from hoisdf_model.data.dexycb.check import check_dexycb
from hoisdf_model.data.ho3d import layout as ho3d_layout
from hoisdf_model.data.ho3d.check import check_ho3d
from hoisdf_model.data.labelled_frames import FieldSamples, LabelledFrame, ObjectLabel
from hoisdf_model.data.shards import begin, write_shard
from hoisdf_model.data.shards_check import check_shards
from hoisdf_model.errors import ConfigError, DatasetError
from hoisdf_model.geometry import Pinhole


def wrong(report):
    """Problems as text: where, what, advice."""
    return [f"{problem.where}: {problem.what} -> {problem.advice}" for problem in report.problems]


def count(report, name):
    return dict(report.counts)[name]


@pytest.fixture
def ho3d(tmp_path, monkeypatch):
    """The toy tree as if it were all of HO-3D, with the files that it lacks."""
    root = ho3d_toy.unpack(tmp_path / "ho3d")
    for split, frames in (("train", ("MC1/0000", "SM2/0007", "SM2/0014")), ("evaluation", ho3d_toy.EVALUATION)):
        monkeypatch.setitem(ho3d_layout.COUNTS, ("v2", split), len(frames))
        monkeypatch.setitem(ho3d_layout.SEQUENCES, split, tuple({frame.split("/")[0] for frame in frames}))
        for frame in frames:
            sequence, number = frame.split("/")
            like = root / split / sequence / "rgb"
            for kind, suffix in (("rgb", ".png"), ("depth", ".png"), ("meta", ".pkl"), ("seg", ".jpg")):
                path = root / split / sequence / kind / f"{number}{suffix}"
                path.parent.mkdir(exist_ok=True)
                if not path.exists():
                    files = sorted(path.parent.glob(f"*{suffix}")) or sorted(like.glob("*.png"))
                    shutil.copy(files[0], path)
    for name in ("003_cracker_box", "006_mustard_bottle", "019_pitcher_base"):
        (root / "models" / name / "textured_simple.obj").write_text("v 0 0 0\n")
    return root


def test_a_whole_download_of_ho3d_passes(ho3d):
    seen = []
    report = check_ho3d(ho3d, "v2", deep=True, progress=lambda *numbers: seen.append(numbers))
    assert wrong(report) == []
    assert report.kind == "HO-3D v2"
    assert count(report, "train: frames whole") == count(report, "train: frames with masks") == "3"
    assert count(report, "evaluation: frames listed") == "2"
    assert seen == [(k, 4) for k in (1, 2, 3, 4)]  # two sequences in each split
    assert "evaluation_xyz.json" in report.notes[0]


def test_missing_files_are_named_with_what_to_fetch(ho3d):
    (ho3d / "train" / "SM2" / "rgb" / "0007.png").unlink()
    (ho3d / "train" / "SM2" / "depth" / "0014.png").write_bytes(b"")
    shutil.rmtree(ho3d / "evaluation" / "AP10")
    (ho3d / "train" / "MC1" / "seg" / "0000.jpg").unlink()
    (ho3d / "models" / "006_mustard_bottle" / "points.xyz").unlink()
    report = check_ho3d(ho3d)
    problems = wrong(report)
    assert len(problems) == 5
    for part in (
        "SM2/rgb: 1 of 2 files missing: 0007.png -> unpack the archive of HO-3D v2 there again",
        "SM2/depth: 1 of 2 files empty: 0014.png",
        "evaluation/AP10: the folder is missing, with 1 listed frames",
        "1 of 3 frames have no masks (seg) -> fetch HO3D_v2_segmentations_rendered.zip",
        "models/006_mustard_bottle: 1 of 2 files missing: points.xyz -> fetch the YCB-Video models",
    ):
        assert any(part in problem for problem in problems), part
    assert count(report, "train: frames whole") == "1"
    assert count(report, "evaluation: frames whole") == "1"


def test_lists_of_another_length_or_version_are_named(ho3d, monkeypatch):
    monkeypatch.setitem(ho3d_layout.COUNTS, ("v2", "train"), 66_034)
    monkeypatch.setitem(ho3d_layout.COUNTS, ("v3", "train"), 3)
    monkeypatch.setitem(ho3d_layout.SEQUENCES, "evaluation", ("SM1", "AP10", "MPM10"))
    problems = wrong(check_ho3d(ho3d))
    assert any("train.txt: lists 3 frames, HO-3D v2 has 66,034 (the list is that of v3)" in p for p in problems)
    assert any("evaluation.txt: lists nothing of MPM10" in p for p in problems)
    with pytest.raises(DatasetError, match="is HO-3D v2, v3 is wanted"):
        check_ho3d(ho3d, "v3")
    monkeypatch.setitem(ho3d_layout.OTHER_COUNTS, ("v2", "train"), 3)
    assert not any("train.txt" in p for p in wrong(check_ho3d(ho3d)))
    (ho3d / "train.txt").unlink()
    assert any("train.txt" in p and "can't be read" in p for p in wrong(check_ho3d(ho3d)))


def test_the_published_counts_are_those_of_the_data_sets_own_code():
    assert ho3d_layout.COUNTS["v2", "train"] == 66_034
    assert ho3d_layout.COUNTS["v2", "evaluation"] == 11_524
    assert sum(n for (version, _), n in ho3d_layout.COUNTS.items() if version == "v3") == 103_462
    assert [len(ho3d_layout.SEQUENCES[split]) for split in ("train", "evaluation")] == [55, 13]


class Shell:
    def __reduce__(self):
        import os

        return os.system, ("true",)


def test_damaged_and_malicious_annotations_are_found(ho3d):
    path = ho3d / "train" / "MC1" / "meta" / "0000.pkl"
    path.write_bytes(pickle.dumps({"objName": Shell()}))
    (ho3d / "train" / "SM2" / "meta" / "0014.pkl").write_bytes(b"\x80")
    problems = wrong(check_ho3d(ho3d))
    assert len(problems) == 1  # only the first frame of each sequence is read
    assert "was refused" in problems[0]
    assert "don't use this copy" in problems[0]
    image = ho3d / "evaluation" / "SM1" / "rgb" / "0003.png"
    image.write_bytes(image.read_bytes()[:5000])
    problems = wrong(check_ho3d(ho3d, deep=True))
    assert len(problems) == 3
    assert any("SM2/meta/0014.pkl is not a readable pickle" in p for p in problems)
    assert any("SM1/rgb/0003.png can't be read" in p for p in problems)


@pytest.fixture
def dexycb(tmp_path, monkeypatch):
    """A whole DexYCB with one sequence for each subject, one camera and two frames."""
    root = tmp_path / "dexycb"
    monkeypatch.setattr(dexycb_layout, "PER_SUBJECT", 1)
    monkeypatch.setattr("hoisdf_model.data.dexycb.check.S0_TRAIN", 20)
    labels = {
        "seg": np.zeros((480, 640), np.uint8), "pose_y": np.zeros((1, 3, 4)), "pose_m": np.zeros((1, 51)),
        "joint_3d": np.zeros((1, 21, 3)), "joint_2d": np.zeros((1, 21, 2)),
    }  # fmt: skip
    serial = dexycb_layout.SERIALS[0]
    first = None
    for subject in dexycb_layout.SUBJECTS:
        take = root / subject / f"{subject[:8]}_100000"
        meta = {
            "serials": [serial], "num_frames": 2, "extrinsics": "e", "ycb_ids": [5], "ycb_grasp_ind": 0,
            "mano_sides": ["right"], "mano_calib": ["m"],
        }  # fmt: skip
        if first is None:
            (take / serial).mkdir(parents=True)
            np.savez(take / "pose.npz", pose_y=np.zeros((2, 1, 7)), pose_m=np.zeros((2, 1, 51)))
            for number in range(2):
                np.savez_compressed(take / serial / f"labels_{number:06d}.npz", **labels)
                Image.new("RGB", (640, 480)).save(take / serial / f"color_{number:06d}.jpg")
                depth = Image.fromarray(np.zeros((480, 640), np.uint16))
                depth.save(take / serial / f"aligned_depth_to_color_{number:06d}.png")
            (take / "meta.yml").write_text(yaml.safe_dump(meta))
            first = take
        else:
            shutil.copytree(first, take)
    calibration = root / "calibration"
    for path, content in (
        (f"intrinsics/{serial}_640x480.yml", {"color": {"fx": 613.0, "fy": 612.0, "ppx": 313.0, "ppy": 245.0}}),
        ("extrinsics_e/extrinsics.yml", {"master": serial}),
        ("mano_m/mano.yml", {"betas": [0.0] * 10}),
    ):
        (calibration / path).parent.mkdir(parents=True, exist_ok=True)
        (calibration / path).write_text(yaml.safe_dump(content))
    (root / "models" / "006_mustard_bottle").mkdir(parents=True)
    for name in ("points.xyz", "textured_simple.obj"):
        (root / "models" / "006_mustard_bottle" / name).write_text("0 0 0\n")
    return root


def test_a_whole_download_of_dexycb_passes(dexycb):
    report = check_dexycb(dexycb, deep=True)
    assert wrong(report) == []
    assert count(report, "s0_train: frames") == "20"
    assert count(report, "20201022-subject-10: sequences") == "1"


def test_missing_parts_of_dexycb_are_named_with_their_archives(dexycb):
    take = dexycb / "20200709-subject-01" / "20200709_100000"
    camera = take / dexycb_layout.SERIALS[0]
    (camera / "color_000001.jpg").unlink()
    (camera / "labels_000000.npz").write_bytes(b"PK")
    shutil.rmtree(dexycb / "20200813-subject-02")
    (dexycb / "20200820-subject-03" / "20200820_100000" / "meta.yml").write_text("serials: [")
    (dexycb / "calibration" / "mano_m" / "mano.yml").unlink()
    (dexycb / "models" / "006_mustard_bottle" / "points.xyz").unlink()
    report = check_dexycb(dexycb)
    problems = wrong(report)
    assert len(problems) == 6
    for part in (
        "1 of 6 files missing: color_000001.jpg -> fetch 20200709-subject-01.tar.gz",
        "labels_000000.npz can't be read",
        "subject-02: 0 of 1 sequences are there -> fetch 20200813-subject-02.tar.gz",
        "subject-03/20200820_100000/meta.yml can't be read",
        "mano.yml is missing -> fetch calibration.tar.gz",
        "1 of 2 files missing: points.xyz -> fetch models.tar.gz",
    ):
        assert any(part in problem for problem in problems), part
    assert "s0_train: frames" not in dict(report.counts)  # unknown while a sequence can't be read


def test_a_part_of_dexycb_has_no_official_split(dexycb, monkeypatch):
    shutil.rmtree(dexycb / "20201022-subject-10")
    report = check_dexycb(dexycb)
    assert count(report, "s0_train: frames") == "18 (not the official split)"
    shutil.rmtree(dexycb / "models")
    shutil.rmtree(dexycb / "calibration")
    problems = wrong(check_dexycb(dexycb))
    assert len(problems) == 3  # and the subject
    assert "calibration: the folder of calibrations is missing -> fetch calibration.tar.gz" in problems[1]
    assert "models: the folder of object models is missing -> fetch models.tar.gz" in problems[2]


def test_a_synthetic_dexycb_is_called_so_and_needs_what_its_note_says(dexycb):
    for subject in dexycb_layout.SUBJECTS[2:]:
        shutil.rmtree(dexycb / subject)
    assert any("subject-03: 0 of 1 sequences are there" in p for p in wrong(check_dexycb(dexycb)))
    note = dexycb / "synthetic.json"
    note.write_text('{"layout": "DexYCB", "sequences": 2}')
    report = check_dexycb(dexycb, deep=True)
    assert wrong(report) == []
    assert report.kind == "DexYCB, synthetic"
    assert "figures on it say nothing about DexYCB" in report.notes[0]
    assert count(report, "sequences") == "2"
    assert count(report, "s0_train: frames") == "4 (not the official split)"
    shutil.rmtree(dexycb / dexycb_layout.SUBJECTS[1])
    (dexycb / "calibration" / "mano_m" / "mano.yml").unlink()
    problems = wrong(check_dexycb(dexycb))
    assert len(problems) == 2
    assert "1 of 2 sequences are there -> write the tree anew with hoisdf synthesize --dexycb" in problems[0]
    assert "mano.yml is missing -> write the tree anew" in problems[1]
    note.write_text("{")
    assert any("synthetic.json can't be read" in p for p in wrong(check_dexycb(dexycb)))
    note.write_text("[]")
    assert any("doesn't say how the folder was made" in p for p in wrong(check_dexycb(dexycb)))


def test_a_synthetic_ho3d_needs_the_sequences_that_its_note_tells_of(ho3d):
    note = ho3d / "synthetic.json"
    note.write_text('{"sequences": {"MC1": "003_cracker_box", "SM2": "006_mustard_bottle", "SM1": "", "AP10": ""}}')
    report = check_ho3d(ho3d)
    assert wrong(report) == []
    assert report.kind == "HO-3D v2, synthetic"
    assert "figures on it say nothing about HO-3D" in report.notes[0]
    (ho3d / "train.txt").write_text("SM2/0007\nSM2/0014\n")
    (problem,) = wrong(check_ho3d(ho3d))
    assert "nothing is listed of the sequences MC1 -> write the tree anew with hoisdf synthesize --ho3d" in problem
    for content in ("3", "{"):
        note.write_text(content)
        assert any("synthetic.json" in p for p in wrong(check_ho3d(ho3d)))


def test_labels_that_make_no_sense_are_found_without_reading_them_all(dexycb):
    place = dexycb / "20200709-subject-01" / "20200709_100000" / dexycb_layout.SERIALS[0]
    with np.load(place / "labels_000000.npz") as stored:
        labels = dict(stored)
    np.savez(place / "labels_000000.npz", **labels | {"pose_m": np.full((1, 51), np.nan)})
    np.savez(place.parent / "pose.npz", pose_y=np.zeros((2, 1, 7)), pose_m=np.full((2, 1, 51), np.inf))
    np.savez(dexycb / "20200813-subject-02" / "20200813_100000" / "pose.npz", pose_y=np.zeros((2, 2, 7)), pose_m=0)
    (dexycb / "20200820-subject-03" / "20200820_100000" / "pose.npz").unlink()
    for words in (
        "20200709_100000/pose.npz: pose_m holds values that aren't finite numbers -> fetch 20200709-subject-01.tar.gz",
        "20200813_100000/pose.npz: pose_m () and pose_y (2, 2, 7) should be (2, 1, 51) and (2, 1, 7)",
        "20200820_100000/pose.npz is missing",
    ):
        assert any(words in problem for problem in wrong(check_dexycb(dexycb))), words
    Image.new("L", (640, 480)).save(place / "aligned_depth_to_color_000001.png")
    assert [p for p in wrong(check_dexycb(dexycb)) if "labels_000000.npz: pose_m holds values that aren't finite" in p]
    assert any(
        "aligned_depth_to_color_000001.png must have one channel of 16" in p
        for p in wrong(check_dexycb(dexycb, deep=True))
    )


def test_another_number_of_frames_than_published_is_wrong(dexycb, monkeypatch):
    monkeypatch.setattr("hoisdf_model.data.dexycb.check.S0_TRAIN", 465_504)
    assert any("s0_train has 20 frames, DexYCB's has 465,504" in p for p in wrong(check_dexycb(dexycb)))


@pytest.fixture
def shards(tmp_path):
    samples = FieldSamples(np.zeros((4, 3)), np.zeros(4))
    thing = ObjectLabel("box", np.eye(4), np.zeros((8, 3)), samples)
    frame = LabelledFrame(np.zeros((8, 8, 3), np.uint8), Pinhole(9, 9, 4, 4, 8, 8), None, thing)
    for number in begin(tmp_path / "set", 5, 2, {}):
        write_shard(tmp_path / "set", number, 5, 2, lambda _: (frame, {}))
    return tmp_path / "set"


def test_shards_are_compared_with_their_checksums(shards):
    report = check_shards(shards, deep=True)
    assert wrong(report) == []
    assert (count(report, "frames"), count(report, "shards sound")) == ("5", "3")
    with (shards / "00001.tar").open("r+b") as file:
        file.seek(600)
        file.write(b"\xff")
    (shards / "00002.tar").unlink()
    (shards / "00000.sha256").unlink()
    problems = wrong(check_shards(shards))
    assert len(problems) == 3
    assert any("00001.tar: damaged" in p and "delete 00001.tar and 00001.sha256" in p for p in problems)
    assert any("00002.tar: missing" in p and "it resumes" in p for p in problems)
    assert any("00000.tar: its checksum can't be read" in p for p in problems)


def test_the_command_finds_out_what_is_there(ho3d, dexycb, shards, tmp_path):
    run = CliRunner()
    for folder, kind in ((ho3d, "HO-3D v2"), (dexycb, "DexYCB"), (shards, "data set of hoisdf synthesize")):
        result = run.invoke(app, ["data", "check", str(folder)])
        assert result.exit_code == 0, result.output
        assert kind in result.output
        assert "whole" in result.output
    (ho3d / "train" / "MC1" / "meta" / "0000.pkl").unlink()
    result = run.invoke(app, ["data", "check", str(ho3d), "--kind", "ho3d", "--version", "v2"])
    assert result.exit_code == 1
    assert "train/MC1/meta: 1 of 1 files missing: 0000.pkl" in result.output
    assert "ho3d: 1 problem\n" in result.output
    with pytest.raises(DatasetError, match="is no data set that is known: DexYCB has folders such as"):
        run.invoke(app, ["data", "check", str(tmp_path / "ho3d" / "models")], catch_exceptions=False)
    with pytest.raises(DatasetError, match="there is no folder"):
        run.invoke(app, ["data", "check", str(tmp_path / "none")], catch_exceptions=False)
    with pytest.raises(ConfigError, match="--kind must be one of dexycb, ho3d, shards"):
        run.invoke(app, ["data", "check", str(ho3d), "--kind", "coco"], catch_exceptions=False)
    with pytest.raises(ConfigError, match="--version is HO-3D's"):
        run.invoke(app, ["data", "check", str(shards), "--version", "v2"], catch_exceptions=False)
