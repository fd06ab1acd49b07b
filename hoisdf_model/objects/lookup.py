"""Catalogue objects and random shapes, found by their names."""

from __future__ import annotations

from functools import lru_cache

from hoisdf_model.objects.catalogue import Catalogue, CatalogueObject, load_catalogue
from hoisdf_model.objects.random_shapes import random_shape


def find_object(name: str, catalogue: str = "") -> CatalogueObject:
    """The catalogue's object or random shape of that name.

    Args:
        name: of the object.
        catalogue: folder of meshes of one's own; empty for none.

    Raises:
        MeshError: there is none.
    """
    digits = name.removeprefix("shape_")
    return random_shape(int(digits)) if name != digits and digits.isdigit() else _catalogue(catalogue).get(name)


@lru_cache(maxsize=4)
def _catalogue(folder: str) -> Catalogue:
    return load_catalogue(folder or None)
