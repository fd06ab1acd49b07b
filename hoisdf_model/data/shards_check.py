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

"""Completeness and integrity check of a sharded data set."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hoisdf_model.data.download_check import CheckReport, Progress
from hoisdf_model.data.shards import ShardedFrames, read_manifest, shard_paths
from hoisdf_model.errors import DatasetError


def check_shards(root: Path, deep: bool = False, progress: Progress | None = None) -> CheckReport:
    """Compare every shard with its checksum.

    Args:
        root: with ``dataset.json``.
        deep: also read every frame.
        progress: called after every shard.

    Raises:
        DatasetError: there is no data set, or it is of another version.
    """
    manifest = read_manifest(root)
    frames, per_shard = int(manifest["frames"]), int(manifest["per_shard"])
    report = CheckReport("data set of hoisdf synthesize")
    paths, sound = shard_paths(root, frames, per_shard), 0
    again = "run hoisdf synthesize --dataset with this folder again: it resumes"
    for done, path in enumerate(paths, 1):
        wrong = _wrong(path)
        if wrong:
            advice = again if wrong == "missing" else f"delete {path.name} and {path.stem}.sha256, then {again}"
            report.problem(path, wrong, advice)
        else:
            sound += 1
        if progress is not None:
            progress(done, len(paths))
    if deep and sound == len(paths):
        source = ShardedFrames(root)
        for index in range(frames):
            try:
                source.frame(index)
            except DatasetError as error:
                report.problem(paths[index // per_shard], str(error), again)
    report.counts += [("frames", f"{frames:,}"), ("shards", str(len(paths))), ("shards sound", str(sound))]
    return report


def _wrong(path: Path) -> str:
    """What is wrong with a shard; empty where nothing is."""
    if not path.exists():
        return "missing"
    try:
        wanted = path.with_suffix(".sha256").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        return f"its checksum can't be read: {error}"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if found == wanted else "damaged: its checksum doesn't fit"
