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

"""Whether grasps hold: the best imitation and hand-over of each hand, closed and lifted in the simulator MuJoCo.

    pip install 'hoisdf[benchmark]'
    python benchmark/lift.py                       # 21 objects, 3 hands each
    python benchmark/lift.py --hands 1 --strip out/lift.jpg

Hands, objects and pictures are stills of the synthetic benchmark; the objects weigh what the real ones do. Grasps are
planned where an estimate sees hand and object, and executed where they are: with true poses, with poses that are off by
5 mm and 5 degrees, and by 10 mm and 10 degrees (hand and object each, in a random direction and about a random axis),
and with what the shipped weights say of the still, given the true wrist, the boxes and the object's name. The planner's
contact threshold goes with the error, as docs/grasping.md advises. For comparison: jaws about the centre of mass in a
random direction, and in the first of 50 random directions in which the gripper fits around the object.

A grasp whose opened gripper would meet the true object on its straight way there counts as ``blocked`` and isn't
simulated. How the rest is simulated, and what counts as held: ``lift_simulation.py``. All of it is synthetic.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from lift_objects import MASSES, lifted_body
from lift_pictures import strip
from lift_simulation import LiftSettings, lift, mujoco_library
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import HoisdfError
from hoisdf_model.estimates import Estimate, Frame, HandEstimate, ObjectEstimate, Prior
from hoisdf_model.estimation import Estimator
from hoisdf_model.geometry.poses import inverse, rigid
from hoisdf_model.grasping import GraspPlanner, GraspSettings, ObjectShape, gripper_names, hand_shape, load_gripper
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.handover import hand_clearance, hand_obstacle
from hoisdf_model.grasping.jaws import centred, close_jaws
from hoisdf_model.hand import HandModel, load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import BenchmarkStills

MODES = ("imitate", "handover")
# metres and degrees that hand and object are off, each
ERRORS = {"true poses": (0.0, 0.0), "5 mm, 5 degrees": (0.005, 5.0), "10 mm, 10 degrees": (0.010, 10.0)}
SHIPPED, SHIPPED_CONTACT = "shipped weights", 0.02  # metres: of their estimates' errors
BASELINES = ("random", "random, fits")
DIRECTIONS = 50  # of the second baseline
OUTCOMES = ("held", "slipped", "dropped", "missed", "blocked", "no grasp")
KNOWN = np.diag([1e-8] * 6)
Floats = NDArray[np.float64]
console = Console(width=max(Console().width, 132))  # the table needs as much, also in a log file


@dataclass(frozen=True)
class Case:
    """One still: what is true of it, camera frame, and what an estimator is given."""

    number: int
    truth: Estimate
    up: Floats
    frame: Frame
    prior: Prior

    @property
    def name(self) -> str:
        """The object's."""
        return self.truth.objects[0].name

    @property
    def object_pose(self) -> Floats:
        """(4, 4) object frame -> camera frame."""
        return rigid(self.truth.objects[0].rotation, self.truth.objects[0].translation)


@dataclass(frozen=True)
class Trial:
    """What became of one grasp, or the ``reason`` why there is none.

    ``pose``: tool frame -> object frame; ``touches``: the gripper would meet the hand.
    """

    still: int
    name: str
    poses: str
    mode: str
    outcome: str
    slip: float = float("nan")
    turn: float = float("nan")
    touches: bool = False
    pose: Floats | None = None
    reason: str = ""


def main(
    hands: Annotated[int, typer.Option(min=1, help="Of each object.")] = 3,
    gripper: Annotated[str, typer.Option(help=f"One of {', '.join(gripper_names())}, or a YAML file.")] = "franka_hand",
    force: Annotated[float, typer.Option(min=0.1, help="Of each finger, newtons.")] = LiftSettings.force,
    friction: Annotated[float, typer.Option(min=0.01, help="Between pads and object.")] = LiftSettings.friction,
    objects: Annotated[str, typer.Option(help="Names, separated by commas; all whose weight is known.")] = "",
    weights: Annotated[str, typer.Option(help="Of the estimates; 'none' leaves them out.")] = "shipped",
    seed: Annotated[int, typer.Option(min=0, help="Of errors and random directions.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="JSON file to write.")] = Path("out/lift.json"),
    pictures: Annotated[Path | None, typer.Option("--strip", help="JPEG with some lifts.")] = None,
    pieces: Annotated[Path, typer.Option(help="Folder where objects' convex pieces are kept.")] = Path("out/pieces"),
) -> None:
    """Lift what the planner grasps, and say how often it holds."""
    try:
        mujoco_library()
        names = [name.strip() for name in objects.split(",")] if objects else list(MASSES)
        settings, jaws, model = LiftSettings(force, friction), load_gripper(gripper), load_hand_model()
        catalogue = load_catalogue()
        bodies = {
            name: lifted_body(catalogue.get(name), pieces)
            for name in track(names, "cutting objects", console=console, transient=True)
        }
        estimator = None if weights == "none" else Estimator.load(weights, model, "cpu", "float32")
    except HoisdfError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from error
    planners = {name: planner_for(jaws, model, max(0.004, shift)) for name, (shift, _) in ERRORS.items()}
    planners[SHIPPED] = planner_for(jaws, model, SHIPPED_CONTACT)
    trials: list[Trial] = []
    chosen = numbers_of(names, hands)
    for number in track(chosen, "lifting", console=console, transient=True):
        case = case_of(number)
        rng = np.random.default_rng((seed, number))
        for trial in [*planned(case, planners, estimator, rng), *unplanned(case, planners["true poses"], rng)]:
            if trial.pose is None or trial.outcome == "blocked":
                trials.append(trial)
                continue
            result = lift(bodies[case.name], trial.pose, case.up, jaws, settings)
            trials.append(replace(trial, outcome=result.outcome, slip=result.slip, turn=result.turn))
    show(trials, jaws.name, len(chosen), len(names), settings)
    output.parent.mkdir(parents=True, exist_ok=True)
    asked = {"gripper": jaws.name, "hands": hands, "seed": seed, "weights": weights, **asdict(settings)}
    rows = [{**asdict(trial), "pose": None if trial.pose is None else trial.pose.tolist()} for trial in trials]
    output.write_text(json.dumps({"synthetic": True, "asked": asked, "trials": rows}) + "\n", encoding="utf-8")
    console.print(f"wrote {output}")
    if pictures is not None:
        ups = {number: case_of(number).up for number in {trial.still for trial in trials}}
        strip(pictures, pictured(trials), bodies, ups, jaws, settings)
        console.print(f"wrote {pictures}")


def planner_for(gripper: Gripper, model: HandModel, contact: float) -> GraspPlanner:
    """A planner that refuses nothing for its covariance, and leaves out images under symmetries."""
    return GraspPlanner(gripper, model, load_catalogue(), GraspSettings(contact=contact)).for_demonstrations()


@lru_cache(maxsize=1)
def stills() -> BenchmarkStills:
    """The benchmark's."""
    return BenchmarkStills()


def numbers_of(names: list[str], hands: int) -> list[int]:
    """The first ``hands`` stills of each object in which a hand grasps it, with different grasps."""
    found: dict[str, dict[int, int]] = {name: {} for name in names}
    for number in range(len(stills())):
        scene = stills().scene(number)
        if scene.mode == "grasp" and scene.name in found and len(found[scene.name]) < hands:
            found[scene.name].setdefault(scene.grasp, number)
    return [number for grasps in found.values() for number in grasps.values()]


def case_of(number: int) -> Case:
    """One still of the benchmark, drawn."""
    still = stills().still(number)
    assert still.joints is not None
    assert still.vertices is not None
    assert still.object_pose is not None
    model, ones = load_hand_model(), np.ones(21, np.float32)
    joints, vertices = still.joints.astype(np.float32), still.vertices.astype(np.float32)
    posture, shape = np.zeros((16, 3), np.float32), np.zeros(10, np.float32)
    hand = HandEstimate(
        still.side, 1.0, joints, ones, vertices, posture, shape, KNOWN[:3, :3], "given", model.info
    )  # fmt: skip
    thing = ObjectEstimate(still.scene.name, 1.0, still.object_pose[:3, :3], still.object_pose[:3, 3], KNOWN)
    up = still.object_pose[:3, :3].T @ still.scene.view[:3, 2]
    prior = Prior(still.hand_box, still.object_box, still.joints[0], side=still.side, object_name=still.scene.name)
    return Case(number, Estimate((hand,), (thing,)), up, Frame(still.image, still.camera), prior)


def planned(
    case: Case, planners: dict[str, GraspPlanner], estimator: Estimator | None, rng: np.random.Generator
) -> Iterator[Trial]:
    """The best grasp of each mode with each kind of estimate, where it would be executed."""
    for poses, planner in planners.items():
        if poses == SHIPPED and estimator is None:
            continue
        if poses == SHIPPED:
            assert estimator is not None
            estimator.reset()
            seen = estimator(case.frame, case.prior)
            seen = replace(seen, objects=tuple(replace(one, name=case.name) for one in seen.objects))
        else:
            seen = disturbed(case.truth, *ERRORS[poses], rng)
        plan = planner.plan(seen, MODES)
        for mode in MODES:
            best = next((one for one in plan.candidates if one.mode == mode), None)
            if best is None:
                reason = next((one.reason for one in plan.refusals if one.mode in (mode, None)), "")
                yield Trial(case.number, case.name, poses, mode, "no grasp", reason=reason)
                continue
            pose = inverse(case.object_pose) @ best.pose
            yield executed(case, planner, poses, mode, pose)


def executed(case: Case, planner: GraspPlanner, poses: str, mode: str, pose: Floats) -> Trial:
    """A gripper on its way to ``pose`` (4, 4), tool frame -> true object's frame."""
    thing, gripper, settings = planner.shape(case.name), planner.gripper, planner.settings
    hand = hand_shape(case.truth.hands[0], planner.hand_model).moved(inverse(case.object_pose))
    touches = hand_clearance(hand_obstacle(hand, settings), [(pose, 0.0)], gripper, settings)[0] <= 0
    blocked = thing.solid.meets(gripper.boxes(gripper.stroke, settings.travel)[None], pose[None])[0]
    return Trial(case.number, case.name, poses, mode, "blocked" if blocked else "", touches=touches, pose=pose)


def disturbed(truth: Estimate, shift: float, degrees: float, rng: np.random.Generator) -> Estimate:
    """Hand and object, each moved by ``shift`` metres and turned by ``degrees`` about its own middle."""
    hand, thing = truth.hands[0], truth.objects[0]
    directions = rng.normal(size=(4, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    turns = Rotation.from_rotvec(np.radians(degrees) * directions[:2]).as_matrix()
    middle = hand.vertices.mean(0)
    joints, vertices = (
        ((points - middle) @ turns[0].T + middle + shift * directions[2]).astype(np.float32)
        for points in (hand.joints, hand.vertices)
    )
    center = load_catalogue().get(thing.name).center
    there = thing.rotation @ center + thing.translation + shift * directions[3]
    rotation = turns[1] @ thing.rotation
    moved = replace(thing, rotation=rotation, translation=there - rotation @ center)
    return replace(truth, hands=(replace(hand, joints=joints, vertices=vertices),), objects=(moved,))


def unplanned(case: Case, planner: GraspPlanner, rng: np.random.Generator) -> Iterator[Trial]:
    """Jaws about the centre of mass: in one random direction, and in the first of many that the gripper fits."""
    thing = planner.shape(case.name)
    poses = np.tile(np.eye(4), (DIRECTIONS, 1, 1))
    poses[:, :3, :3] = Rotation.random(DIRECTIONS, rng=rng).as_matrix()
    poses[:, :3, 3] = thing.center_of_mass
    yield executed(case, planner, BASELINES[0], "", poses[0])
    fitting = first_that_fits(thing, poses, planner)
    if fitting is None:
        yield Trial(case.number, case.name, BASELINES[1], "", "no grasp")
    else:
        yield executed(case, planner, BASELINES[1], "", fitting)


def first_that_fits(thing: ObjectShape, poses: Floats, planner: GraspPlanner) -> Floats | None:
    """The first of ``poses`` (K, 4, 4) at which the opened gripper has the object between its pads."""
    gripper = planner.gripper
    for pose, contact in zip(poses, close_jaws(thing, poses, gripper), strict=True):
        if contact is not None and contact.width <= gripper.stroke:
            placed = centred(pose, contact)
            if not thing.solid.meets(gripper.boxes(gripper.stroke, planner.settings.travel)[None], placed[None])[0]:
                return placed
    return None


def show(trials: list[Trial], gripper: str, cases: int, objects: int, settings: LiftSettings) -> None:
    """Print the table."""
    title = f"{gripper}: {cases} hands on {objects} objects, {settings.force:g} N, friction {settings.friction:g}"
    table = Table("synthetic", "grasp", *OUTCOMES, "held, of all", "of those given", "touch the hand", title=title)
    for (poses, mode), rows in grouped(trials).items():
        counts = Counter(trial.outcome for trial in rows)
        given = len(rows) - counts["no grasp"]
        share = [f"{counts['held'] / n:.0%}" if n else "-" for n in (len(rows), given)]
        touching = str(sum(trial.touches for trial in rows)) if mode == "handover" else ""
        table.add_row(poses, mode, *(str(counts[name]) for name in OUTCOMES), *share, touching)
    console.print(table)


def grouped(trials: list[Trial]) -> dict[tuple[str, str], list[Trial]]:
    """By kind of poses and mode, in order."""
    result: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        result.setdefault((trial.poses, trial.mode), []).append(trial)
    return result


def pictured(trials: list[Trial]) -> list[Trial]:
    """Some that were held and some that were not, of different objects."""
    wanted: list[tuple[str, Any, str]] = [
        ("held", "true poses", "imitate"), ("held", "true poses", "handover"),
        ("held", "10 mm, 10 degrees", "handover"), ("slipped", None, ""), ("dropped", None, ""), ("missed", None, ""),
    ]  # fmt: skip
    chosen: list[Trial] = []
    for outcome, poses, mode in wanted:
        for trial in trials:
            fits = trial.outcome == outcome and poses in (None, trial.poses) and mode in ("", trial.mode)
            if fits and trial.poses not in BASELINES and trial.name not in {one.name for one in chosen}:
                chosen.append(trial)
                break
    return chosen


if __name__ == "__main__":
    typer.run(main)
