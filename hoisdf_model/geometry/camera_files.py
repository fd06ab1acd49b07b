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

"""Camera files of ROS, Kalibr, RealSense and others.

ROS's calibration YAML, CameraInfo as ``ros2 topic echo`` prints it, Kalibr's, RealSense's, plain ones.

Told by their keys, see :func:`read_camera`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hoisdf_model.errors import NO_NUMBER, UNREADABLE, CameraError
from hoisdf_model.geometry.cameras import Pinhole

_EXPECTED = (
    "expected ROS's camera calibration format (image_width, image_height, camera_matrix: {data}, distortion_model, "
    "distortion_coefficients: {data}, projection_matrix: {data}), what 'ros2 topic echo' prints of a CameraInfo, "
    "Kalibr's (cam0: {intrinsics, resolution, ...}), RealSense's (fx, fy, ppx, ppy, coeffs), or plain fx, fy, cx, cy "
    "(and optionally width, height, distortion, distortion_model)"
)
_COLOUR = ("color", "colour", "rgb")  # where a file has several cameras, this is the one of the image
_FISHEYES = ("fisheye", "equidistant", "kannala_brandt", "kannala_brandt4", "kb4")


def read_camera(path: str | Path, *, rectified: bool = False) -> Pinhole:
    """Camera from a YAML or JSON file.

    Args:
        path: a file of ROS's ``camera_calibration`` (see ``camera_calibration_parsers``), a saved ``ros2 topic echo
            --once /camera_info``, a camera chain of Kalibr with one camera, intrinsics as librealsense or Open3D write
            them, or the plain keys ``fx fy cx cy``, pixels.
        rectified: the images are rectified already: take ``projection_matrix`` and no distortion (REP-104). Files with
            one matrix: that is taken, without the distortion.

    Raises:
        CameraError: the file is missing, isn't YAML or JSON, lacks a key, or the camera in it isn't calibrated or not
            to be distinguished from others.
    """
    path = Path(path)
    try:
        content = _parsed(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CameraError(f"can't read the camera file {path}: {error.strerror or error}") from error
    except UNREADABLE as error:
        raise CameraError(f"the camera file {path} is not readable YAML ({error}); {_EXPECTED}") from error
    if not isinstance(content, Mapping):
        raise CameraError(f"the camera file {path} holds no mapping; {_EXPECTED}")
    try:
        camera = _camera(content, rectified)
    except CameraError as error:
        raise CameraError(f"camera file {path}: {error}") from error
    except (*NO_NUMBER, AttributeError) as error:  # something else than its key promises
        raise CameraError(f"camera file {path} makes no sense ({error}); {_EXPECTED}") from error
    return camera.rectified() if rectified else camera


def _parsed(text: str) -> Any:
    """The first document: ``ros2 topic echo`` ends each message with ``---``."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            pass  # YAML has braces, too
    return next(iter(yaml.safe_load_all(text)), None)


def _camera(content: Mapping[str, Any], rectified: bool) -> Pinhole:
    for keys, read in _KINDS:
        if all(key in content for key in keys):
            return read(content, rectified)
    nested = {str(key): value for key, value in content.items() if _is_camera(value)}
    wanted = next((key for key in _COLOUR if key in nested), None) or (next(iter(nested)) if len(nested) == 1 else None)
    if wanted is not None:
        return _camera(nested[wanted], rectified)
    if nested:
        raise CameraError(f"it has {len(nested)} cameras ({', '.join(nested)}): put one of them into a file of its own")
    return _from_ros(content, rectified)


def _is_camera(value: Any) -> bool:
    return isinstance(value, Mapping) and any(all(key in value for key in keys) for keys, _ in _KINDS)


def write_camera(path: str | Path, camera: Pinhole, name: str = "camera") -> None:
    """Write ROS's camera calibration YAML, as ``camera_calibration_parsers`` reads it."""
    distortion = list(camera.distortion) or [0.0] * 5
    projection = np.hstack([camera.matrix, np.zeros((3, 1))])
    content = {
        "image_width": camera.width,
        "image_height": camera.height,
        "camera_name": name,
        "camera_matrix": _to_matrix(camera.matrix),
        "distortion_model": camera.distortion_model,
        "distortion_coefficients": _to_matrix(np.array([distortion])),
        "rectification_matrix": _to_matrix(np.eye(3)),
        "projection_matrix": _to_matrix(projection),
    }
    Path(path).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _from_plain(content: Mapping[str, Any], rectified: bool) -> Pinhole:
    fx, fy, cx, cy = (_number(content, key) for key in ("fx", "fy", "cx", "cy"))
    size = _size(content, "width"), _size(content, "height")
    return Pinhole(fx, fy, cx, cy, *size, _distortion(content.get("distortion", ())), _model(content))


def _from_realsense(content: Mapping[str, Any], rectified: bool) -> Pinhole:
    """``rs2_intrinsics``; its inverse Brown-Conrady model works the other way, so it is taken without effect only."""
    fx, fy, cx, cy = (_number(content, key) for key in ("fx", "fy", "ppx", "ppy"))
    size = _size(content, "width"), _size(content, "height")
    coefficients = _distortion(content.get("coeffs", ()))
    model = str(content.get("model") or "none")
    if "kannala" in model.lower():
        coefficients = coefficients[:4]  # there are always five, the last unused
    return Pinhole(fx, fy, cx, cy, *size, coefficients, model)


def _from_open3d(content: Mapping[str, Any], rectified: bool) -> Pinhole:
    """The intrinsics that Open3D's RealSense recorder writes, column after column."""
    columns = _matrix(content, "intrinsic_matrix", 3, 3)
    return Pinhole.from_matrix(columns.T, _size(content, "width"), _size(content, "height"))


def _from_kalibr(content: Mapping[str, Any], rectified: bool) -> Pinhole:
    if content.get("camera_model", "pinhole") not in ("pinhole", *_FISHEYES):
        raise CameraError(f"camera_model {content['camera_model']!r} of Kalibr is not supported, use pinhole")
    fx, fy, cx, cy = _matrix(content, "intrinsics", 1, 4)[0]
    width, height = _matrix(content, "resolution", 1, 2)[0]
    return Pinhole(
        fx, fy, cx, cy, int(width), int(height), _distortion(content.get("distortion_coeffs", ())), _model(content)
    )


def _from_camera_info(content: Mapping[str, Any], rectified: bool) -> Pinhole:
    """A ``sensor_msgs/CameraInfo`` as text; ROS 1 has capitals."""
    name = next(key for key in (("p", "P") if rectified else ("k", "K")) if key in content)
    size = _size(content, "width"), _size(content, "height")
    if rectified:
        camera = Pinhole.from_matrix(_matrix(content, name, 3, 4), *size)
    else:
        coefficients = _distortion(content.get("d", content.get("D", ())))
        camera = Pinhole.from_matrix(_matrix(content, name, 3, 3), *size, coefficients, _model(content))
    roi = content.get("roi") or {}
    region = tuple(_size(roi, key) for key in ("x_offset", "y_offset", "width", "height"))
    return camera.of_region(region, (_size(content, "binning_x"), _size(content, "binning_y")))  # type: ignore[arg-type]


def _from_ros(content: Mapping[str, Any], rectified: bool) -> Pinhole:
    size = _size(content, "image_width"), _size(content, "image_height")
    if rectified:
        return Pinhole.from_matrix(_matrix(content, "projection_matrix", 3, 4), *size)
    coefficients = content.get("distortion_coefficients", ())
    if isinstance(coefficients, Mapping):
        coefficients = coefficients.get("data", ())
    return Pinhole.from_matrix(
        _matrix(content, "camera_matrix", 3, 3), *size, _distortion(coefficients), _model(content)
    )


_Reader = Callable[[Mapping[str, Any], bool], Pinhole]
_KINDS: tuple[tuple[tuple[str, ...], _Reader], ...] = (  # keys that tell a kind
    (("fx", "ppx"), _from_realsense),
    (("fx",), _from_plain),
    (("camera_matrix",), _from_ros),
    (("k", "p"), _from_camera_info),
    (("K", "P"), _from_camera_info),
    (("intrinsics", "resolution"), _from_kalibr),
    (("intrinsic_matrix",), _from_open3d),
)


def _model(content: Mapping[str, Any]) -> str:
    """The distortion model; files of some tools say it as ``camera_model``, beside it or in its place."""
    model, camera = str(content.get("distortion_model") or ""), str(content.get("camera_model") or "").lower()
    if camera not in _FISHEYES:
        return model
    if model.lower() not in ("", "none", "equi", *_FISHEYES):
        raise CameraError(
            f"camera_model is {camera!r} and distortion_model {model!r}: which of them holds? Remove the other"
        )
    return "equidistant"


def _number(content: Mapping[str, Any], key: str) -> float:
    try:
        return float(content[key])
    except KeyError:
        raise CameraError(f"{key} is missing; {_EXPECTED}") from None
    except NO_NUMBER:
        raise CameraError(f"{key} must be a number, got {content[key]!r}") from None


def _size(content: Mapping[str, Any], key: str) -> int:
    value = _number(content, key) if key in content else 0.0
    if not (np.isfinite(value) and value >= 0 and value == int(value)):
        raise CameraError(f"{key} must be a number of pixels, got {content[key]!r}")
    return int(value)


def _distortion(values: Any) -> tuple[float, ...]:
    try:
        numbers = tuple(float(v) for v in values or ())
    except NO_NUMBER:
        raise CameraError(f"distortion coefficients must be a list of numbers, got {values!r}") from None
    return numbers


def _matrix(content: Mapping[str, Any], key: str, rows: int, columns: int) -> NDArray[np.float64]:
    if key not in content:
        raise CameraError(f"{key} is missing; {_EXPECTED}")
    data = content[key]
    try:
        return np.asarray(data["data"] if isinstance(data, Mapping) else data, np.float64).reshape(rows, columns)
    except (*NO_NUMBER, KeyError):
        raise CameraError(f"{key} must hold {rows * columns} numbers (data), got {data!r}") from None


def _to_matrix(matrix: NDArray[np.float64]) -> dict[str, Any]:
    rows, columns = matrix.shape
    return {"rows": rows, "cols": columns, "data": [float(v) for v in matrix.ravel()]}
