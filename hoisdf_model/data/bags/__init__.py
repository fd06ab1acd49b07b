"""Rosbag2 recordings: read, written, and used as labelled data, without ROS."""
