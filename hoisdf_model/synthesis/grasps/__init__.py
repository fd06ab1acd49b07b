"""Hands and the grasps that they find: postures, contacts, force closure, the library."""
