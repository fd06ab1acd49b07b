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

"""The grasp node over real DDS: its grasps are the planner's, in the frame and of the stamp that they should be."""

from dataclasses import replace

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from grasp_rig import BASE, CAMERA, NANOSECONDS, GraspRig, active, nanoseconds, planner, scene  # noqa: E402
from hoisdf.msg import Grasp  # noqa: E402
from perception_fakes import values_of  # noqa: E402
from perception_rig import wait_until, wait_until_matched  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402
from typer.testing import CliRunner  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

from hoisdf_model.cli import app  # noqa: E402
from hoisdf_model.estimates import Estimate  # noqa: E402
from hoisdf_model.grasping import read_grasp  # noqa: E402
from hoisdf_ros.grasp.grasp_messages import read_pose  # noqa: E402

MODES = ("imitate", "handover")


@pytest.fixture(scope="module")
def peer():
    with active() as peer:
        yield peer


def test_the_grasps_are_those_of_the_planner_best_first(peer):
    wanted = planner().plan(scene(), MODES).candidates[:8]
    answer = peer.ask(scene())
    assert answer.header.frame_id == CAMERA
    assert len(answer.grasps) == len(wanted) == 8
    assert not answer.reasons
    for grasp, one in zip(answer.grasps, wanted, strict=True):
        np.testing.assert_allclose(read_pose(grasp.pose), one.pose, atol=1e-9)
        np.testing.assert_allclose(read_pose(grasp.pose_in_object), one.pose_in_object, atol=1e-9)
        np.testing.assert_allclose(grasp.covariance.reshape(6, 6), one.covariance, atol=1e-12)
        assert (grasp.object_name, grasp.gripper) == ("006_mustard_bottle", "franka_hand")
        assert grasp.mode == {"imitate": Grasp.MODE_IMITATE, "handover": Grasp.MODE_HANDOVER}[one.mode]
        assert grasp.width == pytest.approx(one.width)
        assert grasp.score == pytest.approx(one.score)
        assert grasp.header == answer.header


def test_poses_and_transform_are_those_of_the_grasps_and_carry_the_images_stamp(peer):
    answer = peer.ask(scene())

    def answered(topic: str) -> list:
        """What came for this scene; that of an earlier one may still be on its way."""
        headers = {"tf": lambda message: message.transforms[0].header}
        header_of = headers.get(topic, lambda message: message.header)
        return [message for message in peer.heard[topic] if header_of(message) == answer.header]

    topics = ("grasp_poses", "grasp_pose", "pregrasp_pose", "tf")
    assert peer.wait(lambda: all(map(answered, topics)))
    poses, best, before, frames = (answered(topic)[0] for topic in topics)
    assert poses.poses == [grasp.pose for grasp in answer.grasps]
    assert best.pose == answer.grasps[0].pose
    pose = read_pose(best.pose)
    np.testing.assert_allclose(read_pose(before.pose)[:3, 3], pose[:3, 3] - 0.1 * pose[:3, 2], atol=1e-9)
    np.testing.assert_allclose(read_pose(before.pose)[:3, :3], pose[:3, :3], atol=1e-9)
    [transform] = frames.transforms
    assert (transform.header, transform.child_frame_id) == (answer.header, "grasp")
    move, turn = transform.transform.translation, transform.transform.rotation
    np.testing.assert_allclose([move.x, move.y, move.z], pose[:3, 3], atol=1e-12)
    np.testing.assert_allclose(
        Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix(), pose[:3, :3], atol=1e-9
    )


def test_no_published_pose_is_that_of_the_wrist(peer):
    wrist = scene().hands[0].joints[0]
    for grasp in peer.ask(scene()).grasps:
        assert np.linalg.norm(read_pose(grasp.pose)[:3, 3] - wrist) > 0.03


def test_hand_only_comes_only_without_an_object():
    with active(modes="imitate hand_only") as peer:
        assert {grasp.mode for grasp in peer.ask(scene()).grasps} == {Grasp.MODE_IMITATE}
        answer = peer.ask(replace(scene(), objects=()))
        assert [grasp.mode for grasp in answer.grasps] == [Grasp.MODE_HAND_ONLY]
        [grasp] = answer.grasps
        assert grasp.object_name == ""
        assert np.isnan([grasp.pose_in_object.position.x, grasp.pose_in_object.orientation.w]).all()
        assert grasp.covariance[0] == -1
        wanted = planner().plan(replace(scene(), objects=()), ("hand_only",)).candidates[0]
        np.testing.assert_allclose(read_pose(grasp.pose), wanted.pose, atol=1e-9)
        assert np.linalg.norm(read_pose(grasp.pose)[:3, 3] - scene().hands[0].joints[0]) > 0.03


def test_a_known_object_leaves_nothing_to_hand_only():
    with active(modes="hand_only") as peer:
        answer = peer.ask(scene())
        assert not answer.grasps
        assert answer.reasons == ["no_mode"]
        assert peer.ask(replace(scene(), objects=())).grasps


def test_grasps_are_given_in_another_frame_at_the_images_stamp():
    """The camera moves at 1 m/s along the base's x; between two messages on /tf it is halfway."""
    turn = Rotation.from_euler("xyz", [-2.0, 0.3, 0.4]).as_matrix()

    def camera(x):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = turn, (x, -0.4, 0.8)
        return pose

    with active(frame__id=BASE, frame__timeout=2.0) as peer:
        wait_until_matched(lambda: peer.tf.get_subscription_count() > 1)  # the node and the peer itself
        stamp = peer.show(scene())
        peer.tell_tf(camera(0.0), stamp - NANOSECONDS // 2)
        peer.tell_tf(camera(1.0), stamp + NANOSECONDS // 2)
        answer = peer.answer_to(stamp)
        assert answer.header.frame_id == BASE
        for grasp, one in zip(answer.grasps, planner().plan(scene(), MODES).candidates, strict=False):
            np.testing.assert_allclose(read_pose(grasp.pose), camera(0.5) @ one.pose, atol=1e-9)
            np.testing.assert_allclose(read_pose(grasp.pose_in_object), one.pose_in_object, atol=1e-9)
            covariance = grasp.covariance.reshape(6, 6)
            np.testing.assert_allclose(covariance[:3, :3], turn @ one.covariance[:3, :3] @ turn.T, atol=1e-14)
            np.testing.assert_allclose(covariance[3:, :3], turn @ one.covariance[3:, :3] @ turn.T, atol=1e-14)
        assert peer.capture().grasp == answer.grasps[0]


def test_a_grasp_must_be_found_in_several_estimates():
    with active(stability__frames=3) as peer:
        first, second = peer.ask(scene()), peer.ask(scene())
        assert [list(answer.reasons) for answer in (first, second)] == [["unsteady"], ["unsteady"]]
        assert not first.grasps
        assert second.messages[0] == "found in 2 of the last 2 frames, 3 must agree"
        assert not peer.capture().success
        wanted = planner().plan(scene(), MODES).candidates[0]
        np.testing.assert_allclose(read_pose(peer.ask(scene()).grasps[0].pose), wanted.pose, atol=1e-9)


def test_a_captured_grasp_is_the_published_one_and_its_file_is_what_hoisdf_grasp_shows(tmp_path):
    with active(capture__folder=str(tmp_path)) as peer:
        answer = peer.ask(scene())
        captured = peer.capture(str(tmp_path / "bottle.yaml"))
        assert captured.success
        assert captured.grasp == answer.grasps[0]
        assert captured.file == str(tmp_path / "bottle.yaml")
        recorded = read_grasp(captured.file)
        np.testing.assert_allclose(recorded.pose, read_pose(captured.grasp.pose_in_object), atol=1e-6)
        assert recorded.width == pytest.approx(captured.grasp.width, abs=1e-6)
        assert (recorded.object_name, recorded.gripper) == ("006_mustard_bottle", "franka_hand")
        assert "thumb" in recorded.contacts
        placed = recorded.place(scene().objects[0])
        np.testing.assert_allclose(placed.pose, read_pose(captured.grasp.pose), atol=1e-6)
        shown = CliRunner().invoke(app, ["grasp", "show", captured.file])
        assert shown.exit_code == 0, shown.output
        assert "006_mustard_bottle, " in shown.output


def test_a_capture_overwrites_grasps_only(tmp_path):
    with active(capture__folder=str(tmp_path)) as peer:
        peer.ask(scene())
        precious = tmp_path / "precious.yaml"
        precious.write_text("a: 1\n")
        refused = peer.capture(str(precious))
        assert not refused.success
        assert "isn't a grasp" in refused.message
        assert precious.read_text() == "a: 1\n"
        assert "ends in .yaml" in peer.capture(str(tmp_path / "grasp.txt")).message
        assert peer.capture(str(tmp_path / "grasp.yaml")).success
        assert peer.capture(str(tmp_path / "grasp.yaml")).success


def test_captures_stay_in_their_folder(tmp_path):
    with active(capture__folder=str(tmp_path / "grasps")) as peer:
        peer.ask(scene())
        assert peer.capture("one.yaml").file == str(tmp_path / "grasps" / "one.yaml")
        for outside in ("../two.yaml", str(tmp_path / "two.yaml")):
            assert "below" in peer.capture(outside).message
        assert not (tmp_path / "two.yaml").exists()
        for impossible in ("~nobody-of-that-name/three.yaml", "x" * 300 + ".yaml"):
            assert impossible in peer.capture(impossible).message
        assert peer.capture("four.yaml").success


def test_without_a_folder_no_capture_is_written(tmp_path):
    with active(capture__folder="") as peer:
        answer = peer.ask(scene())
        refused = peer.capture(str(tmp_path / "one.yaml"))
        assert not refused.success
        assert "capture.folder is empty" in refused.message
        assert not list(tmp_path.iterdir())
        assert peer.capture().grasp == answer.grasps[0]  # without a file as ever


def test_captures_go_below_the_home_folder_where_nothing_else_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with active() as peer:
        peer.ask(scene())
        assert peer.capture("one.yaml").file == str(tmp_path / ".ros/grasps/one.yaml")
        assert "below" in peer.capture("/tmp/elsewhere.yaml").message


def test_handovers_are_planned_from_the_newest_estimate_with_the_clearance_asked_for():
    with active(modes="imitate") as peer:
        stamp = nanoseconds(peer.ask(scene()).header)
        answer = peer.handover(clearance=0.03, count=3)
        assert answer.success, answer.message
        assert nanoseconds(answer.grasps.header) == stamp
        settings = replace(planner().settings, clearance=float(np.float32(0.03)))
        wanted = planner().with_settings(settings).plan(scene(), ("handover",)).candidates[:3]
        assert len(answer.grasps.grasps) == len(wanted)
        for grasp, one in zip(answer.grasps.grasps, wanted, strict=True):
            assert grasp.mode == Grasp.MODE_HANDOVER
            assert one.hand_clearance >= 0.03
            np.testing.assert_allclose(read_pose(grasp.pose), one.pose, atol=1e-9)
        assert "millimetres" in peer.handover(clearance=30.0).message


def test_markers_show_the_gripper_and_go_with_the_hand(peer):
    subscription = peer.listen(MarkerArray, f"{peer.name}/markers")
    try:
        wait_until(lambda: peer.node.count_publishers(f"{peer.name}/markers"))

        def shown():
            answer = peer.ask(scene())
            return peer.wait(lambda: peer.heard["markers"], 0.5) and answer

        answer = None
        while not answer:
            answer = shown()
        markers = {(m.ns, m.id): m for m in peer.heard["markers"][-1].markers}
        assert set(markers) == {("grasp", 0), ("grasp", 1), ("grasp", 2), ("grasps", 0)}
        gripper, best = planner().gripper, answer.grasps[0]
        pose = read_pose(best.pose)
        for number, (low, high) in enumerate(gripper.boxes(best.width)):
            marker = markers["grasp", number]
            assert (marker.type, marker.action, marker.header.frame_id) == (Marker.CUBE, Marker.ADD, CAMERA)
            np.testing.assert_allclose([marker.scale.x, marker.scale.y, marker.scale.z], high - low, atol=1e-8)
            middle = pose[:3, :3] @ ((low + high) / 2) + pose[:3, 3]
            np.testing.assert_allclose(read_pose(marker.pose)[:3, 3], middle, atol=1e-7)
        assert len(markers["grasps", 0].points) == 8 * (len(answer.grasps) - 1)
        peer.heard["markers"].clear()
        peer.ask(Estimate())
        assert peer.wait(lambda: peer.heard["markers"])
        gone = peer.heard["markers"][-1].markers
        assert {(m.ns, m.id) for m in gone} == set(markers)
        assert all(m.action == Marker.DELETE for m in gone)
    finally:
        peer.node.destroy_subscription(subscription)


def test_deactivating_takes_back_what_was_published():
    rig = GraspRig()
    try:
        peer = rig.activate()
        assert peer.ask(scene()).grasps
        peer.heard["grasps"].clear()
        assert peer.change("deactivate")
        assert peer.wait(lambda: peer.heard["grasps"])
        assert not peer.heard["grasps"][-1].grasps
        assert peer.heard["grasps"][-1].reasons == ["inactive"]
        assert "the node is inactive" in peer.capture().message
        assert peer.change("cleanup")
        assert "the node is unconfigured" in peer.handover().message
        assert peer.change("configure")
        assert peer.change("activate")
        rig.connect()
        assert peer.ask(scene()).grasps
    finally:
        rig.close()


def test_diagnostics_name_the_gripper_and_say_that_there_is_a_grasp(peer):
    peer.ask(scene())
    status = peer.wait_for_status("grasp", lambda s: s.message == "there is a grasp")
    assert status.level == b"\x00"
    values = values_of(peer.wait_for_status("planner", lambda s: "latency" in s.message))
    assert values["gripper"] == "franka_hand"
    assert float(values["stage planning p50 [ms]"]) > 0
