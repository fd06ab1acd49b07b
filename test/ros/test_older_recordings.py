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

"""Messages of older recordings, as they are played, are read by today's classes."""

import numpy as np
import pytest

pytestmark = pytest.mark.ros
serialization = pytest.importorskip("rclpy.serialization")
interfaces = pytest.importorskip("hoisdf.msg")

from hoisdf_model.data import BagReader, sample_recording  # noqa: E402


def test_the_recording_that_ships_plays_messages_of_today():
    """It was made before objects knew their hand."""
    with BagReader(sample_recording()) as bag:
        (topic,) = bag.topics_of_type("hoisdf/msg/HandObject")
        read = next(bag.messages([topic.name])).message
        _, _, data = next(bag.raw([topic.name]))
    message = serialization.deserialize_message(data, interfaces.HandObject)
    assert [item.name for item in message.objects] == [item.name for item in read.objects]
    assert [item.side for item in message.objects] == ["", "", ""]
    assert (message.regions.header, list(message.stages)) == (message.header, list(read.stages))
    np.testing.assert_array_equal(message.hands[0].vertices, read.hands[0].vertices)
