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

"""Losses of an output and a target.

Paper, equation 9; supplement, equations 10 and 11.

Each loss is a sum over what counts divided by how much counted, so that unknown parts of a sample cost nothing and
several processes together get what one process with all their samples would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import torch
from torch import Tensor, distributed
from torch.nn import functional

from hoisdf_model.errors import ConfigError, InvalidInputError
from hoisdf_model.geometry import rotations
from hoisdf_model.network import NetworkOutput, RootPrediction
from hoisdf_model.network.config_sections import FieldConfig
from hoisdf_model.settings import one_of
from hoisdf_model.training.explicit_losses import ExplicitReading, explicit_parts
from hoisdf_model.training.root_losses import root_parts
from hoisdf_model.training.targets import Target
from hoisdf_model.training.trained_parts import Part, known_mean

# What the intermediate representation says: distances (B, N) and (B, M) of both fields at the target's field points,
# normalised, clamped; an explicit one's points; or nothing besides the image maps.
Reading = tuple[Tensor, Tensor] | ExplicitReading | None
MILLIMETRES = 1000.0


@dataclass(frozen=True)
class LossWeights:
    """Weights of the losses.

    Each is explained at the function of its name. Units: of the loss per 1.

    The masks and heatmap are the paper's image losses, the two distances its field losses, votes to ``shape_prior`` the
    hand's and then two the object's. Then come four of explicit representations, in place of the distances,
    and two of the hand-root head.
    """

    hand_distance: float = 50.0
    object_distance: float = 25.0
    heatmap: float = 1e-3
    hand_mask: float = 1.0
    object_mask: float = 1.0
    votes: float = 0.1
    vote_scores: float = 1.0
    voted_joints: float = 0.1
    vertices: float = 1e4
    mano_joints: float = 1e4
    rotations: float = 10.0
    shape: float = 0.1
    shape_prior: float = 0.0
    object_rotation: float = 0.7
    object_translation: float = 100.0
    hand_keypoints: float = 0.1
    object_keypoints: float = 0.1
    hand_points: float = 50.0
    object_points: float = 25.0
    root: float = 10.0
    root_spread: float = 0.1


# ``official``: the released code's, for the paper's recipe too; with pose from inverse kinematics it adds a
# shape_prior of 1e-6.
# ``compact``: ours, for six-number rotations, whose smooth-L1 is smaller than that of axis-angle vectors.
PRESETS = {
    "official": LossWeights(),
    "compact": LossWeights(vertices=3e3, mano_joints=3e3, shape_prior=1e-2, object_rotation=5.0),
}


def loss_weights(preset: str, changes: Mapping[str, float]) -> LossWeights:
    """A preset's weights with some replaced.

    Raises:
        ConfigError: no such preset or loss; those there are, are listed.
    """
    one_of("losses.preset", preset, PRESETS)
    known = [item.name for item in fields(LossWeights)]
    for name in changes:
        if name not in known:
            raise ConfigError(f"unknown configuration key 'losses.weights.{name}'; losses are {', '.join(known)}")
    return replace(PRESETS[preset], **changes)


@dataclass(frozen=True)
class LossSettings:
    """Shapes of the losses.

    Attributes:
        heatmap_peak: height of a joint's Gaussian. heatmap_sigma: its width in pixels of the map.
        vote_radius: metres around a joint within which points vote for it.
        symmetric: whether the pose of a symmetric object is compared with the nearest of those that look the same; only
            where the network predicts rotations as six numbers.
    """

    heatmap_peak: float = 255.0
    heatmap_sigma: float = 1.25
    vote_radius: float = 0.04
    symmetric: bool = True


class Losses:
    """All losses that the network's output allows.

    Args:
        weights: their factors.
        settings: their shapes.
        field: unit and clamp of the network's fields.
    """

    def __init__(self, weights: LossWeights, settings: LossSettings, field: FieldConfig) -> None:
        self.weights, self.settings, self.field = weights, settings, field

    def __call__(
        self, output: NetworkOutput, reading: Reading, target: Target, joined: bool = False
    ) -> dict[str, Tensor]:
        """Unweighted losses by name.

        Args:
            output: with the predictions of every layer.
            reading: what ``query_fields`` says at the target's field points, or ``explicit_reading`` of what
                ``explicit`` says.
            target: what is right.
            joined: whether to divide by the mean count over all processes: the mean of the processes' gradients is then
                that of one process with all samples (as DETR does with its number of boxes). Every process must call.
        """
        with torch.autocast(output.maps.device.type, enabled=False):
            parts = self.parts(output, reading, target)
        return self._divided(parts, joined)

    def of_image(self, maps: Tensor, reading: Reading, target: Target, joined: bool = False) -> dict[str, Tensor]:
        """Losses of image maps and intermediate representation alone.

        (B, 3, S/2, S/2); otherwise as a call.
        """
        with torch.autocast(maps.device.type, enabled=False):
            parts = self.image_parts(maps, reading, target)
        return self._divided(parts, joined)

    def of_root(self, root: RootPrediction, target: Target, joined: bool = False) -> dict[str, Tensor]:
        """Losses of the hand-root head.

        Otherwise as a call, which leaves them out.
        """
        return self._divided(root_parts(root, target), joined)

    def of_view(self, rotation: Tensor, translation: Tensor, target: Target, joined: bool = False) -> dict[str, Tensor]:
        """Losses of the object's initial pose alone.

        (B, 6) and (B, 3); otherwise as a call.
        """
        return self._divided(self._object_parts(rotation[None, :, None], translation[None, :, None], target), joined)

    def _divided(self, parts: dict[str, Part], joined: bool) -> dict[str, Tensor]:
        counts = torch.stack([part.counted.detach().float() for part in parts.values()])
        if joined and distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(counts)
            counts = counts / distributed.get_world_size()
        shares = counts.clamp(min=torch.finfo(counts.dtype).tiny)
        return {name: part.total / share for (name, part), share in zip(parts.items(), shares, strict=True)}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """The weighted sum."""
        return torch.stack([getattr(self.weights, name) * value for name, value in losses.items()]).sum()

    def image_parts(self, maps: Tensor, reading: Reading, target: Target) -> dict[str, Part]:
        """Sums and counts of image losses by name.

        Of image maps and intermediate representation.
        """
        hand, masks = target.hand_known, target.masks_known
        peak, sigma = self.settings.heatmap_peak, self.settings.heatmap_sigma
        heat = gaussian_heatmap(target.heatmap_joints, maps.shape[-2:], peak, sigma) * hand[:, None, None]
        return self.representation_parts(reading, target) | {
            "heatmap": known_mean((maps[:, 0] - heat).square().flatten(1), hand | True),
            "hand_mask": known_mean(mask_entropy(maps[:, 1], target.hand_mask), masks),
            "object_mask": known_mean(mask_entropy(maps[:, 2], target.object_mask), masks),
        }

    def representation_parts(self, reading: Reading, target: Target) -> dict[str, Part]:
        """Sums and counts of the losses of the intermediate representation by name."""
        if reading is None:
            return {}
        if isinstance(reading, ExplicitReading):
            return explicit_parts(reading, target)
        clamp = self.field.clamp
        return {
            "hand_distance": known_mean(field_distance(reading[0], target.hand_sdf, clamp), target.hand_known),
            "object_distance": known_mean(field_distance(reading[1], target.object_sdf, clamp), target.object_known),
        }

    def parts(self, output: NetworkOutput, reading: Reading, target: Target) -> dict[str, Part]:
        """Sums and counts of all losses by name.

        Raises:
            InvalidInputError: the output has the last layer's predictions only.
        """
        layers = output.layers
        if layers is None:
            raise InvalidInputError("losses need every layer's predictions: call the network with every_layer=True")
        hand, pose = target.hand_known, target.pose_known
        parts = self.image_parts(output.maps, reading, target)
        if layers.vote_offsets is not None and layers.vote_logits is not None and layers.voted_joints is not None:
            points, radius = output.hand_points / self.field.scale, self.settings.vote_radius
            votes = point_votes(layers.vote_offsets, layers.vote_logits, points, target.joints, radius)
            parts["votes"] = Part((votes.error.mean(0) * hand).sum(), (votes.counted * hand).sum())
            parts["vote_scores"] = known_mean(votes.score, hand)
            parts["voted_joints"] = known_mean(joint_error(layers.voted_joints, target.joints), hand)
        if layers.mano_shape is not None:
            none = torch.zeros_like(target.mano_shape)
            parts["shape"] = known_mean(layered_square(layers.mano_shape, target.mano_shape), pose)
            parts["shape_prior"] = known_mean(layered_square(layers.mano_shape, none), hand)
        if layers.mano_rotations is not None and layers.joints is not None and layers.vertices is not None:
            parts["vertices"] = known_mean(layered_square(layers.vertices, target.vertices), pose)
            parts["mano_joints"] = known_mean(layered_square(layers.joints, target.mano_joints), pose)
            parts["rotations"] = known_mean(layered_square(layers.mano_rotations, target.mano_rotations), pose)
        return parts | self._object_parts(layers.object_rotations, layers.object_translations, target)

    def _object_parts(self, rotations_: Tensor, translations: Tensor, target: Target) -> dict[str, Part]:
        rotation, translation = object_pose(rotations_, translations, target, self.settings.symmetric)
        return {
            "object_rotation": known_mean(rotation, target.object_known & target.turn_known),
            "object_translation": known_mean(translation, target.object_known),
        }


def field_distance(predicted: Tensor, true: Tensor, clamp: float) -> Tensor:
    """Absolute error (B, N) of clamped distances, normalised units.

    The true ones are clamped as the predicted ones are.
    """
    return (predicted - true.clamp(-clamp, clamp)).abs()


def gaussian_heatmap(joints: Tensor, size: Sequence[int], peak: float, sigma: float) -> Tensor:
    """Sum of Gaussians at the joints, (B, H, W).

    From (B, J, 2) pixels.
    """
    rows, columns = (torch.arange(n, device=joints.device, dtype=joints.dtype) for n in size)
    across = torch.exp(-((columns - joints[..., :1]) / sigma).square() / 2)
    down = torch.exp(-((rows - joints[..., 1:]) / sigma).square() / 2)
    return peak * torch.einsum("bjh,bjw->bhw", down, across)


def mask_entropy(predicted: Tensor, true: Tensor) -> Tensor:
    """Binary cross-entropy (B, H, W) of probabilities."""
    return functional.binary_cross_entropy(predicted.float(), true.float(), reduction="none")


class PointVotes(NamedTuple):
    """Vote losses of each sample.

    ``error`` (L, B) of the votes that count, ``counted`` (B,); and ``score`` (B, L, N, 20).
    """

    error: Tensor
    counted: Tensor
    score: Tensor


def point_votes(offsets: Tensor, logits: Tensor, points: Tensor, joints: Tensor, radius: float) -> PointVotes:
    """Vote losses: error near joints, and assignment of points.

    How well points vote for the joints near them, and whether they know which ones these are.

    The error is smooth-L1 in millimetres, averaged over x, y, z; the score's is binary cross-entropy.

    Args:
        offsets, logits: (L, B, N, 20, 3) metres and (L, B, N, 20), as in ``LayerPredictions``.
        points: (B, N, 3) metres, relative to the wrist.
        joints: (B, 21, 3) metres, relative to the wrist.
        radius: metres.
    """
    fingers = joints[:, None, 1:]
    near = ((points[:, :, None] - fingers).norm(dim=-1) < radius).to(points.dtype)
    voted = points[:, :, None] + offsets
    wanted = fingers.expand_as(voted)
    error = functional.smooth_l1_loss(voted * MILLIMETRES, wanted * MILLIMETRES, reduction="none").mean(-1)
    score = functional.binary_cross_entropy_with_logits(logits, near.expand_as(logits), reduction="none")
    return PointVotes((error * near).sum((-2, -1)), near.sum((-2, -1)), score.transpose(0, 1))


def joint_error(predicted: Tensor, true: Tensor) -> Tensor:
    """Smooth-L1 joint errors in millimetres, without the wrist.

    (L, B, 21, 3) and (B, 21, 3) metres -> (B, L, 20, 3).
    """
    wanted = true.expand_as(predicted)[:, :, 1:]
    error = functional.smooth_l1_loss(predicted[:, :, 1:] * MILLIMETRES, wanted * MILLIMETRES, reduction="none")
    return error.transpose(0, 1)


def layered_square(predicted: Tensor, true: Tensor) -> Tensor:
    """Squared error (B, L, ...) of every layer.

    (L, B, ...) and (B, ...).
    """
    return (predicted - true).square().transpose(0, 1)


def object_pose(predicted: Tensor, translations: Tensor, target: Target, symmetric: bool) -> tuple[Tensor, Tensor]:
    """Errors of every point's rotation and translation, (B, ...) each; smooth-L1.

    (L, B, M, 3 or 6) rotations and (L, B, M, 3) translations, of layers, samples and points.

    Rotations are compared as they are predicted: axis-angle vectors with the annotated one, or six numbers as matrices.
    Of the poses that look the same, all points of a sample and layer are compared with the one that fits them best.
    """
    if predicted.shape[-1] == 3:
        vector = rotations.matrix_to_axis_angle(target.object_rotations[:, 0])
        rotation = _smooth_l1(predicted, vector[:, None])
        return rotation.transpose(0, 1), _smooth_l1(translations, target.object_translations[:, :1]).transpose(0, 1)
    matrices = rotations.six_d_to_matrix(predicted)
    alike = target.object_rotations if symmetric else target.object_rotations[:, :1]
    with torch.no_grad():
        # the squared distance to a rotation is smallest where the product with it is largest
        best = torch.einsum("lbmij,bkij->lbk", matrices, alike).argmax(-1)
    samples = torch.arange(len(alike), device=alike.device)
    rotation = _smooth_l1(matrices, alike[samples, best][:, :, None])
    translation = _smooth_l1(translations, target.object_translations[samples, best][:, :, None])
    return rotation.transpose(0, 1), translation.transpose(0, 1)


def _smooth_l1(predicted: Tensor, true: Tensor) -> Tensor:
    return functional.smooth_l1_loss(predicted, true.expand_as(predicted), reduction="none")
