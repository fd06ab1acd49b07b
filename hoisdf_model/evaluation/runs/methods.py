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

"""Evaluated methods: the network under a protocol, and baselines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.estimates import Estimate, Frame, HandEstimate, HandModelInfo, ObjectEstimate, Side
from hoisdf_model.estimation.decoding import Decoded
from hoisdf_model.estimation.hand_targets import Target
from hoisdf_model.estimation.views import View
from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.evaluation.runs.mean_pose_baseline import MeanPose
from hoisdf_model.geometry import poses
from hoisdf_model.hand import HandLayer
from hoisdf_model.hand.joints import NUM_JOINTS, NUM_ROTATIONS, NUM_SHAPES
from hoisdf_model.network import Hoisdf, NetworkInput, NetworkOutput

Run = Callable[[NetworkInput], NetworkOutput]


@dataclass(frozen=True)
class Answer:
    """Estimate of one frame by a method.

    Its first hand and its first object are compared, whatever their sides.

    Attributes:
        estimate: camera frame, nothing mirrored; numbers that aren't finite: no estimate.
        sure: whether the method itself stands by its hand, and by its object.
        voted: (21, 3) joints that points vote for, metres, relative to the wrist; None where nothing votes.
        points: (N, 3) sampled by a network for the hand, metres, relative to the wrist; None where they aren't kept.
        aligned_joints: (21, 3) in place of the hand's joints for PA metrics; None: the hand's own.
    """

    estimate: Estimate
    sure: tuple[bool, bool]
    voted: Floats | None = None
    points: Floats | None = None
    aligned_joints: Floats | None = None

    @property
    def hand(self) -> HandEstimate | None:
        """The first hand."""
        return next(iter(self.estimate.hands), None)

    @property
    def object(self) -> ObjectEstimate | None:
        """The first object."""
        return next(iter(self.estimate.objects), None)


class Method(Protocol):
    """A method that gives estimates."""

    def __call__(self, batch: FrameBatch, /) -> list[Answer]:
        """For each frame of the batch."""


class PaperProtocol:
    """Network with true wrist, boxes and object class: the paper's protocol.

    Its output is decoded as an estimator decodes it (``estimation.decoding``).

    Args:
        network: in evaluation mode, on ``device``.
        device: where it is.
        scale: normalised units per metre, of its sampled points; None: they aren't kept.

    Attributes:
        uses_landmarks: whether the network reads what the hand tracker sees in the hands' boxes.
    """

    def __init__(self, network: Run, device: torch.device | str = "cpu", scale: float | None = None) -> None:
        self.network, self.device, self.scale = network, device, scale
        self.uses_landmarks = bool(getattr(network, "uses_landmarks", False))

    @torch.inference_mode()
    def __call__(self, batch: FrameBatch) -> list[Answer]:
        """All frames at once."""
        output = self.network(given(batch.sample).to(self.device))
        decoded = Decoded(output, batch.sample.image.shape[-1], doubtful=True)
        sure = zip(output.hand_valid.tolist(), output.object_valid.tolist(), strict=True)
        voted = points = [None] * len(batch)
        if output.voted_joints is not None:
            voted = list(_array(output.voted_joints) @ batch.axes)
        if self.scale is not None:
            points = list(_array(output.hand_points) / self.scale @ batch.axes)
        return [Answer(_decoded(decoded, batch, k), both, voted[k], points[k]) for k, both in enumerate(sure)]


class LiveProtocol:
    """Estimator with image and camera alone: the live protocol.

    One frame after the other, with no memory between them.

    Args:
        estimate: from a frame to an estimate, such as an ``Estimator`` that forgets.
    """

    def __init__(self, estimate: Callable[[Frame], Estimate]) -> None:
        self.estimate = estimate

    def __call__(self, batch: FrameBatch) -> list[Answer]:
        """Frame by frame."""
        found = [self.estimate(frame) for frame in batch.frames]
        return [Answer(estimate, (bool(estimate.hands), bool(estimate.objects))) for estimate in found]


class MeanHandAndObject:
    """Baseline: the same hand and object pose in every frame.

    Placed at the true wrist.

    Args:
        means: which.
        models: objects by name.
        informed: a stronger one. The object's middle is placed by its box in the image, at the wrist's depth, which
            networks are given, and not by the wrist; PA metrics take the mean of hands' own forms, for the mean of
            hands that are turned in all directions is no hand.
    """

    def __init__(self, means: MeanPose, models: Models, informed: bool = False) -> None:
        self.means, self.models, self.informed = means, models, informed

    def __call__(self, batch: FrameBatch) -> list[Answer]:
        """For frames with a wrist; nothing is said about objects without one."""
        return [self._answer(batch, k) for k in range(len(batch))]

    def _answer(self, batch: FrameBatch, k: int) -> Answer:
        means, truth, axes = self.means, batch.truths[k], batch.axes[k]
        signs = poses.MIRROR_SIGNS if bool(batch.sample.mirrored[k]) else np.ones(3)  # the means are right hands'
        if not truth.hands:
            return Answer(Estimate(), (False, False))
        root, center = (_array(v[k]) @ axes * signs for v in (batch.sample.hand_root, batch.sample.object_center))
        side = truth.hands[0].side
        hand, name = hand_with_joints(side, (means.joints + root) * signs), batch.names[k]
        objects: tuple[ObjectEstimate, ...] = ()
        if name:
            middle = center + means.object_from_box if self.informed else root + means.object_from_wrist
            reflection = batch.reflections[k]
            seen = np.eye(4) if reflection is None else reflection
            corners = self.models(name).corners.mean(0) @ seen[:3, :3].T + seen[:3, 3]
            pose = np.diag([*signs, 1.0]) @ poses.rigid(means.rotation, middle - means.rotation @ corners) @ seen
            unknown = poses.unknown_covariance(6)
            objects = (ObjectEstimate(name, 1.0, pose[:3, :3], pose[:3, 3], unknown, side),)
        aligned = means.aligned_joints * signs if self.informed else None
        return Answer(Estimate((hand,), objects), (True, bool(objects)), aligned_joints=aligned)


def hand_with_joints(side: Side, joints: Floats) -> HandEstimate:
    """Hand estimate with known joints (21, 3) alone.

    Metres, camera frame.
    """
    return HandEstimate(
        side, 1.0, joints.astype(np.float32), np.ones(NUM_JOINTS, np.float32), np.zeros((0, 3), np.float32),
        np.full((NUM_ROTATIONS, 3), np.nan, np.float32), np.full(NUM_SHAPES, np.nan, np.float32),
        poses.unknown_covariance(3), "given", HandModelInfo("", ""),
    )  # fmt: skip


def _decoded(decoded: Decoded, batch: FrameBatch, k: int) -> Estimate:
    """One row as an estimator decodes it with these given places."""
    sample, axes = batch.sample, batch.axes[k]
    root, center, hand_box, object_box, camera = (
        _array(getattr(sample, name)[k])
        for name in ("hand_root", "object_center", "hand_box", "object_box", "intrinsics")
    )
    # decoding doesn't look at the picture
    view = View(np.empty((0, 0, 3), np.uint8), camera, root, center, hand_box, object_box, axes)
    side: Side = "left" if bool(sample.mirrored[k]) else "right"
    target = Target(
        side, hand_box, object_box, root @ axes, np.zeros((3, 3)), "given", center @ axes, batch.names[k], True, 1.0
    )
    hand = decoded.hand(k, target, view, HandModelInfo("", ""))
    reflection = batch.reflections[k]
    obj = decoded.object(k, target, view, poses.MIRROR if reflection is None else reflection)
    return Estimate(() if hand is None else (hand,), () if obj is None else (obj,))


def given(sample: Sample) -> NetworkInput:
    """Network input of samples under the paper's protocol."""
    return NetworkInput(
        sample.image, sample.intrinsics, sample.hand_root, sample.object_center, sample.hand_box, sample.object_box,
        landmarks=sample.landmarks, landmark_presence=sample.landmark_presence,
    )  # fmt: skip


def untrained_like(network: Hoisdf, seed: int = 0) -> Hoisdf:
    """Network of the same configuration with initial weights, evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = Hoisdf(network.config, HandLayer(network.hand_layer.model))
    fresh.runtime = network.runtime
    return fresh.eval()


def _array(tensor: torch.Tensor) -> Floats:
    return np.asarray(tensor.detach().to("cpu", torch.float64).numpy(), np.float64)
