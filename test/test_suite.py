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

"""The suite itself: runs beside ROS's pytest plugins, and doesn't pass on repeated attempts."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = ("launch_testing", "launch_ros", "launch_testing_ros_pytest_entrypoint")
PASSING = "def test_nothing():\n    pass\n"
SECOND_TRIES = """
import pytest

seen = set()


@pytest.mark.flaky(reruns=1)
@pytest.mark.parametrize("number", range({count}))
def test_passes_when_repeated(number):
    repeated = number in seen
    seen.add(number)
    assert repeated
"""


def run_pytest(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Pytest with this checkout's configuration on the tests in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", folder, *arguments, folder],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def stand_ins(tmp_path) -> Path:
    """A folder for PYTHONPATH that holds plugins as launch_testing 3.4 registers them, with a hook pytest 9 refuses."""
    folder = tmp_path / "plugins"
    for name in PLUGINS:
        (folder / f"{name}-0.dist-info").mkdir(parents=True)
        (folder / f"{name}-0.dist-info/METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n")
        (folder / f"{name}-0.dist-info/entry_points.txt").write_text(f"[pytest11]\n{name} = stand_in_{name}\n")
        (folder / f"stand_in_{name}.py").write_text("def pytest_pycollect_makemodule(no_such_argument, parent): ...\n")
    return folder


def test_the_suite_runs_where_launch_testing_is_installed(tmp_path, stand_ins):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text(PASSING)
    path = os.pathsep.join([str(stand_ins), os.environ.get("PYTHONPATH", "")])
    done = run_pytest(tmp_path / "tests", PYTHONPATH=path)
    assert done.returncode == 0, done.stdout + done.stderr
    without_our_options = run_pytest(tmp_path / "tests", "-o", "addopts=", PYTHONPATH=path)
    assert without_our_options.returncode not in (0, 1)  # else the stand-ins show nothing


@pytest.mark.parametrize(("count", "code", "processes"), [(2, 0, ()), (3, 1, ()), (3, 1, ("-n", "2"))])
def test_more_than_two_second_tries_fail_the_suite(tmp_path, count, code, processes):
    (tmp_path / "conftest.py").write_text((ROOT / "test/conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(SECOND_TRIES.format(count=count))
    done = run_pytest(tmp_path, *processes)
    assert done.returncode == code, done.stdout + done.stderr
    assert f"second tries: {count} (at most 2)" in done.stdout


ONCE = """
import pytest

pytestmark = pytest.mark.ros
seen = set()


class DiscoveryTimeout(AssertionError):
    pass


def test_whose_ends_find_each_other_late():
    if "late" not in seen:
        seen.add("late")
        raise DiscoveryTimeout("no match after 8 s")


def test_that_is_wrong_once():
    if "wrong" not in seen:
        seen.add("wrong")
        assert 1 + 1 == 3
"""


@pytest.mark.ros
def test_only_a_discovery_that_took_too_long_is_tried_again(tmp_path):
    (tmp_path / "conftest.py").write_text((ROOT / "test/conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(ONCE)
    done = run_pytest(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "second tries: 1 (at most 2)" in done.stdout
    assert "1 failed, 1 passed, 1 rerun" in done.stdout
    assert "FAILED test_it.py::test_that_is_wrong_once" in done.stdout


def test_the_list_of_slow_tests_is_renewed_from_a_report(tmp_path):
    spec = importlib.util.spec_from_file_location("list_slow_tests", ROOT / "scripts/list_slow_tests.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    (tmp_path / "test_it.py").write_text(
        "import time\nimport pytest\n\n\n@pytest.mark.parametrize('x', range(3))\n"
        "def test_slow_together(x):\n    time.sleep(0.4)\n\n\ndef test_quick():\n    pass\n"
    )
    run_pytest(tmp_path, f"--junit-xml={tmp_path / 'report.xml'}")
    measured = script.durations([tmp_path / "report.xml"])
    before = "# Why.\ntest_it.py::test_quick\ntest_other.py::test_not_measured\n"
    assert script.renewed(before, measured) == (
        "# Why.\ntest_it.py::test_slow_together\ntest_other.py::test_not_measured\n"
    )
