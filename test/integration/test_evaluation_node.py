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

"""The evaluation node, over real DDS: its figures are those that the offline evaluation has of the same frames."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from demo_bag import START  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from evaluation_film import BOX, PERIOD, film, moved, truth_at, write  # noqa: E402
from hoisdf.msg import HandObject  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402
from perception_fakes import values_of  # noqa: E402
from perception_rig import Peer, Spinner, wait_until_matched  # noqa: E402
from rcl_interfaces.srv import SetParameters  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from hoisdf_model.estimates import Estimate  # noqa: E402
from hoisdf_model.evaluation import METRICS, EstimateErrors, Models, OnlineEvaluation, read_records  # noqa: E402
from hoisdf_model.evaluation.runs.bag_reading import BagTally, Reading  # noqa: E402
from hoisdf_model.evaluation.runs.bag_run import estimated  # noqa: E402
from hoisdf_model.messages import estimate_to_hand_object, make_header  # noqa: E402
from hoisdf_model.objects import load_catalogue  # noqa: E402
from hoisdf_ros.evaluation.node import EvaluationNode  # noqa: E402
from hoisdf_ros.evaluation.parameters import EvaluationParameters  # noqa: E402
from hoisdf_ros.message_classes import ROS_TYPES  # noqa: E402
from hoisdf_ros.parameters import markdown_table  # noqa: E402

SERVICES = {
    "change_state": ChangeState, "get_state": GetState, "set_parameters": SetParameters, "write_report": Trigger,
}  # fmt: skip
FRAMES = 12
COMPARE = EstimateErrors(Models(load_catalogue().get))


def estimate_at(i):
    """What an estimator might say of frame ``i``: near the truth, numbers of float64, once nothing, once misnamed."""
    if i == 4:
        return Estimate()
    random = np.random.default_rng(i)
    truth = moved(truth_at(i), random.normal(0, 0.01, 3))
    [hand], [thing] = truth.hands, truth.objects
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    turn = turn * np.sign(np.linalg.det(turn)) @ thing.rotation
    return Estimate((hand,), (replace(thing, rotation=turn, name="005_tomato_soup_can" if i == 7 else BOX),))


class Operator(Peer):
    """Publishes estimates and ground truth, listens to figures, works the services."""

    def __init__(self, namespace):
        self.spinner = Spinner()
        self.node = Node("peer", context=self.spinner.context, namespace=namespace)
        self.prepare(f"{namespace}/evaluation", SERVICES)
        self.publishers = {topic: self.node.create_publisher(HandObject, topic, 50) for topic in TOPICS}
        self.listen(DiagnosticArray, f"{self.name}/figures")
        self.listen(DiagnosticArray, "/diagnostics")
        self.spinner.start(self.node)

    def connect(self):
        wait_until_matched(lambda: all(p.get_subscription_count() for p in self.publishers.values()), "both topics")

    def tell(self, topic, i, estimate, frame_id="camera"):
        header = make_header(ROS_TYPES, START + i * PERIOD, frame_id)
        self.publishers[topic].publish(estimate_to_hand_object(estimate, header, ROS_TYPES))

    def figures(self, condition):
        """The values of the newest figures once they fulfil the condition."""

        def newest():
            heard = self.heard["figures"]
            return values_of(heard[-1].status[0]) if heard else {}

        self.wait(lambda: condition(newest()))
        assert condition(newest()), newest()
        return newest()


TOPICS = ("hand_object", "ground_truth")


class Rig:
    def __init__(self, number, **parameters):
        namespace = f"/evaluated_{number}"
        values = {"diagnostics.period": 0.1, "figures.period": 0.05} | parameters
        self.spinner = Spinner()
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        self.node = EvaluationNode(
            context=self.spinner.context, namespace=namespace, parameter_overrides=overrides
        )  # fmt: skip
        self.spinner.start(self.node)
        self.peer = Operator(namespace)
        self.peer.greet()

    def activate(self):
        assert self.peer.change("configure"), self.node.failure
        assert self.peer.change("activate"), self.node.failure
        self.peer.connect()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.peer.close()
        self.spinner.close()


class Saying:
    """In place of an estimator, what ``estimate_at`` says of one frame after the other."""

    def __init__(self):
        self.next = 0

    def __call__(self, frame, prior=None):
        self.next += 1
        return estimate_at(self.next - 1)

    def reset(self):
        pass


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """Records by stamp of a bag that was evaluated offline, every frame of it."""
    path = write(tmp_path_factory.mktemp("bag") / "bag", film(FRAMES))
    evaluation = OnlineEvaluation(COMPARE, "network")
    steps = list(estimated(path, 0, Saying(), Reading(), evaluation, BagTally("bag")))
    records = {record.stamp: record for step in steps for record in step[0]}
    assert len(records) == FRAMES
    return records


def test_the_node_s_figures_are_the_offline_ones_of_the_frames_that_both_saw(offline, tmp_path):
    dropped = {2, 5, 6}  # a slow estimator skips frames
    with Rig(1, output=str(tmp_path / "out")) as rig:
        rig.activate()
        for i in range(FRAMES):
            rig.peer.tell("ground_truth", i, truth_at(i))
            if i - 2 >= 0 and i - 2 not in dropped:  # estimates come later
                rig.peer.tell("hand_object", i - 2, estimate_at(i - 2))
        seen = [i for i in range(FRAMES - 2) if i not in dropped]
        values = rig.peer.figures(lambda v: v.get("compared") == str(len(seen)))
        both = [offline[START + i * PERIOD].results["network"] for i in seen]
        for metric, about in METRICS.items():
            errors = [result.errors[metric] for result in both if metric in result.errors]
            if errors:
                assert float(values[f"{metric} [{about.unit}]"]) == pytest.approx(np.mean(errors), abs=2e-4), metric
                assert values[f"{metric}: frames"] == str(len(errors))
            else:
                assert f"{metric} [{about.unit}]" not in values
        assert (values["hands"], values["hands found"]) == ("7", "6")
        assert (values["objects found"], values["other name"]) == ("5", "1")
        assert rig.peer.change("deactivate")
    records = {record.stamp: record for record in read_records(tmp_path / "out")}
    assert set(records) == {START + i * PERIOD for i in seen}
    for stamp, record in records.items():
        own, other = record.results["network"], offline[stamp].results["network"]
        assert own.errors == pytest.approx(other.errors, abs=2e-4)
        assert own.found == other.found
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["pairs"] == {
        "compared": 7, "estimates without ground truth": 0, "ground truth without estimate": 5,
        "estimates of a stamp that had one": 0,
    }  # fmt: skip
    assert summary["groups"]["all"]["network"]["metrics"]["wrist"]["count"] == 6
    assert "hand_object on ground_truth: 7 frames" in (tmp_path / "out" / "report.html").read_text()
    with (tmp_path / "out" / "frames.csv").open() as file:
        assert next(row["stamp (s)"] for row in csv.DictReader(file)) == "1700000000.000000000"


def test_a_hand_that_is_10_mm_off_is_10_mm_off():
    with Rig(2) as rig:
        rig.activate()
        for i in range(3):
            rig.peer.tell("ground_truth", i, truth_at(i))
            rig.peer.tell("hand_object", i, moved(truth_at(i), (0, 0.006, 0.008)))
        values = rig.peer.figures(lambda v: v.get("compared") == "3")
        assert float(values["camera MJE [mm]"]) == pytest.approx(10, abs=1e-3)
        assert float(values["OCE [mm]"]) == pytest.approx(10, abs=1e-3)
        assert float(values["MJE [mm]"]) == pytest.approx(0, abs=1e-3)
        answer = rig.peer.call("write_report", Trigger.Request())
        assert not answer.success
        assert "set the parameter output" in answer.message


def test_what_has_no_partner_and_what_comes_again_is_counted(tmp_path):
    with Rig(3, **{"pairs.queue_size": 2, "output": str(tmp_path / "out")}) as rig:
        answer = rig.peer.call("write_report", Trigger.Request())
        assert (answer.success, answer.message) == (False, "nothing is evaluated: the node is unconfigured")
        rig.activate()
        for i in range(4):
            rig.peer.tell("ground_truth", 100 + i, truth_at(0))
        rig.peer.figures(lambda v: v.get("ground truth without estimate") == "2")
        rig.peer.tell("hand_object", 103, truth_at(0))
        rig.peer.figures(lambda v: v.get("compared") == "1")
        rig.peer.tell("ground_truth", 0, truth_at(0))  # ten seconds back: 102 will get no estimate any more
        rig.peer.figures(lambda v: v.get("ground truth without estimate") == "3")
        rig.peer.tell("hand_object", 0, truth_at(0))
        rig.peer.figures(lambda v: v.get("compared") == "2")
        rig.peer.tell("ground_truth", 103, truth_at(0))
        rig.peer.tell("hand_object", 103, moved(truth_at(0), (0.5, 0, 0)))  # the recording's second round
        values = rig.peer.figures(lambda v: v.get("estimates of a stamp that had one") == "1")
        assert values["compared"] == "2"
        assert float(values["wrist [mm]"]) == 0
        answer = rig.peer.call("write_report", Trigger.Request())
        assert answer.success, answer.message
        assert answer.message == f"wrote the report of 2 frames to {tmp_path / 'out' / 'report.html'}"
        status = rig.peer.wait_for_status("pairs", lambda s: "2 compared" in s.message)
        assert values_of(status)["ground truth without estimate"] == "3"


def test_bad_messages_are_counted_and_named_and_the_others_go_on():
    with Rig(4) as rig:
        rig.activate()
        header = make_header(ROS_TYPES, START, "camera")
        message = estimate_to_hand_object(truth_at(0), header, ROS_TYPES)
        message.hands[0].vertices = message.hands[0].vertices[:9]
        rig.peer.publishers["hand_object"].publish(message)
        status = rig.peer.wait_for_status("input", lambda s: "invalid_message" in s.message)
        assert "778 x 3" in status.message
        for topic in TOPICS:
            rig.peer.tell(topic, 1, truth_at(0), frame_id=f"camera_of_{topic}")
        rig.peer.figures(lambda v: v.get("compared") == "1")
        rig.peer.wait_for_status("pairs", lambda s: "camera_of_ground_truth" in s.message)


def test_stamps_that_never_agree_are_a_warning():
    with Rig(5) as rig:
        rig.activate()
        for i in range(11):
            rig.peer.tell("ground_truth", i, truth_at(0))
            rig.peer.tell("hand_object", 100 + i, truth_at(0))
        status = rig.peer.wait_for_status("pairs", lambda s: s.level == b"\x01")
        assert status.message == "estimates and ground truth come, but none have the same stamp"


def test_a_folder_of_another_evaluation_fails_configure_with_the_reason(tmp_path):
    (tmp_path / "evaluation.json").write_text('{"weights": "x"}')
    with Rig(6, output=str(tmp_path)) as rig:
        assert not rig.peer.change("configure")
        assert "holds another evaluation" in rig.node.failure
        rig.peer.wait_for_status("state", lambda s: s.level == b"\x02" and "give another folder" in s.message)


def test_activation_starts_anew(tmp_path):
    with Rig(7, output=str(tmp_path / "out")) as rig:
        rig.activate()
        for again in (False, True):
            for topic in TOPICS:
                rig.peer.tell(topic, 3, moved(truth_at(3), (0, 0, 0.01 * again * (topic == "hand_object"))))
            values = rig.peer.figures(
                lambda v, a=again: float(v.get("wrist [mm]", "-1")) == pytest.approx(10 * a, abs=1e-3)
            )
            assert values["compared"] == "1"
            if not again:
                assert rig.peer.change("deactivate")
                assert (tmp_path / "out" / "report.html").exists()
                assert rig.peer.change("activate")
                rig.peer.connect()
        assert rig.peer.change("deactivate")
        [record] = read_records(tmp_path / "out")
        assert record.results["network"].errors["wrist"] == pytest.approx(10, abs=1e-3)


def test_the_documentation_has_the_parameters():
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
    assert markdown_table(EvaluationParameters) in page, "put the output of markdown_table(EvaluationParameters) there"
