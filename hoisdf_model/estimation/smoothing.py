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

"""Temporal smoothing of estimates with a One-Euro filter.

Off by default.

Casiez, Roussel, Vogel: 1 Euro Filter, CHI 2012; here also on rotations, where a difference is a rotation vector. With
``time`` the time constant of what stands still, something of speed ``v`` is smoothed with ``time / (1 + v / v0)``: it
lags behind by this, which is never more than ``time * v0``, however fast it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import ConfigError
from hoisdf_model.estimates import Estimate, HandEstimate, ObjectEstimate
from hoisdf_model.geometry import rotations
from hoisdf_model.hand import HandLayer, HandModelLike, as_hand_model

SPEED_TIME = 0.16  # seconds, time constant of the speed; 1 Hz as in the paper
SLOW, SLOW_TURN = 0.1, 0.5  # v0: metres per second, radians per second; at this speed the time constant is halved
GAP = 0.5  # seconds after which what comes back is looked at as new

Floats = NDArray[np.float64]


@dataclass
class _State:
    """Points (N, 3) metres, rotations (M, 3, 3), and numbers (K,) that don't change, such as a hand's shape."""

    points: Floats
    turns: Floats
    fixed: Floats

    @property
    def is_finite(self) -> bool:
        return all(bool(np.isfinite(values).all()) for values in (self.points, self.turns, self.fixed))


@dataclass
class _Track:
    """What is remembered: the state as smoothed and as last seen, and the speeds (N, 3) and (M, 3)."""

    stamp: float
    smoothed: _State
    seen: _State
    moving: Floats
    turning: Floats


class Smoother:
    """Smoother of a stream of estimates.

    Wrists, poses and shapes of hands, and poses of objects.

    A hand's mesh and joints are posed anew, so that they fit together; covariances and scores stay. Hands are
    matched by side, objects by side and name, several of them by their order.

    Args:
        hand_model: the right hand model of the estimates.
        time: time constant of what stands still, seconds.

    Raises:
        ConfigError: a time that isn't positive.
    """

    def __init__(self, hand_model: HandModelLike, time: float) -> None:
        if not 0 < time < np.inf:
            raise ConfigError(f"the time constant of smoothing must be a positive number of seconds, got {time}")
        model = as_hand_model(hand_model)
        other = model.mirrored()
        self._layers = {model.side: HandLayer(model), other.side: HandLayer(other)}
        self._time = time
        self._tracks: dict[Hashable, _Track] = {}

    def reset(self) -> None:
        """Reset the filters."""
        self._tracks.clear()

    def __call__(self, stamp: float, estimate: Estimate) -> Estimate:
        """The smoothed estimate.

        Args:
            stamp: of the image, seconds; one that isn't after the one before starts anew.
            estimate: camera frame.
        """
        self._tracks = {key: track for key, track in self._tracks.items() if 0 < stamp - track.stamp <= GAP}
        seen: Counter[Hashable] = Counter()

        def number(*key: Hashable) -> Hashable:
            seen[key] += 1
            return (*key, seen[key])

        hands = tuple(self._hand(stamp, number(hand.side), hand) for hand in estimate.hands)
        objects = tuple(self._thing(stamp, number(one.side, one.name), one) for one in estimate.objects)
        return replace(estimate, hands=hands, objects=objects)

    def _hand(self, stamp: float, key: Hashable, hand: HandEstimate) -> HandEstimate:
        turns = rotations.rotation_matrices(np.asarray(hand.pose, np.float64))
        seen = _State(np.asarray(hand.joints[:1], np.float64), turns, np.asarray(hand.shape, np.float64))
        state = self._smoothed(stamp, key, seen)
        if state is None:
            return hand
        turned, shaped = (torch.tensor(values, dtype=torch.float32)[None] for values in (state.turns, state.fixed))
        with torch.inference_mode():
            posed = self._layers[hand.side](turned, shaped)
        vertices = posed.vertices[0].numpy() + state.points if len(hand.vertices) else hand.vertices
        return replace(
            hand,
            joints=(posed.joints[0].numpy() + state.points).astype(np.float32),
            vertices=vertices.astype(np.float32),
            pose=rotations.rotation_vectors(state.turns).astype(np.float32),
            shape=state.fixed.astype(np.float32),
        )

    def _thing(self, stamp: float, key: Hashable, thing: ObjectEstimate) -> ObjectEstimate:
        place, turn = np.asarray(thing.translation, np.float64), np.asarray(thing.rotation, np.float64)
        state = self._smoothed(stamp, key, _State(place[None], turn[None], np.zeros(0)))
        return thing if state is None else replace(thing, translation=state.points[0], rotation=state.turns[0])

    def _smoothed(self, stamp: float, key: Hashable, seen: _State) -> _State | None:
        """None where nothing can be smoothed: what is new, and what isn't finite."""
        track = self._tracks.pop(key, None)
        if not seen.is_finite:
            return None
        if track is None:
            still = np.zeros_like(seen.points), np.zeros((len(seen.turns), 3))
            self._tracks[key] = _Track(stamp, seen, seen, *still)
            return None
        old, elapsed = track.smoothed, stamp - track.stamp
        new = elapsed / (elapsed + SPEED_TIME)
        moving = track.moving + new * ((seen.points - track.seen.points) / elapsed - track.moving)
        turning = track.turning + new * (_turn(track.seen.turns, seen.turns) / elapsed - track.turning)
        step = self._share(turning, SLOW_TURN, elapsed) * _turn(old.turns, seen.turns)
        state = _State(
            old.points + self._share(moving, SLOW, elapsed) * (seen.points - old.points),
            Rotation.from_rotvec(step).as_matrix() @ old.turns,
            old.fixed + elapsed / (elapsed + self._time) * (seen.fixed - old.fixed),
        )
        self._tracks[key] = _Track(stamp, state, seen, moving, turning)
        return state

    def _share(self, speeds: Floats, slow: float, elapsed: float) -> Floats:
        """Smoothing factors (N, 1)."""
        constant = self._time / (1 + np.linalg.norm(speeds, axis=1, keepdims=True) / slow)
        return np.asarray(elapsed / (elapsed + constant), np.float64)


def _turn(start: Floats, end: Floats) -> Floats:
    """(N, 3) rotation vectors in the outer frame that take rotations (N, 3, 3) to others."""
    return np.asarray(Rotation.from_matrix(end @ start.transpose(0, 2, 1)).as_rotvec(), np.float64)
