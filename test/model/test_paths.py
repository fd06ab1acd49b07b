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

from hoisdf_model.errors import HoisdfError, InvalidInputError
from hoisdf_model.feeds import open_source
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
    with pytest.raises(HoisdfError, match=said):
        open_source(name)


def test_what_file_managers_leave_is_told_by_its_name():
    left = ("._a.png", "@eaDir/a.png", "x/__MACOSX/a.png", ".ipynb_checkpoints/a.png", "#recycle@x/.a")
    assert all(is_litter(Path(name)) for name in left)
    assert not any(is_litter(Path(name)) for name in ("a.png", "a.b/c@d.png", "MACOSX/a__.png"))


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
