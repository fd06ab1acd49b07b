"""A recording and the perception node, on the recording's time.

    ros2 launch hoisdf replay.launch.py bag:=/path/to/bag

The recording's topics ``/image``, ``/camera_info``, ``/depth``, ``/regions`` and ``/ground_truth`` go to the topics of
the same name in the namespace; other names: ``bag_image:=/camera/image_raw`` and so on. Takes all arguments of
perception.launch.py too.
"""

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    IncludeLaunchDescription,
    RegisterEventHandler,
    TimerAction,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import IfElseSubstitution, LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

RECORDED = ("image", "camera_info", "depth", "regions", "ground_truth")
PREFIX = "env --block-signal=INT,TERM"  # an interrupt waits until the node can hear it


def generate_launch_description():
    share = FindPackageShare("hoisdf")
    arguments = [
        DeclareLaunchArgument("bag", description="Folder of a rosbag2 recording"),
        DeclareLaunchArgument("rate", default_value="1.0", description="Speed: 2 plays twice as fast"),
        DeclareLaunchArgument("loop", default_value="false", description="Start again at the end"),
        DeclareLaunchArgument("start_offset", default_value="0.0", description="Seconds of the recording to skip"),
        DeclareLaunchArgument(
            "wait", default_value="true", description="Start playing when somebody has subscribed to wait_for"
        ),
        DeclareLaunchArgument("shutdown", default_value="true", description="End everything when the recording ends"),
        DeclareLaunchArgument("linger", default_value="0.0", description="... so many seconds later"),
        DeclareLaunchArgument("use_sim_time", default_value="true", description="Take the time from the recording"),
        DeclareLaunchArgument("use_regions", default_value="none", description="none, regions or detections"),
        DeclareLaunchArgument(
            "replay_params_file",
            default_value=PathJoinSubstitution([share, "config", "replay.yaml"]),
            description="Parameters of the replay node that have no argument here",
        ),
        *(
            DeclareLaunchArgument(f"bag_{topic}", default_value=f"/{topic}", description=f"The recording's {topic}")
            for topic in RECORDED
        ),
        DeclareLaunchArgument(
            "wait_for", default_value=LaunchConfiguration("bag_image"), description="The recording's topics to wait for"
        ),
    ]
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([share, "launch", "perception.launch.py"]))
    )
    wait_for = IfElseSubstitution(LaunchConfiguration("wait"), LaunchConfiguration("wait_for"), "")
    replay = Node(
        package="hoisdf",
        executable="replay",
        name="replay",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        emulate_tty=True,
        prefix=PREFIX,
        exec_name="replay",
        parameters=[
            LaunchConfiguration("replay_params_file"),
            {
                "bag": ParameterValue(LaunchConfiguration("bag"), value_type=str),
                "rate": ParameterValue(LaunchConfiguration("rate"), value_type=float),
                "loop": ParameterValue(LaunchConfiguration("loop"), value_type=bool),
                "start_offset": ParameterValue(LaunchConfiguration("start_offset"), value_type=float),
                "wait_for.topics": ParameterValue(wait_for, value_type=str),
            },
        ],
        remappings=[(LaunchConfiguration(f"bag_{topic}"), topic) for topic in RECORDED],
    )
    end = RegisterEventHandler(
        OnProcessExit(
            target_action=replay,
            on_exit=[
                TimerAction(
                    period=LaunchConfiguration("linger"),
                    actions=[EmitEvent(event=Shutdown(reason="the recording has ended"))],
                )
            ],
        ),
        condition=IfCondition(LaunchConfiguration("shutdown")),
    )
    return LaunchDescription([*arguments, perception, end, replay])
