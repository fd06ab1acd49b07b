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

"""Image messages become the pixels that OpenCV, the independent reference, would give."""

import struct
import zlib

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from hoisdf_model import messages
from hoisdf_model.data import interface_types
from hoisdf_model.errors import ImageError

TYPES = messages.rosbags_types(interface_types())
HEADER = messages.make_header(TYPES, 1, "camera")
HEIGHT, WIDTH = 48, 64


def picture():
    """(H, W, 3) uint8 RGB, smooth, the channels apart."""
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([u * 4, v * 5, (u + v) * 2], -1).astype(np.uint8)


def raw(pixels, encoding, padding=0, bigendian=0, **changes):
    """A ``sensor_msgs/Image`` as a driver would send it, with ``padding`` bytes at each row's end."""
    rows = np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    fields = {
        "header": HEADER,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "encoding": encoding,
        "is_bigendian": bigendian,
        "step": rows.shape[1],
        "data": rows.reshape(-1),
    }
    return TYPES.create("sensor_msgs/msg/Image", **(fields | changes))


def compressed(data, format_="jpeg"):
    data = np.frombuffer(bytes(data), np.uint8)
    return TYPES.create("sensor_msgs/msg/CompressedImage", header=HEADER, format=format_, data=data)


def jpeg(image):
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


@pytest.mark.parametrize("padding", [0, 16])
@pytest.mark.parametrize(
    ("encoding", "from_rgb"),
    [
        ("rgb8", None),
        ("bgr8", cv2.COLOR_RGB2BGR),
        ("rgba8", cv2.COLOR_RGB2RGBA),
        ("bgra8", cv2.COLOR_RGB2BGRA),
    ],
)
def test_colour_comes_out_as_it_went_in(encoding, from_rgb, padding):
    image = picture()
    stored = image if from_rgb is None else cv2.cvtColor(image, from_rgb)
    np.testing.assert_array_equal(messages.decode_image(raw(stored, encoding, padding)), image)


def test_grey_becomes_three_equal_channels():
    grey = picture()[..., 0]
    decoded = messages.decode_image(raw(grey, "mono8", padding=3))
    np.testing.assert_array_equal(decoded, np.repeat(grey[..., None], 3, -1))


@pytest.mark.parametrize(
    ("encoding", "code"),
    [
        ("yuv422_yuy2", cv2.COLOR_RGB2YUV_YUY2),
        ("yuyv", cv2.COLOR_RGB2YUV_YUY2),
        ("yuv422", cv2.COLOR_RGB2YUV_UYVY),
        ("uyvy", cv2.COLOR_RGB2YUV_UYVY),
    ],
)
def test_yuv_is_near_the_picture_it_was_made_from(encoding, code):
    image = picture()
    decoded = messages.decode_image(raw(cv2.cvtColor(image, code), encoding))
    assert np.abs(decoded.astype(int) - image).mean() < 3  # chroma is shared by two pixels


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_bayer_mosaic_gives_back_its_colour(pattern, bits):
    """Each of the 2x2 pixels of the pattern holds the colour of its letter."""
    colour = {"r": 200, "g": 120, "b": 30}
    tile = np.array([colour[letter] for letter in pattern]).reshape(2, 2)
    mosaic = np.tile(tile, (HEIGHT // 2, WIDTH // 2))
    stored = mosaic.astype(np.uint8) if bits == 8 else (mosaic * 256).astype("<u2")
    decoded = messages.decode_image(raw(stored, f"bayer_{pattern}{bits}"))
    np.testing.assert_array_equal(decoded[2:-2, 2:-2], np.broadcast_to([200, 120, 30], (HEIGHT - 4, WIDTH - 4, 3)))


@pytest.mark.parametrize(("order", "flag"), [("<", 0), (">", 1)])
def test_the_byte_order_flag_is_heeded(order, flag):
    grey = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) * 16
    decoded = messages.decode_image(raw(grey.astype(f"{order}u2"), "mono16", bigendian=flag))
    np.testing.assert_array_equal(decoded[..., 1], grey >> 8)
    depth = messages.decode_depth(raw(grey.astype(f"{order}u2"), "16UC1", bigendian=flag))
    np.testing.assert_allclose(depth, grey / 1000, rtol=1e-6)
    metres = np.linspace(0.1, 3, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    decoded = messages.decode_depth(raw(metres.astype(f"{order}f4"), "32FC1", padding=4, bigendian=flag))
    np.testing.assert_array_equal(decoded, metres)
    assert decoded.dtype == np.float32


def test_rgb8_and_32fc1_are_not_copied():
    message = raw(picture(), "rgb8", padding=8)
    assert np.shares_memory(messages.decode_image(message), message.data)
    message = raw(np.ones((4, 4), np.float32), "32FC1")
    assert np.shares_memory(messages.decode_depth(message), message.data)


def test_unaligned_floats_become_aligned():
    """In a serialised message the floats may start anywhere; OpenCV and torch want them aligned."""
    buffer = np.zeros(4 * 4 * 4 + 1, np.uint8)
    message = raw(np.ones((4, 4), np.float32), "32FC1")
    buffer[1:] = message.data
    message.data = buffer[1:]
    assert messages.decode_depth(message).flags.aligned


@pytest.mark.parametrize("data", [bytes, bytearray, memoryview], ids=lambda c: c.__name__)
def test_any_buffer_will_do(data):
    message = raw(picture(), "rgb8")
    message.data = data(message.data.tobytes())
    np.testing.assert_array_equal(messages.decode_image(message), picture())


@pytest.mark.parametrize("image", [messages.decode_image(raw(picture(), "rgb8")), picture()])
def test_a_png_is_lossless(image):
    data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    np.testing.assert_array_equal(messages.decode_image(compressed(data, "rgb8; png compressed bgr8")), picture())


def test_a_jpeg_equals_what_opencv_reads():
    data = jpeg(picture())
    expected = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(messages.decode_image(compressed(data)), expected)
    padded = data + bytes(100)  # webcams fill the rest of their buffer
    np.testing.assert_array_equal(messages.decode_image(compressed(padded)), expected)


def test_a_jpeg_is_not_turned_by_its_exif_orientation():
    exif = b"Exif\0\0" + b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)  # turn by 90 degrees
    data = jpeg(picture())
    turned = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (WIDTH, HEIGHT)
    assert messages.decode_image(compressed(turned)).shape[:2] == (HEIGHT, WIDTH)


def test_a_thumbnails_end_does_not_hide_a_truncation():
    data = jpeg(picture())
    thumbnail = b"thumb\xff\xd9"
    with_thumbnail = data[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + data[2:]
    assert messages.decode_image(compressed(with_thumbnail)).shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(ImageError, match="truncated"):
        messages.decode_image(compressed(with_thumbnail[:-50]))


def test_compressed_depth():
    millimetres = (np.arange(HEIGHT * WIDTH) % 5000).astype(np.uint16).reshape(HEIGHT, WIDTH)
    png = cv2.imencode(".png", millimetres)[1].tobytes()
    expected = millimetres / 1000
    for data, format_ in ((png, "16UC1; png compressed "), (bytes(12) + png, "16UC1; compressedDepth png")):
        np.testing.assert_allclose(messages.decode_depth(compressed(data, format_)), expected, rtol=1e-6)


def test_compressed_float_depth_is_inverse_depth():
    """compressed_depth_image_transport stores ``a / depth + b`` in 16 bits, 0 where unknown."""
    depth = np.linspace(0.5, 4, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    a, b = 20000.0, -1000.0
    stored = np.round(a / depth + b).astype(np.uint16)
    stored[0, 0] = 0
    data = struct.pack("<iff", 0, a, b) + cv2.imencode(".png", stored)[1].tobytes()
    decoded = messages.decode_depth(compressed(data, "32FC1; compressedDepth"))
    assert np.isnan(decoded[0, 0])
    np.testing.assert_allclose(decoded[1:], depth[1:], rtol=3e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 0}, "empty: 0x48"),
        ({"height": 0}, "empty: 64x0"),
        ({"step": 100}, "step must be at least 192 bytes .64 pixels of rgb8, 3 bytes each., got 100"),
        ({"step": 200}, "200 x 48 = 9600 bytes, got 9216"),
        ({"data": np.zeros(9000, np.uint8)}, "192 x 48 = 9216 bytes, got 9000"),
        ({"data": np.zeros(0, np.uint8)}, "got 0"),
        ({"encoding": "nv99"}, "unknown encoding 'nv99' of a colour image, use one of rgb8, "),
        ({"encoding": "32FC1"}, "unknown encoding '32FC1' of a colour image"),
    ],
)
def test_a_broken_image_says_why(changes, words):
    with pytest.raises(ImageError, match=words):
        messages.decode_image(raw(picture(), **({"encoding": "rgb8"} | changes)))


def test_an_odd_width_has_no_yuv422():
    with pytest.raises(ImageError, match="even width, got 63"):
        messages.decode_image(raw(np.zeros((48, 63, 2), np.uint8), "yuyv"))


@pytest.mark.parametrize("encoding", ["mono8", "bayer_rggb8", "bayer_gbrg16"])
def test_the_smallest_image_is_an_image(encoding):
    pixels = np.zeros((1, 1), np.uint16 if encoding.endswith("16") else np.uint8)
    assert messages.decode_image(raw(pixels, encoding)).shape == (1, 1, 3)


@pytest.mark.parametrize("end", [0, 1, 3, 10, 200, 400, -1, -2, -10])
@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_a_truncated_file_is_refused(end, kind):
    data = cv2.imencode(kind, picture())[1].tobytes()
    with pytest.raises(ImageError, match=r"truncated|no data|must be JPEG or PNG"):
        messages.decode_image(compressed(data[:end], kind))


def test_something_else_than_a_picture_is_refused():
    with pytest.raises(ImageError, match="'h264' starts with the bytes 00 00 00 01"):
        messages.decode_image(compressed(b"\0\0\0\1abc", "h264"))
    with pytest.raises(ImageError, match="unknown encoding 'rgb8' of a depth image"):
        messages.decode_depth(raw(picture(), "rgb8"))
    with pytest.raises(ImageError, match="16-bit grey PNG"):
        messages.decode_depth(compressed(cv2.imencode(".png", picture())[1], "png"))
    with pytest.raises(ImageError, match="header of 12 bytes, got 3"):
        messages.decode_depth(compressed(b"abc", "16UC1; compressedDepth"))


def test_a_damaged_png_is_refused():
    data = bytearray(cv2.imencode(".png", picture())[1].tobytes())
    data[16:24] = bytes(8)  # width and height
    with pytest.raises(ImageError, match="checksum of its b'IHDR'"):
        messages.decode_image(compressed(data, "png"))
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(ImageError, match="decoded"):
        messages.decode_image(compressed(data, "png"))


def test_what_is_encoded_is_decoded():
    image = picture()
    np.testing.assert_array_equal(
        messages.decode_image(messages.encode_image(image[:, ::2], HEADER, TYPES)), image[:, ::2]
    )
    png = messages.encode_compressed(image, HEADER, TYPES, "png")
    np.testing.assert_array_equal(messages.decode_image(png), image)
    lossy = messages.decode_image(messages.encode_compressed(image, HEADER, TYPES, "jpeg", quality=95))
    assert np.abs(lossy.astype(int) - image).mean() < 3
    depth = np.array([[0.5, np.nan, -1.0], [70.0, 1.2349, np.inf]], np.float32)
    np.testing.assert_array_equal(messages.decode_depth(messages.encode_depth(depth, HEADER, TYPES)), depth)
    rounded = messages.decode_depth(messages.encode_depth(depth, HEADER, TYPES, "16UC1"))
    np.testing.assert_allclose(rounded, [[0.5, 0, 0], [0, 1.235, 0]], atol=1e-6)


@pytest.mark.parametrize("encode", [messages.encode_image, messages.encode_compressed])
def test_only_colour_pictures_are_encoded(encode):
    with pytest.raises(ImageError, match=r"\(0, 5, 3\)"):
        encode(np.zeros((0, 5, 3), np.uint8), HEADER, TYPES)
    with pytest.raises(ImageError, match="float32"):
        encode(np.zeros((5, 5, 3), np.float32), HEADER, TYPES)


def test_rclpys_image_class_does_as_well():
    sensor = pytest.importorskip("sensor_msgs.msg", reason="ROS's message classes aren't installed")
    std, builtin = pytest.importorskip("std_msgs.msg"), pytest.importorskip("builtin_interfaces.msg")
    classes = {c.__name__: c for c in (sensor.Image, sensor.CompressedImage, std.Header, builtin.Time)}
    types = messages.ros_types(lambda name: classes[name.rpartition("/")[2]])
    header = messages.make_header(types, 1, "camera")
    for message in (
        messages.encode_image(picture(), header, types),
        messages.encode_compressed(picture(), header, types, "png"),
    ):
        np.testing.assert_array_equal(messages.decode_image(message), picture())


# Encodings
def planes(image, code):
    """NV12 or NV21 of a picture, from OpenCV's planar YUV: (H, W) and (H / 2, W / 2, 2)."""
    planar = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420)
    bright, rest = planar[:HEIGHT], planar[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return bright, np.stack(rest if code == "nv12" else rest[::-1], -1)


def semi_planar(encoding, bright, pairs, padding=0, **changes):
    rows = np.concatenate([bright.reshape(HEIGHT, -1), pairs.reshape(-1, WIDTH)])
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    fields = {"height": HEIGHT, "width": WIDTH, "step": WIDTH + padding, "data": rows.reshape(-1)}
    return raw(bright, encoding, **(fields | changes))


@pytest.mark.parametrize("padding", [0, 16])
@pytest.mark.parametrize(("encoding", "code"), [("nv12", cv2.COLOR_YUV2RGB_NV12), ("nv21", cv2.COLOR_YUV2RGB_NV21)])
def test_two_planes_are_opencvs(encoding, code, padding):
    bright, pairs = planes(picture(), encoding)
    expected = cv2.cvtColor(np.concatenate([bright, pairs.reshape(HEIGHT // 2, WIDTH)]), code)
    decoded = messages.decode_image(semi_planar(encoding, bright, pairs, padding))
    np.testing.assert_array_equal(decoded, expected)
    assert np.abs(decoded.astype(int) - picture()).mean() < 3


def test_a_step_that_counts_both_planes_is_understood():
    bright, pairs = planes(picture(), "nv12")
    plain = messages.decode_image(semi_planar("nv12", bright, pairs))
    counted = messages.decode_image(semi_planar("nv12", bright, pairs, step=WIDTH * 3 // 2))
    np.testing.assert_array_equal(counted, plain)


@pytest.mark.parametrize("padding", [0, 8])
def test_nv24_has_a_pair_for_each_pixel(padding):
    """ITU-R BT.601 with the range 16 to 235, as OpenCV's other video encodings."""
    image = picture().astype(float)
    r, g, b = np.moveaxis(image, -1, 0)
    bright = 16 + 0.257 * r + 0.504 * g + 0.098 * b
    pairs = np.stack([128 - 0.148 * r - 0.291 * g + 0.439 * b, 128 + 0.439 * r - 0.368 * g - 0.071 * b], -1)
    rows = np.concatenate([
        np.pad(np.round(bright).astype(np.uint8), ((0, 0), (0, padding))).reshape(-1),
        np.pad(np.round(pairs).astype(np.uint8).reshape(HEIGHT, -1), ((0, 0), (0, 2 * padding))).reshape(-1),
    ])  # fmt: skip
    message = raw(picture()[..., 0], "nv24", step=WIDTH + padding, data=rows)
    assert np.abs(messages.decode_image(message).astype(int) - picture()).max() <= 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 63}, "even width and height, got 63x48"),
        ({"height": 47}, "even width and height, got 64x47"),
        ({"data": np.zeros(64 * 48, np.uint8)}, "must have 4608 bytes .with padded rows step x 72., got 3072"),
        ({"height": 0}, "empty"),
    ],
)
def test_broken_planes_say_why(changes, words):
    bright, pairs = planes(picture(), "nv12")
    with pytest.raises(ImageError, match=words):
        messages.decode_image(semi_planar("nv12", bright, pairs, **changes))


@pytest.mark.parametrize(
    ("encoding", "from_rgb"),
    [
        ("rgb", None), ("bgr", cv2.COLOR_RGB2BGR), ("rgba", cv2.COLOR_RGB2RGBA), ("bgra", cv2.COLOR_RGB2BGRA),
        ("16UC3", cv2.COLOR_RGB2BGR), ("16UC4", cv2.COLOR_RGB2BGRA),
    ],
)  # fmt: skip
@pytest.mark.parametrize("flag", [0, 1])
def test_sixteen_bits_keep_the_upper_eight(encoding, from_rgb, flag):
    image = picture().astype(np.uint16) * 257
    stored = image if from_rgb is None else cv2.cvtColor(image, from_rgb)
    name = encoding if "UC" in encoding else f"{encoding}16"
    decoded = messages.decode_image(raw(stored.astype("<u2" if flag == 0 else ">u2"), name, bigendian=flag))
    np.testing.assert_array_equal(decoded, picture())


@pytest.mark.parametrize(
    ("encoding", "from_rgb"),
    [
        ("8UC1", cv2.COLOR_RGB2GRAY),
        ("8UC", cv2.COLOR_RGB2GRAY),
        ("8UC3", cv2.COLOR_RGB2BGR),
        ("8UC4", cv2.COLOR_RGB2BGRA),
    ],
)
def test_opencvs_types_are_in_opencvs_order(encoding, from_rgb):
    stored = cv2.cvtColor(picture(), from_rgb)
    expected = picture() if stored.ndim == 3 else np.repeat(stored[..., None], 3, -1)
    np.testing.assert_array_equal(messages.decode_image(raw(stored, encoding)), expected)


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1", "8UC2", "8SC3", "64FC1"])
def test_types_that_hold_no_colour_are_refused(encoding):
    with pytest.raises(ImageError, match=f"unknown encoding '{encoding}' of a colour image"):
        messages.decode_image(raw(picture(), encoding))


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("encoding", ["mono16", "rgb16", "bayer_rggb16"])
def test_a_camera_with_fewer_than_sixteen_bits_is_not_dark(encoding, bits):
    stored = picture().astype(np.uint16) << (bits - 8)
    stored = stored if encoding == "rgb16" else stored[..., 0]
    decoded = messages.decode_image(raw(stored, encoding))
    expected = messages.decode_image(raw((stored >> (bits - 8)).astype(np.uint8), encoding.replace("16", "8")))
    assert np.abs(decoded.astype(int) - expected).max() <= 1


# Compressed
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("pattern", "code"), [("rggb", cv2.COLOR_BayerRGGB2RGB), ("gbrg", cv2.COLOR_BayerGBRG2RGB)])
def test_a_compressed_mosaic_is_demosaiced(pattern, code, bits):
    colour = {"r": 200, "g": 120, "b": 30}
    mosaic = np.tile(np.array([colour[letter] for letter in pattern]).reshape(2, 2), (24, 32)).astype(np.uint8)
    stored = mosaic if bits == 8 else mosaic.astype(np.uint16) * 257
    data = cv2.imencode(".png", stored)[1]
    decoded = messages.decode_image(compressed(data, f"bayer_{pattern}{bits}; png compressed "))
    np.testing.assert_array_equal(decoded, cv2.cvtColor(mosaic, code))
    assert decoded[10, 10].tolist() == [200, 120, 30]


def test_channels_that_the_encoder_took_for_others_are_put_right():
    """OpenCV's encoder was given RGB, took it for BGR, and the format says that it was RGB."""
    data = cv2.imencode(".png", picture())[1]
    np.testing.assert_array_equal(messages.decode_image(compressed(data, "rgb8; png compressed rgb8")), picture())


def test_a_compressed_16_bit_image_is_not_dark():
    data = cv2.imencode(".png", picture()[..., 0].astype(np.uint16) << 4)[1]
    decoded = messages.decode_image(compressed(data, "mono16; png compressed "))
    np.testing.assert_array_equal(decoded, np.repeat(picture()[..., :1], 3, -1))


@pytest.mark.parametrize("kind", [".webp", ".tiff", ".bmp"])
def test_other_kinds_of_files_are_told_by_their_content(kind):
    options = [cv2.IMWRITE_WEBP_QUALITY, 101] if kind == ".webp" else []
    data = cv2.imencode(kind, cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR), options)[1].tobytes()
    np.testing.assert_array_equal(messages.decode_image(compressed(data, "jpeg")), picture())
    with pytest.raises(ImageError, match=r"truncated|damaged|decoded"):
        messages.decode_image(compressed(data[: len(data) * 2 // 3], "jpeg"))


def test_depth_is_no_colour_image():
    with pytest.raises(ImageError, match="is a depth image, a colour image is wanted"):
        messages.decode_image(compressed(b"", "16UC1; compressedDepth png"))


# Files
def turned_by_exif(path, orientation):
    """A JPEG or WebP file with an Exif orientation, written by Pillow."""
    picture_ = PIL.Image.fromarray(picture())
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    picture_.save(path, exif=exif.tobytes(), quality=95)
    return path


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_file_comes_as_it_was_stored_and_upright_where_that_is_asked_for(tmp_path, orientation):
    path = turned_by_exif(tmp_path / "a.jpg", orientation)
    with PIL.Image.open(path) as stored:
        np.testing.assert_allclose(messages.read_image(path), np.asarray(stored), atol=2)
        upright = np.asarray(PIL.ImageOps.exif_transpose(stored))
    np.testing.assert_allclose(messages.read_image(path, upright=True), upright, atol=2)
    assert messages.exif_orientation(path) == orientation


def test_a_file_is_told_by_its_content(tmp_path):
    PIL.Image.fromarray(picture()).save(tmp_path / "a.webp", lossless=True)
    path = (tmp_path / "a.webp").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(messages.read_image(path), picture())
    assert messages.is_image_file(path.rename(tmp_path / "without an ending"))


@pytest.mark.parametrize(("brand", "words"), [(b"heic", "HEIC: convert it, with"), (b"avif", "AVIF: convert it, with")])
def test_kinds_that_are_not_read_say_how_to_convert(tmp_path, brand, words):
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(12))
    with pytest.raises(ImageError, match=words):
        messages.read_image(tmp_path / "a.jpg")


def test_a_folder_holds_its_pictures_in_order(tmp_path):
    for name in ("b10.png", "b9.png", "._b9.png", "notes.txt", "B1.JPG", "c.HEIC"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in messages.pictures_in(tmp_path)] == ["B1.JPG", "b9.png", "b10.png", "c.HEIC"]
