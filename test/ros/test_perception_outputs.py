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

"""Nothing is made that nobody hears."""

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("hoisdf.msg")

from perception_fakes import HEIGHT, WIDTH, FakeEstimator, fake_scene, make_estimate  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from hoisdf_model.estimates import Frame  # noqa: E402
from hoisdf_model.geometry import Pinhole  # noqa: E402
from hoisdf_ros.perception import outputs  # noqa: E402
from hoisdf_ros.perception.parameters import PublishParameters  # noqa: E402

ALL = {outputs.HAND_OBJECT, outputs.HAND_JOINTS, outputs.TF_TOPIC, outputs.MARKERS, outputs.OVERLAY}


class Listeners:
    """Publishers whose topics are wanted or not; holds what was published on them."""

    def __init__(self, wanted):
        self.wanted, self.published = wanted, []

    def is_wanted(self, topic):
        return topic in self.wanted

    def publish(self, topic, message):
        self.published.append(topic)


@pytest.mark.parametrize("wanted", [set(), *({topic} for topic in sorted(ALL)), ALL])
def test_each_form_of_an_estimate_is_made_for_its_listeners_alone(monkeypatch, wanted):
    listeners = Listeners(wanted)
    monkeypatch.setattr(outputs, "Publishers", lambda node, topics: listeners)
    made = []
    convert = outputs.estimate_to_hand_object
    monkeypatch.setattr(outputs, "estimate_to_hand_object", lambda *parts: made.append(1) or convert(*parts))
    frame = Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), Pinhole(60.0, 60.0, 32.0, 24.0, WIDTH, HEIGHT))
    node = outputs.Outputs(None, fake_scene(FakeEstimator(make_estimate())))
    node.publish(frame, make_estimate(), Header(frame_id="camera"), PublishParameters())
    both = {outputs.HAND_OBJECT, outputs.HAND_JOINTS}
    heard = set(listeners.published)
    assert heard - both == wanted - both
    assert bool(made) == bool(wanted & both)
    assert wanted <= heard
