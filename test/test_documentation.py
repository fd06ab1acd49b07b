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

"""What README and docs say can be done: Python blocks run, commands and their options exist, links lead somewhere."""

import ast
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import typer

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(kind: str) -> list[tuple[Path, int, str]]:
    """Page, number in the page and text of every code block of a language."""
    return [
        (page, number, text)
        for page in PAGES
        for number, text in enumerate(text for language, text in BLOCK.findall(page.read_text()) if language == kind)
    ]


def label(value: object) -> str:
    return value.stem if isinstance(value, Path) else str(value) if isinstance(value, int) else "block"


@pytest.mark.parametrize(("page", "number", "text"), blocks("python"), ids=label)
def test_python_blocks_import_what_there_is(page, number, text):
    imports = [node for node in ast.parse(text).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in imports:
        if isinstance(node, ast.ImportFrom) and node.module.startswith("hoisdf_ros"):
            pytest.importorskip("rclpy")
    exec(compile(ast.Module(imports, []), str(page), "exec"), {})


# page and number of the block -> what its reader brings: names, and texts for files that they have
RUNNABLE = {
    ("README", 0): (),
    ("live_use", 0): (('"my_weights.safetensors"', ""),),
    ("hands", 0): (('"MANO_RIGHT.pkl"', ""),),
    ("network", 0): (('"snapshot.pth.tar", preset="dexycb"', '"untrained:compact"'),),
    ("grasping", 0): (),
    ("interface", 0): (("bag.frames():", "itertools.islice(bag.frames(), 3):"),),
    ("interface", 1): (("source.frames():", "itertools.islice(source.frames(), 3):"),),
}


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """What a reader has: an image, a calibration, a recording, an estimate; and a folder to work in."""
    import itertools

    import torch

    from hoisdf_model.data import sample_recording
    from hoisdf_model.geometry import Pinhole, write_camera

    monkeypatch.chdir(tmp_path)
    write_camera("camera.yaml", Pinhole(600.0, 600.0, 319.5, 239.5, 640, 480))
    Path("recording").symlink_to(sample_recording())
    return {"image": np.full((480, 640, 3), 90, np.uint8), "itertools": itertools, "torch": torch}


def network_input(torch):
    from hoisdf_model.network import load_network

    size = load_network("untrained:compact")[1].image_size
    box = torch.tensor([[0.0, 0.0, size - 1.0, size - 1.0]])
    return {
        "image": torch.zeros(1, 3, size, size), "intrinsics": torch.tensor([[[300.0, 0, 64], [0, 300, 64], [0, 0, 1]]]),
        "hand_root": torch.tensor([[0.0, 0.0, 0.6]]), "object_center": torch.tensor([[0.0, 0.0, 0.6]]),
        "hand_box": box, "object_box": box,
    }  # fmt: skip


@pytest.mark.parametrize(("page", "number"), RUNNABLE)
def test_python_blocks_run(page, number, reader):
    [text] = [text for path, at, text in blocks("python") if (path.stem, at) == (page, number)]
    for old, new in RUNNABLE[page, number]:
        assert old in text
        text = text.replace(old, new)
    if page == "grasping":
        from hoisdf_model.estimates import Estimate

        reader["estimate"] = Estimate()
    if page == "network":
        reader |= network_input(reader["torch"])
    exec(compile(text, page, "exec"), reader)
    if page in ("README", "live_use"):
        assert all(hand.joints.shape == (21, 3) for hand in reader["estimate"].hands)
        assert reader["estimate"].hands or page == "README"  # a grey image shows none; a box says that there is one
    if (page, number) == ("interface", 1):
        from hoisdf_model.data import BagReader

        with BagReader("estimates") as bag:
            assert bag.topics["/perception/hand_object"].count == 3


def command_lines(program: str) -> list[tuple[str, str]]:
    """Every use of a program in the pages' shell blocks, with continued lines joined; each once."""
    found = {}
    for page, _, text in [*blocks(""), *blocks("bash"), *blocks("sh")]:
        for line in text.replace("\\\n", " ").splitlines():
            line = re.sub(r"\s+#.*", "", line).strip()
            if line.split(" ", 1)[0] == program:
                found.setdefault(line, page.name)
    return [(page, line) for line, page in found.items()]


@pytest.mark.parametrize(("page", "line"), command_lines("hoisdf"))
def test_commands_and_their_options_exist(page, line):
    from hoisdf_model.cli import app

    command, words = typer.main.get_command(app), shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"{page}: hoisdf has no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used <= known, f"{page}: {line}"


@pytest.mark.parametrize(("page", "line"), command_lines("ros2"))
def test_executables_and_launch_files_exist(page, line):
    words = shlex.split(line)
    if words[1:3] == ["run", "hoisdf"]:
        assert re.search(rf"^ +{words[3]} =", (ROOT / "setup.cfg").read_text(), re.MULTILINE), f"{page}: {line}"
    elif words[1:3] == ["launch", "hoisdf"]:
        assert (ROOT / "launch" / words[3]).is_file(), f"{page}: {line}"
        launch_sources = pytest.importorskip("launch.launch_description_sources")
        pytest.importorskip("launch_ros.actions")
        described = launch_sources.get_launch_description_from_python_launch_file(str(ROOT / "launch" / words[3]))
        declared = {argument.name for argument in described.get_launch_arguments()}
        assert {word.split(":=")[0] for word in words[4:] if ":=" in word} <= declared, f"{page}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page):
    """Anchors within docs are checked where the site is built (scripts/docs)."""
    for target in LINK.findall(page.read_text()):
        if not re.match(r"https?:|#", target):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name} links to {target}"


def test_every_page_is_in_the_sites_navigation():
    text = (ROOT / "mkdocs.yml").read_text()
    named = set(re.findall(r"([\w/]+\.md)", text.split("\nnav:")[1]))
    assert named == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


def test_every_room_has_a_page_of_its_public_face():
    rooms = {path.name.removesuffix(".py") for path in (ROOT / "hoisdf_model").iterdir() if path.suffix in ("", ".py")}
    rooms -= {"__init__", "__pycache__", "assets", "cli", "commands"}
    assert rooms == {path.stem for path in (ROOT / "docs/api").glob("*.md")} - {"index"}
