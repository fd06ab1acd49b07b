"""``hoisdf objects``: what the catalogue knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hoisdf_model.objects import CatalogueObject

Folder = Annotated[
    Path | None, typer.Option("--folder", help="Folder with object meshes of your own, beside the catalogue's.")
]


def register(app: typer.Typer) -> None:
    """Add the group ``hoisdf objects``."""
    group = typer.Typer(help="Objects known by name: look-alikes of the YCB objects, and your own meshes.")
    group.command("list")(list_objects)
    group.command("info")(info)
    group.command("render")(render)
    app.add_typer(group, name="objects")


def list_objects(folder: Folder = None) -> None:
    """All objects: name, id, size, symmetry, and where the mesh comes from."""
    from rich.console import Console
    from rich.table import Table

    from hoisdf_model.objects import load_catalogue

    catalogue = load_catalogue(folder)
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
    """One object's numbers as YAML: bounding box, diameter, volume, symmetry transforms."""
    import numpy as np
    import yaml

    from hoisdf_model.objects import load_catalogue

    item = load_catalogue(folder).get(name)
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
    names: Annotated[
        list[str] | None, typer.Option("--object", help="Only this object; several times for several.")
    ] = None,
    folder: Folder = None,
) -> None:
    """A picture of the objects, each from two sides."""
    from rich.progress import track

    from hoisdf_model.objects import load_catalogue
    from hoisdf_model.synthesis import Renderer, portrait, write_sheet

    catalogue = load_catalogue(folder)
    things = [catalogue.get(name) for name in names or catalogue.names]
    renderer = Renderer(384, 288)
    images = []
    for item in track(things, description="rendering", transient=True):
        images += [portrait(renderer, item, azimuth, elevation) for azimuth, elevation in ((0.5, 0.5), (2.4, 0.9))]
    renderer.close()
    write_sheet(output, images, columns=min(6, len(images)))
    typer.echo(f"wrote {output}: {len(things)} objects")


def _symmetry(item: CatalogueObject) -> str:
    turns = len(item.symmetry.rotations)
    parts = ["any turn about an axis"] if item.symmetry.axis is not None else []
    if turns > 1:
        parts.append("upside down" if parts else f"{turns} turns")
    return ", ".join(parts) or "none"
