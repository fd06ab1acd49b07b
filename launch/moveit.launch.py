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

"""Perception, grasp node and MoveIt example.

A MoveIt 2 stack (move_group) is started by its own launch file.

    ros2 launch hoisdf moveit.launch.py gripper:=franka_hand frame:=panda_link0 image:=/camera/image_raw \
        camera_info:=/camera/camera_info use_depth:=true depth:=/camera/depth/image_raw

Takes all arguments of grasp.launch.py too. Hand and object go to /collision_object, where move_group listens.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

PREFIX = "env --block-signal=INT,TERM"  # an interrupt waits until the node can hear it


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument("gripper", default_value="franka_hand", description="Name of a gripper, or a YAML file"),
        DeclareLaunchArgument(
            "collision_object", default_value="/collision_object", description="Topic of hand and object"
        ),
        DeclareLaunchArgument(
            "joints",
            default_value="panda_finger_joint1 0.0 0.04 panda_finger_joint2 0.0 0.04",
            description="Joints of the fingers: name, position closed, position opened, and so on",
        ),
        DeclareLaunchArgument(
            "retreat",
            default_value="",
            description="Direction of the retreat, such as 0 0 1; empty: back along the approach",
        ),
    ]
    grasp = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([FindPackageShare("hoisdf"), "launch", "grasp.launch.py"]))
    )
    example = Node(
        package="hoisdf",
        executable="moveit_example",
        name="moveit_example",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        emulate_tty=True,
        prefix=PREFIX,
        exec_name="moveit_example",
        parameters=[
            {
                "gripper": ParameterValue(LaunchConfiguration("gripper"), value_type=str),
                "joints": ParameterValue(LaunchConfiguration("joints"), value_type=str),
                "retreat": ParameterValue(LaunchConfiguration("retreat"), value_type=str),
                "use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool),
            }
        ],
        remappings=[("grasps", "grasp/grasps")],
    )
    return LaunchDescription([*arguments, grasp, example])
