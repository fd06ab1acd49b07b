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

"""The perception node with the real estimator: what can't be loaded refuses to configure, with the reason."""

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import make_image, make_info, values_of  # noqa: E402
from perception_rig import Rig, wait_until  # noqa: E402
from rcl_interfaces.msg import Log  # noqa: E402

from hoisdf_model.estimates import Frame, Prior  # noqa: E402
from hoisdf_model.geometry import Pinhole  # noqa: E402
from hoisdf_ros.parameters import build  # noqa: E402
from hoisdf_ros.perception.parameters import PerceptionParameters  # noqa: E402
from hoisdf_ros.perception.scene import load_scene  # noqa: E402

UNTRAINED = "untrained:compact"


@pytest.fixture(scope="module")
def compact_weights(tmp_path_factory):
    """A weights file of the compact preset."""
    from hoisdf_model.network import load_network, save_network

    path = tmp_path_factory.mktemp("weights") / "compact.safetensors"
    save_network(*load_network(UNTRAINED), path, half=True)
    return path


def refusal(parameters):
    """Why the node doesn't configure, as /diagnostics says it."""
    with Rig(parameters, load=load_scene) as rig:
        assert not rig.peer.change("configure")
        status = rig.peer.wait_for_status("state", lambda s: s.level == b"\x02")
        assert rig.peer.state() == "unconfigured"
        assert rig.peer.set("model.weights", UNTRAINED).successful  # it is still there to be mended
        return status.message


def test_missing_weights(tmp_path):
    said = refusal({"model.weights": str(tmp_path / "nowhere.safetensors")})
    assert "there is no weights file at" in said
    assert "nowhere.safetensors" in said


def test_weights_of_another_preset(compact_weights):
    said = refusal({"model.weights": str(compact_weights), "model.preset": "dexycb"})
    assert "holds weights of compact, not of dexycb" in said


def test_a_corrupt_checkpoint(compact_weights, tmp_path):
    half = tmp_path / "half.safetensors"
    half.write_bytes(compact_weights.read_bytes()[: compact_weights.stat().st_size // 2])
    assert "half.safetensors" in refusal({"model.weights": str(half)})
    noise = tmp_path / "noise.safetensors"
    noise.write_bytes(bytes(range(256)) * 10)
    assert "noise.safetensors" in refusal({"model.weights": str(noise)})


def test_a_hand_model_with_a_wrong_shape(tmp_path):
    from importlib.resources import files

    arrays = dict(np.load(files("hoisdf_model") / "assets" / "open_hand_right.npz"))
    name = next(key for key, array in arrays.items() if array.shape == (778, 3))
    path = tmp_path / "hand.npz"
    np.savez(path, **(arrays | {name: arrays[name][:777]}))
    said = refusal({"model.weights": UNTRAINED, "model.hand_model": str(path)})
    assert "777" in said
    assert "hand.npz" in said


def test_a_missing_object_mesh(tmp_path):
    (tmp_path / "cube.obj").write_text("v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nf 1 2 3\n")
    said = refusal({"model.weights": UNTRAINED, "object.catalogue": str(tmp_path), "object.name": "teapot"})
    assert "unknown object 'teapot'" in said
    assert "cube" in said
    assert "doesn't exist" in refusal({"model.weights": UNTRAINED, "object.catalogue": str(tmp_path / "none")})


def test_a_device_that_is_not_there():
    assert "device" in refusal({"model.weights": UNTRAINED, "model.device": "cuda:77"})


def test_the_real_estimator_answers_and_says_what_it_is(compact_weights):
    parameters = {
        "model.weights": str(compact_weights),
        "model.warm_up": 1,
        "regions.hand": [200.0, 100.0, 440.0, 340.0],
    }
    with Rig(parameters, load=load_scene) as rig:
        rig.activate()
        rig.peer.send(1.0, image=make_image("rgb8", 640, 480), info=make_info(640, 480, 600.0))
        assert rig.peer.wait(lambda: rig.peer.heard["hand_object"], 30.0)
        (hand,) = rig.peer.heard["hand_object"][0].hands
        assert len(hand.vertices) == 778 * 3
        assert hand.hand_model == "open_hand"
        status = rig.peer.wait_for_status("estimator", lambda s: "latency" in s.message)
        values = values_of(status)
        assert (values["preset"], values["device"]) == ("compact", "cpu")
        assert values["weights"] == str(compact_weights)
        assert float(values["stage network p50 [ms]"]) > 0


def test_hand_meshes_of_both_sides_face_outwards():
    scene = load_scene(build(PerceptionParameters, {"model.weights": UNTRAINED}))
    frame = Frame(np.zeros((480, 640, 3), np.uint8), Pinhole(600.0, 600.0, 320.0, 240.0, 640, 480))
    for side in ("right", "left"):
        (hand,) = scene.estimator(frame, [Prior(hand_box=[200.0, 100.0, 440.0, 340.0], side=side)]).hands
        corners = (hand.vertices - hand.vertices.mean(0))[scene.faces[side]].astype(np.float64)
        volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
        assert 1e-4 < volume < 1e-3  # a tenth of a litre to a litre; negative inside out


def test_what_the_model_warns_of_while_it_loads_is_in_the_nodes_log():
    with Rig({"model.weights": UNTRAINED}, load=load_scene) as rig:
        rig.peer.listen(Log, "/rosout")

        def warned():
            return [m.msg for m in rig.peer.heard["rosout"] if m.level == 30 and m.name.endswith("perception")]

        wait_until(lambda: rig.peer.node.count_publishers("/rosout") >= 2)
        assert rig.peer.change("configure")
        assert rig.peer.wait(lambda: any("random weights" in text for text in warned()))
        assert sum("random weights" in text for text in warned()) == 1
