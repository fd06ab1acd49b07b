"""A camera and the perception node.

    ros2 launch hoisdf live.launch.py source:=0 camera_info_url:=camera.yaml
    ros2 launch hoisdf live.launch.py camera:=false image:=/camera/image_raw camera_info:=/camera/camera_info

Takes all arguments of perception.launch.py too.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
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
            "camera", default_value="true", description="Start this package's camera node; false: a driver publishes"
        ),
        DeclareLaunchArgument("source", default_value="0", description="Camera number, video file, stream or folder"),
        DeclareLaunchArgument("camera_info_url", default_value="", description="Calibration of that camera (YAML)"),
        DeclareLaunchArgument("frame_id", default_value="camera_optical_frame", description="Frame of its images"),
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
    camera = Node(
        package="hoisdf",
        executable="camera",
        name="camera",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        emulate_tty=True,
        prefix=PREFIX,
        exec_name="camera",
        condition=IfCondition(LaunchConfiguration("camera")),
        parameters=[
            LaunchConfiguration("camera_params_file"),
            {
                "source": ParameterValue(LaunchConfiguration("source"), value_type=str),
                "camera_info_url": ParameterValue(LaunchConfiguration("camera_info_url"), value_type=str),
                "frame_id": ParameterValue(LaunchConfiguration("frame_id"), value_type=str),
                "rate": ParameterValue(LaunchConfiguration("rate"), value_type=float),
                "loop": ParameterValue(LaunchConfiguration("loop"), value_type=bool),
                "use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool),
            },
        ],
        remappings=[("image", LaunchConfiguration("image")), ("camera_info", LaunchConfiguration("camera_info"))],
    )
    # perception first: it declares the arguments that the camera shares with it (namespace, image, ...)
    return LaunchDescription([*arguments, perception, camera])
