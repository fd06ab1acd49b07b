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

"""Nodes that lack what every lifecycle node of the package must say of itself."""

import pytest

pytest.importorskip("rclpy")

from hoisdf_ros.evaluation.node import EvaluationNode
from hoisdf_ros.evaluation.parameters import EvaluationParameters
from hoisdf_ros.stream.managed import ManagedNode
from hoisdf_ros.stream.node import StreamNode


@pytest.mark.parametrize(
    ("kind", "missing"),
    [(ManagedNode, ("_node_state", "_release", "_stop", "_time_jumped")), (StreamNode, ("_forget", "_release"))],
)
def test_a_node_that_leaves_methods_out_cannot_be_made(kind, missing):
    incomplete = type("Incomplete", (kind,), {})
    with pytest.raises(TypeError) as refusal:
        incomplete("incomplete", EvaluationParameters, "image")
    assert all(name in str(refusal.value) for name in missing)


def test_the_evaluation_node_has_neither_worker_nor_pairing():
    assert not issubclass(EvaluationNode, StreamNode)
