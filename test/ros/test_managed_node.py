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
