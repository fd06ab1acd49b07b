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

"""The launch files: their arguments become the nodes' parameters, remappings and namespaces.

They are read by the real ``launch`` where it is installed; what needs nothing but the files is checked everywhere.
"""

import ast
import importlib
import importlib.util
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))


def has_launch():
    """Our folder of the same name is found too, as an empty namespace package."""
    try:
        return importlib.util.find_spec("launch_ros.actions") is not None
    except ImportError:
        return False


needs_launch = pytest.mark.skipif(not has_launch(), reason="launch and launch_ros aren't installed")


def constant(file, name):
    """The value of a constant of a launch file, without running it."""
    for node in ast.parse((ROOT / "launch" / file).read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return node.value
    raise AssertionError(f"{file} has no {name}")


def declared(kind):
    from hoisdf_ros.parameters import specifications

    return {specification.name: specification for specification in specifications(kind)}


@pytest.mark.ros
def test_arguments_name_parameters_that_the_node_has():
    from hoisdf_ros.perception.parameters import PerceptionParameters

    known = declared(PerceptionParameters)
    table = constant("perception.launch.py", "PARAMETERS")
    for entry in table.values:
        parameter, kind, _ = entry.elts
        assert parameter.value in known
        assert known[parameter.value].type_name.removesuffix("ean") == {"str": "string", "bool": "bool"}[kind.id]


@pytest.mark.ros
@pytest.mark.parametrize(("file", "module", "kind"), [
    ("camera.yaml", "feeds.camera", "CameraParameters"), ("replay.yaml", "feeds.replay", "ReplayParameters"),
    ("perception.yaml", "perception.parameters", "PerceptionParameters"),
    ("grasp.yaml", "grasp.parameters", "GraspParameters"),
    ("evaluation.yaml", "evaluation.parameters", "EvaluationParameters"),
])  # fmt: skip
def test_parameter_files_hold_known_parameters_with_values_that_are_allowed(file, module, kind):
    values = yaml.safe_load((ROOT / "config" / file).read_text())["/**"]["ros__parameters"]
    known = declared(getattr(importlib.import_module(f"hoisdf_ros.{module}"), kind))

    def flat(tree, prefix=""):
        for name, value in tree.items():
            if isinstance(value, dict):
                yield from flat(value, f"{prefix}{name}.")
            else:
                yield prefix + name, value

    for name, value in flat(values):
        assert known[name].checked(value) == value


def test_rviz_shows_topics_that_the_nodes_have():
    settings = yaml.safe_load((ROOT / "rviz" / "hoisdf.rviz").read_text())
    topics = [d["Topic"]["Value"] for d in settings["Visualization Manager"]["Displays"] if "Topic" in d]
    sources = {"perception": "perception/outputs.py", "grasp": "grasp/outputs.py"}
    assert {topic.split("/")[0] for topic in topics} == set(sources)  # relative: a namespace applies
    for topic in topics:
        node, name = topic.split("/")
        assert f'"~/{name}"' in (ROOT / "hoisdf_ros" / sources[node]).read_text()


@pytest.mark.ros
def test_arguments_of_the_grasp_launch_file_name_parameters_that_the_nodes_have():
    from hoisdf_ros.grasp.parameters import GraspParameters

    known = declared(GraspParameters)
    shared = {key.value for key in constant("perception.launch.py", "PARAMETERS").keys}
    table = constant("grasp.launch.py", "PARAMETERS")
    for key, entry in zip(table.keys, table.values, strict=True):
        parameter, text = (element.value for element in entry.elts)
        assert known[parameter].type_name == "string"
        assert bool(text) != (key.value in shared)  # declared once, here or there


def test_fast_dds_profile_gives_room_for_large_images():
    name = "{http://www.eprosima.com}"
    root = ElementTree.parse(ROOT / "config" / "fastdds.xml").getroot()
    transports = {item.find(f"{name}transport_id").text: item for item in root.iter(f"{name}transport_descriptor")}
    used = [item.text for item in root.find(f".//{name}userTransports")]
    assert set(used) == set(transports)
    [segment] = root.iter(f"{name}segment_size")
    assert int(segment.text) >= 4 * 1920 * 1080 * 3


@needs_launch
@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda p: p.name)
def test_launch_files_declare_their_arguments_with_descriptions(path):
    arguments = described(path).get_launch_arguments()
    names = [argument.name for argument in arguments]
    assert {"namespace", "autostart", "use_sim_time", "rviz", "params_file", "weights"} <= set(names)
    assert all(argument.description for argument in arguments)


def described(path):
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    return get_launch_description_from_python_launch_file(str(path))


@pytest.fixture
def started(tmp_path, monkeypatch):
    """What a launch file of this checkout would start: executable -> the node's settings, nothing being substituted."""
    share = tmp_path / "share"
    (share / "ament_index/resource_index/packages").mkdir(parents=True)
    (share / "ament_index/resource_index/packages/hoisdf").touch()
    (share / "hoisdf").mkdir()
    for folder in ("launch", "config", "rviz"):
        (share / "hoisdf" / folder).symlink_to(ROOT / folder)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    import launch_ros.actions
    from launch import Action, LaunchContext
    from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions

    class RecordedNode(Action):
        def __init__(self, **settings):
            super().__init__(condition=settings.pop("condition", None))
            self.settings = settings

        def __call__(self, event):  # as what OnProcessExit waits for
            return False

    monkeypatch.setattr(launch_ros.actions, "Node", RecordedNode)

    def settled(value, context):
        if isinstance(value, dict):
            return {name: settled(one, context) for name, one in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(settled(one, context) for one in value)
        if hasattr(value, "evaluate"):  # ParameterValue
            return value.evaluate(context)
        if hasattr(value, "perform"):
            return perform_substitutions(context, normalize_to_list_of_substitutions(value))
        return value

    def start(file, **arguments):
        context = LaunchContext()
        context.launch_configurations.update(arguments)
        nodes = {}

        def visit(entity):
            if isinstance(entity, RecordedNode):
                if entity.condition is None or entity.condition.evaluate(context):
                    nodes[entity.settings["executable"]] = settled(entity.settings, context)
                return
            for inner in entity.visit(context) or ():
                visit(inner)

        visit(described(ROOT / "launch" / file))
        return nodes

    return start


def given_parameters(node):
    return {name: value for one in node["parameters"] if isinstance(one, dict) for name, value in one.items()}


@needs_launch
@pytest.mark.parametrize(("driver", "image", "info"), [
    ("realsense", "/camera/camera/color/image_raw", "/camera/camera/color/camera_info"),
    ("oak", "/oak/rgb/image_raw", "/oak/rgb/camera_info"),
    ("zed", "/zed/zed_node/rgb/color/rect/image", "/zed/zed_node/rgb/color/rect/camera_info"),
    ("usb_cam", "/image_raw", "/camera_info"),
])  # fmt: skip
@pytest.mark.parametrize("file", ["live.launch.py", "grasp.launch.py"])
def test_drivers_topics_are_taken_by_name_and_no_other_camera_is_started(started, file, driver, image, info):
    nodes = started(file, driver=driver, rviz="true")
    topics = dict(nodes["perception"]["remappings"])
    assert (topics["image"], topics.get("camera_info", "camera_info")) == (image, info)
    assert "camera" not in nodes
    assert given_parameters(nodes["perception"]).get("input.rectified", False) == (driver == "zed")
    assert nodes["rviz2"]["arguments"][-2] == "-f"
    assert nodes["rviz2"]["arguments"][-1] not in ("", "camera_optical_frame")


@needs_launch
def test_an_argument_goes_before_what_a_driver_has(started):
    nodes = started("live.launch.py", driver="zed", image="/mine", rectified="false", fixed_frame="map", rviz="true")
    assert dict(nodes["perception"]["remappings"])["image"] == "/mine"
    assert given_parameters(nodes["perception"])["input.rectified"] is False
    assert nodes["rviz2"]["arguments"][-2:] == ["-f", "map"]


@needs_launch
def test_several_cameras_are_nodes_of_one_process(started):
    nodes = started("perception.launch.py", cameras="left,right", image="image_raw")
    assert nodes["perception"]["arguments"][:3] == ["--cameras", "left", "right"]
    assert dict(nodes["perception"]["remappings"])["image"] == "image_raw"
    assert nodes["perception"]["name"] is None  # else launch writes the parameters for /perception, which there isn't
    assert started("perception.launch.py")["perception"]["name"] == "perception"


@needs_launch
def test_one_topic_for_several_cameras_is_refused(started):
    with pytest.raises(RuntimeError, match="image:=/camera/camera/color/image_raw is one topic for all of cameras"):
        started("perception.launch.py", cameras="left,right", driver="realsense")


@needs_launch
def test_an_unknown_driver_is_refused(started):
    with pytest.raises(RuntimeError, match="driver must be one of camera, realsense, oak, zed, usb_cam or empty"):
        started("live.launch.py", driver="kinect")


@needs_launch
@pytest.mark.parametrize("transport", ["", "compressed"])
def test_the_own_camera_and_perception_meet_on_the_same_topic(started, transport):
    nodes = started("live.launch.py", transport=transport, frame_id="left_optical", rviz="true")
    heard = dict(nodes["perception"]["remappings"])["image"]
    published = "image_raw/compressed" if transport else "image_raw"
    assert heard == published
    assert dict(nodes["camera"]["remappings"])[published] == published
    assert given_parameters(nodes["camera"]).get("transport", "raw") == (transport or "raw")
    assert nodes["rviz2"]["arguments"][-2:] == ["-f", "left_optical"]


@needs_launch
@pytest.mark.parametrize("transport", ["", "compressed"])
def test_the_viewer_hears_what_perception_hears_and_says_where_it_is_asked_for(started, transport):
    assert "viewer" not in started("live.launch.py")
    nodes = started("live.launch.py", view="true", driver="zed", use_depth="true", transport=transport)
    topics, heard = dict(nodes["viewer"]["remappings"]), dict(nodes["perception"]["remappings"])
    assert {name: topics[name] for name in ("image", "camera_info", "depth")} == {
        name: heard[name] for name in ("image", "camera_info", "depth")
    }
    assert topics["hand_object"] == "perception/hand_object"
    parameters = given_parameters(nodes["viewer"])
    assert (parameters["rectified"], parameters["depth"]) == (True, True)
    assert parameters["transport"] == (transport or "raw")


@needs_launch
@pytest.mark.parametrize("file", ["replay.launch.py", "evaluate.launch.py"])
def test_the_shipped_recording_plays_with_one_argument(started, file):
    from hoisdf_model.data import BagReader, sample_recording

    nodes = started(file, bag="sample", rviz="true")
    played = given_parameters(nodes["replay"])
    assert Path(played["bag"]) == sample_recording()
    recorded = BagReader(sample_recording()).topics
    renamed = dict(nodes["replay"]["remappings"])
    assert recorded["/image/compressed"].type == "sensor_msgs/msg/CompressedImage"
    assert renamed["/image/compressed"] == dict(nodes["perception"]["remappings"])["image"]
    assert set(played["wait_for.topics"].split()) <= set(recorded)
    assert given_parameters(nodes["perception"]) | {"input.transport": "compressed", "input.regions": "regions"} == (
        given_parameters(nodes["perception"])
    )
    assert nodes["rviz2"]["arguments"][-2:] == ["-f", "camera_color_optical_frame"]


@needs_launch
def test_a_recording_called_sample_goes_before_the_shipped_one(started, tmp_path):
    (tmp_path / "sample").mkdir()
    nodes = started("replay.launch.py", bag="sample")
    assert given_parameters(nodes["replay"])["bag"] == "sample"
    assert dict(nodes["replay"]["remappings"])["/image"] == "image"


@needs_launch
def test_the_moveit_example_is_told_the_direction_of_the_retreat(started):
    assert given_parameters(started("moveit.launch.py", retreat="0 0 1")["moveit_example"])["retreat"] == "0 0 1"


@needs_launch
@pytest.mark.parametrize("respawn", ["true", "false"])
def test_every_node_that_lasts_can_be_started_again_when_it_dies(started, respawn):
    for file, names in (("live.launch.py", ("perception", "camera")), ("grasp.launch.py", ("perception", "grasp"))):
        nodes = started(file, respawn=respawn)
        assert [nodes[name]["respawn"] for name in names] == [respawn == "true"] * 2


def run_launch(file, *arguments):
    """Run a launch file of this checkout with the installed package until it ends by itself."""
    code = (
        "import sys\nfrom ros2launch.api import launch_a_launch_file\n"
        "sys.exit(launch_a_launch_file(launch_file_path=sys.argv[1], launch_file_arguments=sys.argv[2:]))"
    )
    command = [sys.executable, "-c", code, str(ROOT / "launch" / file), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    return run.returncode, run.stdout + run.stderr


@needs_launch
@pytest.mark.ros
def test_replay_launch_plays_a_bag_in_a_namespace_and_ends(tmp_path):
    from demo_bag import write_demo_bag

    bag = write_demo_bag(tmp_path / "bag", frames=8)
    code, said = run_launch(
        "replay.launch.py", f"bag:={bag}", "namespace:=left", "weights:=untrained:compact", "use_regions:=regions"
    )
    assert code == 0, said
    assert "[left.perception]: loading untrained:compact" in said
    assert "/image 8" in said  # the replay's summary; it waited for perception to subscribe to /left/image


@needs_launch
@pytest.mark.ros
def test_evaluate_launch_leaves_a_report(tmp_path):
    from demo_bag import write_demo_bag

    bag = write_demo_bag(tmp_path / "bag", frames=8)
    code, said = run_launch(
        "evaluate.launch.py", f"bag:={bag}", f"output:={tmp_path / 'out'}", "weights:=untrained:compact",
        "use_regions:=regions",
    )  # fmt: skip
    assert code == 0, said
    assert "wrote the report of" in said
    assert (tmp_path / "out" / "report.html").exists()


@needs_launch
@pytest.mark.ros
def test_wrong_value_of_a_launch_argument_is_named():
    code, said = run_launch("perception.launch.py", "autostart:=perhaps")
    assert code != 0
    assert "launch argument autostart must be true or false, got 'perhaps'" in said
