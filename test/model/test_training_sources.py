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

"""Frames of synthetic plays come with labels that fit what is seen."""

import cv2
import numpy as np
import pytest

from hoisdf_model.errors import ConfigError, DependencyError, MeshError
from hoisdf_model.geometry import distances
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import Renderer
from hoisdf_model.training.config import SourceConfig
from hoisdf_model.training.data_sources import Plays, PlaysOptions, build_source


@pytest.fixture(scope="module")
def plays():
    try:
        Renderer(64, 48).close()
    except DependencyError as error:
        pytest.skip(str(error))
    options = PlaysOptions(frames=5, objects=["005_tomato_soup_can", "003_cracker_box"], per_play=3)
    return Plays(options, load_hand_model())


def test_plays_go_around_the_objects(plays):
    assert len(plays) == 5
    assert [plays.frame(i).object.name for i in range(5)] == ["005_tomato_soup_can"] * 3 + ["003_cracker_box"] * 2


def test_labels_fit_the_masks(plays):
    for i in range(len(plays)):
        frame = plays.frame(i)
        for points, mask in (
            (frame.hand.joints, frame.hand_mask | frame.object_mask),
            (frame.object.pose[:3, 3][None], frame.hand_mask | frame.object_mask),
        ):
            pixels = np.round(frame.camera.project(points)).astype(int)
            seen = ((pixels >= 0) & (pixels < [640, 480])).all(1)
            near = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9)))
            assert near[pixels[seen, 1], pixels[seen, 0]].mean() > 0.9
        outline = frame.camera.project(frame.object.corners @ frame.object.pose[:3, :3].T + frame.object.pose[:3, 3])
        rows, columns = np.nonzero(frame.object_mask)
        assert outline[:, 0].min() - 2 < columns.min()
        assert columns.max() < outline[:, 0].max() + 2
        assert outline[:, 1].min() - 2 < rows.min()
        assert rows.max() < outline[:, 1].max() + 2


def test_object_distances_survive_its_symmetries(plays):
    can, catalogue = plays.frame(1).object, load_catalogue()
    mesh = catalogue.mesh(can.name)
    local = ((can.samples.points - can.pose[:3, 3]) @ can.pose[:3, :3])[:40]
    assert len(can.symmetries) >= 36
    np.testing.assert_array_equal(can.symmetries[0], np.eye(4))
    for turn in can.symmetries[::9]:
        turned = local @ turn[:3, :3].T + turn[:3, 3]
        found = distances.signed_distance(turned, mesh.vertices, mesh.faces)
        np.testing.assert_allclose(found, can.samples.distances[:40], atol=3e-4)  # the can is a polygon


def test_hand_distances_are_negative_around_the_bones(plays):
    hand = plays.frame(1).hand
    inside = hand.samples.points[hand.samples.distances < -0.003]
    assert len(inside) > 50
    assert np.linalg.norm(inside[:, None] - hand.joints, axis=-1).min(1).max() < 0.06
    assert (hand.samples.distances > 0).mean() > 0.3


def test_unknown_objects_are_named(plays):
    with pytest.raises(MeshError, match="no_such_thing"):
        build_source(SourceConfig("plays", options={"objects": ["no_such_thing"]}), load_hand_model())


def test_plays_need_frames():
    with pytest.raises(ConfigError, match="at least one frame"):
        Plays(PlaysOptions(frames=0), load_hand_model())
