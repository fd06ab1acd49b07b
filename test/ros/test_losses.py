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

"""Images that never came are counted by the camera_info that did, else by the gaps they leave."""

import numpy as np

from hoisdf_ros.stream.lost_messages import Losses

PERIOD = 33_333_333


def lost(losses, images, infos):
    """Feed stamps as they come: each camera_info just after its image."""
    total = 0
    for stamp in sorted({*images, *infos}):
        if stamp in images:
            total += losses.image(stamp)
        if stamp in infos:
            losses.info(stamp)
    return total


def test_each_camera_info_without_an_image_is_one_lost():
    stamps = [i * PERIOD for i in range(70)]
    kept = set(np.random.default_rng(0).choice(stamps[1:-2], 40, replace=False).tolist()) | {0, *stamps[-2:]}
    assert lost(Losses(), sorted(kept), stamps) == 70 - len(kept)


def test_nothing_is_lost_where_all_come_whatever_the_order():
    losses = Losses()
    for i in range(50):
        losses.info((i + i % 2) * PERIOD)  # some before, some after their image
        assert losses.image(i * PERIOD) == 0


def test_stamps_within_the_slop_belong_together():
    losses = Losses(slop=5_000_000)
    assert lost(losses, [i * PERIOD for i in range(40)], [i * PERIOD + 4_000_000 for i in range(40)]) == 0


def test_gaps_tell_where_there_is_no_camera_info():
    """A third of the images of a steady camera with a jitter of 2 ms."""
    rng = np.random.default_rng(1)
    stamps = [int(i * PERIOD + rng.normal(0, 2e6)) for i in range(300)]
    gone = set(rng.choice(np.arange(30, 299), 90, replace=False).tolist())
    counted = lost(Losses(), [s for i, s in enumerate(stamps) if i not in gone], [])
    assert abs(counted - 90) <= 5


def test_a_latched_camera_info_is_no_lost_image():
    assert lost(Losses(), [10**9 + i * PERIOD for i in range(60)], [0, 10**9 + 20 * PERIOD + 5]) <= 1


def test_a_camera_that_slows_down_is_believed():
    losses = Losses()
    stamps = [i * PERIOD for i in range(60)]
    stamps += [stamps[-1] + (i + 1) * 2 * PERIOD for i in range(300)]
    counted = [losses.image(stamp) for stamp in stamps]
    assert sum(counted[-200:]) == 0
