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

"""Replayed recording with perception node and evaluation node.

    ros2 launch hoisdf evaluate.launch.py bag:=/path/to/bag output:=/path/for/the/report

Takes all arguments of replay.launch.py too. A model slower than the recording skips frames: ``rate:=0.1`` gives it
time, ``hoisdf evaluate --bag`` skips none.
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
    share = FindPackageShare("hoisdf")
    arguments = [
        DeclareLaunchArgument(
            "bag", description="Folder of a rosbag2 recording with ground truth; sample: the one that ships"
        ),
        DeclareLaunchArgument("output", default_value="evaluation/live", description="Folder for the report"),
        DeclareLaunchArgument("linger", default_value="3.0", description="Seconds to wait for the last estimates"),
        DeclareLaunchArgument(
            "estimates", default_value="perception/hand_object", description="Topic of the estimates"
        ),
        DeclareLaunchArgument(
            "evaluation_params_file",
            default_value=PathJoinSubstitution([share, "config", "evaluation.yaml"]),
            description="Parameters of the evaluation node that have no argument here",
        ),
    ]
    replay = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([share, "launch", "replay.launch.py"])),
        launch_arguments={
            "bag": LaunchConfiguration("bag"),
            "linger": LaunchConfiguration("linger"),
            "wait_for": "image ground_truth",
        }.items(),
    )
    evaluation = Node(
        package="hoisdf",
        executable="evaluation",
        name="evaluation",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        emulate_tty=True,
        prefix=PREFIX,
        exec_name="evaluation",
        parameters=[
            LaunchConfiguration("evaluation_params_file"),
            {
                "autostart": True,
                "use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool),
                "output": ParameterValue(LaunchConfiguration("output"), value_type=str),
                "catalogue": ParameterValue(LaunchConfiguration("catalogue"), value_type=str),
            },
        ],
        remappings=[("hand_object", LaunchConfiguration("estimates"))],
        # the report is drawn after the interrupt
        sigterm_timeout="60",
        sigkill_timeout="60",
    )
    return LaunchDescription([*arguments, replay, evaluation])
