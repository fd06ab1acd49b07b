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

"""Plausibility measurements of hand models.

Sizes in millimetres, mesh and skinning facts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoisdf_model.geometry.meshes import boundary_loops, capped
from hoisdf_model.hand.joints import MANO_FINGER_BASE, TIP_VERTICES
from hoisdf_model.hand.model_file import HandModel


def measure(model: HandModel) -> dict[str, Any]:
    """Measurements of the mean hand at rest.

    Lengths in millimetres, volume in millilitres, counts.
    """
    vertices, joints = model.v_template.astype(np.float64), model.joints.astype(np.float64)
    closed, faces = capped(vertices, model.faces)
    a, b, c = closed[faces].transpose(1, 0, 2)
    lengths = {}
    for finger, first in MANO_FINGER_BASE.items():
        chain = np.stack([*joints[first : first + 3], vertices[TIP_VERTICES[finger]]])
        lengths[finger] = [round(float(x) * 1e3, 1) for x in np.linalg.norm(np.diff(chain, axis=0), axis=1)]
    reach = np.linalg.norm(vertices[TIP_VERTICES["middle"]] - joints[0])
    knuckles = np.linalg.norm(joints[MANO_FINGER_BASE["index"]] - joints[MANO_FINGER_BASE["little"]])
    return {
        "vertices": len(vertices),
        "faces": len(model.faces),
        "open_edges": sum(len(loop) for loop in boundary_loops(model.faces)),
        "wrist_to_middle_tip_mm": round(float(reach) * 1e3, 1),
        "knuckles_index_to_little_mm": round(float(knuckles) * 1e3, 1),
        "phalanges_mm": lengths,
        "volume_ml": round(abs(float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum())) / 6e-6, 1),
        "shape_rms_mm": [round(float(x) * 1e3, 2) for x in np.sqrt((model.shapedirs**2).sum(1).mean(0))],
        "bones_per_vertex": round(float((model.weights > 0).sum(1).mean()), 2),
        "largest_pose_corrective_mm": round(float(np.abs(model.posedirs).max()) * 1e3, 2),
    }
