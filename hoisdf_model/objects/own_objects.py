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

"""User objects in a catalogue folder.

Meshes are checked, closed, in metres, with their symmetry.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from hoisdf_model.errors import MeshError
from hoisdf_model.objects.mesh_files import find_meshes, main_colour, surface_of
from hoisdf_model.objects.mesh_reading import read_mesh
from hoisdf_model.objects.object_records import MESH, RECORD, SURFACE, Record, checksum, to_yaml
from hoisdf_model.objects.procedural import BY_NAME
from hoisdf_model.objects.repair import closed_solid
from hoisdf_model.objects.symmetry_search import Turns, find_turns
from hoisdf_model.objects.unwrapping import TexturedSurface

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
SMALLEST, LARGEST = 0.01, 0.5  # metres, longest edge of the box: what a hand holds
LARGEST_TEXTURE = 2048  # pixels
MOST_DRAWN = 200_000  # faces
NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
LONGEST_NAME = 48
TAKEN = re.compile(r"hand_(right|left)|object|shape_.*|.*_truth")
NUMBERED = re.compile(r"(.*)_[0-9]+")  # what TF calls the second object of a name


@dataclass(frozen=True)
class Candidate:
    """A mesh that is ready to be added.

    Attributes:
        source: the file. unit: its unit.
        mesh: closed, metres; origin and axes are the file's.
        surface: what is drawn, or None where the mesh in one colour does.
        colour: that colour, sRGB.
        changes: what was repaired, in words.
        proposed: the symmetry found.
    """

    source: Path
    unit: str
    mesh: trimesh.Trimesh
    surface: TexturedSurface | None
    colour: tuple[int, int, int]
    changes: tuple[str, ...]
    proposed: Turns


def check_name(name: str, catalogue: Path, replace: bool = False) -> None:
    """Check an object's name for TF, folders and file names.

    Args:
        name: of the object.
        catalogue: the folder that it is to be in.
        replace: an object of that name which was added before doesn't matter.

    Raises:
        MeshError: it may not; says why.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise MeshError(
            f"an object can't be called {name!r}: the name becomes a TF frame, so it is made of letters, digits and "
            f"single underscores, begins with a letter, ends without an underscore, and has at most {LONGEST_NAME} "
            "characters"
        )
    if TAKEN.fullmatch(name.lower()):
        raise MeshError(
            f"an object can't be called {name!r}: hand_right, hand_left, object, shape_* and *_truth have a meaning of "
            "their own on TF or in grasp libraries"
        )
    if replace and (catalogue / name / RECORD).is_file():
        return
    for other in sorted({*BY_NAME, *(find_meshes(catalogue) if any_meshes(catalogue) else ())}):
        if other.lower() == name.lower():
            raise MeshError(f"there is an object {other!r} already; take another name, or --replace it if it is yours")
        for one, second in ((name, other), (other, name)):
            match = NUMBERED.fullmatch(second)
            if match and match[1] == one:
                raise MeshError(
                    f"an object can't be called {name!r} beside {other!r}: on TF the second {one!r} is called like that"
                )


def any_meshes(catalogue: Path) -> bool:
    """Whether a folder exists and holds an object."""
    try:
        return bool(find_meshes(catalogue))
    except MeshError:
        return False


def size_of(path: Path) -> float:
    """Longest edge of a mesh's bounding box, in the file's unit.

    Raises:
        MeshError: the file can't be used.
    """
    return float(np.ptp(np.asarray(read_mesh(path).vertices), axis=0).max())


def plausible_units(size: float) -> list[str]:
    """Units for which an object of that size would fit a hand."""
    return [unit for unit, scale in UNITS.items() if SMALLEST <= size * scale <= LARGEST]


def sizes_in_words(size: float) -> str:
    """Descriptions of the object's size in each unit."""
    return ", ".join(f"in {unit}: {_length(size * scale)}" for unit, scale in UNITS.items())


def _length(metres: float) -> str:
    scale, unit = (1, "m") if metres >= 1 else (100, "cm") if metres >= 0.01 else (1000, "mm")
    return f"{metres * scale:.3g} {unit}"


def check_size(path: Path, size: float, unit: str) -> None:
    """Check that the object's size fits a hand.

    Raises:
        MeshError: unknown unit, or too small or large; names the units that would fit.
    """
    if unit not in UNITS:
        raise MeshError(f"the unit must be one of {', '.join(UNITS)}, got {unit!r}")
    if not SMALLEST <= size * UNITS[unit] <= LARGEST:
        fitting = plausible_units(size)
        advice = f"is --unit {' or '.join(fitting)} meant?" if fitting else "no unit fits: scale the mesh."
        raise MeshError(
            f"{path} would be {_length(size * UNITS[unit])} large; hand-held objects have {SMALLEST * 100:g} to "
            f"{LARGEST * 100:g} cm. Its longest edge has {size:.4g} units ({sizes_in_words(size)}); {advice}"
        )


def examine(path: Path, unit: str, fill_holes: bool = False) -> Candidate:
    """Read, scale and close a mesh, and detect its symmetry.

    Raises:
        MeshError: the file can't be used, or can't be made a closed solid of a plausible size; says why.
    """
    loaded = read_mesh(path)
    vertices, faces = np.asarray(loaded.vertices, np.float64), np.asarray(loaded.faces, np.int64)
    check_size(path, float(np.ptp(vertices, axis=0).max()), unit)
    loaded.vertices = vertices = vertices * UNITS[unit]
    try:
        repaired = closed_solid(vertices, faces, fill_holes)
    except MeshError as error:
        raise MeshError(f"{path}: {error}") from error
    changes, colour = list(repaired.changes), main_colour(loaded)
    changes += [f"{missing}, which {path.name} refers to, isn't there" for missing in loaded.metadata["missing"]]
    surface = surface_of(loaded) if len(faces) <= MOST_DRAWN else None
    if surface is None:
        changes.append(f"colours are lost: what is drawn may have {MOST_DRAWN} faces")
    elif np.ptp(surface.texture.reshape(-1, 3), axis=0).max() == 0:
        surface = None
    return Candidate(path, unit, repaired.mesh, surface, colour, tuple(changes), find_turns(repaired.mesh))


def add_object(
    candidate: Candidate, name: str, catalogue: Path, symmetry: Turns | None = None, replace: bool = False
) -> Path:
    """Write an object into a catalogue folder.

    The folder is created if it doesn't exist.

    Args:
        candidate: what ``examine`` gave.
        name: see ``check_name``.
        catalogue: folder.
        symmetry: the confirmed one; the proposed one where not given.
        replace: overwrite an object of that name that was added before.

    Returns:
        The object's folder.

    Raises:
        MeshError: the name can't be used, or the folder can't be written.
    """
    target = catalogue / name
    check_name(name, catalogue, replace)
    mesh = _exported(candidate.mesh, "ply")
    surface = b"" if candidate.surface is None else _as_glb(candidate.surface)
    record = Record(
        name=name,
        source=candidate.source.name,
        source_sha256=checksum(candidate.source.read_bytes()),
        unit=candidate.unit,
        scale=UNITS[candidate.unit],
        symmetry=candidate.proposed if symmetry is None else symmetry,
        colour=candidate.colour,
        texture_too=candidate.surface is None,
        mesh_sha256=checksum(mesh),
        surface_sha256=checksum(surface) if surface else "",
        changes=candidate.changes,
    )
    partial = catalogue / f".{name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        (partial / MESH).write_bytes(mesh)
        if surface:
            (partial / SURFACE).write_bytes(surface)
        (partial / RECORD).write_text(to_yaml(record), encoding="utf-8")
        if target.exists():
            _delete(target)
        target.mkdir(exist_ok=True)
        for file in (MESH, SURFACE, RECORD):
            if (partial / file).exists():
                (partial / file).replace(target / file)
        partial.rmdir()
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise MeshError(f"can't write {target}: {error.strerror or error}") from error
    return target


def remove_object(name: str, catalogue: Path) -> None:
    """Delete an object that was added; other files in its folder stay.

    Raises:
        MeshError: there is no such object, or it can't be deleted.
    """
    target = catalogue / name
    if not NAME.fullmatch(name) or not (target / RECORD).is_file():
        raise MeshError(f"{catalogue} has no added object {name!r}")
    try:
        _delete(target)
    except OSError as error:
        raise MeshError(f"can't delete {target}: {error.strerror or error}") from error


def _delete(target: Path) -> None:
    for name in (RECORD, MESH, SURFACE):
        (target / name).unlink(missing_ok=True)
    if not any(target.iterdir()):
        target.rmdir()


def _as_glb(surface: TexturedSurface) -> bytes:
    image = Image.fromarray(surface.texture)
    if max(image.size) > LARGEST_TEXTURE:
        image.thumbnail((LARGEST_TEXTURE, LARGEST_TEXTURE))
    uv: NDArray[np.float64] = np.stack([surface.uv[:, 0], 1 - surface.uv[:, 1]], 1).astype(np.float64)
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=image, metallicFactor=0.0, roughnessFactor=0.7)
    visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    drawn = trimesh.Trimesh(surface.vertices, surface.faces, visual=visual, process=False)
    return _exported(drawn, "glb")


def _exported(mesh: trimesh.Trimesh, kind: str) -> bytes:
    data = mesh.export(file_type=kind)
    assert isinstance(data, bytes)  # both kinds are binary
    return data
