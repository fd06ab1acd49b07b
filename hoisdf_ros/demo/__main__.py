"""``python -m hoisdf_ros.demo``: the demonstration where ``ros2 run`` isn't installed."""

from hoisdf_ros.demo.command import main

main()
