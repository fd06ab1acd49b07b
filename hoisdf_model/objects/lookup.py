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
