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

"""Input files of ``hoisdf estimate`` and their camera."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoisdf_model.errors import CameraError, ImageError

if TYPE_CHECKING:
    from hoisdf_model.geometry import Pinhole


def find_images(sources: list[Path]) -> list[Path]:
    """Image files, with folders expanded, in natural order.

    In the order of their names and numbers.

    Raises:
        ImageError: a folder without images.
    """
    from hoisdf_model.messages import IMAGE_SUFFIXES, pictures_in

    paths: list[Path] = []
    for source in sources:
        if not source.is_dir():
            paths.append(source)
            continue
        inside = pictures_in(source)
        if not inside:
            raise ImageError(f"no images in the folder {source} (endings {', '.join(IMAGE_SUFFIXES)})")
        paths += inside
    return paths


def is_video(path: Path) -> bool:
    """Whether a file is taken for a video.

    It is no picture by its ending or content.
    """
    from hoisdf_model.messages import is_image_file

    return not is_image_file(path)


def unique_stems(paths: list[Path]) -> list[str]:
    """Unique file names without endings.

    From the second of the same name on with ``_2``, ``_3``, ...
    """
    met: Counter[str] = Counter()
    stems = []
    for path in paths:
        met[path.stem] += 1
        stems.append(path.stem if met[path.stem] == 1 else f"{path.stem}_{met[path.stem]}")
    return stems


def check_one_camera(camera: Path | None, fov: float | None) -> None:
    """Nothing, if a camera is known or assumed.

    Raises:
        CameraError: neither, or both.
    """
    if camera is None and fov is None:
        raise CameraError(
            "the camera must be given, with --camera FILE; where it isn't known, --fov 60 assumes a field of view of "
            "60 degrees, and distances are then only as good as that"
        )
    if camera is not None and fov is not None:
        raise CameraError("give --camera or --fov, not both: one is known, the other assumed")


def assumed_camera(width: int, height: int, fov: float) -> Pinhole:
    """Assumed pinhole camera of a field of view.

    It looks through the middle of the image; ``fov``: degrees across its longer side.
    """
    from hoisdf_model.geometry import Pinhole

    focal = max(width, height) / 2 / math.tan(math.radians(fov) / 2)
    return Pinhole(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def exif_hint(orientation: int) -> str:
    """Hint about Exif orientation and camera; empty for upright images."""
    if orientation == 1:
        return ""
    kind = " (on its side)" if orientation in (5, 6, 7, 8) else ""
    return f"its Exif orientation {orientation}{kind} isn't applied, for a calibration is of the sensor"


def camera_to_json(camera: Pinhole, fov: float | None) -> dict[str, Any]:
    """Camera of an estimate as JSON values.

    ``assumed`` marks distances as no better than the assumption.
    """
    known = {name: getattr(camera, name) for name in ("fx", "fy", "cx", "cy", "width", "height")}
    return {**known, "assumed": fov is not None} | ({} if fov is None else {"field_of_view": fov})
