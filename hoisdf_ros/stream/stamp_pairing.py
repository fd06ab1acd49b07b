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

"""Synchronization of the messages of one image by stamp.

Plain Python on stamps in nanoseconds, driven by one thread. Unlike ``message_filters`` it says what it drops and why,
sees a stamp that jumps back, and calls nothing back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hoisdf_model.messages import CameraInfos
from hoisdf_ros.stream.lost_messages import Losses

OUT_OF_ORDER = "out_of_order"
TIME_JUMP = "time_jump"
SUPERSEDED = "superseded"


def unpaired(topic: str) -> str:
    """Drop cause of an image without a message on ``topic``."""
    return f"unpaired_{topic}"


@dataclass(frozen=True)
class PairingResult:
    """Result of adding one message.

    Attributes:
        stamp: of the image of ``messages``, nanoseconds.
        messages: topic -> message, complete; None while something is still missing.
        dropped: cause -> number of images given up: ``unpaired_<topic>``, ``superseded``, ``out_of_order`` or
            ``time_jump``.
        lost: images that are known since now to have been published and never to have come, see ``losses``.
        held: the set has the last ``camera_info`` of the image's camera, not one of its own.
        jumped_back: the image's stamp lies far before that of an earlier image; everything older was forgotten.
    """

    stamp: int = 0
    messages: Mapping[str, Any] | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    jumped_back: bool = False
    held: bool = False
    lost: int = 0


class Pairing:
    """Queue in which an image waits for its partners.

    A set is complete as soon as every partner lies within ``slop`` of the image; the newest complete set wins and older
    images are given up. With ``slop`` 0 the stamps must be equal. A partner may serve several images within the slop
    (a slow ``camera_info`` beside a fast image). Where the driver sends no ``camera_info`` with each image the last one
    holds (:class:`hoisdf_model.messages.CameraInfos`).

    Args:
        topics: the image's name first, then its partners'.
        slop: largest difference of stamps, nanoseconds.
        depth: images, and messages of each partner, to wait with.
        jump_back: an image older than the newest one by more than this, in nanoseconds, is a jump of time (a bag that
            starts again); by less it is merely out of order.
        info: the topic whose last message may hold; None: none.
    """

    def __init__(self, topics: Sequence[str], slop: int, depth: int, jump_back: int, info: str | None = None) -> None:
        self._image, *self._partners = topics
        self._info, self._infos, self._losses = info, CameraInfos(slop), Losses(slop)
        self._slop, self._depth, self._jump_back = slop, depth, jump_back
        self._waiting: dict[str, dict[int, Any]] = {topic: {} for topic in (self._image, *self._partners)}
        self._newest: int | None = None
        self._released: int | None = None

    def add(self, topic: str, stamp: int, message: Any) -> PairingResult:
        """Add one message of ``topic`` with its stamp in nanoseconds."""
        dropped: Counter[str] = Counter()
        jumped_back, lost = False, 0
        if topic == self._image:
            jumped_back = self._newest is not None and stamp < self._newest - self._jump_back
            if jumped_back:
                dropped[TIME_JUMP] += self._forget_the_time_after(stamp)
            if self._released is not None and stamp <= self._released:
                dropped[OUT_OF_ORDER] += 1
                return PairingResult(dropped=dropped)
            self._newest = stamp if self._newest is None else max(self._newest, stamp)
            if self._info is not None:
                self._infos.add_image(stamp)
                lost = self._losses.image(stamp)
        elif topic == self._info:
            self._infos.add(stamp, message)
            self._losses.info(stamp)
        waiting = self._waiting[topic]
        waiting.pop(stamp, None)
        waiting[stamp] = message
        while len(waiting) > self._depth:
            oldest = next(iter(waiting))
            if topic == self._image:
                dropped[self._cause(oldest)] += 1
            del waiting[oldest]
        for candidate in sorted(self._waiting[self._image], reverse=True):
            messages = {self._image: self._waiting[self._image][candidate]}
            messages |= {p: m for p in self._partners if (m := self._partner(p, candidate)) is not None}
            if len(messages) > len(self._partners):
                held = self._info is not None and self._match(self._info, candidate) is None
                dropped.update(self._release(candidate))
                return PairingResult(candidate, messages, dropped, jumped_back, held, lost)
        return PairingResult(dropped=dropped, jumped_back=jumped_back, lost=lost)

    def why_waiting(self) -> str:
        """Reason why the newest image waits for a partner, else empty.

        Empty, too, where no message of the missing partner is waiting.
        """
        images = self._waiting[self._image]
        lacking = [p for p in self._partners if images and self._partner(p, max(images)) is None]
        for topic in lacking:
            if topic == self._info:
                return self._infos.why_not(images[max(images)])
            if self._waiting[topic]:
                off = min(abs(other - max(images)) for other in self._waiting[topic])
                return f"the nearest {topic} is {off / 1e6:g} ms off, {self._slop / 1e6:g} ms are allowed (sync.policy)"
        return ""

    def _partner(self, topic: str, stamp: int) -> Any:
        """The message that belongs to the image of ``stamp``; None while there is none."""
        match = self._match(topic, stamp)
        if match is not None:
            return self._waiting[topic][match]
        if topic != self._info or self._infos.sent_with_each(stamp):
            return None
        return self._infos.last_for(self._waiting[self._image][stamp])

    def _match(self, partner: str, stamp: int) -> int | None:
        """Stamp of the partner's message nearest to ``stamp``, None where none is near enough."""
        nearest = min(self._waiting[partner], key=lambda other: abs(other - stamp), default=None)
        return nearest if nearest is not None and abs(nearest - stamp) <= self._slop else None

    def _cause(self, stamp: int) -> str:
        missing = next((p for p in self._partners if self._partner(p, stamp) is None), None)
        return SUPERSEDED if missing is None else unpaired(missing)

    def _release(self, stamp: int) -> Counter[str]:
        """Take out the image of ``stamp`` and whatever is older; the causes of the older images."""
        self._released = stamp
        images = self._waiting[self._image]
        causes = Counter(self._cause(older) for older in images if older < stamp)
        self._waiting[self._image] = {other: message for other, message in images.items() if other > stamp}
        for partner in self._partners:
            kept = {other: m for other, m in self._waiting[partner].items() if other >= stamp - self._slop}
            self._waiting[partner] = kept
        return causes

    def _forget_the_time_after(self, stamp: int) -> int:
        """Prepare for an image of ``stamp`` after a jump back; the number of images that were still waiting."""
        self._newest = self._released = None
        self._infos.restart()
        self._losses.restart()
        lost = len(self._waiting[self._image])
        self._waiting[self._image].clear()
        for partner in self._partners:  # a partner of the new image may have come before it
            kept = {other: m for other, m in self._waiting[partner].items() if other <= stamp + self._slop}
            self._waiting[partner] = kept
        return lost
