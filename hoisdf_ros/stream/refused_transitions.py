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

"""Lifecycle node that survives requests for impossible transitions."""

from __future__ import annotations

from functools import wraps
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode


def answer_refused_transitions(node: LifecycleNode) -> None:
    """Answer impossible transition requests of ``node`` with ``success`` false.

    *configure* twice, for instance.

    rclpy does that itself from ROS 2 Kilted on. Jazzy's lets the error out of the service's callback: nobody gets an
    answer, and the executor ends.
    """
    for service in node.services:
        if service.srv_type is ChangeState:
            service.callback = _guarded(node, service.callback)


def _guarded(node: LifecycleNode, answer: Any) -> Any:
    @wraps(answer)
    def guarded(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        try:
            return answer(request, response)
        except RuntimeError as error:  # what RCLError, which rclpy doesn't export, is derived from
            asked = request.transition.label or request.transition.id
            node.get_logger().error(f"transition {asked} was refused: {error}")
            response.success = False
            return response

    return guarded
