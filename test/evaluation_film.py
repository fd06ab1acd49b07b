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

"""A hand that moves with a box, filmed before noise, with ground truth: bags and estimates for tests of evaluation."""

from dataclasses import replace

import numpy as np
from demo_bag import CAMERA, START, hand_at
from scipy.spatial.transform import Rotation

from hoisdf_model.data import BagFrame, BagWriter, FrameRecorder
from hoisdf_model.estimates import Estimate, Frame, HandRegion, ObjectEstimate, ObjectRegion, Regions
from hoisdf_model.messages import estimate_to_hand_object, make_header

BOX, PERIOD = "003_cracker_box", 100_000_000
NAME = "/perception/hand_object"


def truth_at(i, side="right"):
    """A hand that moves to the right with a box; of a left one what a mirror shows."""
    hand = hand_at(-0.1 + 0.02 * i)
    place = np.array([-0.1 + 0.02 * i, 0.0, 0.65])
    turn = Rotation.from_euler("xyz", (0.2 * i, 0.4, 0.1)).as_matrix()
    if side == "left":
        mirror = np.array([-1, 1, 1], np.float32)
        hand = replace(hand, side="left", joints=hand.joints * mirror, vertices=hand.vertices * mirror)
        place = place * mirror
    return Estimate((hand,), (ObjectEstimate(BOX, 1.0, turn, place, np.zeros((6, 6))),))


def regions_of(truth):
    pixels = CAMERA.project(truth.hands[0].joints)
    box = np.concatenate([pixels.min(0) - 9, pixels.max(0) + 9])
    return Regions((HandRegion(box, truth.hands[0].side, 0.9),), (ObjectRegion(box, BOX, 0.8),))


def film(count=4, side="right"):
    noise = np.random.default_rng(0)
    for i in range(count):
        image = noise.integers(0, 255, (CAMERA.height // 8, CAMERA.width // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        depth = np.full(image.shape[:2], 0.6, np.float32)
        truth = truth_at(i, side)
        yield BagFrame(Frame(image, CAMERA, depth), START + i * PERIOD, "camera", regions_of(truth), truth)


def write(path, frames=None, told=(), about=None, without=()):
    """A bag of frames; ``told``: (stamp, estimate) for the topic of estimates; ``without``: topics left out."""
    with BagWriter(path, about=about) as bag:
        recorder = FrameRecorder(_Without(bag, without), "png")
        for item in film() if frames is None else frames:
            recorder.write(item)
        for stamp, estimate in told:
            header = make_header(bag.types, stamp, "camera")
            bag.write(NAME, estimate_to_hand_object(estimate, header, bag.types), stamp + PERIOD // 2)
    return path


class _Without:
    """A writer that leaves topics out."""

    def __init__(self, bag, topics):
        self.types, self._bag, self._topics = bag.types, bag, topics

    def write(self, topic, message, time=None):
        if topic not in self._topics:
            self._bag.write(topic, message, time)


def moved(estimate, by):
    by = np.array(by, np.float32)
    hands = [replace(hand, joints=hand.joints + by, vertices=hand.vertices + by) for hand in estimate.hands]
    things = [replace(thing, translation=thing.translation + by) for thing in estimate.objects]
    return replace(estimate, hands=tuple(hands), objects=tuple(things))
