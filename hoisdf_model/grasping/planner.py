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

"""Grasp planner: ranked grasps of an estimate, or refusals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ConfigError, InvalidInputError, MeshError
from hoisdf_model.estimates import Estimate, HandEstimate, ObjectEstimate
from hoisdf_model.geometry.poses import inverse, rigid, unknown_covariance
from hoisdf_model.grasping import grasp_scores
from hoisdf_model.grasping.candidates import (
    MODES,
    GraspCandidate,
    GraspPlan,
    Mode,
    Reason,
    Refusal,
    grasp_covariance,
    known,
    symmetric_poses,
    turned_covariance,
)
from hoisdf_model.grasping.certainty import chances, tolerances
from hoisdf_model.grasping.grasp_memory import GraspMemory
from hoisdf_model.grasping.grasp_settings import GraspSettings
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.hand_only import pinch
from hoisdf_model.grasping.handover import hand_over, handed_over_again
from hoisdf_model.grasping.hands import MIDDLE_KNUCKLE, DegenerateHandError, HandShape, hand_shape
from hoisdf_model.grasping.imitation import imitate, imitated_again
from hoisdf_model.grasping.object_shapes import ObjectShape, object_shape
from hoisdf_model.grasping.trials import Found, weighed
from hoisdf_model.hand import HandModelLike, as_hand_model
from hoisdf_model.objects import Catalogue, CatalogueObject

PALM_LENGTH = (0.04, 0.17)  # metres from the wrist to the middle knuckle: of a child, of a giant
GOOD = 0.95  # of its score a remembered grasp must keep, or a search may find a better one
WRIST = 0.03  # metres: a grasp nearer to the wrist joint is the wrist, and no place for a gripper
_WORDS: dict[Reason, str] = {
    "no_contact": "thumb and fingers don't oppose each other on {thing}",
    "not_antipodal": "{gripper} finds no two opposite faces of {thing} to press on",
    "too_wide": "{thing} is wider there than {gripper} opens ({stroke:.0f} mm)",
    "in_collision": "{gripper} would meet {thing} before its pads do",
    "no_free_part": "the hand leaves no part of {thing} free that {gripper} reaches with {clearance:.0f} mm clearance",
    "at_wrist": "the grasp would be where the wrist is, less than {wrist:.0f} mm away: a wrist pose is no gripper pose",
    "degenerate_hand": "thumb, fingers and palm lie in one place or on one line, the hand makes no sense",
}

Floats = NDArray[np.float64]


class GraspPlanner:
    """Grasp planner for one gripper.

    It caches the shapes of objects.

    Args:
        gripper: the gripper.
        hand_model: the model of the estimates' hands.
        catalogue: meshes by name.
        settings: limits and thresholds.
    """

    def __init__(
        self, gripper: Gripper, hand_model: HandModelLike, catalogue: Catalogue, settings: GraspSettings | None = None
    ) -> None:
        self.gripper, self.hand_model, self.catalogue = gripper, as_hand_model(hand_model), catalogue
        self.settings = settings or GraspSettings()
        self._shapes: dict[str, ObjectShape] = {}

    def shape(self, thing: str | CatalogueObject) -> ObjectShape:
        """The shape of an object, by its name in the catalogue.

        Raises:
            MeshError: it isn't there, or its mesh can't be used.
        """
        name = thing if isinstance(thing, str) else thing.name
        if name not in self._shapes:
            self._shapes[name] = object_shape(self.catalogue.get(thing) if isinstance(thing, str) else thing)
        return self._shapes[name]

    def with_settings(self, settings: GraspSettings) -> GraspPlanner:
        """A planner of the same with other settings, sharing shapes."""
        other = GraspPlanner(self.gripper, self.hand_model, self.catalogue, settings)
        other._shapes = self._shapes
        return other

    def for_demonstrations(self) -> GraspPlanner:
        """Planner without covariance limits and symmetric equivalents, sharing shapes."""
        return self.with_settings(
            replace(
                self.settings,
                position_limit=1e6,
                rotation_limit=1e6,
                require_covariance=False,
                weigh_covariance=False,
                symmetric=0,
                least_score=0.0,
            )
        )

    def plan(self, estimate: Estimate, modes: Iterable[Mode] = MODES) -> GraspPlan:
        """Grasps from all hands of an estimate and their objects.

        Objects belong to hands by ``Estimate.held_by``.

        ``hand_only`` gives something only where no object is known.

        Raises:
            ConfigError: an unknown mode.
        """
        wanted = tuple(modes)
        for mode in wanted:
            if mode not in MODES:
                raise ConfigError(f"unknown grasp mode {mode!r}, use {', '.join(MODES)}")
        if not estimate.hands:
            return GraspPlan(refusals=(Refusal(None, "no_hand", "the estimate has no hand"),))
        plans = [
            self.plan_hand(hand, estimate.held_by(number), wanted, number) for number, hand in enumerate(estimate.hands)
        ]
        candidates = sorted((one for plan in plans for one in plan.candidates), key=lambda one: -one.score)
        return GraspPlan(tuple(candidates), tuple(refusal for plan in plans for refusal in plan.refusals))

    def plan_hand(
        self,
        hand: HandEstimate,
        thing: ObjectEstimate | None,
        modes: tuple[Mode, ...],
        number: int = 0,
        memory: GraspMemory | None = None,
    ) -> GraspPlan:
        """Grasps from one hand and the object that it holds.

        Args:
            hand: with a mesh.
            thing: None: no object is known.
            modes: which grasps.
            number: of the hand in its estimate.
            memory: of the grasps of this hand and object in the frames before.
        """
        plan = self._plan_hand(hand, thing, modes, number, memory)
        good = (replace(one, side=hand.side) for one in plan.candidates if one.score >= self.settings.least_score)
        return GraspPlan(tuple(sorted(good, key=lambda one: -one.score)), plan.refusals)

    def _plan_hand(
        self,
        hand: HandEstimate,
        thing: ObjectEstimate | None,
        modes: tuple[Mode, ...],
        number: int,
        memory: GraspMemory | None,
    ) -> GraspPlan:
        try:
            shape = hand_shape(hand, self.hand_model)
        except InvalidInputError as error:
            reason: Reason = "degenerate_hand" if isinstance(error, DegenerateHandError) else "no_hand_mesh"
            return GraspPlan(refusals=(Refusal(None, reason, str(error), number),))
        palm = float(np.linalg.norm(shape.joints[MIDDLE_KNUCKLE] - shape.joints[0]))
        if not PALM_LENGTH[0] <= palm <= PALM_LENGTH[1]:
            low, high = (1000 * length for length in PALM_LENGTH)
            text = f"a palm of {1000 * palm:.0f} mm is no hand's: wrist to middle knuckle is {low:.0f} to {high:.0f} mm"
            return GraspPlan(refusals=(Refusal(None, "degenerate_hand", text, number),))
        item, missing = self._known_object(thing, number)
        candidates: list[GraspCandidate] = []
        refusals: list[Refusal] = []
        for mode in modes:
            if mode == "hand_only":
                if item is not None:
                    continue
                plan = self._from_hand(hand, shape, number)
            elif item is None or thing is None:
                plan = GraspPlan(refusals=(replace(missing, mode=mode),) if missing else ())
            else:
                plan = self._from_object(mode, hand, shape, thing, item, number, memory)
            candidates += plan.candidates
            refusals += plan.refusals
        safe = [one for one in candidates if not at_wrist(one, shape)]
        for mode in {one.mode for one in candidates} - {one.mode for one in safe}:
            refusals.append(self._refusal(mode, "at_wrist", candidates[0].object_name, number))
        return GraspPlan(tuple(safe), tuple(refusals))

    def _known_object(self, thing: ObjectEstimate | None, number: int) -> tuple[ObjectShape | None, Refusal | None]:
        if thing is None:
            return None, Refusal(None, "no_object", "the hand holds no object", number)
        if not (np.isfinite(thing.rotation).all() and np.isfinite(thing.translation).all()):
            text = f"the pose of {thing.name or 'the object'} is not finite numbers"
            return None, Refusal(None, "unknown_object", text, number)
        if not thing.name:
            return None, Refusal(None, "unknown_object", "the object has no name, so there is no mesh of it", number)
        try:
            return self.shape(thing.name), None
        except MeshError as error:
            return None, Refusal(None, "unknown_object", str(error), number)

    def _from_object(
        self,
        mode: Mode,
        hand: HandEstimate,
        shape: HandShape,
        thing: ObjectEstimate,
        item: ObjectShape,
        number: int,
        memory: GraspMemory | None,
    ) -> GraspPlan:
        uncertain = self._uncertain(thing.covariance, thing.name)
        if uncertain is None and mode == "handover":
            uncertain = self._uncertain(hand.root_covariance, "the hand")
        if uncertain is not None:
            return GraspPlan(refusals=(Refusal(mode, "uncertain", uncertain, number),))
        object_pose = rigid(np.asarray(thing.rotation, np.float64), np.asarray(thing.translation, np.float64))
        local = shape.moved(inverse(object_pose))
        spread = turned_covariance(thing.covariance, object_pose[:3, :3].T) if self.settings.weigh_covariance else None
        found, reason = self._remembered(mode, local, item, spread, memory), None
        if not found:
            search = imitate if mode == "imitate" else hand_over
            found, reason = search(local, item, self.gripper, self.settings, spread)
            if memory is not None:
                memory.keep(mode, local, found, item, self.gripper, self.settings)
        if reason is not None:
            return GraspPlan(refusals=(self._refusal(mode, reason, thing.name, number),))
        images = self._images(mode, found[: self.settings.symmetric], item, local, spread)
        return GraspPlan(tuple(self._candidate(mode, one, thing, object_pose) for one in (*found, *images)))

    def _remembered(
        self, mode: Mode, hand: HandShape, item: ObjectShape, covariance: Floats | None, memory: GraspMemory | None
    ) -> list[Found]:
        """Grasps of the frames before, if they still serve; hand and covariance are in the object's frame."""
        found = [] if memory is None else memory.recall(mode, hand, item, self.gripper, self.settings)
        if mode == "imitate":
            again = imitated_again(found, hand, item, self.settings)
        else:
            again = handed_over_again(found, hand, self.gripper, self.settings)
        again = weighed(again, covariance, self.gripper, self.settings)
        good = again and again[0].score >= GOOD * found[0].score and len(again) >= len(found) / 2
        return again if good else []

    def _candidate(self, mode: Mode, found: Found, thing: ObjectEstimate, object_pose: Floats) -> GraspCandidate:
        pose = object_pose @ found.pose
        covariance = grasp_covariance(thing.covariance, object_pose, pose)
        return GraspCandidate(
            mode=mode,
            gripper=self.gripper.name,
            object_name=thing.name,
            pose=pose,
            pose_in_object=found.pose,
            covariance=covariance,
            width=found.contact.width,
            score=found.score,
            terms=found.terms,
            hand_clearance=found.hand_clearance,
        )

    def _images(
        self, mode: Mode, bases: list[Found], item: ObjectShape, hand: HandShape, covariance: Floats | None
    ) -> list[Found]:
        """What the object's symmetries make of grasps; of hand-overs only those clear of the hand."""
        images = [
            replace(one, pose=pose)
            for one in bases
            for pose in symmetric_poses(one.pose, item.symmetry, self.settings.symmetry_steps)[1:]
        ]
        if mode == "handover":
            images = handed_over_again(images, hand, self.gripper, self.settings)
        return weighed(images, covariance, self.gripper, self.settings)

    def _from_hand(self, hand: HandEstimate, shape: HandShape, number: int) -> GraspPlan:
        uncertain = self._uncertain(hand.root_covariance, "the hand")
        if uncertain is not None:
            return GraspPlan(refusals=(Refusal("hand_only", "uncertain", uncertain, number),))
        found = pinch(shape, self.gripper)
        if isinstance(found, str):
            return GraspPlan(refusals=(self._refusal("hand_only", found, "", number),))
        pose, width, terms = found
        if self.settings.weigh_covariance:
            spread = hand.root_covariance
            spread = np.pad(spread, (0, 3)) if known(spread) else unknown_covariance(6)
            bearable = tolerances(np.array([width]), self.gripper, self.settings)
            terms["covariance"] = float(chances(spread, rigid(pose[:3, :3])[None], bearable)[0])
        candidate = GraspCandidate(
            mode="hand_only",
            gripper=self.gripper.name,
            object_name="",
            pose=pose,
            pose_in_object=None,
            covariance=unknown_covariance(6),  # little is known beyond the wrist's position
            width=width,
            score=grasp_scores.total(terms),
            terms=terms,
        )
        return GraspPlan((candidate,))

    def _uncertain(self, covariance: Floats, what: str) -> str | None:
        """What is wrong with a covariance (3, 3) or (6, 6), or None."""
        settings = self.settings
        turned = self._turned(covariance, what)
        if not known(covariance):
            return turned or (
                f"the covariance of {what} is unknown, and one is required" if settings.require_covariance else None
            )
        position = grasp_scores.position_deviation(covariance)
        if position > settings.position_limit:
            return (
                f"the position of {what} has a standard deviation of {1000 * position:.0f} mm, "
                f"at most {1000 * settings.position_limit:.0f} are allowed"
            )
        return turned

    def _turned(self, covariance: Floats, what: str) -> str | None:
        """What is wrong with the rotation's part of a covariance, which may be known where the rest isn't, or None."""
        if len(covariance) != 6 or not np.isfinite(covariance[3:, 3:]).all():
            return None
        turn, limit = grasp_scores.rotation_deviation(covariance), self.settings.rotation_limit
        if turn <= limit:
            return None
        return (
            f"the rotation of {what} has a standard deviation of {np.degrees(turn):.0f} degrees, "
            f"at most {np.degrees(limit):.0f} are allowed"
        )

    def _refusal(self, mode: Mode, reason: Reason, name: str, number: int) -> Refusal:
        text = _WORDS[reason].format(
            thing=name or "what is between the fingers",
            gripper=self.gripper.name,
            stroke=1000 * self.gripper.stroke,
            clearance=1000 * self.settings.clearance,
            wrist=1000 * WRIST,
        )
        return Refusal(mode, reason, text, number)


def at_wrist(candidate: GraspCandidate, hand: HandShape) -> bool:
    """Whether a grasp lies at the wrist joint of ``hand``.

    Both in the camera frame.
    """
    return bool(np.linalg.norm(candidate.pose[:3, 3] - hand.joints[0]) < WRIST)
