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

"""``hoisdf estimate`` and ``hoisdf doctor``."""

import json
import types
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from pretend_networks import KnowingNetwork, Truth
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.commands import doctor
from hoisdf_model.errors import CheckpointError, ConfigError, HandModelError, ImageError, InvalidInputError, MeshError
from hoisdf_model.estimation import Estimator
from hoisdf_model.hand import load_hand_model, reorder
from hoisdf_model.network import NetworkConfig

BOX = ["--box", "250", "180", "390", "300"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good images, a truncated one, a camera."""
    image = np.full((480, 640, 3), 90, np.uint8)
    cv2.imwrite(str(tmp_path / "one.png"), image)
    cv2.imwrite(str(tmp_path / "two.jpg"), image)
    data = (tmp_path / "two.jpg").read_bytes()
    (tmp_path / "broken.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "camera.yaml").write_text("{fx: 600, fy: 600, cx: 320, cy: 240, width: 640, height: 480}")
    return tmp_path


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Truth:
    """The network is one that always sees the same hand and object."""
    model, ahead = load_hand_model(), np.array([0, 0, 0.6])
    joints = reorder(np.concatenate([model.joints, model.v_template[[745, 317, 444, 556, 673]]]), "mano")
    truth = Truth(
        joints=joints + ahead, vertices=model.v_template + ahead,
        rotations=np.tile(np.eye(3), (16, 1, 1)), shape=np.zeros(10),
        object_rotation=np.array([0.1, 0.2, 0.3]), object_translation=np.array([0.02, 0.03, 0.65]),
    )  # fmt: skip
    loaded = Estimator(KnowingNetwork([truth]), NetworkConfig(), model)
    monkeypatch.setattr(Estimator, "load", lambda *_, **__: loaded)
    return truth


def estimate(*arguments: object):
    return CliRunner().invoke(app, ["estimate", *map(str, arguments)])


def test_one_bad_image_is_reported_and_the_others_are_written(folder: Path, pretended: Truth):
    out = folder / "out"
    result = estimate(folder, "--camera", folder / "camera.yaml", *BOX, "--object", "025_mug", "-o", out)
    assert result.exit_code == 1
    assert "broken.jpg" in result.stderr
    assert "truncated" in result.stderr
    assert "2 of 3 images" in result.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        f"{stem}{end}"
        for stem in ("one", "two")
        for end in (".json", "_hand_0_right.ply", "_object_0_025_mug.ply", "_overlay.png")
    ]


def test_what_is_written_is_what_was_estimated(folder: Path, pretended: Truth):
    out = folder / "out"
    root = [str(value) for value in pretended.joints[0]]
    arguments = ("--object-box", 200, 150, 300, 280, "--root", *root, "--side", "right", "--object", "025_mug")
    result = estimate(folder / "one.png", "--camera", folder / "camera.yaml", *BOX, *arguments, "-o", out)
    assert result.exit_code == 0, result.output
    content = json.loads((out / "one.json").read_text())
    (hand,), (mug,) = content["hands"], content["objects"]
    np.testing.assert_allclose(hand["joints"]["index_tip"], pretended.joints[8], atol=1e-5)
    assert hand["root_source"] == "given"
    np.testing.assert_allclose(mug["translation"], pretended.object_translation, atol=1e-5)
    rotation = Rotation.from_rotvec(pretended.object_rotation).as_matrix()
    np.testing.assert_allclose(mug["rotation"], rotation, atol=1e-5)
    assert content["regions"]["hands"][0]["box"] == [250, 180, 390, 300]
    assert content["regions"]["objects"][0]["box"] == [200, 150, 300, 280]
    assert cv2.imread(str(out / "one_overlay.png")).shape == (480, 640, 3)


def test_pictures_and_meshes_can_be_left_out(folder: Path, pretended: Truth):
    out = folder / "out"
    estimate(folder / "one.png", "--camera", folder / "camera.yaml", *BOX, "-o", out, "--no-overlay", "--no-meshes")
    assert [path.name for path in out.iterdir()] == ["one.json"]


def test_images_of_the_same_name_don_t_overwrite_each_other(folder: Path, pretended: Truth):
    (folder / "other").mkdir()
    (folder / "other" / "one.png").write_bytes((folder / "one.png").read_bytes())
    out = folder / "out"
    result = estimate(
        folder / "one.png", folder / "other", "--camera", folder / "camera.yaml", *BOX, "-o", out, "--no-overlay",
        "--no-meshes",
    )  # fmt: skip
    assert result.exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["one.json", "one_2.json"]


def test_images_of_another_size_than_the_camera_are_reported(folder: Path, pretended: Truth):
    cv2.imwrite(str(folder / "small.png"), np.zeros((120, 160, 3), np.uint8))
    result = estimate(folder / "small.png", "--camera", folder / "camera.yaml", *BOX, "-o", folder / "out")
    assert result.exit_code == 1
    assert "640x480" in result.stderr
    assert "160x120" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--box", "3", "3", "1", "1"], InvalidInputError, "hand box"),
        (["--side", "both"], InvalidInputError, "both"),
        (["--root", "0", "0", "-1"], InvalidInputError, "in front of the camera"),
        (["--object", "my_thing"], MeshError, "025_mug"),
        (["--objects", "/nowhere"], MeshError, "/nowhere"),
    ],
)
def test_wrong_options_are_refused_before_any_work(
    folder: Path, pretended: Truth, arguments: list, error: type[Exception], message: str
):
    result = estimate(folder, "--camera", folder / "camera.yaml", *arguments, "-o", folder / "out")
    assert isinstance(result.exception, error)
    assert message in str(result.exception)
    assert not (folder / "out").exists()


def test_a_folder_without_images_is_refused(folder: Path, pretended: Truth):
    (folder / "empty").mkdir()
    result = estimate(folder / "empty", "--camera", folder / "camera.yaml")
    assert isinstance(result.exception, ImageError)


def test_without_shipped_weights_the_way_to_random_ones_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hoisdf_model.network.shipped.SHIPPED", "nothing.safetensors")
    result = estimate(folder / "one.png", "--camera", folder / "camera.yaml", *BOX, "-o", folder / "out")
    assert isinstance(result.exception, CheckpointError)
    assert "untrained:compact" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--weights", "nowhere.safetensors"], CheckpointError),
        (["--weights", "untrained:compact", "--hand-model", "nowhere.npz"], HandModelError),
    ],
)
def test_missing_weights_and_hand_models_are_refused(folder: Path, arguments: list, error: type[Exception]):
    result = estimate(folder / "one.png", "--camera", folder / "camera.yaml", *BOX, *arguments, "-o", folder / "out")
    assert isinstance(result.exception, error)
    assert "nowhere" in str(result.exception)


def test_a_hand_size_in_centimetres_is_refused(folder: Path):
    result = estimate(
        folder / "one.png", "--camera", folder / "camera.yaml", "--weights", "untrained:compact", "--hand-size", 17.5,
        "-o", folder / "out",
    )  # fmt: skip
    assert isinstance(result.exception, ConfigError)
    assert "got 17.5: centimetres?" in str(result.exception)


def test_the_whole_way_with_random_weights(folder: Path):
    """No pretending: the compact network, the open hand, a hand's box; the figures are there, but mean nothing."""
    out = folder / "out"
    result = estimate(
        folder / "one.png", "--camera", folder / "camera.yaml", "--weights", "untrained:compact", *BOX,
        "--side", "left", "--object", "006_mustard_bottle", "-o", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (hand,) = json.loads((out / "one.json").read_text())["hands"]
    assert np.isfinite(list(hand["joints"].values())).all()
    assert hand["side"] == "left"
    assert hand["root_source"] == "monocular"


# --- videos


def clip(path: Path, count: int, code: str = "mp4v", shape: tuple[int, int] = (480, 640)) -> Path:
    """A grey video of so many frames, 10 a second."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 10.0, shape[::-1])
    for i in range(count):
        writer.write(np.full((*shape, 3), 60 + 10 * (i % 10), np.uint8))
    writer.release()
    return path


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def frames_in(path: Path) -> list[np.ndarray]:
    reader, frames = cv2.VideoCapture(str(path)), []
    while (got := reader.read())[0]:
        frames.append(got[1])
    return frames


def test_a_video_becomes_lines_of_json_and_an_annotated_video(folder: Path, pretended: Truth):
    out = folder / "out"
    result = estimate(clip(folder / "clip.mp4", 7), "--camera", folder / "camera.yaml", *BOX, "-o", out, "--every", 3)
    assert result.exit_code == 0, result.output
    assert "3 of 7 frames estimated, 3 with a hand" in result.stderr
    assert sorted(path.name for path in out.iterdir()) == ["clip.jsonl", "clip_overlay.mp4"]
    lines = lines_of(out / "clip.jsonl")
    assert [line["frame"] for line in lines] == [0, 3, 6]
    assert [line["time"] for line in lines] == pytest.approx([0, 0.3, 0.6], abs=1e-3)
    assert all(len(line["hands"][0]["joints"]) == 21 and line["camera"]["fx"] == 600 for line in lines)
    assert cv2.VideoCapture(str(out / "clip_overlay.mp4")).get(cv2.CAP_PROP_FPS) == pytest.approx(10 / 3, abs=0.01)
    annotated = frames_in(out / "clip_overlay.mp4")
    assert len(annotated) == 3
    for frame, index in zip(annotated, (0, 3, 6), strict=True):
        assert frame[:40, :40].mean() == pytest.approx(60 + 10 * index, abs=8)  # its own grey, compressed twice
        assert (np.abs(frame.astype(int) - (60 + 10 * index)) > 25).any(-1).sum() > 1000  # and the hand in it


def test_a_video_can_be_left_out_and_meshes_asked_for(folder: Path, pretended: Truth):
    out = folder / "out"
    arguments = ("--camera", folder / "camera.yaml", *BOX, "--side", "right", "-o", out, "--no-video", "--meshes")
    assert estimate(clip(folder / "clip.mp4", 2), *arguments).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "clip.jsonl", "clip_000000_hand_0_right.ply", "clip_000001_hand_0_right.ply"
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ["avi", "mkv"])
def test_of_a_video_that_was_cut_off_the_beginning_is_kept_and_it_is_said(folder: Path, pretended: Truth, ending: str):
    data = clip(folder / f"whole.{ending}", 40, "MJPG" if ending == "avi" else "mp4v").read_bytes()
    (folder / f"cut.{ending}").write_bytes(data[: len(data) // 2])
    out = folder / "out"
    arguments = ("--camera", folder / "camera.yaml", *BOX, "-o", out, "--every", 10)
    result = estimate(folder / f"cut.{ending}", folder / "one.png", *arguments)
    assert result.exit_code == 1
    assert "of 40 frames: cut off or damaged; what was read is in" in result.stderr
    assert "1 of 2 files written" in result.stderr
    kept = lines_of(out / "cut.jsonl")
    assert 1 <= len(kept) < 4
    assert len(frames_in(out / "cut_overlay.mp4")) == len(kept)
    assert (out / "one.json").is_file()


def test_files_that_are_no_videos_are_named_and_the_others_go_on(folder: Path, pretended: Truth):
    (folder / "notes.txt").write_text("not a video")
    whole = clip(folder / "clip.mp4", 5).read_bytes()
    (folder / "half.mp4").write_bytes(whole[: len(whole) // 2])
    arguments = ("--camera", folder / "camera.yaml", *BOX, "-o", folder / "out", "--every", 5)
    result = estimate(*(folder / name for name in ("notes.txt", "half.mp4", "gone.mp4", "clip.mp4")), *arguments)
    assert result.exit_code == 1
    assert result.stderr.count("can't be opened: it isn't a video") == 2
    assert "no such file" in result.stderr
    assert "1 of 4 videos written" in result.stderr


def test_a_video_of_another_size_than_the_camera_is_refused_and_leaves_no_video(folder: Path, pretended: Truth):
    small = clip(folder / "small.mp4", 3, shape=(240, 320))
    result = estimate(small, "--camera", folder / "camera.yaml", *BOX, "-o", folder / "out")
    assert result.exit_code == 1
    assert "calibrated for 640x480, the image is 320x240" in result.stderr
    assert not list((folder / "out").iterdir())


def test_a_hand_is_followed_through_a_video_and_forgotten_between_two(
    folder: Path, pretended: Truth, monkeypatch: pytest.MonkeyPatch
):
    seen: list[str] = []
    loaded = Estimator.load()
    monkeypatch.setattr(loaded, "reset", lambda: seen.append("reset"))
    real = type(loaded).__call__
    monkeypatch.setattr(type(loaded), "__call__", lambda *given: (seen.append("frame"), real(*given))[1])
    arguments = ("--camera", folder / "camera.yaml", *BOX, "-o", folder / "out", "--no-video")
    estimate(clip(folder / "a.mp4", 2), clip(folder / "b.mp4", 2), *arguments)
    assert "".join(word[0] for word in seen).replace("rr", "r") == "rffrffr"


def test_images_become_a_video_where_asked_for(folder: Path, pretended: Truth):
    out = folder / "out"
    arguments = ("--camera", folder / "camera.yaml", *BOX, "-o", out, "--no-overlay", "--no-meshes")
    result = estimate(folder / "one.png", folder / "two.jpg", *arguments, "--video", "--rate", 5)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["images_overlay.mp4", "one.json", "two.json"]
    assert len(frames_in(out / "images_overlay.mp4")) == 2
    assert cv2.VideoCapture(str(out / "images_overlay.mp4")).get(cv2.CAP_PROP_FPS) == pytest.approx(5)


# --- doctor


def run_doctor(*arguments: str):
    return CliRunner().invoke(app, ["doctor", "--json", *arguments])


@pytest.fixture
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [])


def test_a_sound_installation_passes_and_is_told_how_to_check_ros(no_plugins: None):
    result = run_doctor("--weights", "untrained:compact")
    report = json.loads(result.stdout)
    findings = {finding["check"]: finding for finding in report["findings"]}
    assert {"python", "torch", "numpy", "opencv", "smplx", "device", "hand model", "weights", "rendering"} <= set(
        findings
    )
    assert report["ok"], [f for f in report["findings"] if f["status"] == "fail"]
    assert result.exit_code == 0
    assert "--also" in findings["ros"]["remedy"]
    assert findings["hand model"]["detail"].startswith("open_hand")


def test_missing_and_malformed_files_fail_with_their_name_and_a_remedy(tmp_path: Path, no_plugins: None):
    np.savez(tmp_path / "bent.npz", v_template=np.zeros((5, 3)))
    result = run_doctor("--weights", str(tmp_path / "no.safetensors"), "--hand-model", str(tmp_path / "bent.npz"))
    assert result.exit_code == 1
    findings = {finding["check"]: finding for finding in json.loads(result.stdout)["findings"]}
    assert findings["hand model"]["status"] == "fail"
    assert "bent" in findings["hand model"]["detail"]
    assert findings["weights"]["status"] == "fail"
    assert findings["weights"]["remedy"]


def test_a_library_that_is_missing_or_too_old_fails(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(doctor._LIBRARIES, "no_such_library", ("no-such-library", ""))
    monkeypatch.setitem(doctor._LIBRARIES, "torch", ("torch", "999.0"))
    assert doctor._library("no_such_library").status == "fail"
    assert "pip install no-such-library" in doctor._library("no_such_library").remedy
    assert "too old" in doctor._library("torch").detail


def plugin(*findings: object):
    def checks():
        yield from findings

    return checks


def with_plugins(monkeypatch: pytest.MonkeyPatch, **loads: object) -> None:
    entries = [types.SimpleNamespace(value=name, load=load) for name, load in loads.items()]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries if group == "hoisdf.doctor" else [])


def test_findings_of_other_packages_are_part_of_the_report(monkeypatch: pytest.MonkeyPatch):
    good = {"check": "dds", "status": "ok", "detail": "round trip 1 ms"}
    bad = {"check": "cv_bridge", "status": "fail", "detail": "built for NumPy 1", "remedy": "upgrade it"}
    with_plugins(monkeypatch, ros=lambda: plugin(good, bad))
    found = doctor.registered_findings([])
    assert [f.check for f in found] == ["dds", "cv_bridge"]
    assert found[1] == doctor.Finding("cv_bridge", "fail", "built for NumPy 1", "upgrade it")


def broken():
    raise RuntimeError("no rclpy")


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (broken, "no rclpy"),
        (lambda: broken, "no rclpy"),
        (lambda: plugin({"check": "dds", "status": "splendid", "detail": ""}), "splendid"),
        (lambda: plugin({"check": "dds"}), "status"),
    ],
    ids=["can't be loaded", "can't be run", "says nonsense", "says too little"],
)
def test_a_broken_plugin_is_a_finding_and_not_the_end(monkeypatch: pytest.MonkeyPatch, load: object, message: str):
    good = {"check": "dds", "status": "ok", "detail": ""}
    with_plugins(monkeypatch, bad=load, good=lambda: plugin(good))
    found = doctor.registered_findings([])
    assert [(f.check, f.status) for f in found] == [("bad", "fail"), ("dds", "ok")]
    assert message in found[0].detail


def test_checks_can_be_named_on_the_command_line(monkeypatch: pytest.MonkeyPatch, no_plugins: None):
    module = types.ModuleType("some_checks")
    module.checks = plugin({"check": "dds", "status": "warn", "detail": "slow"})
    monkeypatch.setitem(__import__("sys").modules, "some_checks", module)
    assert [f.check for f in doctor.registered_findings(["some_checks:checks"])] == ["dds"]
    assert doctor.registered_findings(["no_such_module:checks"])[0].status == "fail"


def test_without_a_camera_a_field_of_view_is_assumed_and_said(folder: Path, pretended: Truth):
    result = estimate(folder / "one.png", "--fov", 60, *BOX, "-o", folder / "out")
    assert result.exit_code == 0, result.output
    assert "distance assumed: field of view 60 degrees" in result.stderr
    camera = json.loads((folder / "out" / "one.json").read_text())["camera"]
    assert camera["assumed"] is True
    assert camera["field_of_view"] == 60
    assert camera["fx"] == pytest.approx(320 / np.tan(np.pi / 6))  # half of 640 pixels seen at half of 60 degrees
    assert (camera["cx"], camera["cy"]) == (319.5, 239.5)
    result = estimate(folder / "one.png", "--camera", folder / "camera.yaml", *BOX, "-o", folder / "known")
    assert "assumed" not in result.stderr
    assert json.loads((folder / "known" / "one.json").read_text())["camera"]["assumed"] is False


def test_a_camera_or_a_field_of_view_is_needed(folder: Path, pretended: Truth):
    assert "--fov 60" in str(estimate(folder / "one.png", *BOX).exception)
    both = estimate(folder / "one.png", "--fov", 60, "--camera", folder / "camera.yaml", *BOX)
    assert "not both" in str(both.exception)


def test_a_picture_that_was_turned_is_named_with_its_turn(folder: Path, pretended: Truth):
    picture = PIL.Image.fromarray(np.full((640, 480, 3), 90, np.uint8))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    picture.save(folder / "tall.jpg", exif=exif.tobytes())
    result = estimate(folder / "tall.jpg", "--camera", folder / "camera.yaml", *BOX, "-o", folder / "out")
    assert result.exit_code == 1
    assert "calibrated for 640x480, the image is 480x640; its Exif orientation 6 (on its side)" in result.stderr
    exif[0x0112] = 3
    PIL.Image.fromarray(np.full((480, 640, 3), 90, np.uint8)).save(folder / "turned.jpg", exif=exif.tobytes())
    result = estimate(folder / "turned.jpg", "--camera", folder / "camera.yaml", *BOX, "-o", folder / "out")
    assert result.exit_code == 0
    assert "note: " in result.stderr
    assert "Exif orientation 3 isn't applied" in result.stderr


def test_with_a_field_of_view_a_picture_is_turned_upright(folder: Path, pretended: Truth):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(np.full((480, 640, 3), 90, np.uint8)).save(folder / "tall.jpg", exif=exif.tobytes())
    result = estimate(folder / "tall.jpg", "--fov", 60, *BOX, "-o", folder / "out")
    assert result.exit_code == 0, result.output
    camera = json.loads((folder / "out" / "tall.json").read_text())["camera"]
    assert (camera["width"], camera["height"]) == (480, 640)


def test_a_camera_file_without_a_size_that_cannot_be_the_pictures_is_refused(folder: Path, pretended: Truth):
    (folder / "other.yaml").write_text("{fx: 1200, fy: 1200, cx: 640, cy: 360}")
    result = estimate(folder / "one.png", "--camera", folder / "other.yaml", *BOX, "-o", folder / "out")
    assert result.exit_code == 1
    assert "principal point 640 360 lies far from the middle of the image of 640x480" in result.stderr
    (folder / "part.yaml").write_text("{fx: 1200, fy: 1200, cx: 640, cy: 360, width: 640, height: 480}")
    result = estimate(folder / "one.png", "--camera", folder / "part.yaml", *BOX, "-o", folder / "out")
    assert result.exit_code == 0, result.output
