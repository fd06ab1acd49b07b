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

"""Messages of one image find each other by their stamps; what doesn't is counted."""

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_ros.stream.stamp_pairing import OUT_OF_ORDER, TIME_JUMP, Pairing, unpaired

MS = 1_000_000
TOPICS = ("image", "camera_info", "depth")


def make(slop=0, depth=10, topics=("image", "camera_info"), jump_back=1000 * MS):
    return Pairing(topics, slop, depth, jump_back)


def test_equal_stamps_make_a_set_whichever_comes_first():
    pairing = make()
    assert pairing.add("image", 5, "i5").messages is None
    assert pairing.add("camera_info", 5, "c5").messages == {"image": "i5", "camera_info": "c5"}
    assert pairing.add("camera_info", 6, "c6").messages is None
    result = pairing.add("image", 6, "i6")
    assert (result.stamp, result.messages) == (6, {"image": "i6", "camera_info": "c6"})


def test_exact_pairing_refuses_a_difference_of_one_nanosecond():
    pairing = make()
    pairing.add("image", 5, "i")
    assert pairing.add("camera_info", 6, "c").messages is None


def test_approximate_pairing_takes_the_nearest_within_the_slop_and_nothing_beyond():
    pairing = make(slop=3)
    pairing.add("camera_info", 8, "c8")
    pairing.add("camera_info", 9, "c9")
    assert pairing.add("image", 11, "i").messages == {"image": "i", "camera_info": "c9"}
    assert pairing.add("image", 13, "i").messages is None


def test_a_slow_partner_serves_every_image_within_the_slop():
    pairing = make(slop=10)
    pairing.add("camera_info", 100, "c")
    assert pairing.add("image", 95, "a").messages is not None
    assert pairing.add("image", 105, "b").messages is not None


def test_the_newest_complete_set_wins_and_names_what_the_older_images_lacked():
    pairing = make(topics=TOPICS)
    for stamp in (1, 2, 3):
        pairing.add("image", stamp, stamp)
    pairing.add("camera_info", 1, "c")  # 1 lacks depth, 2 lacks camera_info
    pairing.add("depth", 2, "d")
    pairing.add("camera_info", 3, "c")
    result = pairing.add("depth", 3, "d")
    assert result.stamp == 3
    assert result.dropped == {unpaired("depth"): 1, unpaired("camera_info"): 1}


def test_images_that_never_meet_their_info_are_dropped_one_by_one():
    pairing = make(depth=3)
    dropped = [dict(pairing.add("image", stamp, None).dropped) for stamp in range(5)]
    assert dropped == [{}, {}, {}, {unpaired("camera_info"): 1}, {unpaired("camera_info"): 1}]


def test_an_image_a_little_older_than_the_last_is_out_of_order():
    pairing = make()
    pairing.add("camera_info", 50 * MS, "c")
    pairing.add("image", 50 * MS, "i")
    result = pairing.add("image", 40 * MS, "late")
    assert result.dropped == {OUT_OF_ORDER: 1}
    assert not result.jumped_back


def test_after_a_jump_back_the_recording_pairs_again_from_its_first_frame():
    pairing = make()
    for lap in range(2):
        for stamp in (0, 2000 * MS, 4000 * MS):
            info_first = pairing.add("camera_info", stamp, "c")
            result = pairing.add("image", stamp, "i")
            assert info_first.messages is None
            assert result.messages is not None
            assert result.jumped_back == (lap == 1 and stamp == 0)


def test_images_waiting_at_a_jump_back_are_counted():
    pairing = make()
    pairing.add("image", 9000 * MS, "waits")
    assert pairing.add("image", 1000 * MS, "new lap").dropped == {TIME_JUMP: 1}


@st.composite
def arrivals(draw):
    """Every image with both partners, each topic in order, interleaved at will, some messages lost."""
    count = draw(st.integers(1, 12))
    queues = {topic: [i for i in range(count) if draw(st.integers(0, 9)) > 0] for topic in TOPICS}
    order = []
    while any(queues.values()):
        topic = draw(st.sampled_from([topic for topic in TOPICS if queues[topic]]))
        order.append((topic, queues[topic].pop(0)))
    return order


@given(arrivals(), st.integers(2, 12))
@settings(max_examples=200, deadline=None)
def test_whatever_the_order_sets_are_true_increasing_and_no_image_vanishes(order, depth):
    pairing = make(depth=depth, topics=TOPICS)
    released, dropped = [], 0
    for topic, stamp in order:
        result = pairing.add(topic, stamp * MS, (topic, stamp))
        dropped += sum(result.dropped.values())
        if result.messages is not None:
            assert result.messages == {name: (name, result.stamp // MS) for name in TOPICS}
            released.append(result.stamp)
    assert released == sorted(set(released))
    images = sum(topic == "image" for topic, _ in order)
    waiting = sum(dict(make_flush(pairing, depth)).values())
    assert images == len(released) + dropped + waiting


def make_flush(pairing, depth):
    """Push everything that still waits out with images that never pair; the drops that are not theirs."""
    causes = {}
    for i in range(depth):
        for cause, count in pairing.add("image", (1000 + i) * MS, None).dropped.items():
            causes[cause] = causes.get(cause, 0) + count
    return causes


@given(st.integers(1, 12), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_without_losses_the_last_image_always_comes_through(count, random):
    messages = [(topic, stamp) for topic in TOPICS for stamp in range(count)]
    random.shuffle(messages)
    pairing = make(depth=count, topics=TOPICS)
    stamps = [r.stamp for topic, stamp in messages if (r := pairing.add(topic, stamp, "m")).messages is not None]
    assert stamps[-1] == count - 1


# camera_info that doesn't come with each image
def header(frame="camera"):
    return SimpleNamespace(header=SimpleNamespace(frame_id=frame))


def held_pairing(**options):
    return Pairing(("image", "camera_info"), 0, 10, 1000 * MS, info="camera_info", **options)


def an_info(frame="camera"):
    region = SimpleNamespace(width=0, height=0)
    return SimpleNamespace(**vars(header(frame)), width=0, height=0, binning_x=0, binning_y=0, roi=region)


def test_a_single_info_serves_every_image_and_says_so():
    pairing, info = held_pairing(), an_info()
    assert pairing.add("camera_info", 0, info).messages is None
    for stamp in (5, 6, 7):
        result = pairing.add("image", stamp * MS, header())
        assert result.messages["camera_info"] is info
        assert result.held
    again = an_info()
    pairing.add("camera_info", 0, again)
    assert pairing.add("image", 8 * MS, header()).messages["camera_info"] is again


def test_images_before_the_first_info_wait_and_the_newest_gets_it():
    pairing, info = held_pairing(), an_info()
    for stamp in (5, 6):
        assert pairing.add("image", stamp * MS, header()).messages is None
    assert "none has come" in pairing.why_waiting()
    result = pairing.add("camera_info", 0, info)
    assert (result.stamp, result.messages["camera_info"]) == (6 * MS, info)
    assert result.dropped == {"superseded": 1}
    assert pairing.why_waiting() == ""


def test_where_each_image_has_its_own_a_late_one_is_waited_for():
    pairing, infos = held_pairing(), [an_info() for _ in range(6)]
    for stamp in range(5):
        pairing.add("image", stamp * MS, header())
        pairing.add("camera_info", stamp * MS, infos[stamp])
    assert pairing.add("image", 5 * MS, header()).messages is None
    result = pairing.add("camera_info", 5 * MS, infos[5])
    assert result.messages["camera_info"] is infos[5]
    assert not result.held


def test_when_they_stop_coming_the_last_one_holds():
    pairing = held_pairing()
    for stamp in range(5):
        pairing.add("camera_info", stamp * MS, an_info())
        assert not pairing.add("image", stamp * MS, header()).held
    held = [pairing.add("image", stamp * MS, header()).held for stamp in range(5, 15)]
    assert held[:3] == [False] * 3
    assert held[-5:] == [True] * 5


def test_the_info_of_another_camera_is_not_taken():
    pairing = held_pairing()
    pairing.add("camera_info", 0, an_info("another"))
    assert pairing.add("image", 5 * MS, header()).messages is None
    assert "'another'" in pairing.why_waiting()


def test_the_last_info_survives_a_jump_back():
    pairing = held_pairing()
    pairing.add("camera_info", 0, an_info())
    assert pairing.add("image", 9000 * MS, header()).messages is not None
    result = pairing.add("image", 1000 * MS, header())
    assert result.jumped_back
    assert result.messages is not None


def test_how_far_off_a_partner_is_gets_said():
    pairing = make(slop=2 * MS)
    pairing.add("camera_info", 30 * MS, "c")
    pairing.add("image", 35 * MS, "i")
    assert pairing.why_waiting() == "the nearest camera_info is 5 ms off, 2 ms are allowed (sync.policy)"
