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

"""Names of files as users, messages and environments without a home give them."""

import subprocess
import sys
from pathlib import Path

import pytest

from hoisdf_model.commands.estimate.sequence_run import Sequence
from hoisdf_model.data import BagReader, BagWriter
from hoisdf_model.errors import HoisdfError, InvalidInputError
from hoisdf_model.feeds import open_source
from hoisdf_model.hand import load_hand_model
from hoisdf_model.messages import read_image
from hoisdf_model.network import read_weights
from hoisdf_model.objects import load_catalogue
from hoisdf_model.paths import is_litter, named


def test_the_home_folder_is_put_in_and_nothing_needs_to_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert named("~/a/b.yaml") == tmp_path / "a" / "b.yaml"
    assert named("relative ~ name") == Path("relative ~ name")


@pytest.mark.parametrize(("name", "said"), [
    ("~nobody-of-that-name/x.yaml", "home folder isn't known; write the whole path"),
    ("x" * 300 + ".yaml", "File name too long"),
    ("a\0b", "no name of a file"),
])  # fmt: skip
def test_a_name_that_no_file_can_have_is_refused(name, said):
    with pytest.raises(InvalidInputError, match=said):
        named(name)
    for read in (open_source, BagReader, BagWriter):
        with pytest.raises(HoisdfError, match=said):
            read(name)


def test_what_file_managers_leave_is_told_by_its_name():
    left = ("._a.png", "@eaDir/a.png", "x/__MACOSX/a.png", ".ipynb_checkpoints/a.png", "#recycle@x/.a")
    assert all(is_litter(Path(name)) for name in left)
    assert not any(is_litter(Path(name)) for name in ("a.png", "a.b/c@d.png", "MACOSX/a__.png"))


def read_bag(path):
    with BagReader(path):
        pass


READERS = {
    "weights.safetensors": read_weights,
    "weights.pth": read_weights,
    "MANO_RIGHT.pkl": load_hand_model,
    "hand.npz": load_hand_model,
    "bag.mcap": read_bag,
    "bag.db3": read_bag,
    "mesh.obj": lambda path: load_catalogue(path.parent).get("mesh").mesh,
    "mesh.stl": lambda path: load_catalogue(path.parent).get("mesh").mesh,
    "picture.png": read_image,
    "film.mp4": lambda path: open_source(str(path)),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(("content", "said"), [
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n", "git lfs pull"),
    (b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n" * 9, "a web page"),
    (b"", "empty"),
])  # fmt: skip
def test_what_lies_in_the_place_of_a_download_is_named_with_the_remedy(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(HoisdfError, match=said):
        READERS[name](path)


def test_a_bag_of_ros_1_comes_with_the_command_that_converts_it(tmp_path):
    path = tmp_path / "old.bag"
    path.write_bytes(b"#ROSBAG V2.0\n" + bytes(100))
    with pytest.raises(HoisdfError, match="rosbags-convert"):
        read_bag(path)
    assert Sequence(str(path), None, None, False, print).bag == path


def test_doctor_reports_where_nobody_knows_the_home_folder():
    code = (
        "import os; os.environ.pop('HOME', None); import pwd\n"
        "def unknown(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = unknown\n"
        "from hoisdf_model.commands import doctor\n"
        "print(doctor._report([doctor.Finding('a', 'ok', '/root/x', '')]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert "/root/x" in run.stdout
