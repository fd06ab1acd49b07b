"""Geometry without learning: rotations, cameras, boxes, crops, alignment, meshes, distances."""

from hoisdf_model.geometry import boxes, clipping, crops, distances, meshes, poses, rotations
from hoisdf_model.geometry.boxes import validated as validated_box
from hoisdf_model.geometry.camera_files import read_camera, write_camera
from hoisdf_model.geometry.cameras import Pinhole
from hoisdf_model.geometry.poses import rigid

__all__ = [
    "Pinhole",
    "boxes",
    "clipping",
    "crops",
    "distances",
    "meshes",
    "poses",
    "read_camera",
    "rigid",
    "rotations",
    "validated_box",
    "write_camera",
]
