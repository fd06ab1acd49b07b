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

"""How far samples of the official protocol are from those of the released code's loaders.

    python benchmark/loader_equality.py FOLDER --hand-model MODEL.npz

FOLDER holds ``trees/dexycb`` and ``trees/ho3d`` in the published layouts, with the released code's lists and distance
files in ``hoisdf_annotations`` and ``hoisdf_sdf``, and ``fixtures/<setting>_<mode>.npz`` with what its loaders returned
for every sample and the random numbers that they drew. MODEL is the hand model of the trees. Prints the largest
difference in each field for each setting and mode, and writes JSON. Where the released loader truncates the object's
centre to the next pixel because of a rounding error, everything relative to the centre is compared after moving it
there; such samples are counted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import Rotation

from hoisdf_model.data.dexycb.frames import DexYcbFrames
from hoisdf_model.data.ho3d.frames import Ho3dFrames
from hoisdf_model.data.ho3d.rendered import Ho3dRendered, JoinedFrames
from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.assembly import FieldRows
from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.data.samples.official_pictures import ColourDraws
from hoisdf_model.data.samples.official_protocol import OfficialDraws, prepare_official
from hoisdf_model.data.samples.preparation_config import PreparationConfig
from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.hand import HandModel, load_hand_model

RUNS = [
    *((setting, mode) for setting in ("dexycb", "dexycb_full", "ho3d") for mode in ("train", "evaluation")),
    ("ho3d_render", "train"),
]
NORMALISED = 3.1  # the released code's unit of points and distances
COLOURS = {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.15, "blur": 0.5}
AUGMENTATION = {
    "dexycb": AugmentationConfig(turned=0.6, turn=30, turn_limit=60, scale=0.2, center=0.1, **COLOURS),
    "ho3d": AugmentationConfig(turned=1, turn_limit=180, turn_uniform=True, scale=0.2, center=0.1, **COLOURS),
}
LIMITS = {  # what the reference's own notes allow
    "image, share of pixels": 1e-3, "masks, pixels": 0, "intrinsics, px": 3e-4, "boxes, px": 3e-4, "joints, px": 3e-4,
    "wrist, m": 1e-6, "object centre, m": 1e-6, "object translation, m": 1e-6, "joints, mm": 1e-4,
    "hand points": 1e-6, "object points": 1e-6, "distances": 1e-6, "object rotation": 1e-6, "MANO rotations": 1e-6,
    "MANO shape": 1e-6,
}  # fmt: skip


def source_of(root: Path, setting: str, mode: str, model: HandModel) -> FrameSource:
    """The frames of the released code's lists."""
    if setting.startswith("dexycb"):
        tree, full = root / "dexycb", setting.endswith("full")
        part = {"train": "train", "evaluation": "test"}[mode]
        return DexYcbFrames(
            tree, subset="full" if full else "close", hand_model=model, progress=False,
            annotations=tree / "hoisdf_annotations" / f"dex_ycb_s0_{part}_data{'' if full else '_cut'}.json",
            distances=tree / "hoisdf_sdf" / f"{'full_' if full else ''}{part}",
        )  # fmt: skip
    tree = root / "ho3d"
    frames = Ho3dFrames(
        tree, mode, "v2", tree / "models", distances=tree / "hoisdf_sdf",
        annotations=tree / "hoisdf_annotations" / "ho3d_train_data.json",
    )  # fmt: skip
    if setting != "ho3d_render":
        return frames
    return JoinedFrames([frames, Ho3dRendered(tree / "hoisdf_sdf" / "render", frames.models)])


def recorded(known: dict[str, Any], hand_rows: int) -> OfficialDraws | None:
    """What the released loader drew; rows are counted through the whole distance file."""
    if "rnd_idx_hand" not in known:
        return None
    rows = {key: known[f"rnd_idx_{key}"].astype(int) for key in ("hand", "obj")}
    starts = {key: known.get(f"rnd_idx_{key}_pre", rows[key]).astype(int) for key in rows}
    hand, thing = (
        FieldRows(rows["hand"], starts["hand"]), FieldRows(rows["obj"] - hand_rows, starts["obj"] - hand_rows),
    )  # fmt: skip
    if "rnd_scale_randn" not in known:
        return OfficialDraws(hand, thing, np.zeros(2))
    if "rnd_rot_uniform" in known:
        turn = float(known["rnd_rot_uniform"][0])
    else:
        turn = float(np.radians(30 * np.clip(known["rnd_rot_randn"], -2, 2))) if known["rnd_rot_gate"] <= 0.6 else 0.0
    b, c, s, h = known["rnd_colour_b_c_s_h"]
    colours = ColourDraws(0.5 * float(known["rnd_blur_random"]), b, c, s, h, tuple(known["rnd_colour_order"]))
    return OfficialDraws(
        hand, thing, known["rnd_center_uniform"], float(known["rnd_scale_randn"]), turn, colours
    )  # fmt: skip


def differences(sample: Sample, known: dict[str, Any]) -> tuple[dict[str, float], bool]:
    """Field -> largest difference; and whether the object's centre is another pixel's."""

    def far(ours: Any, theirs: Any) -> float:
        return float(np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)).max())

    picture = (sample.image.numpy() * 255).round().astype(np.uint8).transpose(1, 2, 0)
    apart = sample.object_center.numpy() - known["me_obj_center_cam"]
    other = bool(np.abs(apart).max() > 1e-4)  # a pixel of the crop is a millimetre
    found = {
        "image, share of pixels": float((picture[1::4, 2::4] != known["img_every4"]).mean()),
        "intrinsics, px": far(sample.intrinsics, known["me_cam_intr"]),
        "boxes, px": max(
            far(sample.hand_box, known["me_bbox_hand"]), far(sample.object_box, known["me_bbox_obj"])
        ),
        "wrist, m": far(sample.hand_root, known["me_mano_root"]),
        "object translation, m": far(sample.object_translation.numpy() + apart, known["tg_rel_obj_trans"]),
        "object rotation": far(sample.object_rotation, Rotation.from_rotvec(known["tg_obj_rot"]).as_matrix()),
    }  # fmt: skip
    if not other:
        found["object centre, m"] = far(apart, 0)
    if "tg_joint_coord" not in known:
        return found, other
    found |= {
        "joints, px": far(sample.joint_pixels / 2, known["tg_joint_coord"]),
        "joints, mm": far(sample.joints * 1000, known["tg_joint_cam_no_trans"]),
        "masks, pixels": far(sample.hand_mask, known["tg_hand_seg"]) + far(sample.object_mask, known["tg_obj_seg"]),
        "hand points": far(sample.hand_field_points * NORMALISED, known["in_hand_sdf_points"]),
        "object points": far((sample.object_field_points.numpy() + apart) * NORMALISED, known["in_obj_sdf_points"]),
        "distances": max(
            far(sample.hand_field_distances * NORMALISED, known["tg_hand_sdf"]),
            far(sample.object_field_distances * NORMALISED, known["tg_obj_sdf"]),
        ),
    }
    if known.get("in_hand_pre_points", np.zeros(0)).ndim == 2:
        start = far(sample.hand_start_points * NORMALISED, known["in_hand_pre_points"])
        found["hand points"] = max(found["hand points"], start)
        start = far((sample.object_start_points.numpy() + apart) * NORMALISED, known["in_obj_pre_points"])
        found["object points"] = max(found["object points"], start)
    if sample.pose_known:
        pose = known["tg_mano_param"]
        turns = Rotation.from_rotvec(pose[:48].reshape(16, 3)).as_matrix()
        found |= {"MANO rotations": far(sample.mano_rotations, turns), "MANO shape": far(sample.mano_shape, pose[48:])}
    return found, other


def main(
    folder: Annotated[Path, typer.Argument(help="Folder with trees and fixtures.")],
    hand_model: Annotated[Path, typer.Option(help="Hand model of the trees, right hand.")],
    output: Annotated[Path, typer.Option(help="JSON file to write.")] = Path("loader_equality.json"),
) -> None:
    """Compare all settings and modes."""
    model, columns = load_hand_model(hand_model), {}
    for setting, mode in RUNS:
        source = source_of(folder / "trees", setting, mode, model)
        with np.load(folder / "fixtures" / f"{setting}_{mode}.npz") as stored:
            arrays = {key: stored[key] for key in stored.files}
        if len(source) != int(arrays["length"]):
            raise typer.BadParameter(f"{setting} {mode}: {len(source)} frames, the reference has {arrays['length']}")
        family = setting.split("_")[0]
        config = PreparationConfig(
            protocol="official",
            hand_box={"dexycb": 1.1, "ho3d": 1.2}[family],
            object_center_depth={"dexycb": None, "ho3d": 0.5244322}[family],
            augmentation=AUGMENTATION[family] if mode == "train" else AugmentationConfig(),
        )
        worst: dict[str, float] = {"samples": len(source), "centres a pixel apart": 0}
        for index in range(len(source)):
            start = f"s{index}_"
            known = {key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)}
            frame = source.frame(index)
            draws = recorded(known, len(frame.hand.samples.distances) if frame.hand else 0)
            found, other = differences(prepare_official(frame, config, draws=draws), known)
            worst["centres a pixel apart"] += other
            for name, value in found.items():
                worst[name] = max(worst.get(name, 0.0), value)
        columns[f"{setting} {mode}"] = worst
    table = Table("largest difference", *columns, "allowed")
    for name in ("samples", "centres a pixel apart", *LIMITS):
        cells = [f"{column[name]:.3g}" if name in column else "" for column in columns.values()]
        table.add_row(name, *cells, f"{LIMITS[name]:g}" if name in LIMITS else "")
    Console(width=max(Console().width, 160)).print(table)
    output.write_text(json.dumps(columns, indent=1))
    beyond = [
        f"{run}: {n}" for run, column in columns.items() for n, limit in LIMITS.items() if column.get(n, 0) > limit
    ]
    if beyond:
        typer.echo(f"beyond what is allowed: {', '.join(beyond)}", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
