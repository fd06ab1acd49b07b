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

"""The network computes what the official one computes, array by array, on made-up weights."""

import numpy as np
import pytest
from parity_comparison import SETTINGS, eval_deviations, hand_layer, network, train_deviations
from parity_weights import official_name, parameter


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_array_of_the_evaluation_agrees(setting):
    wrong = [d for d in eval_deviations(setting) if not d.value <= d.tolerance]
    assert not wrong


@pytest.mark.parametrize("setting", ["dexycb", "ho3d_render"])
def test_every_forward_array_of_the_training_agrees(setting):
    wrong = [d for d in train_deviations(setting) if not d.value <= d.tolerance]
    assert not wrong


# first three values of three parameters, as the official code's reference weights have them
DRAWN = {
    ("backbone_net.resnet.conv1.weight", 0): [-0.030190493911504745, -0.06154709681868553, 0.053990792483091354],
    ("hand_sdf_decoder.linh0.weight_v", 0): [0.0007664994336664677, -0.004381211940199137, 0.011763578280806541],
    ("linear_handvote.layers.3.bias", 0): [0.024258101359009743, -0.01276086363941431, 0.032591935247182846],
    ("backbone_net.resnet.conv1.weight", 1): [0.011070046573877335, -0.11760295927524567, 0.10301943123340607],
    ("hand_sdf_decoder.linh0.weight_v", 1): [0.08136965334415436, -0.07150807231664658, 0.01865725964307785],
    ("linear_handvote.layers.3.bias", 1): [0.025845952332019806, -0.014823997393250465, 0.03293098881840706],
}


@pytest.mark.parametrize(("name", "seed"), DRAWN)
def test_the_made_up_weights_are_those_of_the_reference(name, seed):
    shapes = {official_name(key): tuple(value.shape) for key, value in network("dexycb").state_dict().items()}
    drawn = parameter(name, shapes[name], "dexycb", seed, hand_layer().model)
    np.testing.assert_allclose(drawn.ravel()[:3], DRAWN[name, seed], rtol=1e-6)
