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

"""Bags are written as ``ros2 bag`` would, read back whole, and a damaged one says so."""

import json
import re
import resource
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import yaml

from hoisdf_model import messages
from hoisdf_model.data import BagReader, BagWriter, interface_types, sample_recording
from hoisdf_model.data.bags.frame_assembly import PATIENCE, select_topics
from hoisdf_model.data.bags.opening import McapFile
from hoisdf_model.errors import BagError, CameraError, ImageError
from hoisdf_model.estimates import Estimate, HandRegion, Regions
from hoisdf_model.geometry import Pinhole

CAMERA = Pinhole(50, 51, 16, 12, 32, 24)
START, PERIOD = 1_763_600_000_000_000_000, 66_666_667
FORMATS = [("mcap", "none"), ("mcap", "zstd"), ("sqlite3", "none"), ("sqlite3", "zstd")]


def picture(i):
    return np.full((24, 32, 3), i % 256, np.uint8)


def regions(i):
    return Regions((HandRegion(np.array([1.0, 2.0, 3.0 + i, 4.0]), "right"),))


def write_scene(path, frames=5, storage="mcap", compression="none", leave_out=(), start=START):
    """A bag as the synthetic generator writes it; ``leave_out`` is a set of (topic, frame index)."""
    with BagWriter(path, storage, compression) as bag:
        for i in range(frames):
            header = messages.make_header(bag.types, start + i * PERIOD, "camera")
            parts = {
                "/camera_info": messages.pinhole_to_camera_info(CAMERA, header, bag.types),
                "/image": messages.encode_image(picture(i), header, bag.types),
                "/depth": messages.encode_depth(np.full((24, 32), 0.5, np.float32), header, bag.types, "16UC1"),
                "/regions": messages.regions_to_message(regions(i), header, bag.types),
                "/ground_truth": messages.estimate_to_hand_object(Estimate(timing={"i": i}), header, bag.types),
            }
            for topic, message in parts.items():
                if (topic, i) not in leave_out:
                    bag.write(topic, message)
    return path


class Problems(list):
    """Collects what a reader leaves out."""

    def __call__(self, problem):
        self.append(problem)


@pytest.mark.parametrize(("storage", "compression"), FORMATS)
def test_what_is_written_is_read(tmp_path, storage, compression):
    write_scene(tmp_path / "bag", storage=storage, compression=compression)
    problems = Problems()
    with BagReader(tmp_path / "bag") as bag:
        assert [(t.name, t.type, t.count) for t in bag.topics.values()] == [
            ("/camera_info", "sensor_msgs/msg/CameraInfo", 5),
            ("/depth", "sensor_msgs/msg/Image", 5),
            ("/ground_truth", "hoisdf/msg/HandObject", 5),
            ("/image", "sensor_msgs/msg/Image", 5),
            ("/regions", "hoisdf/msg/Regions", 5),
        ]
        assert (bag.start, bag.end, bag.count) == (START, START + 4 * PERIOD, 25)
        assert [t.name for t in bag.topics_of_type("hoisdf/msg/Regions")] == ["/regions"]
        assert bag.topics["/image"].qos[0].reliability.name == "RELIABLE"
        frames = list(bag.frames(on_problem=problems))
    assert problems == []
    assert [f.stamp for f in frames] == [START + i * PERIOD for i in range(5)]
    for i, item in enumerate(frames):
        np.testing.assert_array_equal(item.frame.image, picture(i))
        np.testing.assert_array_equal(item.frame.depth, np.float32(0.5))
        assert item.frame.intrinsics == CAMERA
        assert item.frame_id == "camera"
        assert item.regions.hands[0].box[2] == 3 + i
        assert item.truth.timing == {"i": i}


@pytest.mark.parametrize("file", ["bag.mcap", "bag.db3"])
def test_a_single_file_is_a_bag(tmp_path, file):
    write_scene(tmp_path / "bag", storage="mcap" if file.endswith("mcap") else "sqlite3")
    with BagReader(tmp_path / "bag" / file) as bag:
        assert bag.count == 25
        assert len(list(bag.frames())) == 5


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_metadata_is_what_ros2_bag_wants(tmp_path, storage):
    """Version, storage, type hashes and QoS profiles as rosbag2 writes them."""
    write_scene(tmp_path / "bag", storage=storage)
    info = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert info["storage_identifier"] == storage
    assert info["relative_file_paths"] == ["bag.mcap" if storage == "mcap" else "bag.db3"]
    assert info["starting_time"]["nanoseconds_since_epoch"] == START
    assert info["message_count"] == 25
    for topic in info["topics_with_message_count"]:
        metadata = topic["topic_metadata"]
        assert metadata["type_description_hash"].startswith("RIHS01_")
        assert metadata["serialization_format"] == "cdr"
        assert metadata["offered_qos_profiles"][0]["reliability"] == "reliable"
    if storage == "sqlite3":
        with sqlite3.connect(tmp_path / "bag" / "bag.db3") as base:
            definitions = dict(base.execute("SELECT topic_type, encoded_message_definition FROM message_definitions"))
        assert "hoisdf/HandJoints[] hands" in definitions["hoisdf/msg/HandObject"]
        assert "float32[48] pose" in definitions["hoisdf/msg/HandObject"]


@pytest.mark.parametrize("name", ["HandObject", "Grasp"])
def test_the_hash_of_an_interface_is_that_of_rosidl(name):
    """The type hash that DDS compares: HandObject contains all others but Grasp."""
    index = pytest.importorskip("ament_index_python", reason="ROS isn't installed")
    if "hoisdf" not in index.get_packages_with_prefixes():
        pytest.skip("the interfaces aren't built and sourced")
    generated = Path(index.get_package_share_directory("hoisdf"), "msg", f"{name}.json")
    hashes = {h["type_name"]: h["hash_string"] for h in json.loads(generated.read_text())["type_hashes"]}
    assert interface_types().hash_rihs01(f"hoisdf/msg/{name}") == hashes[f"hoisdf/msg/{name}"]


def test_raw_messages_are_copied_without_looking_inside(tmp_path):
    write_scene(tmp_path / "a", frames=2)
    with BagReader(tmp_path / "a") as source, BagWriter(tmp_path / "b", "sqlite3") as target:
        for topic, time, data in source.raw(["image", "/camera_info"], stop=START + PERIOD):
            target.write_raw(topic.name, topic.type, data, time)
    with BagReader(tmp_path / "b") as bag:
        assert {t.name: t.count for t in bag.topics.values()} == {"/camera_info": 1, "/image": 1}
        assert len(list(bag.frames())) == 1


def test_a_latched_topic_offers_transient_local(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/tf_static", "tf2_msgs/msg/TFMessage", latched=True)
        bag.write("/tf_static", bag.types.create("tf2_msgs/msg/TFMessage", transforms=[]), time=START)
    with BagReader(tmp_path / "bag") as bag:
        assert bag.topics["/tf_static"].qos[0].durability.name == "TRANSIENT_LOCAL"


# Pairing


def test_optional_parts_may_be_missing(tmp_path):
    write_scene(tmp_path / "bag", leave_out={("/depth", 1), ("/regions", 2), ("/ground_truth", 3)})
    with BagReader(tmp_path / "bag") as bag:
        frames = list(bag.frames())
    assert [f.frame.depth is None for f in frames] == [False, True, False, False, False]
    assert [f.regions is None for f in frames] == [False, False, True, False, False]
    assert [f.truth is None for f in frames] == [False, False, False, True, False]


def test_an_image_without_camera_info_is_reported_and_left_out(tmp_path):
    write_scene(tmp_path / "bag", leave_out={("/camera_info", 2)})
    problems = Problems()
    with BagReader(tmp_path / "bag") as bag:
        assert len(list(bag.frames(on_problem=problems))) == 4
    assert len(problems) == 1
    assert "no camera_info with the stamp" in str(problems[0])
    assert "/image" in str(problems[0])


def test_a_single_camera_info_holds_for_all_images(tmp_path):
    write_scene(tmp_path / "bag", leave_out={("/camera_info", i) for i in (0, 1, 2, 4)})
    with BagReader(tmp_path / "bag") as bag:
        assert len(list(bag.frames(start=START))) == 5


def write_stream(path, infos, frames=10, parts=lambda i: {}, image_frame="camera"):
    """Images, and ``camera_info`` given as (stamp, when it is recorded, camera); ``parts``: topic -> message of one."""
    events = []
    with BagWriter(path) as bag:
        for i in range(frames):
            header = messages.make_header(bag.types, START + i * PERIOD, image_frame)
            events.append((START + i * PERIOD, "/image", messages.encode_image(picture(i), header, bag.types)))
            for topic, (stamp, make) in parts(i).items():
                events.append((stamp, topic, make(messages.make_header(bag.types, stamp, image_frame), bag.types)))
        for stamp, time, camera in infos:
            header = messages.make_header(bag.types, stamp, "camera")
            events.append((time, "/camera_info", messages.pinhole_to_camera_info(camera, header, bag.types)))
        for time, topic, message in sorted(events, key=lambda event: event[0]):
            bag.write(topic, message, time)
    return path


def test_each_camera_info_holds_until_the_next(tmp_path, caplog):
    """Two latched ones with other stamps; the second a second later, with another focal length."""
    other = Pinhole(70, 71, 16, 12, 32, 24)
    infos = [(START - 7, START - 5, CAMERA), (5, START + 5 * PERIOD - 5, other)]
    with BagReader(write_stream(tmp_path / "bag", infos)) as bag:
        frames = list(bag.frames())
        assert [f.frame.intrinsics.fx for f in frames] == [50] * 5 + [70] * 5
        late = list(bag.frames(start=START + 3 * PERIOD))
        assert [f.frame.intrinsics.fx for f in late] == [50] * 2 + [70] * 5
    assert "10 images have the last camera_info" in caplog.text


def test_a_camera_info_of_another_camera_or_size_does_not_hold(tmp_path):
    for name, options, words in (
        ("frame", {"image_frame": "other"}, "the last one is of the frame 'camera', the image of 'other'"),
        ("size", {}, "of images of 64x48, this is 32x24"),
    ):
        camera = CAMERA if name == "frame" else Pinhole(100, 100, 32, 24, 64, 48)
        write_stream(tmp_path / name, [(START - 7, START - 5, camera)], 3, **options)
        problems = Problems()
        with BagReader(tmp_path / name) as bag:
            assert list(bag.frames(on_problem=problems)) == []
        assert len(problems) == 3
        assert words in str(problems[0])


def depth_of(offset):
    def make(header, types):
        return messages.encode_depth(np.full((24, 32), 0.5, np.float32), header, types, "16UC1")

    return lambda i: {"/depth": (START + i * PERIOD + offset, make)}


def test_parts_with_other_stamps_are_paired_within_the_slop_and_else_told(tmp_path):
    infos = [(START + i * PERIOD, START + i * PERIOD, CAMERA) for i in range(5)]
    write_stream(tmp_path / "bag", infos, 5, depth_of(4_000_000))
    problems = Problems()
    with BagReader(tmp_path / "bag") as bag:
        assert [f.frame.depth for f in bag.frames(on_problem=problems)] == [None] * 5
        assert len(problems) == 1
        assert "/depth wasn't used: none of its 5 messages met an image: the nearest was 4 ms off" in str(problems[0])
        frames = list(bag.frames(on_problem=problems, slop=0.005))
    assert [f.stamp for f in frames] == [START + i * PERIOD for i in range(5)]
    assert all((f.frame.depth == np.float32(0.5)).all() for f in frames)
    assert len(problems) == 1


def test_the_nearest_within_the_slop_is_taken(tmp_path):
    """Depth images 20 ms before and 3 ms after: the second belongs to the image, although the first comes first."""

    def part(value):
        return lambda header, types: messages.encode_depth(np.full((24, 32), value, np.float32), header, types)

    def parts(i):
        at = START + i * PERIOD
        return (
            {"/depth": (at - 20_000_000, part(1.0))} if i % 2 == 0 else {"/depth": (at - PERIOD + 3_000_000, part(2.0))}
        )

    infos = [(START + i * PERIOD, START + i * PERIOD, CAMERA) for i in range(6)]
    with BagReader(write_stream(tmp_path / "bag", infos, 6, parts)) as bag:
        found = [f.frame.depth is not None and float(f.frame.depth[0, 0]) for f in bag.frames(slop=0.025)]
    assert found[::2] == [2.0, 2.0, 2.0]


def test_a_leading_slash_is_no_part_of_a_frame(tmp_path):
    with BagReader(write_stream(tmp_path / "bag", [(0, START - 5, CAMERA)], 2, image_frame="/camera")) as bag:
        assert [f.frame_id for f in bag.frames()] == ["camera"] * 2


def test_one_bad_region_leaves_the_others(tmp_path):
    def make(header, types):
        three = Regions(tuple(HandRegion(np.array([1.0, 2.0, 3.0 + i, 4.0]), "right") for i in range(3)))
        message = messages.regions_to_message(three, header, types)
        message.hands[1].x1 = float("nan")
        return message

    write_stream(tmp_path / "bag", [(0, START - 5, CAMERA)], 2, lambda i: {"/regions": (START + i * PERIOD, make)})
    problems = Problems()
    with BagReader(tmp_path / "bag") as bag:
        frames = list(bag.frames(on_problem=problems))
    assert [[hand.box[2] for hand in f.regions.hands] for f in frames] == [[3.0, 5.0]] * 2
    assert [p.topic for p in problems] == ["/regions"] * 2
    assert "hands[1] of the regions" in str(problems[0])


def test_late_parts_find_their_image(tmp_path):
    """Boxes of a slow detector are recorded three frames after their image, but belong to it."""
    with BagWriter(tmp_path / "bag") as bag:
        for i in range(8):
            header = messages.make_header(bag.types, START + i * PERIOD, "camera")
            late = START + (i + 3) * PERIOD + 1
            bag.write("/image", messages.encode_image(picture(i), header, bag.types))
            bag.write("/camera_info", messages.pinhole_to_camera_info(CAMERA, header, bag.types))
            bag.write("/regions", messages.regions_to_message(regions(i), header, bag.types), late)
    with BagReader(tmp_path / "bag") as bag:
        frames = list(bag.frames())
    assert [f.regions.hands[0].box[2] for f in frames] == [3 + i for i in range(8)]


def test_a_topic_that_falls_silent_does_not_hold_up_the_rest(tmp_path):
    frames = 2 * PATIENCE // PERIOD
    write_scene(tmp_path / "bag", frames, leave_out={("/regions", i) for i in range(1, frames)})
    with BagReader(tmp_path / "bag") as bag:
        first = next(f for f in bag.frames() if f.regions is None)
        assert first.stamp == START + PERIOD
        assert len(list(bag.frames())) == frames


def test_a_clock_that_goes_back_starts_another_run(tmp_path):
    """A looped recording: the same stamps twice, recorded one after the other."""
    with BagWriter(tmp_path / "bag") as bag:
        count = PATIENCE // PERIOD + 5
        for i in range(2 * count):
            header = messages.make_header(bag.types, START + i % count * PERIOD, "camera")
            time = START + i * PERIOD
            bag.write("/image", messages.encode_image(picture(i % 9), header, bag.types), time)
            bag.write("/camera_info", messages.pinhole_to_camera_info(CAMERA, header, bag.types), time)
    problems = Problems()
    with BagReader(tmp_path / "bag") as bag:
        stamps = [f.stamp for f in bag.frames(on_problem=problems)]
    assert stamps == [START + i * PERIOD for i in range(count)] * 2
    assert problems == []


def test_equal_stamps_are_reported(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        header = messages.make_header(bag.types, 0, "camera")
        for i in range(2):
            bag.write("/image", messages.encode_image(picture(i), header, bag.types), START + i)
        for i in range(2):
            bag.write("/camera_info", messages.pinhole_to_camera_info(CAMERA, header, bag.types), START + 2 + i)
    problems = Problems()
    with BagReader(tmp_path / "bag") as bag:
        frames = list(bag.frames(on_problem=problems))
    assert [f.frame.image.max() for f in frames] == [0]
    assert ["second message with the stamp" in str(p) for p in problems] == [True]


# Topics


IMAGE, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
NONE_GIVEN = dict.fromkeys(("image", "camera_info", "depth", "regions", "truth"))


def test_topics_of_a_depth_camera_are_found():
    types = {
        "/cam/color/image_raw": IMAGE,
        "/cam/color/image_raw/compressed": "sensor_msgs/msg/CompressedImage",
        "/cam/color/camera_info": INFO,
        "/cam/depth/image_rect_raw": IMAGE,
        "/cam/depth/camera_info": INFO,
        "/cam/aligned_depth_to_color/image_raw": IMAGE,
        "/hoisdf/hand_object": "hoisdf/msg/HandObject",
        "/hoisdf/overlay": IMAGE,
    }
    assert select_topics(types, NONE_GIVEN, "bag") == {
        "image": "/cam/color/image_raw",
        "camera_info": "/cam/color/camera_info",
        "depth": "/cam/aligned_depth_to_color/image_raw",
    }
    given = NONE_GIVEN | {"truth": "/hoisdf/hand_object", "depth": ""}
    roles = select_topics(types, given, "bag")
    assert roles["truth"] == "/hoisdf/hand_object"
    assert "depth" not in roles


@pytest.mark.parametrize(
    ("types", "given", "words"),
    [
        ({}, {}, "bag has no topic for image .*it has no topics"),
        ({"/image": IMAGE}, {}, r"no topic for camera_info .*/image \(sensor_msgs/msg/Image\)"),
        ({"/a/image": IMAGE, "/b/image": IMAGE}, {}, "several topics for image, say which: /a/image, /b/image"),
        (
            {"/image": IMAGE, "/info": INFO},
            {"image": "/image", "depth": "/info"},
            "/info of bag is a .*CameraInfo, depth needs",
        ),
    ],
)
def test_topics_that_cannot_be_told_are_an_error(types, given, words):
    with pytest.raises(BagError, match=words):
        select_topics(types, NONE_GIVEN | given, "bag")


def test_a_missing_topic_lists_what_there_is(tmp_path):
    write_scene(tmp_path / "bag", frames=1)
    with BagReader(tmp_path / "bag") as bag, pytest.raises(BagError, match=r"no topic '/colour', it has /camera_info"):
        list(bag.frames(image="/colour"))


def test_a_topic_without_messages_is_an_error(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/image", IMAGE)
        bag.add_topic("/camera_info", INFO)
    with BagReader(tmp_path / "bag") as bag:
        assert (bag.start, bag.end, bag.count) == (0, 0, 0)
        with pytest.raises(BagError, match=r"/image of .* has no messages"):
            list(bag.frames())


# Bad bags


def test_bad_messages_are_reported_and_the_rest_is_read(tmp_path):
    with BagReader(write_scene(tmp_path / "good", frames=4)) as source, BagWriter(tmp_path / "bag") as target:
        for topic, time, data in source.raw():
            i = (time - START) // PERIOD
            if i == 1 and topic.name == "/image":
                data = data[: len(data) // 2]
            if i == 2 and topic.name == "/regions":
                data = b"\x00\x01\x00\x00" + b"\xff" * 40
            target.write_raw(topic.name, topic.type, data, time)
    problems = Problems()
    with BagReader(tmp_path / "bag") as bag:
        frames = list(bag.frames(on_problem=problems))
        assert len(list(bag.messages(on_problem=Problems()))) == 18
    assert [(f.stamp - START) // PERIOD for f in frames] == [0, 2, 3]
    assert [p.topic for p in problems] == ["/image", "/regions"]
    assert frames[1].regions is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda image, info: setattr(image, "step", 5), ImageError),
        (lambda image, info: setattr(image, "encoding", "nv99"), ImageError),
        (lambda image, info: setattr(info, "k", np.zeros(9)), CameraError),
        (lambda image, info: setattr(info, "k", np.full(9, np.nan)), CameraError),
        (lambda image, info: setattr(info, "width", 640), CameraError),
    ],
)
def test_a_frame_that_makes_no_sense_is_left_out_with_its_cause(tmp_path, change, error):
    with BagWriter(tmp_path / "bag") as bag:
        for i in range(3):
            header = messages.make_header(bag.types, START + i * PERIOD, "camera")
            image = messages.encode_image(picture(i), header, bag.types)
            info = messages.pinhole_to_camera_info(CAMERA, header, bag.types)
            if i == 1:
                change(image, info)
            bag.write("/image", image)
            bag.write("/camera_info", info)
    problems = Problems()
    with BagReader(tmp_path / "bag") as bag:
        assert [f.stamp for f in bag.frames(on_problem=problems)] == [START, START + 2 * PERIOD]
    assert [type(p.error) for p in problems] == [error]


@pytest.mark.parametrize(("storage", "keep", "remedy"), [
    ("mcap", 0.0, "copy it again"), ("mcap", 0.3, "mcap recover"),  # the first chunk isn't whole
    ("sqlite3", 0.0, "copy it again"), ("sqlite3", 0.3, ".recover"), ("sqlite3", 0.9, ".recover"),
])  # fmt: skip
def test_a_truncated_bag_of_which_nothing_is_whole_is_an_error_with_advice(tmp_path, storage, keep, remedy):
    path = write_scene(tmp_path / "bag", storage=storage)
    file = path / f"bag.{'mcap' if storage == 'mcap' else 'db3'}"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(BagError, match=re.escape(remedy)), BagReader(path) as bag:
        list(bag.raw())


def recording(path, storage="mcap", messages=40):
    """A bag of several chunks; the raw messages that were written."""
    rng = np.random.default_rng(0)
    content = [rng.integers(0, 256, 150_000, np.uint8).tobytes() for _ in range(messages)]
    with BagWriter(path, storage) as bag:
        for i, data in enumerate(content):
            bag.write_raw("/even" if i % 2 == 0 else "/odd", "std_msgs/msg/String", data, START + i * PERIOD)
    return content


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("tail", [b"", bytes(5000)])  # a crash may leave a file filled up with zeros
@pytest.mark.parametrize("keep", [0.45, 0.8, 0.999])
def test_an_mcap_without_its_end_is_read_as_far_as_it_goes(tmp_path, caplog, keep, tail, metadata):
    content = recording(tmp_path / "bag")
    file = tmp_path / "bag" / "bag.mcap"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * keep)] + tail)
    if not metadata:
        (tmp_path / "bag" / "metadata.yaml").unlink()
    with BagReader(tmp_path / "bag") as bag:
        read = list(bag.raw())
        assert bag.count == len(read) == sum(topic.count for topic in bag.topics.values())
        assert (bag.start, bag.end) == (START, START + (len(read) - 1) * PERIOD)
    assert len(read) > (keep - 0.3) * len(content)
    assert [data for _, _, data in read] == content[: len(read)]
    assert f"'mcap recover {file}" in caplog.text
    assert "ros2 bag reindex" not in caplog.text
    if metadata:
        assert f"/even 20 and {(len(read) + 1) // 2}" in caplog.text


def test_what_a_cut_off_sqlite_recording_left_in_its_log_is_told(tmp_path, caplog):
    recording(tmp_path / "bag", "sqlite3", 4)
    file = tmp_path / "bag" / "bag.db3"
    with sqlite3.connect(file) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("INSERT INTO messages(topic_id, timestamp, data) VALUES (1, 5, x'00')")
        base.commit()
        with BagReader(file) as bag:  # while the writer holds it
            assert bag.count == 4
    assert "messages in bag.db3-wal are left out" in caplog.text


@pytest.mark.parametrize("name", ["take #2", "100%20", "what?", "a&b=c", "%23", "ümlaut ?#%41"])
@pytest.mark.parametrize(("storage", "compression"), FORMATS)
def test_any_name_can_be_written_and_read(tmp_path, name, storage, compression):
    path = tmp_path / name / name
    write_scene(path, storage=storage, compression=compression)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert [p.name for p in (tmp_path / name).iterdir()] == [name]
    ending = {"mcap": ".mcap", "sqlite3": ".db3"}[storage] + (".zstd" if (storage, compression) == FORMATS[3] else "")
    assert {p.name for p in path.iterdir()} == {f"{name}{ending}", "metadata.yaml"}
    with BagReader(path) as bag:
        assert len(list(bag.frames())) == 5
    if not ending.endswith("zstd"):
        with BagReader(path / f"{name}{ending}") as bag:
            assert len(list(bag.frames())) == 5


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_metadata_as_reindexing_leaves_them_are_made_good_from_the_files(tmp_path, caplog, storage):
    write_scene(tmp_path / "bag", storage=storage)
    file = tmp_path / "bag" / "metadata.yaml"
    content = yaml.safe_load(file.read_text())
    info = content["rosbag2_bagfile_information"]
    info |= {"storage_identifier": "", "message_count": 0, "files": []}
    info["duration"]["nanoseconds"] = info["starting_time"]["nanoseconds_since_epoch"] = 0
    for topic in info["topics_with_message_count"]:
        topic["message_count"] = 0
        topic["topic_metadata"] |= {"offered_qos_profiles": "", "type_description_hash": ""}
    file.write_text(yaml.safe_dump(content))
    with BagReader(tmp_path / "bag") as bag:
        assert (bag.start, bag.end, bag.count) == (START, START + 4 * PERIOD, 25)
        assert {topic.count for topic in bag.topics.values()} == {5}
        assert len(list(bag.frames())) == 5
    assert "counts other numbers of messages than the files: /camera_info 0 and 5" in caplog.text


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_counts_that_do_not_fit_what_is_there_are_told_and_right_ones_are_not(tmp_path, caplog, storage):
    write_scene(tmp_path / "bag", storage=storage)
    with BagReader(tmp_path / "bag") as bag:
        list(bag.raw())
    assert not caplog.text
    file = tmp_path / "bag" / "metadata.yaml"
    file.write_text(file.read_text().replace("message_count: 5", "message_count: 7"))
    with BagReader(tmp_path / "bag") as bag:
        assert bag.topics["/image"].count == 5
    assert "/image 7 and 5" in caplog.text


def test_an_index_that_counts_messages_which_are_not_there_is_told(tmp_path, caplog):
    recording(tmp_path / "bag", messages=4)
    file = tmp_path / "bag" / "bag.mcap"
    content = bytearray(file.read_bytes())
    statistics = content.rindex(b"\x0b" + (46 + 2 * 10).to_bytes(8, "little"))
    content[statistics + 9 + 46 + 2 : statistics + 9 + 46 + 10] = (9).to_bytes(8, "little")  # the first channel's count
    file.write_bytes(content)
    with BagReader(file) as bag:
        assert len(list(bag.raw())) == 4
    assert "counts other numbers of messages than were read: /even 9 and 2" in caplog.text


def test_several_files_without_metadata_are_not_guessed_together(tmp_path):
    for name in ("a", "b"):
        recording(tmp_path / name, messages=2)
        (tmp_path / name / f"{name}.mcap").rename(tmp_path / f"{name}.mcap")
    with pytest.raises(BagError, match=r"2 files of messages: 'ros2 bag reindex"):
        BagReader(tmp_path)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_what_a_file_manager_leaves_beside_a_recording_is_no_part_of_it(tmp_path, storage):
    recording(tmp_path / "a", storage, messages=3)
    [file] = (path for path in (tmp_path / "a").iterdir() if path.name != "metadata.yaml")
    (tmp_path / "a" / f"._{file.name}").write_bytes(b"\0\5\x16\7")
    (tmp_path / "a" / "metadata.yaml").unlink()
    (tmp_path / "a" / "@eaDir").mkdir()
    with BagReader(tmp_path / "a") as bag:
        assert len(list(bag.raw())) == 3


@pytest.mark.parametrize("summed", [True, False])
def test_flipped_bytes_never_end_in_another_error(tmp_path, summed):
    """Whatever is damaged, the reader gives frames, reports problems or raises BagError; with checksums that alone."""
    path = write_scene(tmp_path / "bag", frames=2) / "bag.mcap"
    content = bytearray(path.read_bytes())
    if not summed:
        sound = McapFile(path)
        sound.open()
        for chunk in sound.chunks:
            content[chunk.chunk_start_offset + 33 : chunk.chunk_start_offset + 37] = bytes(4)
        sound.close()
    rng = np.random.default_rng(0)
    outcomes = set()
    for i in range(60):
        damaged = bytearray(content)
        for at in rng.integers(8, len(content), size=20):
            damaged[at] = rng.integers(256)
        file = tmp_path / f"{i}.mcap"
        file.write_bytes(damaged)
        try:
            with BagReader(file) as bag:
                list(bag.frames(on_problem=Problems()))
            outcomes.add("read")
        except BagError:
            outcomes.add("refused")
    assert outcomes == ({"refused"} if summed else {"read", "refused"})


def test_a_path_without_a_bag_says_what_is_needed(tmp_path):
    with pytest.raises(BagError, match="there is no bag at"):
        BagReader(tmp_path / "nothing")
    with pytest.raises(BagError, match=r"has no metadata\.yaml: give the folder of a bag"):
        BagReader(tmp_path)
    (tmp_path / "metadata.yaml").write_text("rosbag2_bagfile_information: [1, 2")
    with pytest.raises(BagError, match="is not a readable bag"):
        BagReader(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BagError, match="is not a readable bag"):
        BagReader(tmp_path / "notes.txt")


def test_metadata_cannot_run_code(tmp_path):
    (tmp_path / "metadata.yaml").write_text(
        f"rosbag2_bagfile_information: !!python/object/apply:os.mkdir ['{tmp_path / 'owned'}']"
    )
    with pytest.raises(BagError):
        BagReader(tmp_path)
    assert not (tmp_path / "owned").exists()


def test_a_definition_inside_a_bag_is_not_believed(tmp_path):
    """A type that only the bag knows can be copied, not deserialised: definitions become Python code in rosbags."""
    path = write_scene(tmp_path / "bag", frames=1, storage="sqlite3")
    with sqlite3.connect(path / "bag.db3") as base:
        base.execute("UPDATE topics SET type = 'evil/msg/Thing' WHERE name = '/regions'")
    text = (path / "metadata.yaml").read_text()
    (path / "metadata.yaml").write_text(text.replace("hoisdf/msg/Regions", "evil/msg/Thing"))
    with BagReader(path) as bag:
        assert bag.topics["/regions"].type == "evil/msg/Thing"
        assert "/regions" not in {m.topic for m in bag.messages()}
        assert len(list(bag.raw(["/regions"]))) == 1
        with pytest.raises(BagError, match="evil/msg/Thing, which isn't known"):
            list(bag.messages(["/regions"]))


@pytest.mark.parametrize("digest", [r"\g<0>", "", "RIHS01_" + "0" * 64], ids=["stated", "empty", "zeros"])
def test_a_recording_of_before_a_field_was_added_is_read_as_one_of_today(tmp_path, digest):
    """The recording that ships was made before objects knew their hand."""
    path = shutil.copytree(sample_recording(), tmp_path / "bag")
    text = (path / "metadata.yaml").read_text()
    (path / "metadata.yaml").write_text(re.sub("RIHS01_[0-9a-f]+", digest, text))
    with BagReader(path) as bag:
        (topic,) = bag.topics_of_type("hoisdf/msg/HandObject")
        _, _, data = next(bag.raw([topic.name]))
        message = interface_types().deserialize_cdr(data, "hoisdf/msg/HandObject")
        assert [item.side for item in message.objects] == [""] * 3
        assert [item.name for item in next(bag.messages([topic.name])).message.objects] == [
            item.name for item in message.objects
        ]
        assert next(iter(bag.frames())).truth.held_by(0).name == message.objects[0].name


def test_another_version_of_an_interface_is_refused(tmp_path):
    path = write_scene(tmp_path / "bag", frames=1)
    text = (path / "metadata.yaml").read_text()
    ours = interface_types().hash_rihs01("hoisdf/msg/Regions")
    (path / "metadata.yaml").write_text(text.replace(ours, "RIHS01_" + "ab" * 32))
    with BagReader(path) as bag, pytest.raises(BagError, match="another definition of hoisdf/msg/Regions"):
        list(bag.messages(["/regions"]))


# Writing


def test_a_bag_is_never_overwritten(tmp_path):
    with pytest.raises(BagError, match="exists already"):
        BagWriter(tmp_path)


def test_an_interrupted_bag_is_removed(tmp_path):
    with pytest.raises(KeyboardInterrupt), BagWriter(tmp_path / "bag"):
        raise KeyboardInterrupt
    assert not (tmp_path / "bag").exists()


def write_noise(path, storage, compression):
    rng = np.random.default_rng(0)
    with BagWriter(path, storage, compression) as bag:
        for i in range(30):
            header = messages.make_header(bag.types, START + i * PERIOD, "camera")
            image = rng.integers(0, 256, (48, 48, 3)).astype(np.uint8)  # doesn't get smaller by compression
            bag.write("/image", messages.encode_image(image, header, bag.types))


@pytest.mark.parametrize(("storage", "compression"), FORMATS)
@pytest.mark.parametrize("limit", [3_000, 30_000])
def test_a_full_disk_ends_in_a_bag_error_and_leaves_nothing(tmp_path, storage, compression, limit):
    """As a limit to the size of files, which the kernel refuses to pass, as it refuses to write on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(BagError, match="can't be written"):
            write_noise(tmp_path / "bag", storage, compression)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BagError, match="can't be written"):
        BagWriter(tmp_path / "file" / "bag")
    with pytest.raises(BagError, match="storage must be mcap or sqlite3"):
        BagWriter(tmp_path / "bag", "tape")
    with BagWriter(tmp_path / "bag") as bag:
        header = messages.make_header(bag.types, START, "camera")
        image = messages.encode_image(picture(0), header, bag.types)
        bag.write("/image", image)
        with pytest.raises(BagError, match=r"/image is a sensor_msgs/msg/Image, got a hoisdf/msg/Regions"):
            bag.write("/image", messages.regions_to_message(Regions(), header, bag.types))
        with pytest.raises(BagError, match="no header"):
            bag.write("/tf", bag.types.create("tf2_msgs/msg/TFMessage", transforms=[]))
        with pytest.raises(BagError, match="type evil/msg/Thing of topic /x isn't known"):
            bag.write_raw("/x", "evil/msg/Thing", b"", START)


def test_roles_of_a_bag_are_found_and_may_be_given(tmp_path):
    write_scene(tmp_path / "bag", 1)
    with BagReader(tmp_path / "bag") as bag:
        assert bag.roles()["image"] == "/image"
        assert "regions" not in bag.roles(regions="")
        with pytest.raises(BagError, match="no topic 'other'"):
            bag.roles(image="other")
