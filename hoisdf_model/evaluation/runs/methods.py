"""Everything that is compared: the network under a protocol, and baselines that don't look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.estimates import Estimate, Frame
from hoisdf_model.evaluation.metrics.frame_errors import Hands, Things
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.evaluation.runs.mean_pose import MeanPose
from hoisdf_model.geometry import poses, rotations
from hoisdf_model.hand import HandLayer
from hoisdf_model.network import Hoisdf, NetworkInput, NetworkOutput

Run = Callable[[NetworkInput], NetworkOutput]


@dataclass(frozen=True)
class Estimates:
    """What a method says about B frames, in the camera in which a left hand is mirrored.

    Attributes:
        hands, things: numbers that aren't finite: no estimate.
        hand_found, thing_found: (B,) bool, whether the method itself stands by them.
        aligned_joints: (B, 21, 3) in place of the hands' joints for PA metrics; None: the hands' own.
    """

    hands: Hands
    things: Things
    hand_found: NDArray[np.bool_]
    thing_found: NDArray[np.bool_]
    aligned_joints: NDArray[np.float64] | None = None


class Method(Protocol):
    """Gives estimates."""

    def __call__(self, batch: FrameBatch, /) -> Estimates:
        """For each frame of the batch."""


class GivenPlaces:
    """The paper's protocol: a network is given the true wrist, both boxes and the object's class.

    Args:
        network: in evaluation mode, on ``device``.
        device: where it is.
        scale: normalised units per metre, of the points that it looks at; None: they aren't kept.

    Attributes:
        uses_landmarks: whether the network reads what the hand tracker sees in the hands' boxes.
    """

    def __init__(self, network: Run, device: torch.device | str = "cpu", scale: float | None = None) -> None:
        self.network, self.device, self.scale = network, device, scale
        self.uses_landmarks = bool(getattr(network, "uses_landmarks", False))

    @torch.inference_mode()
    def __call__(self, batch: FrameBatch) -> Estimates:
        """All frames at once."""
        output = self.network(given(batch.sample).to(self.device))
        center = _array(batch.sample.object_center)
        hands = Hands(
            _array(output.joints),
            _array(batch.sample.hand_root),
            _known(output.vertices),
            _known(output.voted_joints),
            None if self.scale is None else _array(output.hand_points) / self.scale,
        )
        turn = rotations.rotation_matrices(np.nan_to_num(_array(output.object_rotation)))
        things = Things(turn, _array(output.object_translation) + center)
        return Estimates(hands, things, output.hand_valid.cpu().numpy(), output.object_valid.cpu().numpy())


class FromImage:
    """The live protocol: image and camera, and nothing else; one frame after the other, with nothing remembered.

    Args:
        estimate: from a frame to an estimate, such as an ``Estimator`` that forgets.
    """

    def __init__(self, estimate: Callable[[Frame], Estimate]) -> None:
        self.estimate = estimate

    def __call__(self, batch: FrameBatch) -> Estimates:
        """Of each frame the first hand and the first object; the side that was found doesn't matter."""
        count = len(batch)
        joints, vertices = np.full((count, 21, 3), np.nan), np.full((count, 778, 3), np.nan)
        wrist, turn, place = np.full((count, 3), np.nan), np.full((count, 3, 3), np.nan), np.full((count, 3), np.nan)
        for k, frame in enumerate(batch.frames):
            found = self.estimate(frame)
            mirror = poses.MIRROR_SIGNS if bool(batch.sample.mirrored[k]) else np.ones(3)
            if found.hands:
                hand = found.hands[0]
                wrist[k] = hand.joints[0] * mirror
                joints[k], vertices[k] = hand.joints * mirror - wrist[k], hand.vertices * mirror - wrist[k]
            if found.objects:
                thing, reflection = found.objects[0], batch.reflections[k]
                pose = poses.rigid(thing.rotation, thing.translation)
                if reflection is not None:
                    pose = poses.MIRROR @ pose @ reflection
                turn[k], place[k] = pose[:3, :3], pose[:3, 3]
        known = np.isfinite(wrist).all(1), np.isfinite(place).all(1)
        return Estimates(Hands(joints, wrist, vertices), Things(turn, place), *known)


class MeanHandAndObject:
    """The same hand and the same object pose in every frame, at the true wrist.

    Args:
        means: which.
        models: objects by name.
        informed: a stronger one. The object's middle is placed by its box in the image, at the wrist's depth, which
            networks are told, and not by the wrist; PA metrics take the mean of hands' own forms, for the mean of hands
            that are turned in all directions is no hand.
    """

    def __init__(self, means: MeanPose, models: Models, informed: bool = False) -> None:
        self.means, self.models, self.informed = means, models, informed

    def __call__(self, batch: FrameBatch) -> Estimates:
        """For frames with a wrist; nothing is said about objects without one."""
        means, count, sample = self.means, len(batch), batch.sample
        root, known = _array(sample.hand_root), np.array(batch.wrist_known)
        middle = (
            _array(sample.object_center) + means.object_from_box if self.informed else root + means.object_from_wrist
        )
        turn = np.broadcast_to(means.rotation, (count, 3, 3))
        place = np.full((count, 3), np.nan)
        for k, (name, reflection) in enumerate(zip(batch.names, batch.reflections, strict=True)):
            if name and known[k]:
                place[k] = middle[k] - means.rotation @ self.models(name, reflection).corners.mean(0)
        return Estimates(
            Hands(np.broadcast_to(means.joints, (count, 21, 3)), root),
            Things(turn, place),
            known,
            np.isfinite(place).all(1),
            np.broadcast_to(means.aligned_joints, (count, 21, 3)) if self.informed else None,
        )


def given(sample: Sample) -> NetworkInput:
    """What a network is given of samples under the paper's protocol."""
    return NetworkInput(
        sample.image, sample.intrinsics, sample.hand_root, sample.object_center, sample.hand_box, sample.object_box,
        landmarks=sample.landmarks, landmark_presence=sample.landmark_presence,
    )  # fmt: skip


def untrained_like(network: Hoisdf, seed: int = 0) -> Hoisdf:
    """A network of the same configuration with its initial weights, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = Hoisdf(network.config, HandLayer(network.hand_layer.model))
    fresh.runtime = network.runtime
    return fresh.eval()


def _known(tensor: torch.Tensor | None) -> NDArray[np.float64] | None:
    return None if tensor is None else _array(tensor)


def _array(tensor: torch.Tensor) -> NDArray[np.float64]:
    return np.asarray(tensor.detach().to("cpu", torch.float64).numpy(), np.float64)
