"""The node ``grasp``: hands and objects in; grasps out, also for MoveIt 2."""
