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

"""Messages that are mutated, each kind read as the nodes read it; part of ``fuzz.py``.

A kind is a function that builds one sound message, mutates a few of its fields as its definition allows (so that it
could have come over DDS), reads it, and compares what came out with what the message itself says.
"""

from __future__ import annotations

import copy
import string
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from rosbags.typesys import get_types_from_msg

from hoisdf_model.data import interface_types
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import (
    Estimate,
    Frame,
    HandEstimate,
    HandModelInfo,
    HandRegion,
    ObjectEstimate,
    ObjectRegion,
    Regions,
)
from hoisdf_model.estimation import priors_from_regions
from hoisdf_model.geometry import Pinhole
from hoisdf_model.grasping import load_gripper
from hoisdf_model.messages import (
    camera_info_to_pinhole,
    decode_depth,
    decode_image,
    encode_depth,
    encode_image,
    estimate_to_hand_object,
    hand_object_to_estimate,
    make_header,
    message_to_regions,
    pinhole_to_camera_info,
    regions_to_message,
    rosbags_types,
)
from hoisdf_model.objects import load_catalogue
from hoisdf_ros.grasp.frame_buffer import FrameBuffer
from hoisdf_ros.grasp.moveit import task_poses
from hoisdf_ros.perception.detections import detections_to_regions
from hoisdf_ros.stream.stamp_pairing import Pairing

Rng = np.random.Generator
CAMERA = Pinhole(60.0, 61.0, 31.5, 23.5, 64, 48)
RANGES = {f"{sign}int{bits}": bits for bits in (8, 16, 32, 64) for sign in ("", "u")} | {"byte": 8, "char": 8}
NUMBERS = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-300, -1e-12, 1e9, -1e30, 1e300, 3.4e38)
VISION = {  # vision_msgs 4, as published
    "Point2D": "float64 x\nfloat64 y",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose",
    "Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox2D bbox\nstring id",
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
}


class Wrong(AssertionError):  # noqa: N818
    """What came out isn't what the message or file says, and nobody was told."""


def expect(condition: Any, text: str) -> None:
    """Raise :class:`Wrong` with the text unless the condition holds."""
    if not condition:
        raise Wrong(text)


STORE = copy.copy(interface_types())
STORE.register({k: v for n, t in VISION.items() for k, v in get_types_from_msg(t, f"vision_msgs/msg/{n}").items()})
TYPES = rosbags_types(STORE)
HEADER = make_header(TYPES, 1_700_000_000_000_000_000, "camera")
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
GRIPPER = load_gripper()


def leaves(message: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Where each field of a message lies: container, key, and its type in the definition."""
    for name, kind in STORE.fielddefs[message.__msgtype__][1]:
        yield from _inside(message, name, kind)


def _inside(owner: Any, key: Any, kind: Any) -> Iterator[tuple[Any, Any, Any]]:
    node, detail = kind
    value = owner[key] if isinstance(key, int) else getattr(owner, key)
    if node == 2:  # a message
        yield from leaves(value)
    elif node in (3, 4) and detail[0][0] == 2:  # messages
        yield owner, key, kind
        for index in range(len(value)):
            yield from _inside(value, index, detail[0])
    else:
        yield owner, key, kind


def mutated(message: Any, rng: Rng, most: int = 3) -> Any:
    """The message with one to ``most`` fields changed, some of them exchanged."""
    message = copy.deepcopy(message)
    for _ in range(int(rng.integers(1, most + 1))):
        places = list(leaves(message))
        owner, key, kind = places[int(rng.integers(len(places)))]
        alike = [place for place in places if str(place[2]) == str(kind)]
        other = alike[int(rng.integers(len(alike)))]
        if rng.random() < 0.15 and not isinstance(key, int) and not isinstance(other[1], int):
            first, second = getattr(owner, key), getattr(other[0], other[1])
            setattr(owner, key, second), setattr(other[0], other[1], first)
            continue
        value = changed(owner[key] if isinstance(key, int) else getattr(owner, key), kind, rng)
        owner.__setitem__(key, value) if isinstance(key, int) else setattr(owner, key, value)
    return message


def changed(value: Any, kind: Any, rng: Rng) -> Any:
    """Another value that the field's type allows."""
    node, detail = kind
    if node in (3, 4):
        return _list(value, detail, node == 4, rng)
    name = detail[0]
    if name == "string":
        return text(value, rng)
    if name == "bool":
        return not value
    return number(name, value, rng)


def number(name: str, value: Any, rng: Rng) -> Any:
    """An extreme or nearby number of an interface type."""
    if name.startswith("float"):
        drawn = float(
            rng.choice([*NUMBERS, -value, value * 1000, value + 1, rng.normal() * 10.0 ** rng.integers(-9, 9)])
        )
        with np.errstate(over="ignore"):
            return float(np.float32(drawn)) if name == "float32" else drawn
    bits, low = RANGES[name], 0 if name.startswith(("u", "b", "c")) else -(1 << RANGES[name] - 1)
    high = low + (1 << bits) - 1
    return (
        int(np.clip(rng.choice([low, high, 0, 1, value + 1, value - 1, value * 2, high >> 1], 1)[0], low, high))
        if (bits < 64)
        else int(rng.integers(0, 1 << 40))
    )


def text(value: str, rng: Rng) -> str:
    """Another string: empty, long, with odd characters, or one changed a little."""
    letters = np.array(list(string.printable + "äß漢\u202e\0/"))
    drawn = "".join(rng.choice(letters, int(rng.integers(1, 40))))
    return str(
        rng.choice(["", drawn, value.upper(), value[:-1], f"/{value}", f" {value}\n", value * 500, "../" * 9, drawn])
    )


def _list(value: Any, detail: Any, free: bool, rng: Rng) -> Any:
    """A list with other items or, where its length is free, of another length."""
    items = copy.deepcopy(value)
    if free and (len(items) == 0 or rng.random() < 0.4):
        keep = int(rng.integers(0, len(items) + 1))
        if isinstance(items, np.ndarray):
            more = rng.integers(0, 256, int(rng.integers(0, 50))).astype(items.dtype)
            return [items[:keep], np.concatenate([items, more]), items[:0], items[::-1].copy()][int(rng.integers(4))]
        return [items[:keep], items + items[:1], [], items * 3][int(rng.integers(4))]
    if len(items) and detail[0][0] == 1:
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(len(items)))
            with np.errstate(over="ignore", invalid="ignore"):
                items[at] = changed(items[at].item() if hasattr(items[at], "item") else items[at], detail[0], rng)
    return items


def damaged(data: bytes, rng: Rng) -> bytes:
    """Bytes with flipped bits, cut off, with a part missing, doubled, of zeros or of noise, or an extreme number."""
    content, size = bytearray(data), len(data)
    if not size:
        return bytes(rng.integers(0, 256, 20, np.uint8))
    at, length = int(rng.integers(size)), int(rng.integers(1, max(2, min(size, 4000))))
    match int(rng.integers(9)):
        case 0 | 1:
            for place in rng.integers(0, size, int(rng.integers(1, 9))):
                content[place] ^= 1 << int(rng.integers(8))
        case 2:
            del content[at:]
        case 3:
            del content[at : at + length]
        case 4:
            content[at : at + length] = content[at : at + length] * 2
        case 5:
            content[at : at + length] = bytes(len(content[at : at + length]))
        case 6:
            content[at : at + length] = rng.integers(0, 256, length, np.uint8).tobytes()
        case 7:
            content[at : at + 8] = [b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0" * 8, b"\xff" * 8][int(rng.integers(4))]
        case _:
            return bytes(rng.integers(0, 256, length, np.uint8)) if rng.random() < 0.5 else b""
    return bytes(content)


def png_is_sound(data: bytes) -> bool:
    """Whether every chunk up to the end has the checksum that it says."""
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body, check = data[at + 4 : at + 8 + length], data[at + 8 + length : at + 12 + length]
        if len(check) < 4 or zlib.crc32(body) != int.from_bytes(check, "big"):
            return False
        if body[:4] == b"IEND":
            return True
        at += 12 + length
    return False


IMAGES = [encode_image(PICTURE, HEADER, TYPES)] + [
    TYPES.create(
        "sensor_msgs/msg/Image", header=HEADER, height=48, width=64, encoding=encoding, is_bigendian=0,
        step=int(64 * size), data=np.random.default_rng(1).integers(0, 256, int(64 * 48 * total), np.uint8),
    )
    for encoding, size, total in (
        ("bgra8", 4, 4), ("mono16", 2, 2), ("bayer_rggb8", 1, 1), ("nv12", 1, 1.5), ("nv24", 1, 3),
        ("yuv422_yuy2", 2, 2),
        ("rgb16", 6, 6), ("8UC3", 3, 3),
    )
]  # fmt: skip
DEPTH = np.linspace(0.3, 2.0, 48 * 64, dtype=np.float32).reshape(48, 64)
DEPTHS = [encode_depth(DEPTH, HEADER, TYPES)]
FILES = [
    ("jpeg", cv2.imencode(".jpg", PICTURE)[1]), ("png", cv2.imencode(".png", PICTURE)[1]),
    ("rgb8; jpeg compressed bgr8", cv2.imencode(".jpg", PICTURE)[1]), ("webp", cv2.imencode(".webp", PICTURE)[1]),
    ("bayer_rggb8; png compressed bayer_rggb8", cv2.imencode(".png", PICTURE[..., 0])[1]),
]  # fmt: skip
MILLIMETRES = cv2.imencode(".png", (DEPTH * 1000).astype(np.uint16))[1]


def image(rng: Rng) -> None:
    """``sensor_msgs/Image`` in colour."""
    message = mutated(IMAGES[int(rng.integers(len(IMAGES)))], rng)
    pixels = decode_image(message)
    expect(pixels.shape == (message.height, message.width, 3), f"{pixels.shape} of {message.height}x{message.width}")
    expect(pixels.dtype == np.uint8, "not 8 bits")
    expect(len(message.data) >= message.height * message.width, "fewer bytes than pixels")


def depth(rng: Rng) -> None:
    """``sensor_msgs/Image`` of depth."""
    base = DEPTHS[0]
    if rng.random() < 0.5:
        data = (DEPTH * 1000).astype(np.uint16).view(np.uint8).reshape(-1)
        base = TYPES.create(
            "sensor_msgs/msg/Image", header=HEADER, height=48, width=64, encoding="16UC1", is_bigendian=0, step=128,
            data=data,
        )  # fmt: skip
    message = mutated(base, rng)
    metres = decode_depth(message)
    expect(metres.shape == (message.height, message.width) and metres.dtype == np.float32, str(metres.shape))


def compressed(rng: Rng) -> None:
    """``sensor_msgs/CompressedImage`` in colour: JPEG, PNG, WebP."""
    format_, data = FILES[int(rng.integers(len(FILES)))]
    message = _compressed(format_, data, rng)
    pixels = decode_image(message)
    _compare_file(message.data.tobytes(), pixels)


def _compare_file(content: bytes, pixels: Any) -> None:
    if content.startswith(b"\x89PNG"):
        expect(png_is_sound(content), "a PNG whose checksum doesn't fit")
        size = (int.from_bytes(content[20:24], "big"), int.from_bytes(content[16:20], "big"))
        expect(pixels.shape[:2] == size, f"{pixels.shape} of {size}")


def compressed_depth(rng: Rng) -> None:
    """``sensor_msgs/CompressedImage`` of depth: PNG in millimetres, ``compressedDepth``."""
    plain = rng.random() < 0.5
    header = np.frombuffer(np.array([0, 100, 10], np.float32).tobytes(), np.uint8)
    data = MILLIMETRES if plain else np.concatenate([header, MILLIMETRES])
    message = _compressed("png" if plain else str(rng.choice(["32FC1", "16UC1"])) + "; compressedDepth", data, rng)
    metres = decode_depth(message)
    content = message.data.tobytes()
    png = content[12:] if "compressedDepth" in message.format else content
    expect(png_is_sound(png), "a PNG whose checksum doesn't fit")
    expect(metres.dtype == np.float32 and not (metres < 0).any(), f"depths down to {np.nanmin(metres)}")


def _compressed(format_: str, data: Any, rng: Rng) -> Any:
    message = TYPES.create(
        "sensor_msgs/msg/CompressedImage", header=HEADER, format=format_, data=np.asarray(data, np.uint8)
    )
    if rng.random() < 0.25:
        return mutated(message, rng)
    message.data = np.frombuffer(damaged(message.data.tobytes(), rng), np.uint8)
    return message


def camera_info(rng: Rng) -> None:
    """``sensor_msgs/CameraInfo`` with its ``RegionOfInterest``."""
    base = pinhole_to_camera_info(CAMERA, HEADER, TYPES)
    if rng.random() < 0.5:
        base.d, base.roi.width, base.roi.height = np.array([0.1, -0.05, 0.001, 0.0, 0.0]), 32, 24
        base.roi.x_offset, base.binning_x, base.binning_y = 8, 2, 2
    message, rectified = mutated(base, rng), rng.random() < 0.3
    camera = camera_info_to_pinhole(message, rectified)
    k = (message.p.reshape(3, 4)[:, :3] if rectified else message.k.reshape(3, 3)).astype(float)
    bx, by = max(message.binning_x, 1), max(message.binning_y, 1)
    expect(np.isclose(camera.fx * bx, k[0, 0]) and np.isclose(camera.fy * by, k[1, 1]), "other focal lengths")
    expect(np.array_equal(k[2], [0, 0, 1]) and k[1, 0] == 0, f"a camera matrix with {k[1, 0]} and the row {k[2]}")
    roi = message.roi
    inside = roi.x_offset + roi.width <= message.width and roi.y_offset + roi.height <= message.height
    expect(inside or not (message.width and message.height), "a region outside of the sensor")
    frame = Frame(PICTURE, camera)  # the size must fit
    expect(frame.intrinsics.undistort(PICTURE).shape == PICTURE.shape, "another size without distortion")
    expect(np.isfinite(camera.matrix).all(), "numbers that aren't finite")


HANDS = (HandRegion(np.array([4.0, 5, 30, 40]), "right", 0.9), HandRegion(np.array([30.0, 5, 60, 40]), "left", 0.8,
         np.array([0.1, 0.0, 0.6])))  # fmt: skip
THINGS = (ObjectRegion(np.array([10.0, 10, 30, 30]), "025_mug", 0.7), ObjectRegion(np.array([1.0, 2, 9, 9]), "x", 0.6))


def _one_of(items: list[Any], rng: Rng) -> None:
    """Mutate one item of a list in place."""
    at = int(rng.integers(len(items)))
    items[at] = mutated(items[at], rng)


@cache
def _regions() -> Any:
    return regions_to_message(Regions(HANDS, THINGS), HEADER, TYPES)


def regions(rng: Rng) -> None:
    """``hoisdf/Regions``; the region that wasn't touched must come through."""
    message = copy.copy(_regions())
    message.hands, message.objects = list(message.hands), list(message.objects)
    which = "hands" if rng.random() < 0.5 else "objects"
    items = getattr(message, which)
    at = int(rng.integers(2))
    items[at] = mutated(items[at], rng)
    told: list[Exception] = []
    got = message_to_regions(message, told.append)
    priors = priors_from_regions(got)
    kept = got.hands if which == "hands" else got.objects
    wanted = (HANDS if which == "hands" else THINGS)[1 - at]
    expect(any(np.array_equal(one.box, wanted.box) for one in kept), "the other region is gone")
    expect(len(kept) + len(told) == 2, f"{len(kept)} regions and {len(told)} refusals of 2")
    for one in (*got.hands, *got.objects):
        expect(np.isfinite([*one.box, one.score]).all(), f"a region with {one}")
    expect(len(priors) >= len(got.hands), "fewer priors than hands")


def detections(rng: Rng) -> None:
    """``vision_msgs/Detection2DArray``, of its published definition; the other detection must come through."""

    def one(name: str, x: float) -> Any:
        create = TYPES.create
        point = create("vision_msgs/msg/Point2D", x=x, y=20.0)
        center = create("vision_msgs/msg/Pose2D", position=point, theta=0.1)
        box = create("vision_msgs/msg/BoundingBox2D", center=center, size_x=10.0, size_y=8.0)
        pose = _pose_with_covariance()
        guess = create("vision_msgs/msg/ObjectHypothesis", class_id=name, score=0.8)
        result = create("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=guess, pose=pose)
        return create("vision_msgs/msg/Detection2D", header=HEADER, results=[result], bbox=box, id="")

    message = TYPES.create(
        "vision_msgs/msg/Detection2DArray", header=HEADER, detections=[one("hand", 12.0), one("mug", 40.0)]
    )
    at = int(rng.integers(2))
    message.detections[at] = mutated(message.detections[at], rng)
    got = detections_to_regions(message, lambda error: None)
    priors_from_regions(got)
    centres = [(r.box[0] + r.box[2]) / 2 for r in (*got.hands, *got.objects)]
    expect(any(np.isclose(c, (40.0, 12.0)[at]) for c in centres), "the other detection is gone")
    for item in (*got.hands, *got.objects):
        expect(np.isfinite([*item.box, item.score]).all(), f"a region with {item}")
        expect(item.box[0] < item.box[2] and item.box[1] < item.box[3], f"an empty box {item.box}")


@cache
def _pose_with_covariance() -> Any:
    estimate = _estimate()
    return estimate_to_hand_object(estimate, HEADER, TYPES).objects[0].pose


@cache
def _hand_object() -> Any:
    """A sound message; what is changed is copied first."""
    return estimate_to_hand_object(_estimate(), HEADER, TYPES)


def _estimate() -> Estimate:
    zeros = np.zeros((0, 3), np.float32)
    hands = tuple(
        HandEstimate(
            side, 0.9, np.full((21, 3), 0.5, np.float32), np.ones(21, np.float32), zeros,
            np.zeros((16, 3), np.float32), np.zeros(10, np.float32), np.eye(3) * 1e-4, "monocular",
            HandModelInfo("open", "0"),
        )
        for side in ("right", "left")
    )  # fmt: skip
    things = tuple(
        ObjectEstimate(name, 0.9, np.eye(3), np.array([0.0, 0.1, 0.6]), np.eye(6) * 1e-4, side)
        for name, side in (("025_mug", "right"), ("024_bowl", "left"))
    )
    return Estimate(hands, things, Regions(HANDS, THINGS), {"network": 0.02})


def hand_object(rng: Rng) -> None:
    """``hoisdf/HandObject`` with hands, objects and regions; what wasn't touched must come through."""
    message = copy.copy(_hand_object())
    message.hands, message.objects = list(message.hands), list(message.objects)
    which = ("hands", "objects")[int(rng.integers(2))]
    at = int(rng.integers(2))
    getattr(message, which)[at] = mutated(getattr(message, which)[at], rng)
    got = hand_object_to_estimate(message, lambda error: None)
    for hand in got.hands:
        for name in ("joints", "vertices", "pose", "shape", "root_covariance", "joint_scores", "score"):
            expect(np.isfinite(getattr(hand, name)).all(), f"{name} of a hand aren't finite")
    for thing in got.objects:
        for name in ("rotation", "translation", "covariance", "score"):
            expect(np.isfinite(getattr(thing, name)).all(), f"{name} of an object aren't finite")
        expect(np.allclose(thing.rotation @ thing.rotation.T, np.eye(3), atol=1e-6), "no rotation")
    if which == "hands":
        expect(any(hand.side == ("left", "right")[at] for hand in got.hands), "the other hand is gone")
    else:
        expect(any(o.name == ("024_bowl", "025_mug")[at] for o in got.objects), "the other object is gone")


def _pose(rng: Rng) -> Any:
    return _pose_with_covariance().pose


def grasp(rng: Rng) -> None:
    """``hoisdf/Grasp`` as the MoveIt example takes it."""
    pose = _pose(rng)
    message = TYPES.create(
        "hoisdf/msg/Grasp", header=HEADER, object_name="025_mug", mode=0, gripper=GRIPPER.name, pose=pose,
        pose_in_object=pose, covariance=np.eye(6).reshape(-1) * 1e-4, width=0.04, score=0.9, side="right",
    )  # fmt: skip
    message = mutated(message, rng)
    for stamped in task_poses(message, GRIPPER, 0.1, TYPES):
        p, q = stamped.pose.position, stamped.pose.orientation
        expect(np.isfinite([p.x, p.y, p.z]).all(), "a pose that isn't finite")
        expect(np.isclose(np.linalg.norm([q.x, q.y, q.z, q.w]), 1), "no quaternion")
    expect(0 <= message.width <= GRIPPER.stroke * 1.001, f"a width of {message.width} for a stroke of {GRIPPER.stroke}")


def transforms(rng: Rng) -> None:
    """``tf2_msgs/TFMessage``; what wasn't touched must come through."""

    def link(parent: str, child: str) -> Any:
        header = make_header(TYPES, 1_700_000_000_000_000_000, parent)
        vector = TYPES.create("geometry_msgs/msg/Vector3", x=0.1, y=0.2, z=0.3)
        turn = TYPES.create("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
        move = TYPES.create("geometry_msgs/msg/Transform", translation=vector, rotation=turn)
        return TYPES.create("geometry_msgs/msg/TransformStamped", header=header, child_frame_id=child, transform=move)

    links = [link("world", "base"), link("base", "camera")]
    links[1] = mutated(links[1], rng)
    buffer = FrameBuffer()
    buffer.take(SimpleNamespace(transforms=links), static=bool(rng.random() < 0.5))
    stamp = 1_700_000_000_000_000_000
    expect(np.allclose(buffer.lookup("world", "base", stamp)[:3, 3], [0.1, 0.2, 0.3]), "the other transform is gone")
    result = buffer.lookup("world", "camera", stamp)
    expect(np.isfinite(result).all(), "a transform that isn't finite")
    expect(np.allclose(result[:3, :3] @ result[:3, :3].T, np.eye(3), atol=1e-5), "no rotation")


def _told(case: Callable[[Rng], None]) -> Callable[[Rng], None]:
    """The case, where what is wrong with one item mustn't refuse the whole message."""

    def whole(rng: Rng) -> None:
        try:
            case(rng)
        except InvalidInputError as error:
            raise Wrong(f"one item refused the whole message: {error}") from error

    return whole


CATALOGUE = load_catalogue()


def set_object(rng: Rng) -> None:
    """The request of ``~/set_object``: a name that the catalogue has, or a reason."""
    name = text(str(rng.choice(["025_mug", "006_mustard_bottle"])), rng)
    if name:
        mesh = CATALOGUE.mesh(name)
        expect(name in CATALOGUE, f"a mesh for {name!r}")
        expect(len(mesh.faces), "no triangles")


def pairing(rng: Rng) -> None:
    """Streams of stamps that jump, repeat and stop, with frames and sizes that change."""
    slop = int(rng.choice([0, 1_000_000]))
    pairs = Pairing(("image", "camera_info", "depth"), slop, 5, 1_000_000_000, "camera_info")
    stamp, newest = 1_700_000_000_000_000_000, None
    for _ in range(30):
        stamp += int(rng.choice([0, 33_000_000, 33_000_000, 500_000, -40_000_000, -5_000_000_000, 1 << 62]))
        stamp = int(np.clip(stamp, 0, (1 << 63) - 1))
        for topic in ("image", "camera_info", "depth"):
            if rng.random() < 0.2:
                continue
            header = SimpleNamespace(frame_id=str(rng.choice(["camera", "", "/camera", "other"])))
            size = {"width": int(rng.choice([64, 0, 32, 1 << 31])), "height": 48}
            message = SimpleNamespace(header=header, **size, binning_x=int(rng.integers(3)), binning_y=0,
                                      roi=SimpleNamespace(width=int(rng.integers(2)), height=1))  # fmt: skip
            result = pairs.add(topic, stamp, message)
            newest = None if result.jumped_back else newest
            if result.messages is not None:
                expect(set(result.messages) == {"image", "camera_info", "depth"}, "an incomplete set")
                expect(newest is None or result.stamp > newest, "images out of order")
                newest = result.stamp
    expect(isinstance(pairs.why_waiting(), str), "no reason")


KINDS: dict[str, Callable[[Rng], None]] = {
    "Image": image, "Image, depth": depth, "CompressedImage": compressed, "CompressedImage, depth": compressed_depth,
    "CameraInfo, RegionOfInterest": camera_info, "Regions": _told(regions), "Detection2DArray": _told(detections),
    "HandObject": _told(hand_object), "Grasp, Pose": grasp, "TFMessage": transforms, "SetObject": set_object,
    "stamps and frames": pairing,
}  # fmt: skip
