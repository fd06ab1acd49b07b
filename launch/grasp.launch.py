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

"""The perception node and the grasp node.

    ros2 launch hoisdf grasp.launch.py gripper:=franka_hand frame:=panda_link0 image:=/camera/image_raw \
        camera_info:=/camera/camera_info use_depth:=true depth:=/camera/depth/image_raw

Takes all arguments of perception.launch.py too; with ``perception:=false`` the grasp node starts alone.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

# launch argument: parameter of the grasp node, what it does
PARAMETERS = {
    "gripper": ("gripper", "Name of a gripper, or a YAML file of your own"),
    "modes": ("modes", "Some of imitate handover hand_only, separated by spaces"),
    "frame": ("frame.id", "Frame to give grasps in, such as the robot's base; empty: the camera's"),
    # arguments of perception.launch.py that both nodes take
    "hand_model": ("model.hand_model", ""),
    "catalogue": ("model.catalogue", ""),
    "object": ("model.objects", ""),
    "tf_prefix": ("publish.tf_prefix", ""),
}
TRUE = ("true", "1", "yes", "on")
PREFIX = "env --block-signal=INT,TERM"  # an interrupt waits until the node can hear it


def grasp_node(context):
    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    parameters = {name: value(name).lower() in TRUE for name in ("autostart", "use_sim_time")}
    parameters |= {parameter: value(name) for name, (parameter, _) in PARAMETERS.items() if value(name)}
    return [
        Node(
            package="hoisdf",
            executable="grasp",
            name="grasp",
            namespace=value("namespace"),
            output="screen",
            emulate_tty=True,
            prefix=PREFIX,
            exec_name="grasp",
            parameters=[value("grasp_params_file"), parameters],
            remappings=[("hand_object", value("hand_object")), ("grasp/collision_object", value("collision_object"))],
            arguments=["--ros-args", "--log-level", value("log_level")],
            respawn=value("respawn").lower() in TRUE,
            respawn_delay=2.0,
        )
    ]


def generate_launch_description():
    share = FindPackageShare("hoisdf")
    arguments = [
        DeclareLaunchArgument(
            "hand_object", default_value="perception/hand_object", description="Topic of the estimates"
        ),
        DeclareLaunchArgument(
            "collision_object",
            default_value="grasp/collision_object",
            description="Topic of hand and object for a planning scene; MoveIt listens to /collision_object",
        ),
        DeclareLaunchArgument(
            "grasp_params_file",
            default_value=PathJoinSubstitution([share, "config", "grasp.yaml"]),
            description="Parameters of the grasp node that have no argument here",
        ),
        *(
            DeclareLaunchArgument(name, default_value="", description=f"{text} (parameter {parameter})")
            for name, (parameter, text) in PARAMETERS.items()
            if text
        ),
    ]
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([share, "launch", "perception.launch.py"]))
    )
    # perception first: it declares the arguments that both nodes share (namespace, autostart, use_sim_time, ...)
    return LaunchDescription([*arguments, perception, OpaqueFunction(function=grasp_node)])
