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
