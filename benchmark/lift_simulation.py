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

"""A two-finger gripper that closes on a free object, lifts and shakes it, in MuJoCo.

The gripper is made of boxes after its YAML: a palm, two fingers on slides, pads that stand out by a millimetre. Both
fingers are driven by servos of limited force and coupled, as by the one motor of a real gripper. It hangs on three
slides that move it. World frame: z up. Object: convex pieces, of the mass and inertia that it is given.

There is no gravity while the jaws close: nothing carries the object but the gripper. Then gravity is switched on, and
the gripper rises, shakes and holds still.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import DependencyError
from hoisdf_model.geometry.poses import inverse, rigid
from hoisdf_model.grasping.grippers import Gripper

Outcome = Literal["held", "slipped", "dropped", "missed"]
Floats = NDArray[np.float64]
FINGERS = ("left", "right")  # at +y and -y of the tool
STEP = 0.001  # seconds
PROTRUDING = 0.001  # metres by which pads stand out of the fingers
CLOSING = 0.05  # metres a second, each finger
PRESSING = 0.02  # metres by which the servo's goal lies behind the middle: it presses with all its force
SETTLED, RESTING, RISING, HOLDING = 0.3, 0.5, 1.0, 2.0  # seconds: after closing, before the lift, of it, after it
SHAKE = (0.01, 2.0, 1.0)  # metres, hertz and seconds, sideways, at the beginning of holding still
LOST = 0.15  # metres from the gripper: no need to look on
START = np.array([0.0, 0.0, 0.5])  # of the tool's origin


@dataclass(frozen=True)
class LiftSettings:
    """What is pressed, how it rubs, and what counts as held.

    Attributes:
        force: of each finger at most, newtons.
        friction: Coulomb's coefficient between pads and object.
        height: of the lift, metres.
        slip: metres that the place between the pads may move against them, from closed to the end.
        turn: radians that the object may turn between them.
    """

    force: float = 30.0
    friction: float = 0.5
    height: float = 0.10
    slip: float = 0.010
    turn: float = float(np.radians(30.0))


@dataclass(frozen=True)
class Body:
    """An object to lift; its own frame, metres, kilograms.

    Attributes:
        pieces: convex, (N, 3) points each.
        mass: of all.
        center: (3,) centre of mass.
        inertia: (3, 3) about it.
        vertices, faces: the mesh that is shown.
    """

    pieces: list[Floats]
    mass: float
    center: Floats
    inertia: Floats
    vertices: Floats
    faces: NDArray[np.int64]


@dataclass(frozen=True)
class Lift:
    """What became of an object.

    Attributes:
        outcome: ``held``; ``slipped`` farther than allowed, between the pads still; ``dropped``; ``missed``: the jaws
            had closed and didn't hold it.
        slip, turn: metres and radians, as in ``LiftSettings``; NaN where it fell.
        pushed: metres that the object moved while the jaws closed.
        seconds: how long it stayed, after gravity had come.
    """

    outcome: Outcome
    slip: float = float("nan")
    turn: float = float("nan")
    pushed: float = 0.0
    seconds: float = 0.0


def mujoco_library() -> Any:
    """The module; where there is no display, it draws without one.

    Raises:
        DependencyError: it isn't installed.
    """
    if "DISPLAY" not in os.environ:
        os.environ.setdefault("MUJOCO_GL", "egl")
    try:
        import mujoco
    except ImportError as error:
        raise DependencyError("lifting needs the simulator MuJoCo: pip install 'hoisdf[benchmark]'") from error
    return mujoco


def lift(
    body: Body,
    pose: Floats,
    up: Floats,
    gripper: Gripper,
    settings: LiftSettings | None = None,
    photograph: Callable[[Any, Any, str], None] | None = None,
) -> Lift:
    """Close the jaws on the object and lift it.

    Args:
        body: the object.
        pose: (4, 4) tool frame -> object frame, the jaws around the object and nothing in their way.
        up: (3,) unit, against gravity, object frame.
        gripper: with which.
        settings: force, friction and limits.
        photograph: called with model, data and one of ``open``, ``closed``, ``lifted``, ``end``.

    Raises:
        DependencyError: no MuJoCo.
    """
    mujoco = mujoco_library()
    s, show = settings or LiftSettings(), photograph or (lambda model, data, moment: None)
    model = mujoco.MjModel.from_xml_string(scene(body, pose, up, gripper, s))
    data = mujoco.MjData(model)
    gravity = model.opt.gravity.copy()
    half = gripper.stroke / 2
    for finger in FINGERS:
        data.joint(finger).qpos = half
    data.ctrl[3:] = half
    mujoco.mj_forward(model, data)
    run = _Run(mujoco, model, data)
    before = run.held()
    show(model, data, "open")
    model.opt.gravity[:] = 0.0
    for k in range(round((half + PRESSING) / CLOSING / STEP)):
        data.ctrl[3:] = half - CLOSING * STEP * k
        mujoco.mj_step(model, data)
    run.steps(SETTLED)
    closed = run.held()
    pushed = float(np.linalg.norm((closed @ np.append(body.center, 1) - before @ np.append(body.center, 1))[:3]))
    show(model, data, "closed")
    if not run.pressed():
        return Lift("missed", pushed=pushed)
    model.opt.gravity[:] = gravity
    began = data.time
    run.steps(RESTING)
    for k in range(round(RISING / STEP)):
        t = k * STEP / RISING
        data.ctrl[2] = s.height * t**3 * (10 - 15 * t + 6 * t * t)  # of least jerk
        if not run.step():
            break
    show(model, data, "lifted")
    for k in range(round(HOLDING / STEP)):
        width, rate, seconds = SHAKE
        t = k * STEP
        data.ctrl[0] = width * np.sin(2 * np.pi * rate * t) if t < seconds else 0.0
        if not run.step():
            break
    show(model, data, "end")
    lasted = float(data.time - began)
    if not run.near() or not run.pressed():
        return Lift("dropped", pushed=pushed, seconds=lasted)
    moved = run.held() @ inverse(closed)
    slip, turn = float(np.linalg.norm(moved[:3, 3])), float(Rotation.from_matrix(moved[:3, :3]).magnitude())
    kept = slip <= s.slip and turn <= s.turn
    return Lift("held" if kept else "slipped", slip, turn, pushed, lasted)


class _Run:
    """A simulation under way."""

    def __init__(self, mujoco: Any, model: Any, data: Any) -> None:
        self.mujoco, self.model, self.data = mujoco, model, data
        self._thing, self._tool = model.body("thing").id, model.body("tool").id
        self._pads = [model.geom(f"{finger} pad").id for finger in FINGERS]
        self._at_first = self._place()

    def step(self) -> bool:
        """One; whether there is reason to go on."""
        self.mujoco.mj_step(self.model, self.data)
        return self.near()

    def steps(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.mujoco.mj_step(self.model, self.data)

    def held(self) -> Floats:
        """(4, 4) object frame -> tool frame."""
        tool, thing = (
            rigid(self.data.xmat[k].reshape(3, 3).copy(), self.data.xpos[k].copy()) for k in (self._tool, self._thing)
        )
        return inverse(tool) @ thing

    def near(self) -> bool:
        """Whether the object is still where the gripper is."""
        return bool(np.linalg.norm(self._place() - self._at_first) < LOST)

    def _place(self) -> Floats:
        """(3,) the object's centre of mass beside the gripper."""
        return np.asarray(self.data.xipos[self._thing] - self.data.xpos[self._tool], np.float64)

    def pressed(self) -> bool:
        """Whether both pads touch the object."""
        touched = set()
        for k in range(self.data.ncon):
            pair = {int(g) for g in self.data.contact.geom[k]}
            for pad in self._pads:
                others = pair - {pad}
                if pad in pair and any(self.model.geom_bodyid[g] == self._thing for g in others):
                    touched.add(pad)
        return len(touched) == 2


def scene(body: Body, pose: Floats, up: Floats, gripper: Gripper, settings: LiftSettings) -> str:
    """MuJoCo's XML of gripper and object; the tool's origin at ``START``."""
    world = _upright(up) @ inverse(rigid(np.eye(3), pose[:3, 3]))  # object frame -> world, the tool's origin at 0
    tool = world @ pose
    world[:3, 3] += START
    half, g = gripper.stroke / 2, gripper
    boxes = g.boxes(0.0)
    rub = f'friction="{settings.friction} 0.005 0.0001" condim="4"'
    pieces = "\n".join(
        f'<mesh name="piece{k}" vertex="{_numbers(points)}" inertia="convex"/>' for k, points in enumerate(body.pieces)
    )
    geoms = "\n".join(
        f'<geom type="mesh" mesh="piece{k}" contype="2" conaffinity="1" group="3" {rub}/>'
        for k in range(len(body.pieces))
    )
    fingers = "\n".join(
        f"""<body name="{name}" gravcomp="1"><joint name="{name}" type="slide" axis="0 {sign} 0" range="0 {half}"
          limited="true" damping="5"/><inertial pos="0 0 0" mass="0.05" diaginertia="1e-5 1e-5 1e-5"/>
        {_box(f"{name} finger", _shifted(boxes[k], sign * PROTRUDING), rub)}
        {
            _box(
                f"{name} pad",
                np.array(
                    [
                        [-g.pad_width / 2, min(0, sign * 0.003), -g.pad_length / 2],
                        [g.pad_width / 2, max(0, sign * 0.003), g.pad_length / 2],
                    ]
                ),
                rub,
                ".1 .1 .1 1",
            )
        }
        </body>"""
        for k, (name, sign) in enumerate(zip(FINGERS, (1, -1), strict=True))
    )
    inertia = body.inertia[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    slides = "".join(
        f'<joint name="{a}" type="slide" axis="{_numbers(e)}"/>' for a, e in zip("xyz", np.eye(3), strict=True)
    )
    return f"""<mujoco model="lift">
  <option timestep="{STEP}" integrator="implicitfast" cone="elliptic" impratio="10" gravity="0 0 -9.81">
    <flag multiccd="enable"/></option>
  <default><geom solref="0.004 1" solimp="0.95 0.99 0.001"/></default>
  <visual><headlight ambient=".45 .45 .45" diffuse=".5 .5 .5"/><global offwidth="640" offheight="640"/></visual>
  <asset>{pieces}
    <mesh name="shown" vertex="{_numbers(body.vertices)}" face="{_numbers(body.faces, "d")}" inertia="shell"/>
    <texture type="skybox" builtin="flat" rgb1=".93 .94 .96" rgb2=".93 .94 .96" width="32" height="32"/>
  </asset>
  <worldbody>
    <light pos="0.6 -0.6 2" dir="-0.3 0.3 -1" diffuse=".5 .5 .5"/>
    <body name="carriage" pos="{_numbers(START)}" gravcomp="1">{slides}
      <inertial pos="0 0 0" mass="2" diaginertia="0.01 0.01 0.01"/>
      <body name="tool" quat="{_quaternion(tool)}" gravcomp="1">
        {_box("palm", boxes[2], rub)}
        {fingers}
      </body>
    </body>
    <body name="thing" pos="{_numbers(world[:3, 3])}" quat="{_quaternion(world)}"><freejoint/>
      <inertial pos="{_numbers(body.center)}" mass="{body.mass}" fullinertia="{_numbers(inertia)}"/>
      {geoms}
      <geom type="mesh" mesh="shown" contype="0" conaffinity="0" rgba=".85 .45 .2 1" group="1"/>
    </body>
  </worldbody>
  <equality><joint joint1="left" joint2="right" polycoef="0 1 0 0 0" solref="0.002 1"/></equality>
  <actuator>
    {"".join(f'<position joint="{axis}" kp="60000" dampratio="1"/>' for axis in "xyz")}
    {
        "".join(
            f'<position joint="{n}" kp="4000" kv="40" forcerange="-{settings.force} {settings.force}"/>'
            for n in FINGERS
        )
    }
  </actuator>
</mujoco>"""


def _upright(up: Floats) -> Floats:
    """(4, 4) that turns ``up`` to the world's z."""
    return rigid(Rotation.align_vectors(np.array([[0.0, 0.0, 1.0]]), up[None])[0].as_matrix(), np.zeros(3))


def _box(name: str, corners: Floats, rub: str, colour: str = ".55 .6 .68 1") -> str:
    middle, half = corners.mean(0), np.ptp(corners, axis=0) / 2
    return (
        f'<geom name="{name}" type="box" pos="{_numbers(middle)}" size="{_numbers(half)}" mass="0" '
        f'contype="1" conaffinity="2" rgba="{colour}" {rub}/>'
    )


def _shifted(corners: Floats, y: float) -> Floats:
    return corners + np.array([0.0, y, 0.0])


def _quaternion(pose: Floats) -> str:
    return _numbers(Rotation.from_matrix(pose[:3, :3]).as_quat(scalar_first=True))


def _numbers(values: NDArray[Any], form: str = ".9g") -> str:
    return " ".join(format(value, form) for value in np.asarray(values).reshape(-1).tolist())
