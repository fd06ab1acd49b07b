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

"""Pinhole camera: projection, back-projection, undistortion.

Frame: REP-103 optical (x right, y down, z forward), metres. Pixels: the centre of the top left pixel is
(0, 0), as in ``sensor_msgs/CameraInfo`` and OpenCV.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.errors import CameraError, InvalidInputError

# sensor_msgs/CameraInfo distortion models that OpenCV's two camera models cover, with their numbers of coefficients
_COEFFICIENTS = {
    "plumb_bob": (4, 5),
    "rational_polynomial": (4, 5, 8, 12, 14),
    "equidistant": (4,),
    "fisheye": (4,),
}
# other names of them: Kalibr's, librealsense's, those of drivers; lower case, _ for every other separator
_ALIASES = {
    "": "plumb_bob", "none": "plumb_bob", "pinhole": "plumb_bob", "perspective": "plumb_bob", "radtan": "plumb_bob",
    "brown_conrady": "plumb_bob", "modified_brown_conrady": "plumb_bob", "equi": "equidistant",
    "kannala_brandt": "equidistant", "kannala_brandt4": "equidistant", "kb4": "equidistant",
}  # fmt: skip
# what bends rays even where its coefficients are all 0, and isn't covered
_WIDE = ("fisheye", "theta", "fov", "omni", "mei", "ucm", "double_sphere", "ds", "ocam", "scaramuzza", "kannala")
_SKEW = 0.5  # pixels at the image's border that a skew may be off by and is left out
_FAR_OFF = 0.15  # of the image's size; lenses sit within a few hundredths of the middle
_WIDEST, _LONGEST = 50, 1000  # focal lengths from a 50th of the longer side (177 degrees) to 1000 times (0.06)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pinhole:
    """Intrinsics of one camera.

    Attributes:
        fx, fy, cx, cy: focal lengths and principal point, pixels.
        width, height: image size in pixels; 0 where it is unknown.
        distortion: coefficients in OpenCV's order, empty for a rectified image. All zero they are those of a pinhole,
            unless the model is a fisheye: there ``r = f theta`` remains.
        distortion_model: ``plumb_bob``, ``rational_polynomial``, ``equidistant`` or ``fisheye`` (CameraInfo's names),
            or another common name of these, which becomes CameraInfo's.

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
        object.__setattr__(self, "distortion_model", _known_model(self.distortion_model, any(self.distortion)))
        if self.distortion_model == "plumb_bob" and len(self.distortion) in _COEFFICIENTS["rational_polynomial"][2:]:
            object.__setattr__(self, "distortion_model", "rational_polynomial")  # as drivers call it, too
        if self.is_fisheye and not self.distortion:
            object.__setattr__(self, "distortion", (0.0,) * 4)
        if not self.is_distorted:  # one way to say it
            object.__setattr__(self, "distortion", ())
            object.__setattr__(self, "distortion_model", "plumb_bob")
        values = np.array([self.fx, self.fy, self.cx, self.cy, *self.distortion], np.float64)
        if not np.isfinite(values).all():
            raise CameraError(f"intrinsics must be finite, got fx fy cx cy distortion = {values.tolist()}")
        if self.fx <= 0 or self.fy <= 0:
            raise CameraError(
                f"focal lengths must be positive, got fx={self.fx}, fy={self.fy}: "
                "a camera that publishes zeros is not calibrated, calibrate it or give intrinsics"
            )
        known = _COEFFICIENTS[self.distortion_model]
        if self.is_distorted and len(self.distortion) not in known:
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
        """Pinhole camera from a (3, 3) ``K`` or (3, 4) ``P``, pixels.

        A skew that moves nothing by more than half a pixel is left out. A translation in ``P`` (a camera of a stereo
        pair) is, too: points are in the frame of this camera's own optical centre. Both are logged, once.

        Raises:
            CameraError: not a (3, 3) or (3, 4) matrix, not of that form, or with a larger skew.
        """
        k = np.asarray(matrix, np.float64)
        if k.shape not in ((3, 3), (3, 4)):
            raise CameraError(f"intrinsics must be a (3, 3) or (3, 4) matrix, got shape {k.shape}")
        if not np.isfinite(k).all():
            raise CameraError(f"intrinsics must be finite numbers, got {k.tolist()}")
        if not (k[1, 0] == 0 and np.array_equal(k[2], [0, 0, 1, 0][: k.shape[1]])):
            raise CameraError(f"the rows of intrinsics must be fx 0 cx, 0 fy cy and 0 0 1, got {k.tolist()}")
        moved = abs(k[0, 1]) * (height / 2 / abs(k[1, 1]) if height and k[1, 1] else 1.0)  # at the upper border
        if moved > _SKEW:
            raise CameraError(
                f"a skew of {k[0, 1]} (up to {moved:.1f} pixels) is not supported, rectify the images first"
            )
        if moved > 1e-6 * abs(k[0, 0]):
            _say_once(f"a skew of {k[0, 1]:g} in the intrinsics is left out: {moved:.2f} pixels at most")
        if k.shape == (3, 4) and k[0, 0] and k[:2, 3].any():
            _say_once(
                f"P has the translation {k[0, 3]:g} {k[1, 3]:g}: this is a camera of a stereo pair, "
                f"{np.hypot(k[0, 3] / k[0, 0], k[1, 3] / k[0, 0]):.3f} m beside the other. Estimates are in the frame "
                "of its own optical centre, so the image's frame_id must be its own frame, not the other camera's"
            )
        return cls(
            float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]),
            int(width), int(height), tuple(float(d) for d in distortion), distortion_model,
        )  # fmt: skip

    def check_image(self, width: int, height: int) -> None:
        """Check the camera's size against an image of ``width`` x ``height`` pixels.

        Raises:
            CameraError: it is of another size or, where it says none, its principal point lies far from the middle; or
                its focal lengths are no camera's.
        """
        longer = max(width, height)
        if not all(longer / _WIDEST <= focal <= longer * _LONGEST for focal in (self.fx, self.fy)):
            raise CameraError(
                f"focal lengths of {self.fx:g} and {self.fy:g} pixels are no camera's with images of {width}x{height}: "
                "are they in parts of the image's size, or millimetres? Pixels are wanted"
            )
        if self.width and self.height:
            if (self.width, self.height) != (width, height):
                raise CameraError(
                    f"the camera is calibrated for {self.width}x{self.height}, the image is {width}x{height}"
                )
            return
        off = max(abs(self.cx - (width - 1) / 2) / width, abs(self.cy - (height - 1) / 2) / height)
        if off > _FAR_OFF:
            raise CameraError(
                f"the camera's principal point {self.cx:g} {self.cy:g} lies far from the middle of the image of "
                f"{width}x{height}, so it is of images of another size. If it is right (the image is a part of a "
                f"larger one), let the camera say its width {width} and height {height}"
            )

    @property
    def matrix(self) -> NDArray[np.float64]:
        """``K``, (3, 3), pixels."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """Projection of camera points to pixels of the rectified image.

        (..., 3) metres -> (..., 2); distortion is not applied.
        """
        p = np.asarray(points, np.float64)
        z = np.where(np.abs(p[..., 2]) < 1e-9, 1e-9, p[..., 2])
        return np.stack([self.fx * p[..., 0] / z + self.cx, self.fy * p[..., 1] / z + self.cy], -1)

    def back_project(self, pixels: ArrayLike, depth: ArrayLike) -> NDArray[np.float64]:
        """Back-projection of pixels of the rectified image with depth.

        Pixels (..., 2) and depth (...) in metres -> camera points (..., 3), metres.
        """
        uv, z = np.asarray(pixels, np.float64), np.asarray(depth, np.float64)
        return np.stack([(uv[..., 0] - self.cx) / self.fx * z, (uv[..., 1] - self.cy) / self.fy * z, z], -1)

    def mirrored(self) -> Pinhole:
        """Camera of the horizontally mirrored image.

        Undistort first.

        Raises:
            InvalidInputError: the width isn't known, or there is distortion left.
        """
        if not self.width or self.is_distorted:
            raise InvalidInputError("mirroring needs the image width and an undistorted image")
        return replace(self, cx=self.width - 1 - self.cx)

    def undistort(self, image: NDArray[Any], interpolation: int = cv2.INTER_LINEAR) -> NDArray[Any]:
        """Undistorted image with the same ``K``.

        The input itself if there is no distortion.
        """
        if not self.is_distorted:
            return image
        places: Any = self.undistortion_map(image.shape[1], image.shape[0])
        return cv2.remap(image, places, None, interpolation)  # type: ignore[call-overload,no-any-return]

    def undistortion_map(self, width: int, height: int) -> NDArray[np.float32]:
        """Raw pixels of the undistorted image's, (height, width, 2)."""
        return _undistortion_map(self, width, height)

    def undistort_pixels(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Undistortion of pixels (..., 2) of the raw image.

        Pixels of the rectified image: same ``K``, no distortion.

        Same ``K``, no distortion.

        OpenCV's iterative inverse; under strong distortion about 0.1 pixels off at the border.
        """
        uv = np.asarray(pixels, np.float64)
        if not self.is_distorted or uv.size == 0:
            return uv
        flat, d = uv.reshape(-1, 1, 2), np.array(self.distortion)
        if self.is_fisheye:
            rectified = cv2.fisheye.undistortPoints(flat, self.matrix, d, P=self.matrix)
        else:
            rectified = cv2.undistortPoints(flat, self.matrix, d, P=self.matrix)
        return np.asarray(rectified, np.float64).reshape(uv.shape)

    def distort_pixels(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Distortion of pixels (..., 2) of the rectified image.

        Pixels of the raw image.
        """
        uv = np.asarray(pixels, np.float64)
        if not self.is_distorted or uv.size == 0:
            return uv
        rays = self.back_project(uv, np.ones(uv.shape[:-1])).reshape(-1, 1, 3)
        nothing, d = np.zeros(3), np.array(self.distortion)
        if self.is_fisheye:
            raw, _ = cv2.fisheye.projectPoints(rays, nothing, nothing, self.matrix, d)
        else:
            raw, _ = cv2.projectPoints(rays, nothing, nothing, self.matrix, d)
        return np.asarray(raw, np.float64).reshape(uv.shape)

    @property
    def is_distorted(self) -> bool:
        """Whether the image has lens distortion.

        There are coefficients, or the model is a fisheye's.
        """
        return self.is_fisheye or any(self.distortion)

    @property
    def is_fisheye(self) -> bool:
        """Whether the distortion model is OpenCV's fisheye (``equidistant`` in CameraInfo)."""
        return self.distortion_model in ("equidistant", "fisheye")

    def rectified(self) -> Pinhole:
        """Same camera without distortion."""
        return replace(self, distortion=(), distortion_model="plumb_bob")

    def of_region(self, region: tuple[int, int, int, int], binning: tuple[int, int]) -> Pinhole:
        """Camera of a region of interest with binning.

        A region is cut out, then binned, as ``image_geometry`` does.

        Args:
            region: x, y, width, height in pixels of the whole sensor; all zero it is all of it.
            binning: pixels in x and y that become one; 0 is 1.

        Raises:
            CameraError: the region doesn't lie on the sensor, or nothing is left of it.
        """
        x, y, width, height = region if any(region) else (0, 0, self.width, self.height)
        if any(region) and not (width and height):
            raise CameraError(f"a region of interest must have a width and a height, got {width}x{height} at {x} {y}")
        bx, by = (max(b, 1) for b in binning)
        if self.width and self.height and (x + width > self.width or y + height > self.height):
            raise CameraError(
                f"the region of interest of {width}x{height} pixels at {x} {y} doesn't lie on the sensor of "
                f"{self.width}x{self.height}"
            )
        if (width and width < bx) or (height and height < by):
            raise CameraError(f"nothing is left of {width}x{height} pixels where {bx}x{by} become one (binning)")
        return replace(
            self,
            fx=self.fx / bx, fy=self.fy / by, cx=(self.cx - x) / bx, cy=(self.cy - y) / by,
            width=width // bx, height=height // by,
        )  # fmt: skip


def _known_model(name: str, distorts: bool) -> str:
    """CameraInfo's name of a distortion model.

    Raises:
        CameraError: it isn't covered, and has an effect.
    """
    plain = name.strip().lower().removeprefix("distortion.").replace("-", "_").replace(" ", "_")
    known = _ALIASES.get(plain, plain)
    if known in _COEFFICIENTS:
        return known
    if distorts or any(word in plain.split("_") or (len(word) > 3 and word in plain) for word in _WIDE):
        raise CameraError(f"distortion model {name!r} is not supported, use one of {sorted(_COEFFICIENTS)}")
    return "plumb_bob"  # without coefficients it is a pinhole's, whatever its name


@lru_cache(maxsize=64)
def _say_once(text: str) -> None:
    _LOG.warning("%s", text)


@lru_cache(maxsize=16)  # as many cameras of a process, each with 8 bytes a pixel; making one takes longer than a frame
def _undistortion_map(camera: Pinhole, width: int, height: int) -> NDArray[np.float32]:
    k, d, size = camera.matrix, np.array(camera.distortion), (width, height)
    initialise = cv2.fisheye.initUndistortRectifyMap if camera.is_fisheye else cv2.initUndistortRectifyMap
    return np.dstack(initialise(k, d, np.eye(3), k, size, cv2.CV_32FC1))
