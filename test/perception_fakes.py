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

"""What the perception node's tests put in place of a camera, an estimator and a catalogue."""

from __future__ import annotations

import array
import time
from typing import Any

import numpy as np
import trimesh
from hoisdf.msg import Region, Regions
from sensor_msgs.msg import CameraInfo, Image

from hoisdf_model import estimates
from hoisdf_model.errors import MeshError
from hoisdf_model.estimates import Estimate, HandEstimate, HandModelInfo, HandRegion, ObjectEstimate
from hoisdf_ros.catalogue_meshes import Meshes
from hoisdf_ros.perception.scene import Scene

WIDTH, HEIGHT = 64, 48
FRAME_ID = "camera_optical"
FACES = np.random.default_rng(0).integers(0, 778, (1538, 3))
BOX = "003_box"


def make_hand(side: str = "right", offset: float = 0.0) -> HandEstimate:
    """A hand with numbers that are all different."""
    random = np.random.default_rng(1)
    joints = random.normal((offset, 0.0, 0.6), 0.05, (21, 3)).astype(np.float32)
    return HandEstimate(
        side=side,
        score=0.75,
        joints=joints,
        joint_scores=random.uniform(0, 1, 21).astype(np.float32),
        vertices=random.normal((offset, 0.0, 0.6), 0.05, (778, 3)).astype(np.float32),
        pose=random.normal(0, 0.5, (16, 3)).astype(np.float32),
        shape=random.normal(0, 1, 10).astype(np.float32),
        root_covariance=np.diag([1e-4, 1e-4, 4e-4]),
        root_source="monocular",
        model=HandModelInfo("open_right", "0123456789abcdef"),
    )


def make_object(name: str = BOX) -> ObjectEstimate:
    """A box turned by 90 degrees about z."""
    rotation = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return ObjectEstimate(name, 0.5, rotation, np.array([0.1, 0.2, 0.7]), np.diag([-1.0, 0, 0, 0, 0, 0]))


def make_estimate() -> Estimate:
    """One right hand that holds the box."""
    regions = estimates.Regions(hands=(HandRegion(np.array([1.0, 2.0, 30.0, 40.0]), "right", 0.9),))
    return Estimate((make_hand(),), (make_object(),), regions, {"network": 0.001})


class FakeEstimator:
    """Gives ``estimate`` after ``seconds``; remembers what it was asked."""

    def __init__(self, estimate: Estimate, seconds: float = 0.0) -> None:
        self.estimate, self.seconds = estimate, seconds
        self.working = False
        self.error: Exception | None = None
        self.frames: list[Any] = []
        self.priors: list[Any] = []
        self.resets = 0

    def __call__(self, frame: Any, prior: Any = None) -> Estimate:
        self.frames.append(frame)
        self.priors.append(prior)
        del self.frames[:-20]
        if self.seconds:
            self.working = True
            time.sleep(self.seconds)
            self.working = False
        if self.error is not None:
            raise self.error
        return self.estimate

    def reset(self) -> None:
        self.resets += 1


class FakeCatalogue:
    """Knows one box of 10 x 20 x 30 cm."""

    def mesh(self, name: str) -> trimesh.Trimesh:
        if name != BOX:
            raise MeshError(f"unknown object {name!r}; the catalogue has: {BOX}")
        return trimesh.creation.box((0.1, 0.2, 0.3))


def fake_scene(estimator: FakeEstimator) -> Scene:
    """What ``load_scene`` would give."""
    faces = {"right": FACES, "left": FACES[:, ::-1]}
    meshes = Meshes(FakeCatalogue())
    return Scene(estimator, meshes, faces, fake_overlay, {"weights": "fake", "device": "cpu"}, meshes.check)


def fake_overlay(frame: Any, estimate: Estimate) -> np.ndarray:
    """The image with its first pixel set to the number of hands."""
    image = frame.image.copy()
    image[0, 0] = len(estimate.hands)
    return image


def make_image(encoding: str = "rgb8", width: int = WIDTH, height: int = HEIGHT) -> Image:
    """A picture in which all pixels differ."""
    channels = {"rgb8": 3, "bgr8": 3, "mono8": 1}[encoding]
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, channels), np.uint8)
    message = Image(height=height, width=width, encoding=encoding, step=width * channels)
    message.data = array.array("B", pixels.tobytes())
    message.header.frame_id = FRAME_ID
    return message


def make_info(width: int = WIDTH, height: int = HEIGHT, focal: float = 60.0) -> CameraInfo:
    message = CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)
    message.k = [focal, 0.0, width / 2, 0.0, focal, height / 2, 0.0, 0.0, 1.0]
    message.p = [focal, 0.0, width / 2, 0.0, 0.0, focal, height / 2, 0.0, 0.0, 0.0, 1.0, 0.0]
    message.header.frame_id = FRAME_ID
    return message


def make_regions(box: tuple[float, float, float, float] = (5.0, 6.0, 30.0, 40.0)) -> Regions:
    """One left hand and one object."""
    x0, y0, x1, y1 = box
    hand = Region(x0=x0, y0=y0, x1=x1, y1=y1, side=Region.SIDE_LEFT, score=0.8)
    thing = Region(x0=x0 + 1, y0=y0 + 1, x1=x1 + 1, y1=y1 + 1, name=BOX, score=0.7)
    for region in (hand, thing):
        region.root.x = region.root.y = region.root.z = float("nan")
    return Regions(hands=[hand], objects=[thing])


def set_stamp(message: Any, stamp: float) -> None:
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(round(stamp * 1e9), 10**9)


def stamp_of(message: Any) -> float:
    return message.header.stamp.sec + message.header.stamp.nanosec * 1e-9


def values_of(status: Any) -> dict[str, str]:
    return {item.key: item.value for item in status.values}
