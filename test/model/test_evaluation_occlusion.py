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

"""How much of a mesh is hidden, on shapes whose answer can be reckoned by hand; and which frames get which level."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from labelled_frames import Frames, hand_layer
from test_evaluation_run import MODELS
from tiny_network import tiny_network

from hoisdf_model.evaluation import preparation_for
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, joined
from hoisdf_model.evaluation.runs.occlusion import LEVEL_TAGS, hidden_fraction, level_tags
from hoisdf_model.evaluation.runs.truth import truths_of
from hoisdf_model.geometry import Pinhole

CAMERA = Pinhole(200.0, 200.0, 128.0, 128.0, 256, 256)
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def square(x0, y0, x1, y1, depth=1.0):
    """Corners of a rectangle that covers these pixels of the crop, metres."""
    pixels = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)
    return CAMERA.back_project(pixels, np.full(4, depth))


def columns(start, end):
    """The mask, of half the crop's size, of everything in these columns of the crop."""
    mask = np.zeros((128, 128), bool)
    mask[:, start // 2 : end // 2] = True
    return mask


@pytest.mark.parametrize(("seen", "share"), [(100, 0.0), (60, 0.4), (26, 0.74), (0, 1.0)])
def test_the_share_is_that_of_the_columns_that_are_missing(seen, share):
    found = hidden_fraction(square(50, 60, 149, 159), FACES, CAMERA.matrix, columns(50, 50 + seen))
    assert found == pytest.approx(share)


def test_what_overlaps_is_counted_once_and_a_mask_beyond_the_mesh_not_at_all():
    twice = np.concatenate([square(50, 60, 149, 159), square(50, 60, 149, 159, 0.9)])
    faces = np.concatenate([FACES, FACES + 4])
    assert hidden_fraction(twice, faces, CAMERA.matrix, columns(100, 256)) == pytest.approx(0.5)


def test_a_sphere_hides_half_of_itself_behind_half_a_plane():
    ball = trimesh.creation.icosphere(3, 0.2)
    ball.apply_translation([0, 0, 1])
    share = hidden_fraction(np.asarray(ball.vertices), np.asarray(ball.faces), CAMERA.matrix, columns(128, 256))
    assert share == pytest.approx(0.5, abs=0.02)  # the outline is a circle about the middle


def test_what_has_no_silhouette_has_no_share():
    assert hidden_fraction(square(300, 300, 400, 400), FACES, CAMERA.matrix, columns(0, 256)) is None
    assert hidden_fraction(square(50, 60, 149, 159, -1.0), FACES, CAMERA.matrix, columns(0, 256)) is None


def test_frames_get_levels_where_their_masks_are_known():
    nothing = np.zeros((240, 320), bool)
    (frame,) = Frames(1)._frames
    seen = {
        "as drawn": frame,
        "hand painted over": replace(frame, hand_mask=nothing),
        "both painted over": replace(frame, hand_mask=nothing, object_mask=nothing),
        "without masks": replace(frame, hand_mask=None, object_mask=None),
        "without hand": replace(frame, hand=None),
    }
    source = type("Source", (), {"frame": lambda self, index: list(seen.values())[index], "__len__": lambda self: 5})()
    frames = EvaluatedFrames(source, range(5), preparation_for(tiny_network().config))
    batch = joined([frames[k] for k in range(5)])
    tags = level_tags(replace(batch, truths=truths_of(batch, hand_layer())), MODELS, hand_layer().model.faces)
    tags = dict(zip(seen, tags, strict=True))
    assert tags["as drawn"][0] == "hand hidden 0-25 %"  # the hand is painted before the object
    assert [tag.split(" hidden ")[0] for tag in tags["as drawn"]] == ["hand", "object"]
    assert tags["hand painted over"] == ("hand hidden 75-100 %", tags["as drawn"][1])
    assert tags["both painted over"] == ("hand hidden 75-100 %", "object hidden 75-100 %")
    assert tags["without masks"] == ()
    assert len(tags["without hand"]) == 1
    assert {tag for found in tags.values() for tag in found} <= set(LEVEL_TAGS)
