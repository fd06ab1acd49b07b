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

"""Ending an executor's loop from another thread."""

import threading
import time

import pytest

pytestmark = pytest.mark.ros
rclpy = pytest.importorskip("rclpy")

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402

from hoisdf_ros.processes import Ending  # noqa: E402
from hoisdf_ros.spinning import Spin, spin_nodes  # noqa: E402


@pytest.fixture
def executor():
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    yield executor
    executor.shutdown()
    rclpy.try_shutdown(context=context)


def started(executor):
    """A spinning loop, its thread, and what the loop raised."""
    loop, raised = Spin(executor), []

    def run():
        try:
            loop.run()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return loop, thread, raised


def test_an_idle_loop_ends_at_once(executor):
    loop, thread, raised = started(executor)
    loop.end()
    thread.join(5.0)
    assert not thread.is_alive()
    assert not raised


def test_the_running_callback_is_finished_and_none_is_begun_after_it(executor):
    begun, go_on, done = threading.Event(), threading.Event(), []

    def callback():
        begun.set()
        go_on.wait(5.0)
        done.append("first")

    loop, thread, raised = started(executor)
    executor.create_task(callback)
    assert begun.wait(5.0)
    loop.end()
    executor.create_task(lambda: done.append("later"))
    go_on.set()
    thread.join(5.0)
    assert not thread.is_alive()
    assert not raised
    assert done == ["first"]


def test_a_callback_that_goes_on_and_on_is_cut_short_and_nothing_after_it(executor):
    begun, tidied = threading.Event(), []

    def callback():
        begun.set()
        try:
            while True:
                time.sleep(0.01)
        except Exception:  # as the guards of callbacks catch errors
            tidied.append("swallowed")

    loop, thread, raised = started(executor)
    executor.create_task(callback)
    assert begun.wait(5.0)
    loop.end()
    loop.cut_short()
    thread.join(5.0)
    assert not thread.is_alive()
    assert not raised
    assert not tidied
    loop.cut_short()  # too late: must not break off what comes after the loop


class Ticking(Node):
    """Calls ``tick`` often; ``destroyed`` has its name in the end."""

    def __init__(self, name, tick, destroyed):
        super().__init__(name)
        self.create_timer(0.01, tick)
        self._destroyed = destroyed

    def destroy_node(self):
        self._destroyed.append(self.get_name())
        super().destroy_node()


def spun(ticks):
    """``spin_nodes`` with a node for each function: how it is ended, its thread, its outcome, who was destroyed."""
    ending, outcome, destroyed = Ending(), [], []

    def run():
        def create():
            return [Ticking(f"node_{i}", tick, destroyed) for i, tick in enumerate(ticks)]

        try:
            outcome.append(spin_nodes(create, ending, ["nodes"]))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return ending, thread, outcome, destroyed


def test_a_node_whose_callback_takes_long_holds_up_no_other_and_all_end_together():
    begun, go_on, ticks = threading.Event(), threading.Event(), []

    def loads():
        begun.set()
        go_on.wait(20.0)

    ending, thread, outcome, destroyed = spun([loads, lambda: ticks.append(begun.is_set())])
    assert begun.wait(20.0)
    deadline = time.monotonic() + 20.0
    while ticks.count(True) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ticks.count(True) >= 3
    ending.request()
    go_on.set()
    thread.join(20.0)
    assert outcome == [0]
    assert sorted(destroyed) == ["node_0", "node_1"]


def test_a_node_that_dies_ends_the_process_in_good_order_and_says_why():
    def fails():
        raise ZeroDivisionError("in a callback")

    _, thread, outcome, destroyed = spun([fails, lambda: None])
    thread.join(20.0)
    assert [str(error) for error in outcome] == ["in a callback"]
    assert sorted(destroyed) == ["node_0", "node_1"]


def test_every_node_is_cut_short():
    begun = [threading.Event(), threading.Event()]

    def goes_on(event):
        event.set()
        while True:
            time.sleep(0.01)

    ending, thread, outcome, destroyed = spun([lambda event=event: goes_on(event) for event in begun])
    assert all(event.wait(20.0) for event in begun)
    ending.request()
    ending.insist()
    thread.join(20.0)
    assert outcome == [0]
    assert sorted(destroyed) == ["node_0", "node_1"]
