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

"""``hoisdf objects``: the object catalogue and objects of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hoisdf_model.errors import ConfigError, MeshError

if TYPE_CHECKING:
    from hoisdf_model.objects import CatalogueObject
    from hoisdf_model.objects.own_objects import Candidate
    from hoisdf_model.objects.symmetry_search import Turns

OWN = Path("objects")  # where objects of one's own are, if nothing else is said
Folder = Annotated[
    Path | None,
    typer.Option(
        "--catalogue", "--folder", show_default="objects, where there is such a folder",
        help="Folder with additional object meshes.",
    ),
]  # fmt: skip
Target = Annotated[Path, typer.Option("--catalogue", help="Folder with objects of your own; created if missing.")]
SIDES = ((0.5, 0.5), (2.4, 0.9), (4.2, 0.25), (0.5, -0.8))  # azimuth and elevation of a preview's pictures, radians


def register(app: typer.Typer) -> None:
    """Add the group ``hoisdf objects``."""
    group = typer.Typer(help="Objects known by name: look-alikes of the YCB objects, and your own meshes.")
    group.command("list")(list_objects)
    group.command("info")(info)
    group.command("render")(render)
    group.command("add")(add)
    group.command("remove")(remove)
    app.add_typer(group, name="objects")


def list_objects(folder: Folder = None) -> None:
    """List all objects: name, id, size, symmetry, source of the mesh."""
    from rich.console import Console
    from rich.table import Table

    from hoisdf_model.objects import load_catalogue

    catalogue = load_catalogue(_given(folder))
    table = Table("name", "id", "size x y z, mm", "diameter, mm", "faces", "symmetry", "mesh")
    for name in catalogue.names:
        item = catalogue.get(name)
        size = " ".join(f"{edge * 1000:.1f}" for edge in item.mesh.extents)
        table.add_row(
            name, str(item.id or "-"), size, f"{item.diameter * 1000:.1f}", str(len(item.mesh.faces)),
            _symmetry(item), str(item.source or "look-alike"),
        )  # fmt: skip
    Console(width=None if Console().is_terminal else 160).print(table)


def info(
    name: Annotated[str, typer.Argument(help="Name of the object.", show_default=False)], folder: Folder = None
) -> None:
    """Print an object's numbers as YAML.

    Bounding box, diameter, volume, symmetry transforms.
    """
    import numpy as np
    import yaml

    from hoisdf_model.objects import load_catalogue

    item = load_catalogue(_given(folder)).get(name)
    low, high = item.mesh.bounds
    axis = item.symmetry.axis
    facts = {
        "name": item.name,
        "id": item.id,
        "mesh": str(item.source) if item.source else "look-alike",
        "vertices": len(item.mesh.vertices),
        "faces": len(item.mesh.faces),
        "watertight": bool(item.mesh.is_watertight),
        "box_min_m": np.round(low, 5).tolist(),
        "box_max_m": np.round(high, 5).tolist(),
        "size_m": np.round(item.mesh.extents, 5).tolist(),
        "diameter_m": round(item.diameter, 5),
        "volume_m3": round(float(item.mesh.volume), 8) if item.mesh.is_watertight else None,
        "symmetry": {
            "center_m": np.round(item.symmetry.center, 5).tolist(),
            "axis": None if axis is None else np.round(axis, 6).tolist(),
            "rotations": np.round(item.symmetry.rotations, 6).tolist(),
            "texture_too": item.symmetry.looks,
        },
    }
    typer.echo(yaml.safe_dump(facts, sort_keys=False, default_flow_style=None))


def render(
    output: Annotated[Path, typer.Argument(help="PNG file to write.", show_default=False)],
    names: Annotated[list[str] | None, typer.Option("--object", help="Only this object; may be repeated.")] = None,
    folder: Folder = None,
) -> None:
    """Draw the objects as PNG, each from two sides.

    --object takes only some.
    """
    from rich.progress import track

    from hoisdf_model.objects import load_catalogue
    from hoisdf_model.synthesis import Renderer, portrait, write_sheet

    catalogue = load_catalogue(_given(folder))
    things = [catalogue.get(name) for name in names or catalogue.names]
    renderer = Renderer(384, 288)
    images = []
    for item in track(things, description="rendering", transient=True):
        images += [portrait(renderer, item, azimuth, elevation) for azimuth, elevation in ((0.5, 0.5), (2.4, 0.9))]
    renderer.close()
    write_sheet(output, images, columns=min(6, len(images)))
    typer.echo(f"wrote {output}: {len(things)} objects")


def add(
    mesh: Annotated[Path, typer.Argument(help="Mesh file: OBJ, PLY, STL or GLB.", show_default=False)],
    name: Annotated[
        str, typer.Option(help="Name of the object in messages, on TF and in commands.", show_default=False)
    ],
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="m|cm|mm|inch",
            show_default="asked for; GLB: m",
            help="Unit of the file's coordinates; GLB files are always in metres.",
        ),
    ] = None,
    catalogue: Target = OWN,
    symmetry: Annotated[
        str | None,
        typer.Option(
            metavar="auto|none|z:24,x:2",
            show_default="found and asked about",
            help="Rotational symmetries: auto detects them; or mesh axes with the order of the rotation or round, "
            "for instance z:2 or z:round.",
        ),
    ] = None,
    fill_holes: Annotated[
        bool, typer.Option("--fill-holes", help="Close large holes too, with flat lids, not only small ones.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the object of that name added before.")] = False,
    preview: Annotated[Path | None, typer.Option(help="PNG file for a picture of the object from four sides.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: accept all proposals.")] = False,
) -> None:
    """Add a mesh of your own to a catalogue folder.

    It is checked and ready to be synthesized, learnt and estimated.

    The mesh's own origin and axes stay the object frame, which poses refer to; coordinates become metres. Holes are
    closed, overlapping bodies joined, more than 20,000 faces simplified: every change is said. See docs/own_objects.md.
    """
    from hoisdf_model.objects.own_objects import add_object, check_name, examine

    check_name(name, catalogue, replace)  # before the work
    found = examine(mesh, unit or _unit(mesh, yes), fill_holes)
    for change in found.changes:
        typer.echo(f"  {change}")
    low, high = found.mesh.bounds * 1000
    typer.echo(
        f"  {' x '.join(f'{edge:.4g}' for edge in high - low)} mm, {found.mesh.volume * 1e6:.4g} cm³, "
        f"{len(found.mesh.faces)} faces, closed; the origin lies at "
        f"({', '.join(f'{share:.2f}' for share in _place(found))}) of its box"
    )
    turns = _confirmed(found, symmetry, yes)
    folder = add_object(found, name, catalogue, turns, replace)
    typer.echo(f"{name} is in {folder}; symmetry: {turns.words()}")
    if preview is not None:
        _preview(preview, name, catalogue)
        typer.echo(f"preview: {preview}")


def remove(
    name: Annotated[str, typer.Argument(help="Name of the object.", show_default=False)], catalogue: Target = OWN
) -> None:
    """Remove an added object from a catalogue folder."""
    from hoisdf_model.objects.own_objects import remove_object

    remove_object(name, catalogue)
    typer.echo(f"removed {name} from {catalogue}")


def _given(folder: Path | None) -> Path | None:
    """The folder asked for, or the usual one where objects were added."""
    return OWN if folder is None and any(OWN.glob("*/object.yaml")) else folder


def _unit(mesh: Path, yes: bool) -> str:
    """The unit that the file's format or its size suggests, confirmed."""
    from hoisdf_model.objects.own_objects import plausible_units, size_of, sizes_in_words

    size = size_of(mesh)
    fitting = plausible_units(size)
    if mesh.suffix.lower() == ".glb" and "m" in fitting:
        return "m"
    size_text = f"the longest edge of {mesh} has {size:.4g} units ({sizes_in_words(size)})"
    if len(fitting) != 1:
        which = f"{' or '.join(fitting)} would fit a hand" if fitting else "none of these fits a hand: scale the mesh"
        raise MeshError(f"which unit has {mesh}? Give --unit: {size_text}; {which}")
    if yes or _answer(f"{size_text}. Is it {fitting[0]}?", "y", f"give --unit {fitting[0]}").lower() in ("y", "yes"):
        return fitting[0]
    raise MeshError(f"give --unit: {size_text}")


def _confirmed(found: Candidate, asked: str | None, yes: bool) -> Turns:
    from hoisdf_model.objects.symmetry_search import Turns, declared

    proposed = found.proposed
    if asked is None and not yes and (proposed.turns or proposed.axis is not None):
        typer.echo(f"  symmetry found: {proposed.words()}; turned, it differs by at most {_millimetres(proposed)}")
        asked = _answer("  Take it? (y, n for none, or your own such as z:24,x:2)", "y", "give --symmetry auto or none")
    if asked is None or asked.lower() in ("y", "yes", "auto"):
        return proposed
    if asked.lower() in ("n", "no", "none"):
        return Turns(proposed.center)
    turns = declared(found.mesh, asked)
    if turns.deviation > max(0.03 * found.mesh.scale, 2 * proposed.deviation):
        typer.echo(f"  careful: turned like that, it differs by up to {_millimetres(turns)}", err=True)
    return turns


def _millimetres(turns: Turns) -> str:
    return f"{turns.deviation * 1000:.2f} mm"


def _answer(question: str, default: str, otherwise: str) -> str:
    try:
        return str(typer.prompt(question, default=default)).strip()
    except typer.Abort as error:
        raise ConfigError(f"nothing was added, since the question wasn't answered: {otherwise}, or --yes") from error


def _place(found: Candidate) -> list[float]:
    low, high = found.mesh.bounds
    return [float(value) + 0.0 for value in (-low / (high - low)).round(2)]


def _preview(path: Path, name: str, catalogue: Path) -> None:
    from hoisdf_model.objects import load_catalogue
    from hoisdf_model.synthesis import Renderer, portrait, write_sheet

    item, renderer = load_catalogue(catalogue).get(name), Renderer(480, 360)
    write_sheet(path, [portrait(renderer, item, *side, axes=True) for side in SIDES], columns=2)
    renderer.close()


def _symmetry(item: CatalogueObject) -> str:
    turns = len(item.symmetry.rotations)
    parts = ["any turn about an axis"] if item.symmetry.axis is not None else []
    if turns > 1:
        parts.append("upside down" if parts and turns == 2 else f"{turns} turns")
    return ", ".join(parts) or "none"
