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

"""How good grasps are, on synthetic hands that hold objects and whose contacts are known.

    python benchmark/grasping.py                                # every grasp of the shipped library once, 552 scenes
    python benchmark/grasping.py --scenes 100 --gripper robotiq_2f_85
    python benchmark/grasping.py --library mine.npz --scenes 1000 --shift 0.01 --turn 5

Each scene is planned twice: with the true hand, and with one moved against the object by a random error, which stands
for that of an estimate. Contacts, axes and clearances are then measured against the true hand. Prints a table, writes
JSON. All of it is synthetic.

The true opposition axis goes from the middle of what the thumb touches to the middle of what the outer phalanges of the
fingers touch, of the library's own contacts; scenes without one or the other have none. It is straight where it lies
within the friction cones of the mean normals at both ends: only then two flat pads can do what the hand does. Clearance
is measured anew, with libigl, from points every few millimetres on all that the gripper sweeps, and from the hand.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from hoisdf_model.estimates import Estimate, HandEstimate, ObjectEstimate
from hoisdf_model.geometry import distances, meshes
from hoisdf_model.geometry.poses import rigid
from hoisdf_model.grasping import (
    PARTS,
    GraspCandidate,
    GraspPlanner,
    GraspSettings,
    HandShape,
    find_contacts,
    gripper_names,
    load_gripper,
    opposition,
    posed_shape,
)
from hoisdf_model.grasping.box_solids import box_mesh
from hoisdf_model.grasping.grasp_scores import FRICTION
from hoisdf_model.hand import HandModel, load_hand_model
from hoisdf_model.objects import find_object, load_catalogue
from hoisdf_model.synthesis import GraspLibrary, PosableHand, load_library

SPACING = 0.006  # metres between the points at which the clearance is measured
LIBRARY_CONTACT = 0.003  # metres: what the library calls touching
CONE = float(np.cos(np.arctan(FRICTION)))
KNOWN = np.diag([1e-8] * 6)
KINDS = ("ground truth", "with errors")
Floats = NDArray[np.float64]
console = Console(width=max(Console().width, 110))


class Opposed(NamedTuple):
    """The true opposition axis, object frame: a point on it, its direction, and whether two flat pads could use it."""

    middle: Floats
    direction: Floats
    straight: bool


class Figures:
    """Numbers of one kind of scene, collected by name."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()

    def share(self, part: str, whole: str) -> float:
        """One count by another; NaN where there is nothing."""
        return self.counts[part] / self.counts[whole] if self.counts[whole] else float("nan")

    def percentile(self, name: str, percent: float) -> float:
        """Of the values of that name; NaN where there are none."""
        return float(np.percentile(self.values[name], percent)) if self.values[name] else float("nan")

    def summary(self) -> dict[str, Any]:
        """What the table and the JSON show: lengths in millimetres, angles in degrees."""
        c, p = self.counts, self.percentile
        return {
            "scenes": c["scenes"],
            "contact precision, default threshold (4 mm)": self.share("contacts right", "contacts found"),
            "contact recall, default threshold (4 mm)": self.share("contacts right", "contacts true"),
            "contact precision, the library's threshold (3 mm)": self.share("close right", "close found"),
            "contact recall, the library's threshold (3 mm)": self.share("close right", "contacts true"),
            "opposition axis to the true one, degrees, median": p("axis", 50),
            "opposition axis to the true one, degrees, p90": p("axis", 90),
            "scenes with a straight opposition axis": c["straight"],
            "imitate: share of scenes with a grasp": self.share("imitate", "scenes"),
            **{
                f"imitate{words}: {what}, {name}": p(f"{value}{kind}", percent)
                for kind, words in ((" straight", ", straight ones"), ("", ", all"))
                for value, what in (
                    ("jaw angle", "jaw axis to the true one, degrees"),
                    ("jaw distance", "jaws' middle to the true axis, mm"),
                )
                for percent, name in ((50, "median"), (90, "p90"))
            },
            "imitate: antipodality, cosine, median": p("imitate antipodality", 50),
            "imitate: antipodality, cosine, smallest": p("imitate antipodality", 0),
            "handover: share of scenes with a grasp": self.share("handover", "scenes"),
            "handover: grasps": c["handover grasps"],
            "handover: clearance to the hand, mm, smallest": p("clearance", 0),
            "handover: clearance to the hand, mm, median": p("clearance", 50),
            "handover: grasps below the limit": c["below the limit"],
            "handover: best grasps below the limit": c["best below the limit"],
            "handover: best grasps that touch the hand": c["best touches"],
            "handover: antipodality, cosine, median": p("handover antipodality", 50),
            "handover: antipodality, cosine, smallest": p("handover antipodality", 0),
            "widths within the stroke": self.share("within stroke", "grasps"),
            "CPU time a message, both modes, ms, median": p("milliseconds", 50),
            "CPU time a message, both modes, ms, p95": p("milliseconds", 95),
            "refusals": dict(self.refusals.most_common()),
        }


def main(
    scenes: Annotated[int, typer.Option(min=1, help="How many; at most as many as the library has grasps.")] = 1000,
    gripper: Annotated[str, typer.Option(help=f"One of {', '.join(gripper_names())}, or a YAML file.")] = "franka_hand",
    library: Annotated[Path | None, typer.Option(help="Grasp library; the benchmark's own if not given.")] = None,
    clearance: Annotated[float, typer.Option(help="Metres that a hand-over keeps from the hand.")] = 0.015,
    shift: Annotated[float, typer.Option(help="Standard deviation of the hand's error, metres each axis.")] = 0.005,
    turn: Annotated[float, typer.Option(help="Standard deviation of the hand's error, degrees about each axis.")] = 3.0,
    seed: Annotated[int, typer.Option(min=0, help="Chooses scenes and errors.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="JSON file to write.")] = Path("out/grasping.json"),
) -> None:
    """Measure contacts, imitated axes, hand-over clearance and time."""
    model = load_hand_model()
    shipped = resources.files("hoisdf_model") / "assets" / "benchmark_grasps.npz"
    grasps = load_library(str(library or shipped))
    grasps.check(model)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(grasps), min(scenes, len(grasps)), replace=False))
    settings = GraspSettings(clearance=clearance)
    planner = GraspPlanner(load_gripper(gripper), model, load_catalogue(), settings)
    figures = {kind: Figures() for kind in KINDS}
    try:
        for number in track(rng.permutation(chosen), "planning", console=console, transient=True):
            hand, name = true_hand(grasps, int(number), model)
            planner.shape(find_object(name))
            axis = true_axis(grasps, int(number), hand, planner, name)
            for kind in KINDS:
                seen = hand if kind == KINDS[0] else disturbed(hand, rng, shift, np.radians(turn))
                measure(figures[kind], planner, seen, hand, name, axis, grasps.touching_of(int(number)))
    except KeyboardInterrupt:
        console.print("stopped: figures of the scenes so far")
    result = {kind: figure.summary() for kind, figure in figures.items()}
    title = f"{planner.gripper.name}, {result[KINDS[0]]['scenes']} scenes"
    table = Table("synthetic", *KINDS, title=title)
    for row in result[KINDS[0]]:
        if row != "refusals":
            table.add_row(row, *(f"{result[kind][row]:.4g}" for kind in KINDS))
    console.print(table)
    for kind in KINDS:
        console.print(f"refused, {kind}: {result[kind]['refusals'] or 'nothing'}", highlight=False)
    asked = {
        "gripper": planner.gripper.name,
        "clearance": clearance,
        "shift": shift,
        "turn_degrees": turn,
        "seed": seed,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"synthetic": True, "asked": asked, **result}, indent=1) + "\n", encoding="utf-8")
    console.print(f"wrote {output}")


def true_hand(grasps: GraspLibrary, number: int, model: HandModel) -> tuple[HandShape, str]:
    """The hand of one grasp in the object's frame, and the object's name."""
    hand = PosableHand(model, grasps.shape[number])
    rotation, wrist, _ = grasps.placement(number)
    posed = hand.pose(grasps.postures(number)[1], rotation[None], wrist[None])
    return posed_shape(posed.vertices[0], posed.joints[0], model), grasps.objects[grasps.object[number]]


def true_axis(grasps: GraspLibrary, number: int, hand: HandShape, planner: GraspPlanner, name: str) -> Opposed | None:
    """The opposition axis of the known contacts."""
    thing = planner.shape(name)
    touching = np.flatnonzero(grasps.touching_of(number))
    names = np.array([PARTS[part] for part in hand.part[touching]])
    thumb = np.char.startswith(names, "thumb")
    outer = ~thumb & (np.char.endswith(names, "middle") | np.char.endswith(names, "distal"))
    if not thumb.any() or not outer.any():
        return None
    places = distances.closest_points(hand.vertices[touching], thing.vertices, thing.faces)[2]
    start, end = places[thumb].mean(0), places[outer].mean(0)
    direction = (end - start) / np.linalg.norm(end - start)
    _, faces, _ = distances.closest_points(hand.vertices[touching], thing.vertices, thing.faces)
    normals = meshes.face_normals(thing.vertices, thing.faces)[faces]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    mean = [normals[side].mean(0) / np.linalg.norm(normals[side].mean(0)) for side in (thumb, outer)]
    straight = min(-mean[0] @ direction, mean[1] @ direction) > CONE
    return Opposed((start + end) / 2, direction, bool(straight))


def disturbed(hand: HandShape, rng: np.random.Generator, shift: float, turn: float) -> HandShape:
    """The hand moved by a random error about its own middle."""
    rotation = Rotation.from_rotvec(rng.normal(0, turn, 3)).as_matrix()
    middle = hand.vertices.mean(0)
    return hand.moved(rigid(rotation, middle - rotation @ middle + rng.normal(0, shift, 3)))


def measure(
    figures: Figures,
    planner: GraspPlanner,
    seen: HandShape,
    truth: HandShape,
    name: str,
    axis: Opposed | None,
    touching: NDArray[np.bool_],
) -> None:
    """Plan with the hand that is ``seen`` and compare with the true one."""
    thing = planner.shape(name)
    figures.counts["scenes"] += 1
    contacts = find_contacts(seen, thing, planner.settings.contact)
    found = np.zeros(len(touching), bool)
    found[contacts.vertices] = True
    figures.counts["contacts found"] += int(found.sum())
    figures.counts["contacts true"] += int(touching.sum())
    figures.counts["contacts right"] += int((found & touching).sum())
    close = contacts.vertices[contacts.distances < LIBRARY_CONTACT]
    figures.counts["close found"] += len(close)
    figures.counts["close right"] += int(touching[close].sum())
    held = opposition(contacts)
    if held is not None and axis is not None:
        figures.values["axis"].append(degrees_between(held.axis, axis.direction))
    figures.counts["straight"] += axis is not None and axis.straight
    began = time.process_time()
    plan = planner.plan(estimate(seen, name, planner.hand_model), ["imitate", "handover"])
    figures.values["milliseconds"].append(1000 * (time.process_time() - began))
    figures.refusals.update(f"{refusal.mode}: {refusal.reason}" for refusal in plan.refusals)
    for candidate in plan.candidates:
        figures.counts["grasps"] += 1
        figures.counts["within stroke"] += candidate.width <= planner.gripper.stroke
    best = {mode: next((c for c in plan.candidates if c.mode == mode), None) for mode in ("imitate", "handover")}
    for mode, candidate in best.items():
        if candidate is not None:
            figures.counts[mode] += 1
            figures.values[f"{mode} antipodality"].append(cosine(candidate))
    if best["imitate"] is not None and best["imitate"].pose_in_object is not None and axis is not None:
        pose = best["imitate"].pose_in_object
        offset = pose[:3, 3] - axis.middle
        across = float(np.linalg.norm(offset - axis.direction * (offset @ axis.direction)))
        for kind in ("", " straight") if axis.straight else ("",):
            figures.values[f"jaw angle{kind}"].append(degrees_between(pose[:3, 1], axis.direction))
            figures.values[f"jaw distance{kind}"].append(1000 * across)
    for candidate in plan.candidates:
        if candidate.mode != "handover":
            continue
        figures.counts["handover grasps"] += 1
        gap = measured_clearance(candidate, truth, planner)
        figures.values["clearance"].append(1000 * gap)
        figures.counts["below the limit"] += gap < planner.settings.clearance
        if candidate is best["handover"]:
            figures.counts["best below the limit"] += gap < planner.settings.clearance
            figures.counts["best touches"] += gap <= 0


def estimate(hand: HandShape, name: str, model: HandModel) -> Estimate:
    """The hand and the object it holds, known well; the camera frame is the object's."""
    zeros = np.zeros(16 * 3, np.float32).reshape(16, 3)
    joints, vertices = hand.joints.astype(np.float32), hand.vertices.astype(np.float32)
    ones, shape = np.ones(21, np.float32), np.zeros(10, np.float32)
    one = HandEstimate("right", 1.0, joints, ones, vertices, zeros, shape, KNOWN[:3, :3], "given", model.info)
    return Estimate((one,), (ObjectEstimate(name, 1.0, np.eye(3), np.zeros(3), KNOWN),))


def measured_clearance(candidate: GraspCandidate, hand: HandShape, planner: GraspPlanner) -> float:
    """Metres between the hand and all that the gripper sweeps; negative where it reaches in."""
    assert candidate.pose_in_object is not None
    pose = candidate.pose_in_object
    boxes = planner.gripper.boxes(planner.gripper.stroke, planner.settings.travel, candidate.width)
    placed = np.concatenate([surface_points(box) for box in boxes]) @ pose[:3, :3].T + pose[:3, 3]
    low, high = hand.vertices.min(0) - 0.06, hand.vertices.max(0) + 0.06
    near = placed[((placed > low) & (placed < high)).all(1)]
    from_gripper = np.inf
    if len(near):
        some = near[:: max(1, len(near) // 200)]  # whether a whole finger is inside of the hand a few points tell
        from_gripper = float(distances.signed_distance(some, *closed(hand)).min())
        # a vertex of the nearest face is at most an edge farther than the face
        corners = hand.closed_vertices[hand.closed_faces]
        longest = float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max())
        from_vertices = cKDTree(hand.closed_vertices).query(near)[0]
        nearest = near[from_vertices <= from_vertices.min() + longest]
        from_gripper = min(from_gripper, float(distances.closest_points(nearest, *closed(hand))[0].min()))
    local = (hand.vertices - pose[:3, 3]) @ pose[:3, :3]
    return min(from_gripper, float(min(distances.signed_distance(local, *box_mesh(box[None])).min() for box in boxes)))


def surface_points(box: Floats) -> Floats:
    """(P, 3) a grid on all six sides of a box (2, 3), edges and corners too, points at most ``SPACING`` apart."""
    ticks = [np.linspace(low, high, int(np.ceil((high - low) / SPACING)) + 1) for low, high in box.T]
    sides = []
    for axis in range(3):
        for end in box[:, axis]:
            grids = np.meshgrid(*(np.array([end]) if k == axis else ticks[k] for k in range(3)), indexing="ij")
            sides.append(np.stack([grid.reshape(-1) for grid in grids], 1))
    return np.concatenate(sides)


def closed(hand: HandShape) -> tuple[Floats, NDArray[np.int64]]:
    """Vertices and faces of the hand's closed mesh."""
    return hand.closed_vertices, hand.closed_faces


def cosine(candidate: GraspCandidate) -> float:
    """The antipodality of a grasp as a cosine, from its term."""
    return CONE + candidate.terms["antipodality"] * (1 - CONE)


def degrees_between(a: Floats, b: Floats) -> float:
    """Between two axes, whichever way they point."""
    return float(np.degrees(np.arccos(np.clip(abs(a @ b), 0, 1))))


if __name__ == "__main__":
    typer.run(main)
