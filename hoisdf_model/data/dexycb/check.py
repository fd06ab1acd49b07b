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

"""Completeness check of a DexYCB download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hoisdf_model.data.dataset_images import read_depth, read_rgb
from hoisdf_model.data.dexycb import layout
from hoisdf_model.data.dexycb.labels import read_labels
from hoisdf_model.data.dexycb.layout import DexYcbFolder, Take
from hoisdf_model.data.dexycb.subsets import read_poses
from hoisdf_model.data.download_check import CheckReport, Progress
from hoisdf_model.data.object_models import POINTS_NAME
from hoisdf_model.data.synthetic_note import is_synthetic, read_note
from hoisdf_model.errors import DatasetError
from hoisdf_model.objects.mesh_files import TEXTURED_NAME

S0_TRAIN = 465_504  # frames, in the toolkit's README
_S0 = ("s0_train", "s0_val", "s0_test")


def check_dexycb(
    root: Path, models: Path | None = None, deep: bool = False, progress: Progress | None = None
) -> CheckReport:
    """Check a DexYCB download.

    Args:
        root: with the subjects' folders, ``calibration`` and ``models``.
        models: the object models; None: those in the download.
        deep: read every label file and image, not only the first of each camera.
        progress: called after every sequence.

    Raises:
        DatasetError: nothing of DexYCB is there.
    """
    folder, synthetic = DexYcbFolder(root, partial=True), is_synthetic(root)
    report = CheckReport("DexYCB" + (", synthetic" if synthetic else ""))
    fetch = _Advice(synthetic)
    whole = _sequences(folder, synthetic, report, fetch)
    places = [(subject, name) for subject, names in folder.sequences.items() for name in names]
    takes: dict[tuple[str, str], Take] = {}
    objects: set[int] = set()
    for done, place in enumerate(places, 1):
        take = _sequence(folder, place, deep, report, fetch(place[0]))
        if take is not None:
            takes[place] = take
            objects.update(take.ycb_ids)
        if progress is not None:
            progress(done, len(places))
    official = whole and not synthetic
    if len(takes) == len(places):
        for split in _S0:
            frames = sum(take.frames * len(serials) for take, serials in folder.takes(split))
            report.counts.append(
                (f"{split}: frames", f"{frames:,}" + ("" if official else " (not the official split)"))
            )
            if official and split == "s0_train" and frames != S0_TRAIN:
                report.problem(root, f"s0_train has {frames:,} frames, DexYCB's has {S0_TRAIN:,}", "fetch DexYCB again")
    if (root / "calibration").is_dir():
        _calibration(folder, set(takes.values()), report, fetch("calibration"))
    else:
        report.problem(root / "calibration", "the folder of calibrations is missing", fetch("calibration"))
    where = models or root / "models"
    if not where.is_dir():
        report.problem(where, "the folder of object models is missing", fetch("models"))
    else:
        for number in sorted(objects):
            report.files(where / layout.NAMES[number], (POINTS_NAME, TEXTURED_NAME), fetch("models"))
        report.counts.append(("objects", str(len(objects))))
    return report


@dataclass(frozen=True)
class _Advice:
    """What to do about a part (a subject, ``calibration``, ``models``) that isn't whole."""

    synthetic: bool

    def __call__(self, part: str = "") -> str:
        if self.synthetic:
            return "write the tree anew with hoisdf synthesize --dexycb"
        return f"fetch {part}.tar.gz and unpack it there"


def _sequences(folder: DexYcbFolder, synthetic: bool, report: CheckReport, fetch: _Advice) -> bool:
    """Count sequences; whether there are as many as there should be, of a synthetic tree as many as its note says."""
    before = len(report.problems)
    counts = {subject: len(folder.sequences.get(subject, ())) for subject in layout.SUBJECTS}
    if not synthetic:
        for subject, count in counts.items():
            report.counts.append((f"{subject}: sequences", str(count)))
            if count != layout.PER_SUBJECT:
                what = f"{count} of {layout.PER_SUBJECT} sequences are there"
                report.problem(folder.root / subject, what, fetch(subject))
        return len(report.problems) == before
    report.notes.append("a synthetic tree: figures on it say nothing about DexYCB, and it is read with partial")
    found = sum(counts.values())
    report.counts.append(("sequences", str(found)))
    try:
        wanted = read_note(folder.root).get("sequences")
    except DatasetError as error:
        report.problem(folder.root, str(error), fetch())
        return False
    if found != wanted:
        report.problem(folder.root, f"{found} of {wanted} sequences are there", fetch())
    return found == wanted


def _sequence(
    folder: DexYcbFolder, place: tuple[str, str], deep: bool, report: CheckReport, archive: str
) -> Take | None:
    """What its ``meta.yml`` says, None where that can't be read; missing and damaged files become problems."""
    try:
        take = folder.take(*place)
    except DatasetError as error:
        report.problem(folder.root / place[0] / place[1], str(error), archive)
        return None
    for serial in take.serials:
        names = {
            number: (f"color_{number:06d}.jpg", f"aligned_depth_to_color_{number:06d}.png", f"labels_{number:06d}.npz")
            for number in range(take.frames)
        }
        bad = report.files(take.path / serial, [name for three in names.values() for name in three], archive)
        readable = [number for number, three in names.items() if not bad.intersection(three)]
        for number in readable if deep else readable[:1]:
            try:
                read_labels(take.labels(serial, number), len(take.ycb_ids))
                if deep:
                    read_rgb(take.image(serial, number), layout.WIDTH, layout.HEIGHT)
                    read_depth(take.depth(serial, number), layout.WIDTH, layout.HEIGHT)
            except DatasetError as error:
                report.problem(take.path / serial, str(error), archive)
    try:
        read_poses(take)
    except DatasetError as error:
        report.problem(take.path, str(error), archive)
    return take


def _calibration(folder: DexYcbFolder, takes: set[Take], report: CheckReport, advice: str) -> None:
    for serial in sorted({serial for take in takes for serial in take.serials}):
        try:
            folder.camera(serial)
        except DatasetError as error:
            report.problem(folder.root / "calibration" / "intrinsics", str(error), advice)
    seen: set[str] = set()
    for take in sorted(takes, key=lambda take: take.path):
        if take.mano not in seen:
            seen.add(take.mano)
            try:
                _ = take.betas
            except DatasetError as error:
                report.problem(folder.root / "calibration" / f"mano_{take.mano}", str(error), advice)
        if take.extrinsics not in seen:
            seen.add(take.extrinsics)
            report.files(folder.root / "calibration" / f"extrinsics_{take.extrinsics}", ("extrinsics.yml",), advice)
