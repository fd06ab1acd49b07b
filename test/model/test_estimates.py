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

"""Which object is whose: by side, and by place where nobody says the side."""

import pytest

from hoisdf_model.estimates import held_objects


@pytest.mark.parametrize(
    ("hands", "objects", "held"),
    [
        (["right", "left"], ["left", "right"], {0: 1, 1: 0}),
        (["right", "left"], ["left"], {1: 0}),
        (["right", "right"], ["right", "right"], {0: 0, 1: 1}),
        (["right", "left", "right"], ["left", "right"], {0: 1, 1: 0}),
        (["right", "left"], [None, None], {0: 0, 1: 1}),
        (["right", "left"], [None, None, None], {0: 0, 1: 1}),
        (["right", "left"], ["right", None], {0: 0, 1: 1}),
        (["right", "left"], [None, "right"], {0: 1}),
        ([None, "left"], ["right", "left"], {1: 1}),
        (["right"], [], {}),
        ([], ["right", None], {}),
    ],
)
def test_objects_belong_to_hands(hands, objects, held):
    assert held_objects(hands, objects) == held
