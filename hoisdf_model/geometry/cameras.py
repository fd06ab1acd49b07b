"""The pinhole camera: projection, back-projection, undistortion.

Frame: REP-103 optical (x right, y down, z forward), metres. Pixels: the centre of the top left pixel is
(0, 0), as in ``sensor_msgs/CameraInfo`` and OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.errors import CameraError, InvalidInputError

# sensor_msgs/CameraInfo distortion models that OpenCV's two camera models cover, with their numbers of coefficients
_COEFFICIENTS = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,), "fisheye": (4,)}


@dataclass(frozen=True)
class Pinhole:
    """Intrinsics of one camera.

    Attributes:
        fx, fy, cx, cy: focal lengths and principal point, pixels.
        width, height: image size in pixels; 0 where it is unknown.
        distortion: coefficients in OpenCV's order, empty for a rectified image.
        distortion_model: ``plumb_bob``, ``rational_polynomial``, ``equidistant`` or ``fisheye`` (CameraInfo's names).

    Raises:
        CameraError: a value isn't finite, a focal length isn't positive, or the distortion isn't known.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int = 0
    height: int = 0
    distortion: tuple[float, ...] = field(default=())
    distortion_model: str = "plumb_bob"

    def __post_init__(self) -> None:
        values = np.array([self.fx, self.fy, self.cx, self.cy, *self.distortion], np.float64)
        if not np.isfinite(values).all():
            raise CameraError(f"intrinsics must be finite, got fx fy cx cy distortion = {values.tolist()}")
        if self.fx <= 0 or self.fy <= 0:
            raise CameraError(
                f"focal lengths must be positive, got fx={self.fx}, fy={self.fy}: "
                "a camera that publishes zeros is not calibrated, calibrate it or give intrinsics"
            )
        if self.distortion:
            known = _COEFFICIENTS.get(self.distortion_model)
            if known is None:
                raise CameraError(
                    f"distortion model {self.distortion_model!r} is not supported, use one of {sorted(_COEFFICIENTS)}"
                )
            if len(self.distortion) not in known:
                raise CameraError(
                    f"distortion model {self.distortion_model!r} takes {' or '.join(map(str, known))} coefficients, "
                    f"got {len(self.distortion)}"
                )

    @classmethod
    def from_matrix(
        cls,
        matrix: ArrayLike,
        width: int = 0,
        height: int = 0,
        distortion: tuple[float, ...] = (),
        distortion_model: str = "plumb_bob",
    ) -> Pinhole:
        """From a (3, 3) ``K`` or a (3, 4) ``P`` matrix, pixels; skew isn't supported.

        Raises:
            CameraError: not a (3, 3) or (3, 4) matrix with a zero skew.
        """
        k = np.asarray(matrix, np.float64)
        if k.shape not in ((3, 3), (3, 4)):
            raise CameraError(f"intrinsics must be a (3, 3) or (3, 4) matrix, got shape {k.shape}")
        if abs(k[0, 1]) > 1e-6 * max(abs(k[0, 0]), 1e-9):
            raise CameraError(f"a skew of {k[0, 1]} is not supported, rectify the images first")
        return cls(
            float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]),
            int(width), int(height), tuple(float(d) for d in distortion), distortion_model,
        )  # fmt: skip

    @property
    def matrix(self) -> NDArray[np.float64]:
        """``K``, (3, 3), pixels."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """Camera points (..., 3), metres -> pixels (..., 2) of the rectified image (distortion is not applied)."""
        p = np.asarray(points, np.float64)
        z = np.where(np.abs(p[..., 2]) < 1e-9, 1e-9, p[..., 2])
        return np.stack([self.fx * p[..., 0] / z + self.cx, self.fy * p[..., 1] / z + self.cy], -1)

    def back_project(self, pixels: ArrayLike, depth: ArrayLike) -> NDArray[np.float64]:
        """Pixels (..., 2) of the rectified image and depth (...) in metres -> camera points (..., 3), metres."""
        uv, z = np.asarray(pixels, np.float64), np.asarray(depth, np.float64)
        return np.stack([(uv[..., 0] - self.cx) / self.fx * z, (uv[..., 1] - self.cy) / self.fy * z, z], -1)

    def mirrored(self) -> Pinhole:
        """The camera of the horizontally mirrored image. Undistort first.

        Raises:
            InvalidInputError: the width isn't known, or there is distortion left.
        """
        if not self.width or self.distortion:
            raise InvalidInputError("mirroring needs the image width and an undistorted image")
        return replace(self, cx=self.width - 1 - self.cx)

    def undistort(self, image: NDArray[Any], interpolation: int = cv2.INTER_LINEAR) -> NDArray[Any]:
        """The image as a camera with the same ``K`` and no distortion sees it; the input itself if there is none."""
        if not any(self.distortion):
            return image
        maps = _undistortion_maps(self, image.shape[1], image.shape[0])
        return cv2.remap(image, maps[0], maps[1], interpolation)

    def undistort_pixels(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Pixels (..., 2) of the raw image -> the same of the rectified image (same ``K``, no distortion).

        OpenCV's iterative inverse; under strong distortion about 0.1 pixels off at the border.
        """
        uv = np.asarray(pixels, np.float64)
        if not any(self.distortion) or uv.size == 0:
            return uv
        flat, d = uv.reshape(-1, 1, 2), np.array(self.distortion)
        if self.is_fisheye:
            rectified = cv2.fisheye.undistortPoints(flat, self.matrix, d, P=self.matrix)
        else:
            rectified = cv2.undistortPoints(flat, self.matrix, d, P=self.matrix)
        return np.asarray(rectified, np.float64).reshape(uv.shape)

    def distort_pixels(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Pixels (..., 2) of the rectified image -> the same of the raw image."""
        uv = np.asarray(pixels, np.float64)
        if not any(self.distortion) or uv.size == 0:
            return uv
        rays = self.back_project(uv, np.ones(uv.shape[:-1])).reshape(-1, 1, 3)
        nothing, d = np.zeros(3), np.array(self.distortion)
        if self.is_fisheye:
            raw, _ = cv2.fisheye.projectPoints(rays, nothing, nothing, self.matrix, d)
        else:
            raw, _ = cv2.projectPoints(rays, nothing, nothing, self.matrix, d)
        return np.asarray(raw, np.float64).reshape(uv.shape)

    @property
    def is_fisheye(self) -> bool:
        """Whether the distortion is of OpenCV's fisheye model (``equidistant`` in CameraInfo)."""
        return self.distortion_model in ("equidistant", "fisheye")

    def rectified(self) -> Pinhole:
        """The same camera without distortion."""
        return replace(self, distortion=())


@lru_cache(maxsize=4)  # the maps are large, and several cameras at a time are rare
def _undistortion_maps(camera: Pinhole, width: int, height: int) -> tuple[Any, Any]:
    k, d, size = camera.matrix, np.array(camera.distortion), (width, height)
    initialise = cv2.fisheye.initUndistortRectifyMap if camera.is_fisheye else cv2.initUndistortRectifyMap
    maps: tuple[Any, Any] = initialise(k, d, np.eye(3), k, size, cv2.CV_32FC1)
    return maps
