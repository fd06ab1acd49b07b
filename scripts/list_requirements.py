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

"""Print what pip has to install for this checkout, one requirement a line.

``list_requirements.py EXTRA... [--without NAME...]`` reads the installed metadata of ``hoisdf``, so that pyproject.toml
stays the one list; ``--without`` leaves out what comes from elsewhere: the torch that the user chose, a system's cv2.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def selected(requirements: Iterable[str], extras: Collection[str], without: Collection[str]) -> list[str]:
    """Return the ``requirements`` that apply here with these ``extras``, except the distributions ``without``."""
    unwanted = {canonicalize_name(name) for name in without}
    chosen = []
    for text in requirements:
        requirement = Requirement(text)
        applies = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        )
        if applies and canonicalize_name(requirement.name) not in unwanted:
            requirement.marker = None
            chosen.append(str(requirement))
    return chosen


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", nargs="*")
    parser.add_argument("--without", nargs="*", default=[])
    arguments = parser.parse_args()
    print("\n".join(selected(requires("hoisdf") or [], arguments.extras, arguments.without)))
