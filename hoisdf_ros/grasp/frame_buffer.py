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

"""Buffer of timed transforms from ``/tf`` and ``/tf_static``.

What ``tf2_ros.Buffer`` does, for the one question that the grasp node has. Not tf2's own, since its Python part is C++
and isn't there where ROS comes as Python wheels. As in tf2 a transform is interpolated between two messages, and never
extrapolated.
"""

from __future__ import annotations

import bisect
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from hoisdf_model.errors import HoisdfError, one_line
from hoisdf_model.geometry import rigid
from hoisdf_model.messages import stamp_of

KEPT = 10_000_000_000  # nanoseconds of history, as tf2 keeps

Floats = NDArray[np.float64]


class TransformError(HoisdfError, LookupError):
    """Error of a missing transform between two frames at a stamp."""


class _Edge:
    """One frame's poses in its parent, by stamp; a single one if static."""

    def __init__(self, parent: str, static: bool) -> None:
        self.parent, self.static = parent, static
        self.stamps: list[int] = []
        self.poses: list[tuple[Floats, Floats]] = []  # translation (3,), quaternion (4,) x, y, z, w

    def add(self, stamp: int, pose: tuple[Floats, Floats]) -> None:
        """Keep a pose, and forget those that are too old."""
        if self.static or (self.stamps and stamp < self.stamps[-1] - KEPT):  # a recording that starts again
            self.stamps, self.poses = [stamp], [pose]
            return
        at = bisect.bisect_left(self.stamps, stamp)
        if at < len(self.stamps) and self.stamps[at] == stamp:
            self.poses[at] = pose
            return
        self.stamps.insert(at, stamp)
        self.poses.insert(at, pose)
        old = bisect.bisect_left(self.stamps, self.stamps[-1] - KEPT)
        del self.stamps[:old], self.poses[:old]

    def at(self, stamp: int, child: str) -> Floats:
        """(4, 4) child -> parent."""
        k = 0 if self.static else bisect.bisect_left(self.stamps, stamp)
        if self.static or (k < len(self.stamps) and self.stamps[k] == stamp):
            translation, quaternion = self.poses[k]
            turn = Rotation.from_quat(quaternion)
        elif 0 < k < len(self.stamps):
            before, after = self.stamps[k - 1], self.stamps[k]
            share = (stamp - before) / (after - before)
            (t0, q0), (t1, q1) = self.poses[k - 1], self.poses[k]
            translation = (1 - share) * t0 + share * t1
            turn = Slerp([0.0, 1.0], Rotation.from_quat([q0, q1]))(share)
        else:
            late, edge = (k > 0), self.stamps[-1 if k > 0 else 0]
            raise TransformError(
                f"the transform {self.parent} <- {child} is asked for {abs(stamp - edge) * 1e-9:.3f} s "
                f"{'after the newest' if late else 'before the oldest'} that is known"
            )
        return rigid(turn.as_matrix(), translation)


class FrameBuffer:
    """Thread-safe buffer of transforms."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._edges: dict[str, _Edge] = {}

    def take(self, message: Any, static: bool) -> list[str]:
        """Store a ``tf2_msgs/TFMessage``.

        Returns:
            What was refused and why: transforms that aren't finite, have no rotation, or lack a frame. The others are
            kept.
        """
        refused = []
        with self._changed:
            for i, transform in enumerate(message.transforms):
                move, turn = transform.transform.translation, transform.transform.rotation
                translation = np.array([move.x, move.y, move.z])
                quaternion = np.array([turn.x, turn.y, turn.z, turn.w])
                parent, child = transform.header.frame_id.lstrip("/"), transform.child_frame_id.lstrip("/")
                sane = np.isfinite(translation).all() and abs(np.linalg.norm(quaternion) - 1) < 1e-2
                if not sane or not parent or not child or parent == child:
                    text = (
                        f"transforms[{i}] from {child!r} to {parent!r} must be between two named frames, finite, with "
                        f"a quaternion of length 1, got {translation.tolist()} {quaternion.tolist()}"
                    )
                    refused.append(one_line(text))
                    continue
                edge = self._edges.get(child)
                if edge is None or edge.parent != parent or edge.static != static:
                    edge = self._edges[child] = _Edge(parent, static)
                edge.add(stamp_of(transform), (translation, quaternion))
            self._changed.notify_all()
        return refused

    def clear(self) -> None:
        """Clear the dynamic transforms after a jump back in time."""
        with self._changed:
            self._edges = {child: edge for child, edge in self._edges.items() if edge.static}

    def lookup(self, target: str, source: str, stamp: int, timeout: float = 0.0) -> Floats:
        """Transform ``source`` -> ``target`` at ``stamp`` (nanoseconds).

        Args:
            target, source: frames.
            stamp: nanoseconds.
            timeout: seconds to wait for it.

        Returns:
            (4, 4): takes points of ``source`` to ``target``, metres.

        Raises:
            TransformError: a frame is unknown, the two aren't connected, or nothing is known of that moment.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                try:
                    return self._between(target, source, stamp)
                except TransformError:
                    left = deadline - time.monotonic()
                    if left <= 0 or not self._changed.wait(left):
                        raise

    def _between(self, target: str, source: str, stamp: int) -> Floats:
        if target == source:
            return np.eye(4)
        up, down = self._ancestors(source), self._ancestors(target)
        common = next((frame for frame in up if frame in down), None)
        if common is None:
            known = {*self._edges, *(edge.parent for edge in self._edges.values())}
            missing = [frame for frame in (target, source) if frame not in known]
            if missing:
                raise TransformError(f"tf doesn't know the frame {' nor '.join(missing)}; it knows {_listed(known)}")
            raise TransformError(f"tf doesn't connect {source} with {target}")
        return np.linalg.inv(self._to(target, common, stamp)) @ self._to(source, common, stamp)

    def _ancestors(self, frame: str) -> list[str]:
        """The frame and those above it."""
        chain = [frame]
        while chain[-1] in self._edges and self._edges[chain[-1]].parent not in chain:
            chain.append(self._edges[chain[-1]].parent)
        return chain

    def _to(self, frame: str, ancestor: str, stamp: int) -> Floats:
        result = np.eye(4)
        while frame != ancestor:
            edge = self._edges[frame]
            result = edge.at(stamp, frame) @ result
            frame = edge.parent
        return result


def _listed(frames: set[str]) -> str:
    return ", ".join(sorted(frames)[:8]) + (" ..." if len(frames) > 8 else "") if frames else "none"
