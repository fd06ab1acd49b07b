"""The perception node alone, and RViz if wanted: what live.launch.py and replay.launch.py are built on.

Arguments that are left empty leave the parameter file's value (or the node's default) alone.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

# launch argument: parameter, its type, what it does
PARAMETERS = {
    "weights": ("model.weights", str, "Weights file, or untrained:compact; empty: the shipped weights"),
    "hand_model": ("model.hand_model", str, "Hand model file; empty: what the weights bring, or the open hand"),
    "device": ("model.device", str, "auto, cpu, cuda, ..."),
    "transport": ("input.transport", str, "raw or compressed: the type of the image topic"),
    "rectified": ("input.rectified", bool, "true where the images are rectified (P holds, not K with D)"),
    "use_depth": ("input.depth", bool, "true: wait for a depth image aligned to the image"),
    "use_regions": ("input.regions", str, "Where boxes come from: none, regions or detections"),
    "object": ("object.name", str, "Name of the object held"),
    "catalogue": ("object.catalogue", str, "Folder of object meshes of your own; empty: the catalogue that ships"),
    "tf_prefix": ("publish.tf_prefix", str, "Put before TF frame names, for several cameras"),
}
# launch argument: topic of the node, and its default
TOPICS = ("image", "camera_info", "depth", "regions", "detections")
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
PREFIX = "env --block-signal=INT,TERM"  # an interrupt waits until the node can hear it


def as_bool(name: str, text: str) -> bool:
    if text.lower() not in (*TRUE, *FALSE):
        raise RuntimeError(f"launch argument {name} must be true or false, got {text!r}")
    return text.lower() in TRUE


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
    return [
        Node(
            package="hoisdf",
            executable="perception",
            name="perception",
            namespace=value("namespace"),
            output="screen",
            emulate_tty=True,
            prefix=PREFIX,
            exec_name="perception",
            parameters=[value("params_file"), parameters],
            remappings=[(topic, value(topic)) for topic in TOPICS if value(topic) != topic],
            arguments=["--ros-args", "--log-level", value("log_level")],
        )
    ]


def generate_launch_description():
    def in_share(*path):
        return PathJoinSubstitution([FindPackageShare("hoisdf"), *path])

    arguments = [
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of all nodes and topics"),
        DeclareLaunchArgument(
            "params_file", default_value=in_share("config", "perception.yaml"), description="Parameters of the node"
        ),
        DeclareLaunchArgument(
            "perception", default_value="true", description="false: only what a launch file starts besides this node"
        ),
        DeclareLaunchArgument("autostart", default_value="true", description="Configure and activate by itself"),
        DeclareLaunchArgument("use_sim_time", default_value="false", description="Take the time from /clock"),
        DeclareLaunchArgument("log_level", default_value="info", description="Log level of the node"),
        DeclareLaunchArgument("rviz", default_value="false", description="Start RViz too"),
        DeclareLaunchArgument(
            "rviz_config", default_value=in_share("rviz", "hoisdf.rviz"), description="What RViz shows"
        ),
        *(DeclareLaunchArgument(topic, default_value=topic, description=f"Topic read as {topic}") for topic in TOPICS),
        *(
            DeclareLaunchArgument(name, default_value="", description=f"{text} (parameter {parameter})")
            for name, (parameter, _, text) in PARAMETERS.items()
        ),
    ]
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=["-d", LaunchConfiguration("rviz_config")],
        parameters=[{"use_sim_time": LaunchConfiguration("use_sim_time")}],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return LaunchDescription([*arguments, OpaqueFunction(function=perception_node), rviz])
