"""Synthetic grasps: postures, contacts, force closure, the library."""
