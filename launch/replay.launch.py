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

"""A recording and the perception node, on the recording's time.

    ros2 launch hoisdf replay.launch.py bag:=sample rviz:=true   # the recording that comes with the package
    ros2 launch hoisdf replay.launch.py bag:=/path/to/bag

The recording's topics ``/image``, ``/camera_info``, ``/depth``, ``/regions`` and ``/ground_truth`` go to the topics of
the same name in the namespace; other names: ``bag_image:=/camera/image_raw`` and so on. Takes all arguments of
perception.launch.py too.
"""

from importlib.util import find_spec
from pathlib import Path

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    SetLaunchConfiguration,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

RECORDED = ("image", "camera_info", "depth", "regions", "ground_truth")
PREFIX = "env --block-signal=INT,TERM"  # an interrupt waits until the node can hear it
SAMPLE = "sample"
SAMPLES = {  # what the sample has under other names than the defaults
    "bag_image": "/image/compressed",
    "transport": "compressed",
    "use_regions": "regions",
    "fixed_frame": "camera_color_optical_frame",
}
TRUE = ("true", "1", "yes", "on")


def settle_recording(context):
    """Fill in folder and topics of the sample recording.

    A folder named ``sample`` takes precedence.
    """
    settled = {}
    if LaunchConfiguration("bag").perform(context) == SAMPLE and not Path(SAMPLE).exists():
        [package] = find_spec("hoisdf_model").submodule_search_locations
        settled = {"bag": str(Path(package, "assets", "sample_bag"))}
        settled |= {name: value for name, value in SAMPLES.items() if not given(name, context)}
    for topic in RECORDED:
        if not given(f"bag_{topic}", context):
            settled.setdefault(f"bag_{topic}", f"/{topic}")
    return [SetLaunchConfiguration(name, value) for name, value in settled.items()]


def given(name, context):
    return LaunchConfiguration(name, default="").perform(context)


def replay_node(context):
    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    def is_true(name: str) -> bool:
        return value(name).lower() in TRUE

    awaited = [value(f"bag_{name}") if name in RECORDED else name for name in value("wait_for").split()]
    heard_as = {topic: topic for topic in RECORDED}
    if value("transport") == "compressed":
        heard_as["image"] = "image/compressed"
    replay = Node(
        package="hoisdf",
        executable="replay",
        name="replay",
        namespace=value("namespace"),
        output="screen",
        emulate_tty=True,
        prefix=PREFIX,
        exec_name="replay",
        parameters=[
            value("replay_params_file"),
            {
                "bag": ParameterValue(value("bag"), value_type=str),
                "rate": float(value("rate")),
                "loop": is_true("loop"),
                "start_offset": float(value("start_offset")),
                "wait_for.topics": ParameterValue(" ".join(awaited) if is_true("wait") else "", value_type=str),
            },
        ],
        remappings=[(value(f"bag_{topic}"), heard_as[topic]) for topic in RECORDED],
    )
    end = OnProcessExit(
        target_action=replay,
        on_exit=[
            TimerAction(
                period=float(value("linger")),
                actions=[EmitEvent(event=Shutdown(reason="the recording has ended"))],
            )
        ],
    )
    return [*([RegisterEventHandler(end)] if is_true("shutdown") else []), replay]


def generate_launch_description():
    share = FindPackageShare("hoisdf")
    arguments = [
        DeclareLaunchArgument("bag", description="Folder of a rosbag2 recording; sample: the one that ships"),
        DeclareLaunchArgument("rate", default_value="1.0", description="Speed: 2 plays twice as fast"),
        DeclareLaunchArgument("loop", default_value="false", description="Start again at the end"),
        DeclareLaunchArgument("start_offset", default_value="0.0", description="Seconds of the recording to skip"),
        DeclareLaunchArgument(
            "wait", default_value="true", description="Wait for subscribers of wait_for before playing"
        ),
        DeclareLaunchArgument("shutdown", default_value="true", description="End everything when the recording ends"),
        DeclareLaunchArgument(
            "linger", default_value="0.0", description="Seconds between the end of the recording and the shutdown"
        ),
        DeclareLaunchArgument("use_sim_time", default_value="true", description="Take the time from the recording"),
        DeclareLaunchArgument(
            "replay_params_file",
            default_value=PathJoinSubstitution([share, "config", "replay.yaml"]),
            description="Parameters of the replay node that have no argument here",
        ),
        *(
            DeclareLaunchArgument(
                f"bag_{topic}",
                default_value="",
                description=f"The recording's {topic}; empty: /{topic}, or the sample's",
            )
            for topic in RECORDED
        ),
        DeclareLaunchArgument(
            "wait_for",
            default_value="image",
            description=f"Topics to wait for: some of {' '.join(RECORDED)}, or topics of the recording",
        ),
    ]
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([share, "launch", "perception.launch.py"]))
    )
    settle, replay = OpaqueFunction(function=settle_recording), OpaqueFunction(function=replay_node)
    return LaunchDescription([*arguments, settle, perception, replay])
