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

"""A camera and the perception node.

    ros2 launch hoisdf live.launch.py source:=0 camera_info_url:=camera.yaml
    ros2 launch hoisdf live.launch.py driver:=realsense use_depth:=true
    ros2 launch hoisdf live.launch.py driver:= image:=/camera/image_raw camera_info:=/camera/camera_info

    ros2 launch hoisdf live.launch.py view:=true

A driver is started by its own launch file; only ``driver:=camera``, the default, starts this package's node. Takes all
arguments of perception.launch.py too.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, SetLaunchConfiguration
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

PREFIX = "env --block-signal=INT,TERM"  # an interrupt waits until the node can hear it
TRUE = ("true", "1", "yes", "on")


def own_frame(context):
    """RViz's fixed frame where this package's node publishes."""
    own = LaunchConfiguration("driver").perform(context) == "camera"
    wanted = own and not LaunchConfiguration("fixed_frame", default="").perform(context)
    return [SetLaunchConfiguration("fixed_frame", LaunchConfiguration("frame_id"))] if wanted else []


def camera_node(context):
    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    if value("driver") != "camera" or value("camera").lower() not in TRUE:
        return []
    texts = {name: ParameterValue(value(name), value_type=str) for name in ("source", "camera_info_url", "frame_id")}
    if value("transport"):
        texts["transport"] = value("transport")
    image = value("image")
    return [
        Node(
            package="hoisdf",
            executable="camera",
            name="camera",
            namespace=value("namespace"),
            output="screen",
            emulate_tty=True,
            prefix=PREFIX,
            exec_name="camera",
            respawn=value("respawn").lower() in TRUE,
            respawn_delay=2.0,
            parameters=[
                value("camera_params_file"),
                {
                    "rate": float(value("rate")),
                    "loop": value("loop").lower() in TRUE,
                    "use_sim_time": value("use_sim_time").lower() in TRUE,
                    **texts,
                },
            ],
            remappings=[
                ("image_raw", image),
                ("image_raw/compressed", f"{image}/compressed"),
                ("camera_info", value("camera_info")),
            ],
        )
    ]


def viewer_node(context):
    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    if value("view").lower() not in TRUE:
        return []
    image = value("image")
    if value("transport") == "compressed" and not image.endswith("/compressed"):
        image = f"{image}/compressed"
    heard = {"image": image, "camera_info": value("camera_info"), "depth": value("depth")}
    texts = {"transport": value("transport") or "raw"} | {name: value(name) for name in ("hand_model", "catalogue")}
    texts = {name: ParameterValue(text, value_type=str) for name, text in texts.items()}
    return [
        Node(
            package="hoisdf",
            executable="viewer",
            name="viewer",
            namespace=value("namespace"),
            output="screen",
            emulate_tty=True,
            prefix=PREFIX,
            exec_name="viewer",
            parameters=[
                {
                    "rectified": value("rectified").lower() in TRUE,
                    "depth": value("use_depth").lower() in TRUE,
                    "use_sim_time": value("use_sim_time").lower() in TRUE,
                    **texts,
                },
            ],
            remappings=[("hand_object", "perception/hand_object")]
            + [(topic, name) for topic, name in heard.items() if topic != name],
        )
    ]


def generate_launch_description():
    share = FindPackageShare("hoisdf")
    arguments = [
        DeclareLaunchArgument(
            "driver",
            default_value="camera",
            description="camera: this package's node; or realsense, oak, zed, usb_cam, or empty and topics by argument",
        ),
        DeclareLaunchArgument("camera", default_value="true", description="false: don't start this package's node"),
        DeclareLaunchArgument("fixed_frame", default_value="", description="Fixed frame of RViz; empty: the camera's"),
        DeclareLaunchArgument("source", default_value="0", description="Camera number, video file, stream or folder"),
        DeclareLaunchArgument("camera_info_url", default_value="", description="Calibration of that camera (YAML)"),
        DeclareLaunchArgument("frame_id", default_value="camera_optical_frame", description="Frame of its images"),
        DeclareLaunchArgument("view", default_value="false", description="Show it all in Rerun (rerun-sdk)"),
        DeclareLaunchArgument("rate", default_value="0.0", description="Frames per second; 0: the source's own"),
        DeclareLaunchArgument("loop", default_value="false", description="Start a video or folder again at its end"),
        DeclareLaunchArgument(
            "camera_params_file",
            default_value=PathJoinSubstitution([share, "config", "camera.yaml"]),
            description="Parameters of the camera node that have no argument here",
        ),
    ]
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([share, "launch", "perception.launch.py"]))
    )
    # perception first: it declares the arguments that the camera shares with it (namespace, image, ...)
    nodes = [OpaqueFunction(function=camera_node), OpaqueFunction(function=viewer_node)]
    return LaunchDescription([*arguments, OpaqueFunction(function=own_frame), perception, *nodes])
