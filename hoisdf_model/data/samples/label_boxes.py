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

"""Boxes of labelled hands and objects for training."""

from __future__ import annotations

from hoisdf_model.data.labelled_frames import Floats, HandLabel, ObjectLabel
from hoisdf_model.geometry import Pinhole, boxes, crops


def hand_box(hand: HandLabel, camera: Pinhole, factor: float = 1.0, turned: Floats | None = None) -> Floats:
    """Hand box (4,), pixels, enlarged by ``factor``.

    The label's own box, else the one around the joints.

    A box that the label gives is of the image before it was ``turned`` (3, 3).
    """
    if hand.box is None:
        return boxes.around(camera.project(hand.joints), factor)
    outline = hand.box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2)
    return boxes.around(outline if turned is None else crops.apply_affine(turned, outline), factor)


def object_box(thing: ObjectLabel, camera: Pinhole, factor: float = 1.0) -> Floats:
    """Object box (4,), pixels, enlarged by ``factor``.

    Around the corners of the model's box.
    """
    corners = thing.corners @ thing.pose[:3, :3].T + thing.pose[:3, 3]
    return boxes.around(camera.project(corners), factor)
