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

"""Node with a main loop in a thread of its own.

The loop runs beside the executor, and its end becomes the exit code.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from hoisdf_model.errors import HoisdfError
from hoisdf_ros.beginning import created, ros
from hoisdf_ros.processes import PATIENCE, Ending
from hoisdf_ros.spinning import Spin
from hoisdf_ros.unused_parameters import warn_of_unused


class WorkingNode(Protocol):
    """Node with a main loop that ends, as a protocol.

    Attributes:
        summary: what was done, in one line; logged at the end.
    """

    summary: str

    def run(self) -> None:
        """Run the main loop until its end or ``stop``.

        An error that ends the loop is raised.
        """

    def stop(self) -> None:
        """Request the return of ``run``; called from another thread."""


def run_node(create: Callable[[], Any], ending: Ending, args: list[str] | None = None) -> int:
    """Create a ``WorkingNode``, run it beside an executor, clean up.

    Returns:
        The exit code: 0 at its own end or an interrupt, 1 after an error, which was logged as one line.

    Raises:
        HoisdfError: the node can't be started.
    """
    with ros(args):
        node = created(create)
        warn_of_unused(node, args)
        try:
            return _spin(node, ending)
        finally:
            node.destroy_node()


def _spin(node: Any, ending: Ending) -> int:
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
            node.get_logger().fatal(traceback.format_exc())
            code = 1
        node.get_logger().info(node.summary)
        codes.append(code)
        loop.end()

    thread = threading.Thread(target=work, name="worker", daemon=True)
    thread.start()
    ending.on_request(loop.end)
    try:
        loop.run()
    except ExternalShutdownException:
        pass
    finally:
        node.stop()
        thread.join(timeout=PATIENCE)
        executor.shutdown()
    return codes[0] if codes else 0
