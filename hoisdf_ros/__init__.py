"""ROS 2 nodes on top of ``hoisdf_model``.

No geometry, no learning, no parsing.
"""
