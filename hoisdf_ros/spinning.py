"""How a node's process starts and ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions


class Spin:
    """The loop of an executor, which another thread can end between two callbacks.

    ``Executor.shutdown`` from another thread takes away what a running callback still needs, and ``spin`` then raises
    InvalidHandle; ``spin_until_future_complete`` of ROS 2 Jazzy keeps some memory for every callback.

    Args:
        executor: its nodes are added already; shut it down after ``run`` has returned.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._ended = threading.Event()

    def run(self) -> None:
        """Execute callbacks until ``end``.

        Raises:
            ExternalShutdownException: the context was shut down.
        """
        while self._executor.context.ok() and not self._ended.is_set():
            self._executor.spin_once()

    def end(self) -> None:
        """Let ``run`` return after the callback that it executes; from any thread."""
        self._ended.set()
        self._executor.create_task(lambda: None)  # else it would wait for the next callback


def spin_node(create: Callable[[], Node], args: list[str] | None = None) -> None:
    """Run one node until SIGINT, SIGTERM or a shutdown of its context.

    rclpy's own signal handlers take the context away at once; here the node is destroyed first, so that it can still
    say good-bye on its topics.
    """
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    node = create()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    loop = Spin(executor)
    failures: list[BaseException] = []

    def spin() -> None:
        try:
            loop.run()
        except ExternalShutdownException:
            pass
        except BaseException as error:
            failures.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=spin, name="executor")
    thread.start()
    ended.wait()
    loop.end()
    thread.join()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    if failures:
        raise failures[0]
