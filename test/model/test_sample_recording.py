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

"""The recording that ships fits the code that ships: readable, complete, and of the same hand and interface."""

import numpy as np
import pytest

from hoisdf_model.data import BagReader, sample_recording
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue


@pytest.fixture(scope="module")
def frames():
    with BagReader(sample_recording()) as bag:
        return list(bag.frames())


def test_every_frame_has_image_depth_regions_and_truth(frames):
    assert len(frames) == 150
    stamps = np.array([frame.stamp for frame in frames])
    np.testing.assert_allclose(np.diff(stamps), 1e9 / 15, atol=1e6)
    for frame in frames:
        assert frame.frame.image.shape == (480, 640, 3)
        assert frame.frame.depth is not None
        assert len(frame.regions.hands) == len(frame.truth.hands) == 1


def test_truth_is_of_the_shipped_hand_and_of_known_objects(frames):
    names = {item.name for frame in frames for item in frame.truth.objects}
    assert names <= set(load_catalogue().names)
    assert len(names) == 3
    assert {hand.model.hash for frame in frames for hand in frame.truth.hands} == {load_hand_model().hash}


def test_depth_is_the_distance_of_the_surfaces(frames):
    # at a visible vertex the depth is the vertex's own, and no vertex lies in front of what was rendered
    seen = []
    for item in frames[::10]:
        vertices = item.truth.hands[0].vertices
        pixels = np.round(item.frame.intrinsics.project(vertices)).astype(int)
        inside = ((pixels >= 0) & (pixels < [640, 480])).all(1)
        measured = item.frame.depth[pixels[inside, 1], pixels[inside, 0]]
        seen.append(np.abs(measured - vertices[inside, 2]).min())
        front = measured > vertices[inside, 2] + 0.004
        assert front.mean() < 0.1, "vertices in front of everything that was rendered"
    assert np.median(seen) < 0.001
