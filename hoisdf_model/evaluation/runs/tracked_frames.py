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

"""Labelled frames with the hand tracker's landmarks."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from hoisdf_model.data.labelled_frames import Floats, FrameSource, LabelledFrame, LandmarkLabel
from hoisdf_model.data.samples.label_boxes import hand_box
from hoisdf_model.hand_tracking import (
    SeenHand,
    TrackerNetworks,
    load_tracker_networks,
    look,
    look_in_box,
    placed_relative,
    window_about,
)

TURN, SHIFT, ZOOM = 0.2, 0.06, 0.1  # radians; shares of the window: errors of a window that follows a hand


class TrackedFrames:
    """Frame source with landmarks, computed once.

    For ``data.sources.FrameSource``.

    Args:
        source: whose frames.
        followed: whether the tracker looks where one that follows the hand would, about where the true hand is and
            once, as is enough in training; else it is given the hand's box alone, as in testing.
    """

    def __init__(self, source: FrameSource, followed: bool = False) -> None:
        self.source, self.followed = source, followed
        self._seen: dict[int, LandmarkLabel | None] = {}

    def __len__(self) -> int:
        """Number of frames of the source."""
        return len(self.source)

    def __getattr__(self, name: str) -> object:
        # what else the source knows, such as names of frames; not what Python itself asks for while unpickling
        if name.startswith("__") or name == "source":
            raise AttributeError(name)
        return getattr(self.source, name)

    def frame(self, index: int) -> LabelledFrame:
        """The source's frame of that index, with landmarks."""
        frame = self.source.frame(index)
        if index not in self._seen:
            self._seen[index] = self._landmarks(frame, index)
        return replace(frame, landmarks=self._seen[index])

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_networks"}

    @cached_property
    def _networks(self) -> TrackerNetworks:
        return load_tracker_networks()

    def _landmarks(self, frame: LabelledFrame, index: int) -> LandmarkLabel | None:
        if frame.hand is None or not np.isfinite(frame.hand.joints[0]).all():
            return None
        seen = self._follow(frame, index) if self.followed else self._look(frame)
        return LandmarkLabel(seen.pixels, placed_relative(seen, frame.camera.matrix), seen.presence)

    def _look(self, frame: LabelledFrame) -> SeenHand:
        assert frame.hand is not None
        return look_in_box(self._networks, frame.image, hand_box(frame.hand, frame.camera, 1.0))

    def _follow(self, frame: LabelledFrame, index: int) -> SeenHand:
        assert frame.hand is not None
        rng = np.random.default_rng([5, index])
        pixels: Floats = frame.camera.project(frame.hand.joints)
        true = SeenHand(pixels, np.zeros((21, 3)), 1.0, 1.0)
        window = window_about(pixels, true.angle + rng.normal(0, TURN))
        shift = rng.normal(0, SHIFT, 2) * window.size
        window = replace(window, center=window.center + shift, size=window.size * float(np.exp(rng.normal(0, ZOOM))))
        return look(self._networks.landmarks, frame.image, [window])[0]
