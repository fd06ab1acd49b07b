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

"""Grasps in streams of frames, and under errors of the object's pose.

    python benchmark/grasp_streams.py                          # 60 scenes of the shipped library
    python benchmark/grasp_streams.py --scenes 20 --gripper robotiq_2f_85

Streams: the hand of each scene trembles on its object; every frame is planned anew, and with the memory of the frames
before. Time of a frame, and the best grasp's score with memory over that without.

Errors: each scene gets a covariance with one uncertain direction, drawn at random, and is planned with and without
regard to it. The best grasp is tried exactly (jaws on the mesh, the whole path free) on the object as it would stand
after errors drawn from that covariance. Prints a table. All of it is synthetic.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).parent))
from grasping import disturbed, estimate, true_hand

from hoisdf_model.estimates import Estimate
from hoisdf_model.geometry.poses import inverse, rigid
from hoisdf_model.grasping import GraspMemory, GraspPlanner, GraspSettings, HandShape, gripper_names, load_gripper
from hoisdf_model.grasping.candidates import Mode
from hoisdf_model.grasping.trials import take
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import find_object, load_catalogue
from hoisdf_model.synthesis import load_library

MODES: tuple[Mode, ...] = ("imitate", "handover")
FRAMES, ERRORS = 12, 20  # of each scene
TREMBLE, TREMBLE_TURN = 0.002, np.radians(1.0)  # standard deviations of the hand's errors
ALONG, ACROSS, TURN = 0.015, 0.003, np.radians(2.0)  # standard deviations of the object's
console = Console(width=110)
Floats = NDArray[np.float64]


def stream(
    planner: GraspPlanner, hand: HandShape, name: str, rng: np.random.Generator, figures: dict[str, list[float]]
) -> None:
    """Plan the frames of one scene twice, interleaved."""
    memory = GraspMemory()
    for frame in range(FRAMES):
        seen = estimate(disturbed(hand, rng, TREMBLE, TREMBLE_TURN), name, planner.hand_model)
        best = {}
        for kind, kept in (("anew", None), ("remembered", memory)):
            began = time.process_time()
            plan = planner.plan_hand(seen.hands[0], seen.objects[0], MODES, memory=kept)
            if frame:  # the first is searched in either case
                figures[f"{kind}, ms"].append(1000 * (time.process_time() - began))
            best[kind] = {
                mode: max((one.score for one in plan.candidates if one.mode == mode), default=0.0) for mode in MODES
            }
        for mode in MODES:
            if frame and best["anew"][mode]:
                figures[f"{mode}, score"].append(best["remembered"][mode] / best["anew"][mode])
            figures[f"{mode}, frames anew"].append(best["anew"][mode] > 0)
            figures[f"{mode}, frames remembered"].append(best["remembered"][mode] > 0)


def errors(planner: GraspPlanner, seen: Estimate, rng: np.random.Generator, figures: dict[str, list[float]]) -> None:
    """Try the best grasps of one scene, planned with and without regard to the covariance."""
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    covariance = np.diag([ACROSS**2] * 3 + [TURN**2] * 3)
    covariance[:3, :3] += (ALONG**2 - ACROSS**2) * np.outer(direction, direction)
    drawn = rng.multivariate_normal(np.zeros(6), covariance, ERRORS)
    moved = np.stack([rigid(Rotation.from_rotvec(error[3:]).as_matrix(), error[:3]) for error in drawn])
    uncertain = replace(seen, objects=(replace(seen.objects[0], covariance=covariance),))
    for kind, one in (
        ("regarded", planner),
        ("ignored", planner.with_settings(replace(planner.settings, weigh_covariance=False))),
    ):
        plan = one.plan(uncertain, MODES)
        for mode in MODES:
            pose = next((c.pose_in_object for c in plan.candidates if c.mode == mode), None)
            if pose is not None:
                shape = planner.shape(seen.objects[0].name)
                tried = np.stack([inverse(error) @ pose for error in moved])
                taken = take(shape, tried, planner.gripper, planner.settings)
                figures[f"{mode}, {kind}"] += [not isinstance(each, str) for each in taken]


def main(
    scenes: Annotated[int, typer.Option(min=1, help="How many.")] = 60,
    gripper: Annotated[str, typer.Option(help=f"One of {', '.join(gripper_names())}, or a YAML file.")] = "franka_hand",
    seed: Annotated[int, typer.Option(min=0, help="Chooses scenes and errors.")] = 0,
) -> None:
    """Measure grasps in streams of frames and under errors."""
    model = load_hand_model()
    grasps = load_library(str(resources.files("hoisdf_model") / "assets" / "benchmark_grasps.npz"))
    rng = np.random.default_rng(seed)
    planner = GraspPlanner(load_gripper(gripper), model, load_catalogue(), GraspSettings())
    figures: dict[str, list[float]] = defaultdict(list)
    for number in track(rng.permutation(len(grasps))[:scenes], "planning", console=console, transient=True):
        hand, name = true_hand(grasps, int(number), model)
        planner.shape(find_object(name))
        stream(planner, hand, name, rng, figures)
        errors(planner, estimate(hand, name, model), rng, figures)
    table = Table("synthetic", "median", "mean", "p95", "number", title=f"{planner.gripper.name}, {scenes} scenes")
    for what, values in figures.items():
        numbers = np.array(values, np.float64)
        shown = (np.median(numbers), numbers.mean(), np.percentile(numbers, 95))
        table.add_row(what, *(f"{value:.3g}" for value in shown), str(len(values)))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
