# Copyright 2026 hoisdf contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Geometry without learning: rotations, cameras, boxes, crops, alignment, meshes, distances."""

from hoisdf_model.geometry import boxes, clipping, crops, distances, meshes, pictures, poses, rotations
from hoisdf_model.geometry.boxes import validated as validated_box
from hoisdf_model.geometry.camera_files import read_camera, write_camera
from hoisdf_model.geometry.cameras import Pinhole
from hoisdf_model.geometry.meshes import simplified
from hoisdf_model.geometry.pictures import DistortedImage, Picture
from hoisdf_model.geometry.poses import rigid

__all__ = [
    "DistortedImage",
    "Picture",
    "Pinhole",
    "boxes",
    "clipping",
    "crops",
    "distances",
    "meshes",
    "pictures",
    "poses",
    "read_camera",
    "rigid",
    "rotations",
    "simplified",
    "validated_box",
    "write_camera",
]
