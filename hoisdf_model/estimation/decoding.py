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

"""Decoding of network outputs into estimates in the camera frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import HandEstimate, HandModelInfo, ObjectEstimate
from hoisdf_model.estimation.hand_sizes import HandSize
from hoisdf_model.estimation.hand_targets import Target
from hoisdf_model.estimation.mirroring import MIRROR, MIRROR_IMAGE
from hoisdf_model.estimation.refinement import Evidence, HandFit, fit_hand
from hoisdf_model.estimation.views import View
from hoisdf_model.geometry import rotations
from hoisdf_model.hand import HandLayer
from hoisdf_model.hand.joints import NUM_JOINTS, NUM_ROTATIONS, NUM_SHAPES
from hoisdf_model.network import Calibration, NetworkOutput
from hoisdf_model.transfers import on_host

GIVEN_SPREAD = 0.003  # metres, of a wrist that is given without a covariance
NETWORK_SPREAD = 0.02  # metres along each axis, of the network's joints on photographs, where nothing was measured
# Logistic regression of "the right side, and joints off by less than a tenth of the hand's box in the picture", over
# 199 hands: photographs, with box and with nothing given, and drawn sequences. Of hands that score more than 0.5, 85 %
# are such; of such, 94 % score more.
PRESENCE, MASK, DISAGREEMENT, CONSTANT = 0.85, 2.7, -27.0, -3.9  # per logit, per probability, per metre
SURE = 0.99  # presence beyond which it says no more
SPREAD = 0.02  # metres; votes that are spread like this give a joint 1/e of its hand's score
FIELDS = (
    "maps", "joints", "vertices", "vote_spread", "mano_rotations", "mano_shape", "object_rotation",
    "object_translation", "object_rotation_spread", "object_translation_spread", "hand_valid", "object_valid",
)  # fmt: skip


class Decoded:
    """A batch's output as numpy arrays, read row by row.

    A left hand was shown mirrored, by ``M = diag(-1, 1, 1)``, and a hand that is shown upright was turned about the
    optical axis, by ``Z`` (``views.look``). A point comes back as ``M Z' p`` with ``Z'`` the inverse of ``Z``, a hand's
    rotation ``R`` as ``M Z' R M`` and its joints' as ``M R M``, which makes a pose of the left hand model out of one of
    the right. The object's pose ``T`` comes back as ``M Z' T S``, where the reflection ``S`` of its own frame says what
    the network took the object in the mirror for (``mirroring.ObjectReflections``).

    Args:
        output: of the network.
        crop_size: edge of its images, pixels.
        calibration: how far such outputs were off; None: not measured.
        layer: the right hand, on the CPU, to fit to a hand tracker's landmarks too where a view has some; None: nothing
            is fitted.
        size: of the hands that are fitted, where measured.
        doubtful: whether rows that the network doesn't stand by (``hand_valid``, ``object_valid``) are decoded too: an
            evaluation counts their errors.
    """

    def __init__(
        self,
        output: NetworkOutput,
        crop_size: int,
        calibration: Calibration | None = None,
        layer: HandLayer | None = None,
        size: HandSize | None = None,
        doubtful: bool = False,
    ) -> None:
        tensors = {name: value for name in FIELDS if (value := getattr(output, name)) is not None}
        self._rows = dict(zip(tensors, on_host(*tensors.values()), strict=True))
        self._crop_size, self._calibration, self._layer = crop_size, calibration, layer
        self._size, self._doubtful = size, doubtful
        self._moved: dict[int, NDArray[np.float64]] = {}  # by row, where fitting moved the wrist, axes of the camera

    def hand(self, i: int, target: Target, view: View, model: HandModelInfo) -> HandEstimate | None:
        """Hand of row ``i``; None without one in the box.

        Joints and mesh are those of the hand model, so that they fit together. ``score`` is the region's times the
        :func:`reliability` of a hand that is fitted to landmarks; of others, times the mean of the hand mask's surer
        half inside the hand box, which orders estimates and is no probability. A joint's score is less the more its
        votes differ: ``score * exp(-spread / SPREAD)``, and the hand's own for the wrist, which isn't voted for, and
        for all joints where the network has no votes. A network without a hand model leaves out vertices (0, 3), and
        pose and shape are NaN.
        """
        row = self._rows
        if not (row["hand_valid"][i] or self._doubtful):
            return None
        pose, shape = np.full((NUM_ROTATIONS, 3), np.nan), np.full(NUM_SHAPES, np.nan)
        if "mano_rotations" in row:
            pose, shape = _turned_back(row["mano_rotations"][i], view), row["mano_shape"][i]
        seen = self._seen(i, 1, view.hand_box)
        score = target.score * seen
        agreement = np.exp(-row["vote_spread"][i] / SPREAD) if "vote_spread" in row else np.ones(NUM_JOINTS)
        agreement[0] = 1.0
        joints, root = row["joints"][i], target.root
        vertices = row["vertices"][i] if "vertices" in row else np.empty((0, 3))
        if self._layer is not None and view.presence > 0:
            fit = self._fitted(i, target, view, self._layer)
            pose, joints, vertices = _turned_back(fit.rotations, view), fit.joints, fit.vertices
            shape = fit.shape
            self._moved[i] = (fit.root - view.hand_root) @ view.axes
            root = fit.root @ view.axes
            score = target.score * reliability(view.presence, seen, fit.disagreement)
        return HandEstimate(
            side=target.side,
            score=score,
            joints=(joints @ view.axes + root).astype(np.float32),
            joint_scores=(score * agreement).astype(np.float32),
            vertices=(vertices @ view.axes + root).astype(np.float32),
            pose=(rotations.mirror_axis_angle(pose) if target.side == "left" else pose).astype(np.float32),
            shape=shape.astype(np.float32),
            root_covariance=target.root_covariance,
            root_source=target.root_source,
            model=model,
        )

    def object(
        self, i: int, target: Target, view: View, reflection: NDArray[np.float64] = MIRROR_IMAGE
    ) -> ObjectEstimate | None:
        """Object of row ``i``, or None.

        None without points in the box, or where the prior has no object and the object mask isn't sure either.

        ``reflection`` (4, 4) is the ``S`` of objects beside left hands. The covariance has the wrist's uncertainty in
        the translation, since both hang on the same depth, and the network's own, see :meth:`_variances`; where ``S``
        moves the origin, also what the rotation's does to it. It is unknown (-1) where the wrist's is. Its rotation's
        part doesn't hang on the wrist: with a calibration it is there even then, without one it is 0.
        """
        row = self._rows
        seen = self._seen(i, 2, view.object_box)
        if not (row["object_valid"][i] or self._doubtful) or not (target.object_known or seen >= 0.5):
            return None
        pose, lever, turn_back = np.eye(4), np.zeros(3), view.turn.T
        pose[:3, :3] = turn_back @ rotations.rotation_matrices(row["object_rotation"][i])
        pose[:3, 3] = turn_back @ row["object_translation"][i]
        if target.side == "left":
            mirrored = pose[:3, 3] * MIRROR
            pose = MIRROR_IMAGE @ pose @ reflection
            lever = pose[:3, 3] - mirrored
        covariance = np.zeros((6, 6))
        position, turn = self._variances(i)
        if target.root_covariance[0, 0] < 0:
            covariance[0, 0] = -1
            if self._calibration is not None:
                covariance[3:, 3:] = turn * np.eye(3)
        else:
            covariance[:3, :3] = target.root_covariance + position * np.eye(3)
            covariance[3:, 3:] = turn * np.eye(3)
            move = np.eye(6)
            move[:3, 3:] = np.cross(np.eye(3), lever).T  # a small rotation w moves the origin by w x lever
            covariance = move @ covariance @ move.T
        return ObjectEstimate(
            name=target.object_name,
            score=target.score * seen,
            rotation=pose[:3, :3],
            translation=pose[:3, 3] + target.object_center + self._moved.get(i, np.zeros(3)),
            covariance=covariance,
            side=target.side,
        )

    def masks(self, i: int) -> NDArray[np.float64]:
        """Masks of hand and object, (2, S, S) probabilities, of row ``i``."""
        return self._rows["maps"][i, 1:3]

    def _fitted(self, i: int, target: Target, view: View, layer: HandLayer) -> HandFit:
        """The hand of row ``i`` fitted to the view's landmarks too, in the crop's camera."""
        row = self._rows
        covariance = view.axes @ target.root_covariance @ view.axes.T
        if target.root_covariance[0, 0] < 0:
            covariance = GIVEN_SPREAD**2 * np.eye(3)
        evidence = Evidence(view.landmarks[:, :2], view.landmarks[:, 2:])
        joints, shape = row["joints"][i], row["mano_shape"][i]
        if self._size is not None:
            joints, shape = joints * (self._size.metres / self._size.of(shape)), self._size.given_to(shape)
        return fit_hand(layer, view.intrinsics, joints, NETWORK_SPREAD, shape, view.hand_root, covariance, evidence)

    def _variances(self, i: int) -> tuple[float, float]:
        """Per axis, of the object's position relative to the wrist (square metres) and its rotation (square radians).

        The points' disagreement or, where it is more, the calibration. Not their sum: what was measured are whole
        errors, of which the disagreement is the part that a frame shows of itself.
        """
        # a spread is a root mean square over all directions, shared out among three axes
        position = self._rows["object_translation_spread"][i] ** 2 / 3
        turn = self._rows["object_rotation_spread"][i] ** 2 / 3
        if self._calibration is not None:
            position = max(position, self._calibration.object_position**2)
            turn = max(turn, self._calibration.object_rotation**2)
        return float(position), float(turn)

    def _seen(self, i: int, channel: int, box: NDArray[np.float64]) -> float:
        """Mean of the surer half of a mask inside a box of the crop, 0 to 1; 0 where the box is outside."""
        mask = self._rows["maps"][i, channel]
        scale = mask.shape[0] / self._crop_size
        x0, y0 = np.floor(box[:2] * scale).clip(0).astype(int)
        x1, y1 = np.ceil(box[2:] * scale).clip(0).astype(int)
        inside = mask[y0:y1, x0:x1]
        return float(inside[inside >= np.median(inside)].mean()) if inside.size else 0.0


def _turned_back(hand_rotations: NDArray[np.float64], view: View) -> NDArray[np.float64]:
    """Rotation vectors (16, 3) of a hand that a view turned: its whole rotation comes first, joints have their own."""
    turned = np.concatenate([view.turn.T @ hand_rotations[:1], hand_rotations[1:]])
    return rotations.rotation_vectors(turned)


def reliability(presence: float, mask: float, disagreement: float) -> float:
    """Probability that a fitted hand is right.

    Right means: its side, and its joints to a tenth of its box in the picture.

    Args:
        presence: of the landmarks, 0 to 1.
        mask: mean of the hand mask's surer half inside the hand's box, 0 to 1.
        disagreement: metres between the network's joints and the landmarks.
    """
    sure = min(max(presence, 1 - SURE), SURE)
    evidence = CONSTANT + PRESENCE * np.log(sure / (1 - sure)) + MASK * mask + DISAGREEMENT * disagreement
    return float(1 / (1 + np.exp(-evidence)))
