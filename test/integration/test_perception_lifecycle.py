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

"""The perception node's states, driven through its services."""

import threading
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import fake_scene, values_of  # noqa: E402
from perception_rig import Rig, wait_until, wait_until_matched  # noqa: E402
from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

from hoisdf_model.errors import CheckpointError  # noqa: E402

FILES = Path("/proc/self/fd")


def test_the_node_goes_through_every_state_and_works_again_after_cleanup():
    with Rig() as rig:
        peer = rig.peer
        assert peer.state() == "unconfigured"
        for transition, state in (
            ("configure", "inactive"),
            ("activate", "active"),
            ("deactivate", "inactive"),
            ("activate", "active"),
            ("deactivate", "inactive"),
            ("cleanup", "unconfigured"),
            ("configure", "inactive"),
            ("activate", "active"),
        ):
            assert peer.change(transition), transition
            assert peer.state() == state
            peer.wait_for_status("state", lambda s, state=state: s.message == state)
        peer.connect()
        peer.send(1.0)
        assert peer.wait(lambda: peer.heard["hand_object"])
        assert peer.change("shutdown")
        assert peer.state() == "finalized"


def test_an_inactive_node_listens_to_nothing_and_holds_no_estimator_after_cleanup():
    with Rig() as rig:
        rig.activate()
        rig.peer.change("deactivate")
        wait_until(lambda: rig.peer.image.get_subscription_count() == 0)
        assert not rig.peer.reset_tracking().success
        rig.peer.change("cleanup")
        assert rig.node._scene is None
        refused = rig.peer.set_object("003_box")
        assert not refused.success
        assert "before it is configured" in refused.message


@pytest.mark.parametrize("state", ["unconfigured", "inactive"])
def test_a_transition_that_the_state_does_not_have_is_refused_and_the_node_lives_on(state):
    with Rig() as rig:
        if state == "inactive":
            assert rig.peer.change("configure")
        for impossible in ("configure", "deactivate") if state == "inactive" else ("activate", "cleanup"):
            assert not rig.peer.change(impossible)
            assert rig.peer.state() == state
        assert rig.peer.change("activate" if state == "inactive" else "configure")


def test_deactivating_waits_for_the_frame_that_is_being_computed():
    with Rig() as rig:
        rig.estimator.seconds = 0.4
        rig.activate()
        rig.peer.send(1.0)
        wait_until(lambda: rig.estimator.frames)
        assert rig.peer.change("deactivate")
        assert rig.peer.wait(lambda: len(rig.peer.heard["hand_object"]) == 1)


def test_autostart_drives_the_node_to_active():
    with Rig({"autostart": True}) as rig:
        rig.peer.wait_for_status("state", lambda s: s.message == "active")
        rig.peer.connect()
        rig.peer.send(1.0)
        assert rig.peer.wait(lambda: rig.peer.heard["hand_object"])


def test_a_failed_autostart_stays_unconfigured_says_why_and_can_be_mended():
    failures = [CheckpointError("no such file: nowhere.safetensors")]

    def load(parameters):
        if failures:
            raise failures.pop()
        return fake_scene(rig.estimator)

    with Rig({"autostart": True}, load=load) as rig:
        status = rig.peer.wait_for_status("state", lambda s: s.level == b"\x02")
        assert status.message == "configure: no such file: nowhere.safetensors"
        assert rig.peer.state() == "unconfigured"
        assert rig.peer.change("configure")
        rig.peer.wait_for_status("state", lambda s: s.level == b"\x00" and s.message == "inactive")


def test_an_unexpected_error_while_loading_is_reported_too():
    def load(parameters):
        raise ZeroDivisionError("surprise")

    with Rig(load=load) as rig:
        assert not rig.peer.change("configure")
        status = rig.peer.wait_for_status("state", lambda s: s.level == b"\x02")
        assert status.message == "configure: ZeroDivisionError: surprise"
        assert rig.peer.state() == "unconfigured"


def test_a_parameter_that_is_wrong_fails_configure_with_the_reason():
    with Rig({"sync.policy": "sometimes"}) as rig:
        assert not rig.peer.change("configure")
        status = rig.peer.wait_for_status("state", lambda s: s.level == b"\x02")
        assert "sync.policy must be one of exact, approximate" in status.message
        assert rig.peer.set("sync.policy", "approximate").successful
        assert rig.peer.change("configure")
        refused = rig.peer.set("sync.policy", "exact")
        assert "clean the node up first" in refused.reason


def test_detections_without_vision_msgs_refuse_to_configure():
    with Rig({"input.regions": "detections"}) as rig:
        try:
            import vision_msgs  # noqa: F401
        except ImportError:
            assert not rig.peer.change("configure")
            assert "vision_msgs isn't installed" in rig.node.failure
        else:
            assert rig.peer.change("configure")


def test_diagnostics_speak_in_every_state():
    with Rig() as rig:
        before = rig.peer.wait_for_status("input", lambda s: "unconfigured" in s.message)
        assert before.level == b"\x00"
        rig.activate()
        silent = rig.peer.wait_for_status("input", lambda s: s.level == b"\x00" and "images per second" in s.message)
        assert values_of(silent)["processed"] == "0"


@pytest.mark.parametrize(
    ("override", "transition"),
    [
        ("qos_overrides.{}/image.subscription.history", "activate"),
        ("qos_overrides.{}/perception/overlay.publisher.reliability", "configure"),
    ],
)
def test_a_quality_of_service_that_does_not_exist_fails_the_transition_and_leaves_nothing_behind(override, transition):
    with Rig({override: "sometimes"}) as rig:
        before = entities(rig)
        if transition == "activate":
            assert rig.peer.change("configure")
            before = entities(rig)
        for _ in range(2):
            assert not rig.peer.change(transition)
            assert "sometimes" in rig.peer.wait_for_status("state", lambda s: s.level == b"\x02").message
            assert entities(rig) == before


def entities(rig):
    return len(list(rig.node.publishers)), len(list(rig.node.subscriptions)), rig.peer.state()


def test_deactivating_takes_the_markers_away():
    with Rig() as rig:
        rig.activate()
        rig.peer.listen(MarkerArray, f"{rig.peer.name}/markers")
        stamps = iter(range(1, 100))

        def marked():
            rig.peer.send(float(next(stamps)))
            return rig.peer.wait(lambda: rig.peer.heard["markers"], 0.3)

        wait_until(marked)
        shown = {(m.ns, m.id) for m in rig.peer.heard["markers"][-1].markers}
        assert shown
        assert rig.peer.change("deactivate")
        assert rig.peer.wait(lambda: all(m.action == Marker.DELETE for m in rig.peer.heard["markers"][-1].markers))
        assert {(m.ns, m.id) for m in rig.peer.heard["markers"][-1].markers} == shown


def test_a_node_that_ends_in_the_middle_of_a_frame_takes_its_markers_away_and_publishes_no_more():
    rig = Rig()
    try:
        rig.activate()
        rig.peer.listen(MarkerArray, f"{rig.peer.name}/markers")
        stamps = iter(range(1, 100))

        def marked():
            rig.peer.send(float(next(stamps)))
            return rig.peer.wait(lambda: rig.peer.heard["markers"], 0.3)

        wait_until(marked)
        rig.estimator.seconds = 3.0
        rig.peer.send(200.0)
        wait_until(lambda: rig.estimator.working)
    finally:
        rig.spinner.close()
    try:
        assert rig.peer.wait(lambda: all(m.action == Marker.DELETE for m in rig.peer.heard["markers"][-1].markers))
        assert not rig.peer.wait(lambda: rig.peer.heard["hand_object"][-1].header.stamp.sec == 200, 4.0)
    finally:
        rig.peer.close()


def test_on_simulated_time_the_age_of_a_result_is_told_by_that_clock():
    with Rig({"use_sim_time": True}) as rig:
        rig.activate()
        clock = rig.peer.node.create_publisher(Clock, "/clock", 10)
        wait_until_matched(clock.get_subscription_count)
        now = Clock()
        now.clock.sec = 100

        def answered():
            clock.publish(now)
            rig.peer.send(90.0 + 0.001 * len(rig.peer.heard["diagnostics"]))
            status = rig.peer.status("estimator")
            return (
                rig.peer.wait(lambda: rig.peer.heard["hand_object"], 0.3)
                and status
                and "age p50 [ms]" in values_of(status)
            )

        wait_until(answered)
        assert rig.peer.heard["hand_object"][0].header.stamp.sec == 90
        told = rig.peer.wait_for_status("estimator", lambda s: "age p50 [ms]" in values_of(s))
        assert 9000 < float(values_of(told)["age p50 [ms]"]) < 10001


def test_fifty_rounds_of_configure_and_cleanup_leave_nothing_behind(monkeypatch):
    # looking through the memory of all tests takes a second each time
    monkeypatch.setattr("hoisdf_ros.perception.node.release_device_memory", lambda: None)
    with Rig() as rig:
        results, done, opened = set(), threading.Event(), []

        def entities():
            return len(list(rig.node.publishers)), len(list(rig.node.subscriptions)), len(list(rig.node.timers))

        def rounds():
            for _ in range(50):
                for transition in ("configure", "activate", "deactivate", "cleanup"):
                    results.add(getattr(rig.node, f"trigger_{transition}")())
                opened.append(len(list(FILES.iterdir())) if FILES.exists() else 0)
            done.set()

        before, threads = entities(), threading.active_count()
        rig.spinner.executor.create_task(rounds)
        assert done.wait(120.0)
        assert results == {TransitionCallbackReturn.SUCCESS}
        assert (entities(), threading.active_count()) == (before, threads)
        assert opened[-1] <= opened[0]
        rig.activate()
        rig.peer.send(1.0)
        assert rig.peer.wait(lambda: rig.peer.heard["hand_object"])
