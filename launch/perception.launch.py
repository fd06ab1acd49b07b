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

"""Perception node alone, and RViz on request.

live.launch.py and replay.launch.py include it.

    ros2 launch hoisdf perception.launch.py driver:=realsense use_depth:=true
    ros2 launch hoisdf perception.launch.py cameras:=left,right image:=image_raw

Arguments that are left empty leave the parameter file's value (or the node's default) alone. Topics that are left empty
are those of ``driver``, or have the node's own names.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetLaunchConfiguration
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

# launch argument: parameter, its type, what it does
PARAMETERS = {
    "weights": ("model.weights", str, "Weights file, or untrained:compact; empty: the shipped weights"),
    "hand_model": ("model.hand_model", str, "Hand model file; empty: the one of the weights, else the open hand"),
    "device": ("model.device", str, "auto, cpu, cuda, ..."),
    "transport": ("input.transport", str, "raw or compressed (the topic's name with /compressed appended)"),
    "rectified": ("input.rectified", bool, "true if the images are rectified (P is used, not K and D)"),
    "use_depth": ("input.depth", bool, "true: wait for a depth image aligned to the image"),
    "use_regions": ("input.regions", str, "Source of boxes: none, regions or detections"),
    "object": ("object.name", str, "Name of the held object"),
    "catalogue": ("object.catalogue", str, "Folder of your object meshes; empty: the shipped catalogue"),
    "tf_prefix": ("publish.tf_prefix", str, "Prefix of TF frame names, for several cameras"),
}
TOPICS = ("image", "camera_info", "depth", "regions", "detections")
# What drivers publish under their default names, depth aligned to the image, and arguments that go with it.
DRIVERS = {
    "": {},
    "camera": {"image": "image_raw"},  # this package's own node
    "realsense": {  # realsense2_camera 4.55 and later, with align_depth.enable:=true
        "image": "/camera/camera/color/image_raw",
        "camera_info": "/camera/camera/color/camera_info",
        "depth": "/camera/camera/aligned_depth_to_color/image_raw",
        "fixed_frame": "camera_color_optical_frame",
    },
    "oak": {  # depthai_ros_driver
        "image": "/oak/rgb/image_raw",
        "camera_info": "/oak/rgb/camera_info",
        "depth": "/oak/stereo/image_raw",
        "fixed_frame": "oak_rgb_camera_optical_frame",
    },
    "zed": {  # zed_wrapper 5.1 and later, camera_name:=zed
        "image": "/zed/zed_node/rgb/color/rect/image",
        "camera_info": "/zed/zed_node/rgb/color/rect/camera_info",
        "depth": "/zed/zed_node/depth/depth_registered",
        "rectified": "true",
        "fixed_frame": "zed_left_camera_frame_optical",
    },
    "usb_cam": {"image": "/image_raw", "camera_info": "/camera_info", "fixed_frame": "camera"},
}
RESPAWN_DELAY = 2.0  # seconds
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
PREFIX = "env --block-signal=INT,TERM"  # an interrupt waits until the node can hear it


def as_bool(name: str, text: str) -> bool:
    if text.lower() not in (*TRUE, *FALSE):
        raise RuntimeError(f"launch argument {name} must be true or false, got {text!r}")
    return text.lower() in TRUE


def settle_names(context):
    """Fill empty arguments with the driver's values or the defaults."""
    driver = LaunchConfiguration("driver").perform(context)
    if driver not in DRIVERS:
        known = ", ".join(filter(None, DRIVERS))
        raise RuntimeError(f"launch argument driver must be one of {known} or empty, got {driver!r}")
    own = {topic: topic for topic in TOPICS} | {"fixed_frame": "camera_optical_frame"}
    return [
        SetLaunchConfiguration(name, value)
        for name, value in (own | DRIVERS[driver]).items()
        if not LaunchConfiguration(name).perform(context)
    ]


def image_topic(image: str, transport: str) -> str:
    """The topic with the name that image_transport gives it."""
    return f"{image}/compressed" if transport == "compressed" and not image.endswith("/compressed") else image


def perception_node(context):
    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    if not as_bool("perception", value("perception")):
        return []
    parameters = {name: as_bool(name, value(name)) for name in ("autostart", "use_sim_time")}
    for argument, (parameter, kind, _) in PARAMETERS.items():
        text = value(argument)
        if text:
            parameters[parameter] = as_bool(argument, text) if kind is bool else text
    cameras = value("cameras").replace(",", " ").split()
    topics = {topic: value(topic) for topic in TOPICS}
    shared = [f"{topic}:={name}" for topic, name in topics.items() if name.startswith("/")]
    if len(cameras) > 1 and shared:
        raise RuntimeError(
            f"{shared[0]} is one topic for all of cameras:={value('cameras')}: give a relative name, which is that "
            "of a topic in each camera's namespace"
        )
    topics["image"] = image_topic(topics["image"], value("transport"))
    return [
        Node(
            package="hoisdf",
            executable="perception",
            name=None if cameras else "perception",  # launch gives parameters to the node of that very name only
            namespace=value("namespace"),
            output="screen",
            emulate_tty=True,
            prefix=PREFIX,
            exec_name="perception",
            parameters=[value("params_file"), parameters],
            remappings=[(topic, name) for topic, name in topics.items() if name != topic],
            respawn=as_bool("respawn", value("respawn")),
            respawn_delay=RESPAWN_DELAY,
            arguments=[*(["--cameras", *cameras] if cameras else []), "--ros-args", "--log-level", value("log_level")],
        )
    ]


def generate_launch_description():
    def in_share(*path):
        return PathJoinSubstitution([FindPackageShare("hoisdf"), *path])

    arguments = [
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of all nodes and topics"),
        DeclareLaunchArgument(
            "cameras",
            default_value="",
            description="Names of several cameras between commas: one process has a node for each, in its namespace",
        ),
        DeclareLaunchArgument(
            "params_file", default_value=in_share("config", "perception.yaml"), description="Parameters of the node"
        ),
        DeclareLaunchArgument(
            "perception",
            default_value="true",
            description="false: don't start this node, only the others of the launch file",
        ),
        DeclareLaunchArgument("autostart", default_value="true", description="Configure and activate automatically"),
        DeclareLaunchArgument("use_sim_time", default_value="false", description="Take the time from /clock"),
        DeclareLaunchArgument("log_level", default_value="info", description="Log level of the node"),
        DeclareLaunchArgument("respawn", default_value="false", description="Restart the nodes when they die"),
        DeclareLaunchArgument("rviz", default_value="false", description="Start RViz too"),
        DeclareLaunchArgument(
            "rviz_config", default_value=in_share("rviz", "hoisdf.rviz"), description="RViz configuration"
        ),
        DeclareLaunchArgument("fixed_frame", default_value="", description="Fixed frame of RViz; empty: the camera's"),
        DeclareLaunchArgument(
            "driver",
            default_value="",
            description=f"Camera driver whose topics are used: {', '.join(filter(None, DRIVERS))}; empty: none",
        ),
        *(
            DeclareLaunchArgument(
                topic, default_value="", description=f"Topic read as {topic}; empty: the driver's, or {topic}"
            )
            for topic in TOPICS
        ),
        *(
            DeclareLaunchArgument(name, default_value="", description=f"{text} (parameter {parameter})")
            for name, (parameter, _, text) in PARAMETERS.items()
        ),
    ]
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=["-d", LaunchConfiguration("rviz_config"), "-f", LaunchConfiguration("fixed_frame")],
        parameters=[{"use_sim_time": LaunchConfiguration("use_sim_time")}],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return LaunchDescription(
        [*arguments, OpaqueFunction(function=settle_names), OpaqueFunction(function=perception_node), rviz]
    )
