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
    from hoisdf_ros.perception_parameters import PerceptionParameters

    known = declared(PerceptionParameters)
    table = constant("perception.launch.py", "PARAMETERS")
    for entry in table.values:
        parameter, kind, _ = entry.elts
        assert parameter.value in known
        assert known[parameter.value].type_name.removesuffix("ean") == {"str": "string", "bool": "bool"}[kind.id]


@pytest.mark.ros
@pytest.mark.parametrize(("file", "module", "kind"), [
    ("camera.yaml", "camera_node", "CameraParameters"), ("replay.yaml", "replay_node", "ReplayParameters"),
    ("perception.yaml", "perception_parameters", "PerceptionParameters"),
    ("grasp.yaml", "grasp_parameters", "GraspParameters"),
    ("evaluation.yaml", "evaluation_parameters", "EvaluationParameters"),
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
    sources = {"perception": "outputs.py", "grasp": "grasp_outputs.py"}
    assert {topic.split("/")[0] for topic in topics} == set(sources)  # relative: a namespace applies
    for topic in topics:
        node, name = topic.split("/")
        assert f'"~/{name}"' in (ROOT / "hoisdf_ros" / sources[node]).read_text()


@pytest.mark.ros
def test_arguments_of_the_grasp_launch_file_name_parameters_that_the_nodes_have():
    from hoisdf_ros.grasp_parameters import GraspParameters

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
