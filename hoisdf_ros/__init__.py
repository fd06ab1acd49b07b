"""ROS 2 side of the package: nodes, and what binds ROS to ``hoisdf_model``. No geometry, no learning, no parsing."""
