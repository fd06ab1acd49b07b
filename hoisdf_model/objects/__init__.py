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
