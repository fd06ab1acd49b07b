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

"""What the model says goes to the node that asked it."""

import logging
import threading

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")

from hoisdf_ros.stream.model_log import model_log_to  # noqa: E402


class Kept:
    """Stands for a node's logger."""

    def __init__(self):
        self.said = []

    def info(self, text):
        self.said.append(("info", text))

    def warning(self, text):
        self.said.append(("warning", text))

    def error(self, text):
        self.said.append(("error", text))


def test_two_nodes_that_load_at_once_each_log_what_is_theirs():
    together, model = threading.Barrier(2), logging.getLogger("hoisdf_model.of_this_test")
    model.propagate = True  # `launch`, where another test has imported it, makes loggers that don't
    left, right = Kept(), Kept()

    def load(kept, name):
        with model_log_to(kept):
            together.wait(10)  # both listen
            model.warning("weights of %s", name)
            together.wait(10)

    threads = [threading.Thread(target=load, args=one) for one in ((left, "left"), (right, "right"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert left.said == [("warning", "weights of left")]
    assert right.said == [("warning", "weights of right")]
