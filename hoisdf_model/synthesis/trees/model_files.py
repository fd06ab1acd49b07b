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

"""Object models in the layout of the YCB-Video models: ``<name>/points.xyz`` and ``<name>/textured_simple.obj``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from trimesh import Trimesh
from trimesh.exchange.obj import export_obj
from trimesh.visual import TextureVisuals
from trimesh.visual.material import SimpleMaterial

from hoisdf_model.objects import CatalogueObject


def write_models(folder: Path, things: Iterable[CatalogueObject]) -> None:
    """Write each object, metres, its own frame; ``points.xyz`` holds the mesh's vertices.

    Raises:
        OSError: the folder can't be written.
    """
    for thing in things:
        target = folder / thing.name
        target.mkdir(parents=True, exist_ok=True)
        np.savetxt(target / "points.xyz", np.unique(np.asarray(thing.mesh.vertices), axis=0), "%.8f")
        surface = thing.surface
        uv = np.stack([surface.uv[:, 0], 1 - surface.uv[:, 1]], 1)  # files count v from the bottom
        material = SimpleMaterial(image=Image.fromarray(surface.texture), name="print")
        mesh = Trimesh(surface.vertices, surface.faces, process=False, visual=TextureVisuals(uv, material))
        text, pictures = export_obj(mesh, return_texture=True, mtl_name="textured_simple.obj.mtl")
        (target / "textured_simple.obj").write_text(text)
        for name, content in pictures.items():
            (target / name).write_bytes(content)
