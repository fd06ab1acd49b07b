"""Camera files: ROS's camera calibration YAML, and a plain one with ``fx fy cx cy``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hoisdf_model.errors import CameraError
from hoisdf_model.geometry.cameras import Pinhole

_EXPECTED = (
    "expected ROS's camera calibration format (image_width, image_height, camera_matrix: {data}, distortion_model, "
    "distortion_coefficients: {data}, projection_matrix: {data}) or plain fx, fy, cx, cy (and optionally width, "
    "height, distortion, distortion_model)"
)


def read_camera(path: str | Path, *, rectified: bool = False) -> Pinhole:
    """The camera of a YAML file.

    Args:
        path: a file of ROS's ``camera_calibration`` (see ``camera_calibration_parsers``), or one with the plain
            keys ``fx fy cx cy``, pixels.
        rectified: the images are rectified already: take ``projection_matrix`` and no distortion (REP-104). Plain
            files have one matrix, which is then taken without the distortion.

    Raises:
        CameraError: the file is missing, isn't YAML, lacks a key, or the camera in it isn't calibrated.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CameraError(f"can't read the camera file {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise CameraError(f"the camera file {path} is not readable YAML ({reason}); {_EXPECTED}") from error
    if not isinstance(content, Mapping):
        raise CameraError(f"the camera file {path} holds no mapping; {_EXPECTED}")
    try:
        camera = _from_plain(content) if "fx" in content else _from_ros(content, rectified)
    except CameraError as error:
        raise CameraError(f"camera file {path}: {error}") from error
    return camera.rectified() if rectified else camera


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


def _from_plain(content: Mapping[str, Any]) -> Pinhole:
    fx, fy, cx, cy = (_number(content, key) for key in ("fx", "fy", "cx", "cy"))
    return Pinhole(
        fx, fy, cx, cy,
        _size(content, "width"),
        _size(content, "height"),
        _distortion(content.get("distortion", ())),
        str(content.get("distortion_model", "plumb_bob")),
    )  # fmt: skip


def _from_ros(content: Mapping[str, Any], rectified: bool) -> Pinhole:
    size = _size(content, "image_width"), _size(content, "image_height")
    if rectified:
        return Pinhole.from_matrix(_matrix(content, "projection_matrix", 3, 4), *size)
    coefficients = content.get("distortion_coefficients", ())
    if isinstance(coefficients, Mapping):
        coefficients = coefficients.get("data", ())
    # an empty model is how CameraInfo says that there is no distortion
    model = str(content.get("distortion_model") or "plumb_bob")
    return Pinhole.from_matrix(_matrix(content, "camera_matrix", 3, 3), *size, _distortion(coefficients), model)


def _number(content: Mapping[str, Any], key: str) -> float:
    try:
        return float(content[key])
    except KeyError:
        raise CameraError(f"{key} is missing; {_EXPECTED}") from None
    except (TypeError, ValueError):
        raise CameraError(f"{key} must be a number, got {content[key]!r}") from None


def _size(content: Mapping[str, Any], key: str) -> int:
    value = _number(content, key) if key in content else 0.0
    if not (np.isfinite(value) and value >= 0 and value == int(value)):
        raise CameraError(f"{key} must be a number of pixels, got {content[key]!r}")
    return int(value)


def _distortion(values: Any) -> tuple[float, ...]:
    try:
        numbers = tuple(float(v) for v in values or ())
    except (TypeError, ValueError):
        raise CameraError(f"distortion coefficients must be a list of numbers, got {values!r}") from None
    return numbers if any(numbers) else ()  # all zeros: nothing to undo, whatever the model's name


def _matrix(content: Mapping[str, Any], key: str, rows: int, columns: int) -> NDArray[np.float64]:
    if key not in content:
        raise CameraError(f"{key} is missing; {_EXPECTED}")
    data = content[key]
    try:
        return np.asarray(data["data"] if isinstance(data, Mapping) else data, np.float64).reshape(rows, columns)
    except (KeyError, TypeError, ValueError):
        raise CameraError(f"{key} must hold {rows * columns} numbers (data), got {data!r}") from None


def _to_matrix(matrix: NDArray[np.float64]) -> dict[str, Any]:
    rows, columns = matrix.shape
    return {"rows": rows, "cols": columns, "data": [float(v) for v in matrix.ravel()]}
