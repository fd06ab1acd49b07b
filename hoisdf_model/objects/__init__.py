"""Objects by name: geometry, drawable surfaces, symmetries."""

from hoisdf_model.objects.catalogue import Catalogue, CatalogueObject, load_catalogue
from hoisdf_model.objects.dimensions import YCB, Dimensions
from hoisdf_model.objects.lookup import find_object
from hoisdf_model.objects.random_shapes import is_random_shape, random_shape, shape_name
from hoisdf_model.objects.reflection import mirror_plane
from hoisdf_model.objects.symmetry import Symmetry
from hoisdf_model.objects.unwrapping import TexturedSurface

__all__ = [
    "YCB",
    "Catalogue",
    "CatalogueObject",
    "Dimensions",
    "Symmetry",
    "TexturedSurface",
    "find_object",
    "is_random_shape",
    "load_catalogue",
    "mirror_plane",
    "random_shape",
    "shape_name",
]
