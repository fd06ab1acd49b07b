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

"""Recorded quality of service of publishers, as rclpy profiles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def offered_profile(recorded: Iterable[Any]) -> QoSProfile:
    """Publisher profile compatible with every subscriber of the recorded publishers.

    Of several recorded publishers the strongest promise is taken (reliable, latched), and the depths of latched ones
    are added, so that a late subscriber gets what each of them had latched. Deadlines and lifespans are not promised:
    paused or slowed, a replay could not keep them.

    Args:
        recorded: ``rosbags.interfaces.Qos`` of each publisher; none: ROS's default profile.
    """
    profiles = list(recorded)
    if not profiles:
        return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10)
    best_effort = all(item.reliability.name == "BEST_EFFORT" for item in profiles)
    latched = [item for item in profiles if item.durability.name == "TRANSIENT_LOCAL"]
    keep_all = any(item.history.name == "KEEP_ALL" for item in profiles)
    depth = sum(max(1, item.depth) for item in latched) if latched else max(item.depth for item in profiles)
    return QoSProfile(
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        history=HistoryPolicy.KEEP_ALL if keep_all else HistoryPolicy.KEEP_LAST,
        depth=depth or 10,  # 0: the recorder didn't know (the middleware doesn't tell it)
    )
