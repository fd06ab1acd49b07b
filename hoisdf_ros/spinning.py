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

"""Spinning of nodes that only answer callbacks."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from hoisdf_ros.beginning import created, ros
from hoisdf_ros.processes import PATIENCE, Ending
from hoisdf_ros.unused_parameters import warn_of_unused


class CutShortError(BaseException):
    """Signal that aborts a callback, past all its error handlers."""


class Spin:
    """Interruptible executor loop.

    Another thread can end it between two callbacks, or abort a callback.

    ``Executor.shutdown`` from another thread takes away what a running callback still needs, and ``spin`` then raises
    InvalidHandle; ``spin_until_future_complete`` of ROS 2 Jazzy keeps some memory for every callback.

    Args:
        executor: its nodes are added already; shut it down after ``run`` has returned.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._running: int | None = None  # the thread

    def run(self) -> None:
        """Execute callbacks until ``end``.

        Raises:
            ExternalShutdownException: the context was shut down.
        """
        self._running = threading.get_ident()
        try:
            while self._executor.context.ok() and not self._ended.is_set():
                self._executor.spin_once()
        except CutShortError:
            pass
        finally:
            with self._lock:
                self._running = None

    def end(self) -> None:
        """Request the return of ``run`` after its current callback; from any thread."""
        self._ended.set()
        self._executor.create_task(lambda: None)  # else it would wait for the next callback

    def cut_short(self) -> None:
        """Abort the callback in progress, from any thread.

        A long *configure*, for instance.
        """
        with self._lock:
            if self._running is not None:
                thread, error = ctypes.c_ulong(self._running), ctypes.py_object(CutShortError)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)


def spin_node(
    create: Callable[[], Node], ending: Ending, args: list[str] | None = None, patience: float = PATIENCE
) -> int:
    """Spin one node; see :func:`spin_nodes`."""
    return spin_nodes(lambda: [create()], ending, args, patience)


def spin_nodes(
    create: Callable[[], Sequence[Node]], ending: Ending, args: list[str] | None = None, patience: float = PATIENCE
) -> int:
    """Spin nodes until their process ends or its context shuts down.

    Each has a thread of its own: none waits while another one loads, or stops.

    rclpy's own signal handlers take the context away at once; here nodes are destroyed first, so that they can
    still say good-bye on their topics.

    Args:
        create: makes the nodes.
        ending: see ``processes.run``.
        args: the command line; None: the process's own.
        patience: seconds that they may take to say good-bye.

    Returns:
        The exit code.

    Raises:
        HoisdfError: a node can't be started.
    """
    with ros(args):
        nodes = created(create)
        for node in nodes:
            warn_of_unused(node, args, nodes)
        executors = [SingleThreadedExecutor() for _ in nodes]
        loops = [Spin(executor) for executor in executors]

        def end() -> None:
            for loop in loops:
                loop.end()

        def cut_short() -> None:
            for loop in loops:
                loop.cut_short()

        ending.on_request(end, patience, cut_short)
        with ThreadPoolExecutor(len(nodes), "spin") as threads:
            spun = [threads.submit(_spin, *one, end) for one in zip(nodes, executors, loops, strict=True)]
        for one in spun:
            one.result()
    return 0


def _spin(node: Node, executor: Executor, loop: Spin, end_all: Callable[[], None]) -> None:
    executor.add_node(node)
    try:
        loop.run()
    except ExternalShutdownException:
        pass
    except BaseException:
        end_all()  # a process with a dead part isn't started again by anyone
        raise
    finally:
        executor.shutdown()
        node.destroy_node()
