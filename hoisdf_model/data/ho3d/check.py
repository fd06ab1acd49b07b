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

"""Completeness and version check of an HO-3D download."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from hoisdf_model.data.dataset_images import read_rgb
from hoisdf_model.data.download_check import CheckReport, Progress
from hoisdf_model.data.ho3d import layout
from hoisdf_model.data.ho3d.layout import Ho3dFolder, Split
from hoisdf_model.data.ho3d.meta import read_meta
from hoisdf_model.data.ho3d.submission import TRUE_JOINTS, TRUE_VERTICES
from hoisdf_model.data.object_models import POINTS_NAME
from hoisdf_model.data.synthetic_note import is_synthetic, read_note
from hoisdf_model.errors import DatasetError, UnsafeFileError
from hoisdf_model.objects.mesh_files import TEXTURED_NAME


def check_ho3d(
    root: Path,
    version: str | None = None,
    models: Path | None = None,
    deep: bool = False,
    progress: Progress | None = None,
) -> CheckReport:
    """Check an HO-3D download.

    Args:
        root: with ``train`` and ``evaluation``.
        version: ``v2`` or ``v3``, what it should be; None: whatever it is.
        models: the YCB-Video models; None: ``models`` in the folder, if it is there.
        deep: read every annotation and image, not only the first annotation of each sequence.
        progress: called after every sequence.

    Raises:
        DatasetError: nothing of HO-3D is there, or another version than wanted.
    """
    folder = layout.open_folder(root, version)
    synthetic = is_synthetic(root)
    report = CheckReport(f"HO-3D {folder.version}" + (", synthetic" if synthetic else ""))
    archive = f"unpack the archive of HO-3D {folder.version} there again, or fetch it again"
    if synthetic:
        archive = "write the tree anew with hoisdf synthesize --ho3d"
        report.notes.append("a synthetic tree: figures on it say nothing about HO-3D")
    plan: list[tuple[Split, str, list[str]]] = []
    for split in layout.SPLITS:
        sequences = _listed(folder, split, synthetic, report, archive)
        plan += [(split, name, frames) for name, frames in sequences.items()]
    if synthetic:
        _noted(root, {name for _, name, _ in plan}, report, archive)
    names: set[str] = set()
    whole: dict[Split, int] = dict.fromkeys(layout.SPLITS, 0)
    masked = 0
    for done, (split, sequence, frames) in enumerate(plan, 1):
        bad = _sequence(folder, split, sequence, frames, report, archive)
        whole[split] += len(frames) - len(bad)
        masked += _masked(folder, split, sequence, frames)
        readable = [frame for frame in frames if frame not in bad]
        names |= _annotated(folder, split, sequence, readable if deep else readable[:1], deep, report, archive)
        if progress is not None:
            progress(done, len(plan))
    for split in layout.SPLITS:
        listed = sum(len(frames) for s, _, frames in plan if s == split)
        report.counts.append((f"{split}: sequences", str(sum(s == split for s, _, _ in plan))))
        report.counts.append((f"{split}: frames listed", f"{listed:,}"))
        report.counts.append((f"{split}: frames whole", f"{whole[split]:,}"))
    trained = sum(len(frames) for split, _, frames in plan if split == "train")
    report.counts.append(("train: frames with masks", f"{masked:,}"))
    if masked < trained:
        report.problem(
            root / "train",
            f"{trained - masked:,} of {trained:,} frames have no masks (seg)",
            f"fetch {layout.SEGMENTATIONS[folder.version]} and merge its train folder into this one",
        )
    _models(models or root / "models", names, models is not None, report)
    _truth(root, report)
    return report


def _listed(
    folder: Ho3dFolder, split: Split, synthetic: bool, report: CheckReport, archive: str
) -> Mapping[str, list[str]]:
    """Sequence -> frames of the split's list, and what is wrong with the list."""
    sequences: dict[str, list[str]] = defaultdict(list)
    try:
        for name in folder.listed(split):
            sequence, _, frame = name.partition("/")
            sequences[sequence].append(frame)
    except DatasetError as error:
        report.problem(folder.list_file(split), str(error), archive)
        return sequences
    listed, expected = sum(map(len, sequences.values())), layout.COUNTS[folder.version, split]
    if listed not in (expected, layout.OTHER_COUNTS.get((folder.version, split))) and not synthetic:
        report.problem(
            folder.list_file(split),
            f"lists {listed:,} frames, HO-3D {folder.version} has {expected:,}{_other(listed, split)}",
            archive,
        )
    if folder.version == "v2" and not synthetic:
        absent = [name for name in layout.SEQUENCES[split] if name not in sequences]
        if absent:
            report.problem(folder.list_file(split), f"lists nothing of {', '.join(absent)}", archive)
    return sequences


def _noted(root: Path, listed: set[str], report: CheckReport, archive: str) -> None:
    """Whether all sequences are listed that the note of a synthetic tree tells of."""
    try:
        noted = read_note(root).get("sequences")
    except DatasetError as error:
        report.problem(root, str(error), archive)
        return
    absent = [name for name in noted if name not in listed] if isinstance(noted, dict) else []
    if absent:
        report.problem(root, f"nothing is listed of the sequences {', '.join(absent)}", archive)


def _other(listed: int, split: Split) -> str:
    """A hint at another version with that many frames."""
    same = [version for version in layout.VERSIONS if layout.COUNTS[version, split] == listed]
    return f" (the list is that of {same[0]})" if same else ""


def _sequence(
    folder: Ho3dFolder, split: Split, sequence: str, frames: list[str], report: CheckReport, archive: str
) -> set[str]:
    """Frames of which a file is missing or empty."""
    bad: set[str] = set()
    if not (folder.root / split / sequence).is_dir():
        report.problem(
            folder.root / split / sequence, f"the folder is missing, with {len(frames):,} listed frames", archive
        )
        return set(frames)
    for path in (folder.image, folder.depth, folder.meta):
        files = {path(split, f"{sequence}/{frame}").name: frame for frame in frames}
        where = path(split, f"{sequence}/{frames[0]}").parent
        bad |= {files[name] for name in report.files(where, files, archive)}
    return bad


def _masked(folder: Ho3dFolder, split: Split, sequence: str, frames: list[str]) -> int:
    """How many of the frames have masks; those of evaluation needn't."""
    if split == "evaluation":
        return 0
    present = {path.name for path in folder.masks(split, f"{sequence}/{frames[0]}").parent.glob("*.jpg")}
    return sum(folder.masks(split, f"{sequence}/{frame}").name in present for frame in frames)


def _annotated(
    folder: Ho3dFolder, split: Split, sequence: str, frames: list[str], deep: bool, report: CheckReport, archive: str
) -> set[str]:
    """Read annotations, with ``deep`` also images: the names of the objects in them."""
    names: set[str] = set()
    for frame in frames:
        name = f"{sequence}/{frame}"
        path = folder.meta(split, name)
        try:
            meta = read_meta(path)
            names.add(meta.object_name)
            if (meta.joints is None) != (split == "evaluation"):
                report.problem(path, f"has the labels of another split than {split}", archive)
            for picture in (folder.image, folder.depth) if deep else ():
                path = picture(split, name)
                read_rgb(path, layout.WIDTH, layout.HEIGHT)
        except UnsafeFileError as error:
            report.problem(path, str(error), "don't use this copy: fetch HO-3D from its own site")
        except DatasetError as error:
            report.problem(path, str(error), archive)
    return names


def _models(folder: Path, names: set[str], given: bool, report: CheckReport) -> None:
    advice = "fetch the YCB-Video models and give their folder with --models"
    if not folder.is_dir():
        if given:
            report.problem(folder, "the folder of object models is missing", advice)
        else:
            report.notes.append(
                f"no object models given: look-alikes would stand in for {len(names)} objects; {advice}"
            )  # fmt: skip
        return
    for name in sorted(names):
        report.files(folder / name, (POINTS_NAME, TEXTURED_NAME), advice)
    report.counts.append(("objects", str(len(names))))


def _truth(root: Path, report: CheckReport) -> None:
    absent = [name for name in (TRUE_JOINTS, TRUE_VERTICES) if not (root / name).exists()]
    if absent:
        report.notes.append(
            f"without {' and '.join(absent)} the hand's errors on the evaluation frames can't be computed here: they "
            "are published on the page of the challenge, or hand in a submission there"
        )
