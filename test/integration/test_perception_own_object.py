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

"""The perception node with a mesh of one's own: named by a service, published under its name."""

import numpy as np
import pytest
import trimesh

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import make_image, make_info  # noqa: E402
from perception_rig import Rig  # noqa: E402
from visualization_msgs.msg import MarkerArray  # noqa: E402

from hoisdf_model.objects.own_objects import add_object, examine  # noqa: E402
from hoisdf_ros.perception.scene import load_scene  # noqa: E402


def test_the_pose_of_an_added_object_goes_out_under_its_name(tmp_path):
    trimesh.creation.box((60, 40, 20)).export(tmp_path / "part.stl")
    add_object(examine(tmp_path / "part.stl", "mm"), "part", tmp_path / "own")
    parameters = {
        "model.weights": "untrained:compact",
        "object.catalogue": str(tmp_path / "own"),
        "regions.hand": [200.0, 100.0, 440.0, 340.0],
        "regions.object": [260.0, 160.0, 400.0, 300.0],
    }
    with Rig(parameters, load=load_scene) as rig:
        rig.activate()
        peer = rig.peer
        peer.listen(MarkerArray, f"{peer.name}/markers")
        refused = peer.set_object("spanner")
        assert not refused.success
        assert "part" in refused.message
        assert peer.set_object("part").success
        peer.send(1.0, image=make_image("rgb8", 640, 480), info=make_info(640, 480, 600.0))
        assert peer.wait(lambda: peer.heard["hand_object"], 60.0)
        (thing,) = peer.heard["hand_object"][0].objects
        assert thing.name == "part"
        assert peer.wait(lambda: peer.heard["tf"])
        assert "part" in [transform.child_frame_id for transform in peer.heard["tf"][-1].transforms]
        assert peer.wait(lambda: peer.heard["markers"])
        (shape,) = [marker for marker in peer.heard["markers"][-1].markers if marker.ns == "part" and marker.points]
        corners = np.array([(p.x, p.y, p.z) for p in shape.points])
        apart = np.linalg.norm(corners[:, None] - corners[None], axis=-1).max()
        assert apart == pytest.approx(np.linalg.norm((0.06, 0.04, 0.02)), rel=1e-3)
