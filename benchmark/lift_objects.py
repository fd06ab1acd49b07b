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

"""The objects that the lift benchmark lifts: their weights, and their shapes as convex pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lift_simulation import Body

from hoisdf_model.errors import DependencyError, MeshError
from hoisdf_model.objects import CatalogueObject

# kilograms: the real objects', of which the catalogue has look-alikes; table 1 of Calli et al., "The YCB object and
# model set", 2015
MASSES = {
    "002_master_chef_can": 0.414, "003_cracker_box": 0.411, "004_sugar_box": 0.514, "005_tomato_soup_can": 0.349,
    "006_mustard_bottle": 0.603, "007_tuna_fish_can": 0.171, "008_pudding_box": 0.187, "009_gelatin_box": 0.097,
    "010_potted_meat_can": 0.370, "011_banana": 0.066, "019_pitcher_base": 0.178, "021_bleach_cleanser": 1.131,
    "024_bowl": 0.147, "025_mug": 0.118, "035_power_drill": 0.895, "036_wood_block": 0.729, "037_scissors": 0.082,
    "040_large_marker": 0.0158, "051_large_clamp": 0.125, "052_extra_large_clamp": 0.202, "061_foam_brick": 0.028,
}  # fmt: skip
CONCAVITY = 0.02  # CoACD's threshold, a share of the object's size: smaller, more pieces
SEED = 0


def lifted_body(thing: CatalogueObject, folder: Path) -> Body:
    """An object of its real weight, evenly dense; its pieces are kept in ``folder``, for cutting takes seconds.

    Raises:
        DependencyError: no CoACD.
        MeshError: an object whose weight nobody knows, or a mesh that encloses nothing.
    """
    if thing.name not in MASSES:
        raise MeshError(f"nobody says what {thing.name} weighs: lifted are {', '.join(MASSES)}")
    mesh = thing.mesh
    if not mesh.is_volume:
        raise MeshError(f"{thing.name} can't be weighed: its mesh isn't closed")
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    mass = MASSES[thing.name]
    inertia = np.asarray(mesh.moment_inertia, np.float64) * mass / (mesh.volume * mesh.density)
    pieces = convex_pieces(thing.name, vertices, faces, folder)
    return Body(pieces, mass, np.asarray(mesh.center_mass, np.float64), inertia, vertices, faces)


def convex_pieces(
    name: str, vertices: np.ndarray[tuple[int, ...], np.dtype[np.float64]], faces: np.ndarray, folder: Path
) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Points of the convex pieces that a mesh is cut into (CoACD, Wei et al. 2022).

    Raises:
        DependencyError: no CoACD.
    """
    kept = folder / f"{name}_{CONCAVITY}.npz"
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as file:
            if np.array_equal(file["vertices"], vertices):
                return [file[f"piece{k}"] for k in range(len(file.files) - 1)]
    try:
        import coacd
    except ImportError as error:
        raise DependencyError("lifting cuts meshes with CoACD: pip install 'hoisdf[benchmark]'") from error
    coacd.set_log_level("error")
    parts = coacd.run_coacd(coacd.Mesh(vertices, faces), threshold=CONCAVITY, seed=SEED)
    pieces = [np.asarray(points, np.float64) for points, _ in parts]
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(kept, vertices=vertices, **{f"piece{k}": piece for k, piece in enumerate(pieces)})
    return pieces
