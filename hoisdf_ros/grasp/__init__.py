"""Node ``grasp``: ranked grasps from hands and objects, also for MoveIt 2."""
