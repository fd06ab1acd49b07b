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

"""docs/interface.md names every field, and its examples run."""

import re
from pathlib import Path

import numpy as np
import pytest

from hoisdf_model import messages
from hoisdf_model.data import BagReader, BagWriter, interface_types
from hoisdf_model.estimates import Estimate
from hoisdf_model.geometry import Pinhole
from hoisdf_model.messages.images import DEPTH_ENCODINGS

TEXT = (Path(__file__).parents[2] / "docs" / "interface.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
OURS = sorted(name for name in interface_types().fielddefs if name.startswith("hoisdf/msg/"))


@pytest.mark.parametrize("name", OURS)
def test_every_field_and_constant_is_documented(name):
    heading = "hoisdf/Regions" if name == "hoisdf/msg/Region" else name.replace("/msg/", "/")
    section = re.split(r"\n###? ", TEXT.split(f"### {heading}\n")[1])[0]
    constants, fields = interface_types().fielddefs[name]
    words = set(re.findall(r"\w+", section))
    assert {field for field, _ in fields} <= words
    assert {constant for constant, _, _ in constants} <= words


def test_every_encoding_is_documented():
    expanded = TEXT.replace("bayer_{rggb,bggr,gbrg,grbg}8", "bayer_rggb8 bayer_bggr8 bayer_gbrg8 bayer_grbg8")
    for encoding in (*messages.RAW_ENCODINGS, *DEPTH_ENCODINGS):
        assert encoding in expanded or (encoding.startswith("bayer") and encoding.endswith("16"))


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with BagWriter("recording") as bag:
        for i in range(3):
            header = messages.make_header(bag.types, i, "camera")
            bag.write("/image", messages.encode_image(np.zeros((4, 6, 3), np.uint8), header, bag.types))
            bag.write("/camera_info", messages.pinhole_to_camera_info(Pinhole(5, 5, 3, 2, 6, 4), header, bag.types))
            bag.write("/ground_truth", messages.estimate_to_hand_object(Estimate(), header, bag.types))
    assert len(EXAMPLES) == 2
    for example in EXAMPLES:
        exec(compile(example, "docs/interface.md", "exec"), {})
    assert "2 (4, 6, 3) 5.0" in capsys.readouterr().out
    with BagReader("estimates") as bag:
        assert [item.time for item in bag.messages()] == [0, 1, 2]
