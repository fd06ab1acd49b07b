"""Runs a node whose main loop has a thread of its own beside the executor, and turns its end into an exit code."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from hoisdf_model.errors import HoisdfError
from hoisdf_ros.spinning import Spin


class WorkingNode(Protocol):
    """A ``rclpy`` node that works off something until it is done.

    Attributes:
        summary: what was done, in one line; logged at the end.
    """

    summary: str

    def run(self) -> None:
        """Work until the end or until ``stop``; an error that ends the work is raised."""

    def stop(self) -> None:
        """Let ``run`` return soon; called from another thread."""


def run_node(create: Callable[[], Any], args: Sequence[str] | None = None) -> int:
    """Create a ``WorkingNode``, run it beside an executor, clean up.

    Returns:
        0 at its own end or an interrupt, 1 after an error, which was printed as one line.
    """
    rclpy.init(args=args)
    try:
        try:
            node = create()
        except HoisdfError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        try:
            return _spin(node)
        finally:
            node.destroy_node()
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    finally:
        rclpy.try_shutdown()


def _tell(node: Any) -> None:
    """Log the summary; after an interrupt there is no /rosout any more to log to."""
    if node.context.ok():
        node.get_logger().info(node.summary)
    else:
        print(f"{node.get_name()}: {node.summary}", file=sys.stderr)


def _spin(node: Any) -> int:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    loop = Spin(executor)
    codes: list[int] = []  # the exit code, once the work is done

    def work() -> None:
        code = 0
        try:
            node.run()
        except HoisdfError as error:
            node.get_logger().fatal(str(error))
            code = 1
        except Exception:
            if rclpy.ok():  # else it is an interrupt that took the publishers away
                node.get_logger().fatal(traceback.format_exc())
                code = 1
        _tell(node)
        codes.append(code)
        loop.end()

    thread = threading.Thread(target=work, name="worker", daemon=True)
    thread.start()
    try:
        loop.run()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.stop()
        thread.join(timeout=5.0)
        executor.shutdown()
    return codes[0] if codes else 0
