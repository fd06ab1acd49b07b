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

"""What viewers are shown of frames and estimates: on a fake that keeps every call, and by Rerun itself where it is."""

import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fake_rerun import FakeRerun
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data import BagReader, sample_recording
from hoisdf_model.errors import BagError, CameraError, ConfigError, DependencyError, InvalidInputError
from hoisdf_model.estimates import Estimate, Frame, HandRegion, ObjectRegion, Regions
from hoisdf_model.estimation import Estimator
from hoisdf_model.hand import BONES, load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.viewing import Destination, Viewer, load_rerun, open_stream


@pytest.fixture(scope="module")
def recorded():
    """Frames of the shipped recording with a hand and an object in their ground truth."""
    frames = []
    with BagReader(sample_recording()) as bag:
        for item in bag.frames():
            if item.truth and item.truth.hands and item.truth.objects:
                frames.append(item)
            if len(frames) == 3:
                return frames
    raise AssertionError("the recording has no such frames")


@pytest.fixture
def fake(monkeypatch):
    module = FakeRerun()
    monkeypatch.setitem(sys.modules, "rerun", module)
    return module


def shown(rerun, stream, frames, catalogue=None):
    viewer = Viewer(rerun, stream, catalogue or load_catalogue(), load_hand_model())
    for item in frames:
        viewer.show(item.stamp * 1e-9, item.frame, item.truth)
    return viewer


def test_skeletons_lie_where_opencv_projects_the_joints_of_a_distorted_camera_without_its_distortion(fake, recorded):
    item = recorded[0]
    camera = replace(item.frame.intrinsics, distortion=(0.1, -0.05, 0.001, 0.002, 0.0))
    stream = fake.RecordingStream("x")
    viewer = Viewer(fake, stream)
    viewer.show(5.0, replace(item.frame, intrinsics=camera), item.truth)
    (hand,) = item.truth.hands
    joints = hand.joints.astype(np.float64)
    expected = cv2.projectPoints(joints, np.zeros(3), np.zeros(3), camera.matrix, None)[0][:, 0]
    (flat,) = stream.at(f"world/camera/image/hands/hand_{hand.side}/skeleton")
    assert np.allclose(flat.args[0], expected[np.array(BONES)], atol=1e-6)
    (space,) = stream.at(f"world/hands/hand_{hand.side}/skeleton")
    assert np.array_equal(space.args[0], hand.joints[np.array(BONES)])
    (picture,) = stream.at("world/camera/image")
    straight = cv2.undistort(item.frame.image, camera.matrix, np.array(camera.distortion))
    assert np.abs(picture.args[0].astype(int) - straight).mean() < 1.0
    (pinhole,) = stream.at("world/camera")
    assert np.array_equal(pinhole.options["image_from_camera"], camera.matrix)


def test_meshes_objects_depth_boxes_and_scores_are_those_of_the_estimate(fake, recorded):
    stream = fake.RecordingStream("x")
    item = recorded[0]
    (hand,), thing = item.truth.hands, item.truth.objects[0]
    regions = Regions((HandRegion(np.array([10.0, 20, 110, 220]), "left"),), (ObjectRegion(np.array([5.0, 6, 7, 9])),))
    shown(fake, stream, [replace(item, truth=replace(item.truth, regions=regions))])
    (mesh,) = stream.at(f"world/hands/hand_{hand.side}/mesh")
    assert np.array_equal(mesh.options["vertex_positions"], hand.vertices)
    shape, pose = stream.at(f"world/objects/{thing.name}")
    corners = np.asarray(shape.options["vertex_positions"])
    assert np.allclose(np.ptp(corners, axis=0), load_catalogue().mesh(thing.name).extents, atol=0.02)
    assert np.array_equal(pose.options["mat3x3"], thing.rotation)
    assert np.array_equal(pose.options["translation"], thing.translation)
    (depth,) = stream.at("world/camera/depth")
    known = np.isfinite(item.frame.depth) & (item.frame.depth > 0)
    assert np.abs(depth.args[0][known] / depth.options["meter"] - item.frame.depth[known]).max() <= 0.0005001
    assert [entity.args for entity in stream.at(f"scores/hand_{hand.side}")] == [(float(hand.score),)]
    (boxes,) = stream.at("world/camera/image/boxes")
    assert boxes.options["mins"].tolist() == [[10, 20], [5, 6]]
    assert boxes.options["sizes"].tolist() == [[100, 200], [2, 3]]
    assert boxes.options["labels"] == ["left hand", "object"]


def test_an_object_that_nobody_knows_is_three_axes_and_a_foreign_hand_has_no_surface(fake, recorded):
    item = recorded[0]
    (hand,), thing = item.truth.hands, item.truth.objects[0]
    other = replace(hand, model=replace(hand.model, hash="other"))
    stream = fake.RecordingStream("x")
    viewer = Viewer(fake, stream, load_catalogue())
    viewer.show(0.0, item.frame, Estimate((other,), (replace(thing, name="a thing/of mine"),)))
    assert [entity.kind for entity in stream.at("world/objects/a thing/of mine")] == ["Arrows3D", "Transform3D"]
    assert stream.at(f"world/hands/hand_{hand.side}/mesh") == []


def test_what_is_lost_is_cleared_once_and_comes_back_whole(fake, recorded):
    item = recorded[0]
    stream = fake.RecordingStream("x")
    viewer = Viewer(fake, stream, load_catalogue())
    bare = Frame(item.frame.image, item.frame.intrinsics)
    for k, estimate in enumerate((item.truth, Estimate(), Estimate(), item.truth)):
        viewer.show(100.0 + k / 2, bare, estimate)
    path = f"world/objects/{item.truth.objects[0].name}"
    of_object = [(entity.kind, times) for where, entity, times, _ in stream.logged if where == path]
    assert [kind for kind, _ in of_object] == ["Mesh3D", "Transform3D", "Clear", "Mesh3D", "Transform3D"]
    assert [times for _, times in of_object[1:4]] == [
        {"time": 0.0, "frame": 0}, {"time": 0.5, "frame": 1}, {"time": 1.5, "frame": 3},
    ]  # fmt: skip
    cleared = {where for where, entity, _, _ in stream.logged if entity.kind == "Clear"}
    assert {where.split("/")[0] for where in cleared} == {"world", "scores"}
    assert len(stream.at("world/camera")) == 1  # the camera stays as it is
    assert stream.at("world/camera/depth") == []


def test_rerun_reads_back_what_was_written(recorded, tmp_path):
    rerun = pytest.importorskip("rerun")
    reading = pytest.importorskip("rerun.chunk", reason="this rerun-sdk can't read recordings")
    path = tmp_path / "seen.rrd"
    stream, where = open_stream(rerun, Destination(path))
    shown(rerun, stream, recorded).close()
    assert str(path) in where
    rows, strips = {}, []
    for chunk in reading.RrdReader(path).stream():
        rows[chunk.entity_path] = rows.get(chunk.entity_path, 0) + chunk.num_rows
        if chunk.entity_path == "/world/hands/hand_right/skeleton":
            strips += chunk.to_record_batch().column("LineStrips3D:strips").to_pylist()
    (name,) = {item.truth.objects[0].name for item in recorded}
    for entity in (
        "/world/camera/image", "/world/camera/depth", "/world/camera/image/boxes", "/scores/hand_right",
        "/world/hands/hand_right/mesh", "/world/camera/image/hands/hand_right/skeleton", f"/scores/{name}",
    ):  # fmt: skip
        assert rows[entity] == len(recorded), entity
    assert rows["/world/camera"] == 1
    joints = np.array([item.truth.hands[0].joints for item in recorded])
    assert np.array_equal(np.array(strips, np.float32), joints[:, np.array(BONES)])


def test_without_rerun_the_package_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(DependencyError, match=r"isn't installed: pip install 'rerun-sdk"):
        load_rerun()


def test_a_place_is_one_place(fake, tmp_path):
    with pytest.raises(ConfigError, match="give one of them"):
        Destination(tmp_path / "a.rrd", web=True)
    with pytest.raises(InvalidInputError, match="there is no folder"):
        Destination(tmp_path / "missing" / "a.rrd")
    for destination, call in (
        (Destination(tmp_path / "a.rrd"), ("save", (tmp_path / "a.rrd",))),
        (Destination(connect="rerun+http://there"), ("connect_grpc", ("rerun+http://there",))),
        (Destination(web=True), ("serve_grpc", ())),
        (Destination(), ("spawn", ())),
    ):
        stream, _ = open_stream(fake, destination)
        assert stream.places[0] == call
        assert stream.places[-1][0] == "send_blueprint"
    assert fake.served == ["rerun+http://served"]


class Seeing:
    """An estimator that sees the same everywhere."""

    def __init__(self, estimate):
        self.estimate, self.frames, self.hand_model = estimate, [], load_hand_model()

    def __call__(self, frame, prior=None):
        self.frames.append(frame)
        return self.estimate


@pytest.fixture
def seeing(monkeypatch, recorded):
    estimator = Seeing(recorded[0].truth)
    monkeypatch.setattr(Estimator, "load", lambda *args, **options: estimator)
    return estimator


def run(*arguments):
    return CliRunner().invoke(app, ["view", *map(str, arguments)])


def test_the_command_shows_a_recording_with_its_depth(fake, seeing, tmp_path):
    done = run("sample", "--every", 5, "--frames", 3, "--save", tmp_path / "a.rrd")
    assert done.exit_code == 0, done.output
    assert "3 frames, 3 with a hand" in done.stderr
    (stream,) = fake.streams
    assert stream.closed
    assert len(stream.at("world/camera/image")) == len(stream.at("world/camera/depth")) == 3
    with BagReader(sample_recording()) as bag:
        stamps = [item.stamp for _, item in zip(range(11), bag.frames(), strict=False)]
    times = [times["time"] for where, _, times, _ in stream.logged if where == "world/camera/image"]
    assert np.allclose(times, np.array([0, stamps[5] - stamps[0], stamps[10] - stamps[0]]) * 1e-9)


def test_the_command_shows_a_folder_with_an_assumed_camera_and_says_so(fake, seeing, tmp_path):
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.full((48, 64, 3), 40 * k, np.uint8))
    (tmp_path / "1.png").write_bytes(b"nothing")
    done = run(tmp_path, "--fov", 90, "--save", tmp_path / "a.rrd")
    assert done.exit_code == 0, done.output
    assert "note: " in done.stderr
    assert "2 frames, 2 with a hand" in done.stderr
    assert [frame.intrinsics.fx for frame in seeing.frames] == pytest.approx([32.0, 32.0])
    assert "90 degrees" in fake.streams[0].at("note")[0].args[0]


@pytest.mark.parametrize(("arguments", "error"), [
    (("sample", "--fov", 60), CameraError), ((".",), CameraError), ((".", "--fov", 60, "--camera", "x"), CameraError),
    (("sample", "--web", "--connect", "rerun+http://x"), ConfigError),
])  # fmt: skip
def test_options_that_do_not_go_together_are_refused(fake, seeing, arguments, error):
    assert isinstance(run(*arguments).exception, error)
    assert fake.streams == []


def test_a_damaged_recording_is_an_error(fake, seeing, tmp_path):
    (tmp_path / "x.mcap").write_bytes(b"nothing")
    done = run(tmp_path / "x.mcap", "--save", tmp_path / "a.rrd")
    assert isinstance(done.exception, BagError)
