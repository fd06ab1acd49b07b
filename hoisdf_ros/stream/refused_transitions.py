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
