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

"""The files that GitHub and its tools read: they parse, agree with the package, and ask for what there is."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGE_XML = ElementTree.parse(ROOT / "package.xml").getroot()
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = [path for path in sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")) if path.stem != "config"]
DISTRIBUTIONS_WITH_WHEELS = {path.stem.rsplit("-", 1)[1] for path in (ROOT / "scripts").glob("requirements-ros-*.txt")}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_scripts_that_exist_with_read_permission_only(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            for script in re.findall(r"(?<![\w/.])(?:scripts|\.ci)/\w+", step.get("run", "")):
                assert (ROOT / script).stat().st_mode & 0o111, f"{path.name} runs {script}"
    assert {"run", "uses"} >= {key for job in workflow["jobs"].values() for s in job["steps"] for key in s} - {
        "name", "with", "env"
    }  # fmt: skip


def test_tests_run_on_every_offered_set_of_wheels():
    wheels = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]["wheels"]
    assert set(wheels["strategy"]["matrix"]["ros"]) == DISTRIBUTIONS_WITH_WHEELS == {"jazzy", "kilted"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms_have_what_github_asks_for(path):
    form = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= set(form)
    for entry in form["body"]:
        assert entry["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert entry["attributes"].get("value") if entry["type"] == "markdown" else entry["attributes"]["label"]
    names = [entry["id"] for entry in form["body"] if entry["type"] != "markdown"]
    assert len(names) == len(set(names))


def test_bug_reports_ask_for_a_command_that_there_is():
    asked = (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text()
    [option] = set(re.findall(r"hoisdf doctor (--\w+)", asked))
    import typer

    from hoisdf_model.cli import app

    doctor = typer.main.get_command(app).commands["doctor"]
    assert option in {name for parameter in doctor.params for name in parameter.opts}


def test_citation_names_this_version_and_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PACKAGE_XML.findtext("version")
    assert citation["license"] == PACKAGE_XML.findtext("license")
    authors = [author["family-names"] for author in citation["preferred-citation"]["authors"]]
    assert authors == ["Qi", "Zhao", "Salzmann", "Mathis"]
    assert "2402.17062" in (ROOT / "README.md").read_text()


def test_no_address_is_made_up():
    assert PACKAGE_XML.find("maintainer").get("email").endswith(".invalid")
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*.cff"), *(ROOT / ".github").rglob("*.*")]:
        assert not re.search(r"[\w.]+@[\w-]+\.[a-z]{2,}", path.read_text()), path


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_development_containers_build_from_the_dockerfile(kind):
    path = ROOT / ".devcontainer" / kind / "devcontainer.json"
    container = json.loads(re.sub(r"^ *//.*$", "", path.read_text(), flags=re.MULTILINE))
    dockerfile = (path.parent / container["build"]["dockerfile"]).resolve()
    assert dockerfile == ROOT / "Dockerfile"
    assert (path.parent / container["build"]["context"]).resolve() == ROOT
    declared = set(re.findall(r"^ARG (\w+)", dockerfile.read_text(), re.MULTILINE))
    assert set(container["build"]["args"]) <= declared
    assert ("--gpus=all" in container["runArgs"]) == (kind == "cuda")


@pytest.mark.parametrize("path", [*sorted((ROOT / "scripts").glob("*")), ROOT / ".ci/run"], ids=lambda path: path.name)
def test_shell_scripts_parse(path):
    if path.is_file() and path.read_text(errors="ignore").startswith("#!/usr/bin/env bash"):
        subprocess.run(["bash", "-n", path], check=True)


def test_slow_tests_are_tests_that_there_are():
    lines = (ROOT / "test/slow_tests.txt").read_text().splitlines()
    for line in (line for line in lines if line and not line.startswith("#")):
        file, function = line.split("::")
        [path] = (ROOT / "test").rglob(file)
        assert re.search(rf"^def {function}\(", path.read_text(), re.MULTILINE), line


def license_headers():
    spec = importlib.util.spec_from_file_location("license_headers", ROOT / "scripts/license_headers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_header_goes_on_top_once_and_behind_the_interpreters_name():
    headers = license_headers()
    assert headers.with_header('"""Module."""\n') == headers.HEADER + '\n"""Module."""\n'
    assert headers.with_header("#!/usr/bin/python3\nx = 1\n").startswith("#!/usr/bin/python3\n# Copyright")
    assert "Apache License, Version 2.0" in headers.HEADER


def test_the_licences_header_is_in_every_source_file_or_in_none():
    """scripts/license_headers.py puts it there."""
    headers = license_headers()
    if (ROOT / ".git").exists() and shutil.which("git"):
        having = {path: headers.has_header(path) for path in headers.sources() if path.name != "license_headers.py"}
        lacking = [path for path, has in having.items() if not has]
        assert not lacking or len(lacking) == len(having), lacking


def test_every_pin_of_ruff_is_the_same():
    pyproject = (ROOT / "pyproject.toml").read_text()
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    [hook] = [repo["rev"] for repo in hooks if repo["repo"].endswith("ruff-pre-commit")]
    assert {f"v{version}" for version in re.findall(r"ruff==([\d.]+)", pyproject)} == {hook}


def test_every_test_that_the_page_of_faults_names_exists():
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "docs/faults.md").read_text())
    assert len(named) > 50
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in (ROOT / "test" / file).read_text()]
    assert not missing
