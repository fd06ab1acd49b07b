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

"""Estimator of hands and objects in the camera frame."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.errors import ConfigError
from hoisdf_model.estimates import (
    Estimate,
    Frame,
    HandEstimate,
    ObjectEstimate,
    Prior,
)
from hoisdf_model.estimation.compute_device import resolve_device
from hoisdf_model.estimation.decoding import Decoded
from hoisdf_model.estimation.depth_alignment import onto_depth
from hoisdf_model.estimation.hand_following import HandFollower
from hoisdf_model.estimation.hand_sizes import HandSize
from hoisdf_model.estimation.hand_targets import Target
from hoisdf_model.estimation.mirroring import ObjectReflections
from hoisdf_model.estimation.object_masks import object_box_in
from hoisdf_model.estimation.object_refinement import ObjectRefinement
from hoisdf_model.estimation.pending_frames import PendingFrame, attempted, first_rows, timed, value_or_raise
from hoisdf_model.estimation.placement import hand_span, place
from hoisdf_model.estimation.priors import completed_priors
from hoisdf_model.estimation.protocols import Localiser, Network
from hoisdf_model.estimation.views import View, box_in_image, look, moved, moved_batch, onto_masks, to_batch
from hoisdf_model.estimation.wrists import SeenWrist, bone_length, fused, landmark_wrist, scaled, seen_wrists
from hoisdf_model.hand import HandLayer, HandModel, load_hand_model
from hoisdf_model.hand_tracking import load_tracker_networks
from hoisdf_model.network import (
    Calibration,
    ImageFeatures,
    NetworkConfig,
    NetworkInput,
    NetworkOutput,
    RootPrediction,
    load_network,
    optimised,
    resolve_precision,
)
from hoisdf_model.objects import Catalogue, load_catalogue
from hoisdf_model.settings import one_of
from hoisdf_model.transfers import on_host

_LOG = logging.getLogger(__name__)
REFINEMENTS = ("auto", "always", "never")


class Pair(NamedTuple):
    """Decoded hand with the object it holds.

    Their masks (2, S, S), and their number in the frame.
    """

    hand: HandEstimate
    thing: ObjectEstimate | None
    masks: NDArray[np.float64]
    row: int


class Estimator:
    """Estimator of hands and held objects, frame by frame.

    Not for several threads at once.

    Between frames it remembers only what its hand tracker does: where hands and their objects were seen last. It never
    reads ground truth.

    Args:
        network: on ``device`` and in evaluation mode.
        config: the network's.
        hand_model: the right hand model that the network poses.
        device: where the network's inputs go.
        localiser: finds hands where the caller doesn't know of any; the hand tracker if not given.
        catalogue: the objects' shapes, which bring their poses back from the mirror in which left hands are shown; the
            look-alikes if not given.
        calibration: how far the network's estimates were off where that was measured, for the covariances of objects;
            None: these say how far the network's points disagree, which may be much less.
        hand_size: metres from the wrist to the tip of the middle finger of the flat hand, of the people who are seen;
            wrists that aren't given are placed by it, and hands that are fitted to landmarks get it. None: the hand
            model's mean hand.

    Raises:
        ConfigError: the network has no hand model, or no hand has that size.

    Attributes:
        network, config, hand_model, device, calibration: as given.
        finds_wrists: whether the network has a head that sees where the wrist is; without one it is guessed from
            landmarks or the hand's box without a given one and without a depth image.
        refines: whether hands are fitted to the hand tracker's landmarks too, see ``refinement``; at first where the
            network was trained with landmarks, which those of others needn't agree with.
        refines_objects: whether poses of objects that the catalogue has are fitted to masks and hand, see
            ``object_refinement``; at first where there is a calibration, which says how far to trust the network.
    """

    def __init__(
        self,
        network: Network,
        config: NetworkConfig,
        hand_model: HandModel,
        device: torch.device | str = "cpu",
        localiser: Localiser | None = None,
        catalogue: Catalogue | None = None,
        calibration: Calibration | None = None,
        hand_size: float | None = None,
    ) -> None:
        if config.regression.hand == "joints":
            raise ConfigError(
                "estimates have a hand's mesh and pose, and this network (regression.hand 'joints') gives its joints "
                "alone: it can be evaluated under the paper's protocol, not run on frames"
            )
        self.network, self.config, self.hand_model = network, config, hand_model
        self.calibration = calibration
        self.device = torch.device(device)
        self._span = hand_size or hand_span(hand_model)
        self._size = self._span / hand_span(hand_model)  # in hands of the model, whose mean the networks know
        self.finds_wrists = config.root is not None
        self.refines = config.context is not None and config.context.landmarks
        self._layer = HandLayer(hand_model)  # on the CPU: hands are fitted step by step, and each would wait for a GPU
        self._given_size = None if hand_size is None else HandSize(self._layer, hand_size)
        mean_hand = self._layer.rest_joints(torch.zeros(1, 10))[0].numpy()
        self._bones = self._size * bone_length(mean_hand)
        self._follower = HandFollower(load_tracker_networks(device=self.device))
        self._localiser: Localiser = localiser or self._follower
        self._catalogue = catalogue or load_catalogue()
        self._reflections = ObjectReflections(config, self._catalogue)
        self.refines_objects = calibration is not None
        self._object_refinement = ObjectRefinement(self._catalogue, calibration)

    @classmethod
    def load(
        cls,
        weights: str | Path | None = None,
        hand_model: HandModel | str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        preset: str | None = None,
        catalogue: Catalogue | None = None,
        hand_size: float | None = None,
        refinement: str = "auto",
        object_refinement: str = "auto",
    ) -> Estimator:
        """An estimator with the network of a weights file.

        Args:
            weights: our safetensors, an official snapshot, or ``untrained:compact``; None: the shipped weights.
            hand_model: a right hand model or its file; None: what the snapshot carries, else the open hand.
            device: ``auto`` (CUDA where there is one), or torch's name of one.
            precision: ``float32``, ``bfloat16`` (mixed), or ``auto``: what pays on the device,
                see :func:`hoisdf_model.network.resolve_precision`.
            preset: the preset of an official snapshot, where its keys can't tell.
            catalogue: the objects' shapes (see the class); None: the look-alikes.
            hand_size: see the class.
            refinement: ``always``, ``never`` or ``auto``: see ``refines`` of the class.
            object_refinement: the same: see ``refines_objects``.

        Raises:
            CheckpointError: no such weights, or they are damaged or of another preset.
            HandModelError: the hand model can't be read.
            ConfigError: no such device, precision, size or refinement.
        """
        for what, when in (("refinement", refinement), ("object refinement", object_refinement)):
            one_of(what, when, REFINEMENTS)
        place_of_work = resolve_device(device)
        if isinstance(hand_model, (str, Path)):
            hand_model = load_hand_model(hand_model)
        network, config = load_network(weights or "shipped", hand_model, preset, place_of_work)
        chosen = resolve_precision(precision, place_of_work, config)
        if config.root is None:
            _LOG.warning(
                "%s has no hand-root head: where neither a wrist nor a depth image is given, it is placed "
                "by the hand tracker's landmarks, or guessed at the middle of the hand's box where there are none",
                weights or "the shipped network",
            )
        network = optimised(network)
        network.runtime = replace(network.runtime, precision=chosen)
        estimator = cls(
            network, config, network.hand_layer.model, place_of_work,
            catalogue=catalogue, calibration=network.calibration, hand_size=hand_size,
        )  # fmt: skip
        if refinement != "auto":
            estimator.refines = refinement == "always"
        if object_refinement != "auto":
            estimator.refines_objects = object_refinement == "always"
        return estimator

    def prepare(self, object_name: str) -> None:
        """Prepare an object of the catalogue.

        Computes once what the first frame with it would wait for.

        Raises:
            MeshError: the catalogue has no such object, or its mesh can't be used.
        """
        self._catalogue.mirror_plane(object_name)
        if self.refines_objects:
            self._object_refinement.shape(object_name)

    def new_follower(self) -> HandFollower:
        """Memory for the frames of another camera, see :meth:`estimate_batch`."""
        return HandFollower(self._follower.networks)

    def reset(self) -> None:
        """Reset tracking, after a jump in time or a camera change."""
        self._follower.reset()

    def __call__(self, frame: Frame, prior: Prior | Sequence[Prior] | None = None) -> Estimate:
        """Estimate.

        Args:
            frame: a camera's image with its intrinsics; distortion is removed first. A depth image is used to place
                hands whose position isn't given.
            prior: what is known, one prior per hand, every part of it optional, boxes in pixels of ``frame.image``;
                None: nothing is known, the last frame's hands are followed or the image is searched; empty: there is
                no hand.

        Returns:
            Everything in the frame of the camera without distortion. Hands with an object come first, so that
            ``objects[i]`` is what ``hands[i]`` holds; it has the same side. Regions are in pixels of ``frame.image``.

        Raises:
            InvalidInputError: a given box doesn't touch the image.
        """
        item = self._started(frame, prior, self._follower, self._localiser)
        self._estimate([item])
        return value_or_raise(item.outcome())

    def estimate_batch(
        self, asked: Sequence[tuple[HandFollower, Frame, Prior | Sequence[Prior] | None]]
    ) -> list[Estimate | Exception]:
        """Estimates of several cameras' frames, in one batch.

        Args:
            asked: for each camera what remembers its last frame, and what a call takes.

        Returns:
            For each its estimate, or the error that a call would raise; one camera's error leaves the others alone.
            Of the timing, ``network`` is that of the batch.

        Raises:
            Exception: the network failed, and with it all frames.
        """
        started = [attempted(self._started, frame, prior, follower, follower) for follower, frame, prior in asked]
        try:
            self._estimate([item for item in started if isinstance(item, PendingFrame)])
            return [item.outcome() if isinstance(item, PendingFrame) else item for item in started]
        finally:
            started.clear()  # its errors hold this call: a circle that would keep the pictures

    def _started(
        self, frame: Frame, prior: Prior | Sequence[Prior] | None, follower: HandFollower, localiser: Localiser
    ) -> PendingFrame:
        """A frame's hands, as far as they are known before the network sees them."""
        timing: dict[str, float] = {}
        priors = (prior,) if isinstance(prior, Prior) else prior
        with timed("undistort", timing):
            rectified = frame.rectified()
        with timed("localise", timing):
            raw_camera = replace(frame.intrinsics, width=frame.image.shape[1], height=frame.image.shape[0])
            completed = completed_priors(priors, rectified, raw_camera, self._span, localiser.locate)
            completed = tuple(self._with_landmarks(rectified, known, follower) for known in completed)
            wrists = [landmark_wrist(known.landmarks, rectified.intrinsics, self._bones) for known in completed]
            targets = [self._placed(rectified, *pair) for pair in zip(completed, wrists, strict=True)]
        if not targets:
            return PendingFrame(rectified, raw_camera, follower, completed, wrists, targets, [], timing)
        with timed("crop", timing):
            shown = self._windowed(targets, follower)
            views = [look(rectified, target, self.config.image_size, self.config.upright) for target in shown]
        return PendingFrame(rectified, raw_camera, follower, completed, wrists, targets, views, timing)

    def _estimate(self, pending: Sequence[PendingFrame]) -> None:
        """Give each frame its estimate, from one pass of the network over all hands."""
        seen = [item for item in pending if item.targets]
        for item in pending:
            if not item.targets:
                item.follower.update(())
                item.estimate = Estimate(timing=item.timing)
        if not seen:
            return
        with timed("crop", *(item.timing for item in seen)):
            batch = to_batch([view for item in seen for view in item.views], self.device)
        with timed("network", *(item.timing for item in seen)), torch.inference_mode():
            output = self._output(batch, seen)
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)  # else its time would be counted as decoding
        with timed("decode", *(item.timing for item in seen)):
            layer = self._layer if self.refines else None
            decoded = Decoded(output, self.config.image_size, self.calibration, layer, self._given_size)
        for item, first in zip(seen, first_rows(seen), strict=True):
            item.attempt(self._finish, decoded, first)

    def _output(self, batch: NetworkInput, pending: Sequence[PendingFrame]) -> NetworkOutput:
        """The network's output; on the way, frames get the wrists and objects that it sees where none are known."""
        no_wrist = any(known.root is None for item in pending for known in item.completed)
        no_object = any(not target.object_known for item in pending for target in item.targets)
        if not (no_object or (self.finds_wrists and no_wrist)):
            return self.network(batch)
        features, found = self._looked_at(batch)
        wanted = [] if found is None else [getattr(found, item.name) for item in fields(found)]
        masks, *seen = on_host(features.maps[:, 1:3], *wanted)
        heads: list[SeenWrist] = []
        if seen:
            views = [view for item in pending for view in item.views]
            wrists = seen_wrists(RootPrediction(*map(torch.from_numpy, seen)), views, self.config.image_size)
            heads = [scaled(wrist, self._size) for wrist in wrists]
        for item, first in zip(pending, first_rows(pending), strict=True):
            rows = slice(first, first + len(item.targets))
            item.attempt(self._move, heads[rows], masks[rows])
        return self.network(moved_batch(batch, [view for item in pending for view in item.views]), features=features)

    def _move(self, item: PendingFrame, heads: list[SeenWrist], masks: NDArray[np.float64]) -> None:
        """Put a frame's hands where the network sees their wrists, none without such a head, and objects likewise."""
        wrists = self._agreed(item.wrists, heads) if heads else item.wrists
        item.completed, boxes_seen = self._with_objects(item.completed, item.targets, item.views, masks)
        targets = [self._placed(item.frame, *pair) for pair in zip(item.completed, wrists, strict=True)]
        item.targets, item.views = targets, list(map(moved, item.views, targets, boxes_seen))

    def _finish(self, item: PendingFrame, decoded: Decoded, first: int) -> None:
        """Give a frame, whose rows in the batch begin with ``first``, its estimate."""
        with timed("decode", item.timing):
            pairs = self._decoded(item, decoded, first)
        if self.refines_objects:
            with timed("refine", item.timing):
                pairs = [pair._replace(thing=self._refined(item.frame, pair, item.views[pair.row])) for pair in pairs]
        pairs.sort(key=lambda pair: pair.thing is None)
        item.estimate = Estimate(
            hands=tuple(pair.hand for pair in pairs),
            objects=tuple(pair.thing for pair in pairs if pair.thing is not None),
            regions=item.regions(),
            timing=item.timing,
        )

    def _decoded(self, item: PendingFrame, decoded: Decoded, first: int) -> list[Pair]:
        """Hands with their objects of a frame, whose rows in the batch begin with ``first``."""
        pairs = []
        for i, (target, view) in enumerate(zip(item.targets, item.views, strict=True)):
            hand = decoded.hand(first + i, target, view, self.hand_model.info)
            if hand is not None:  # the object is estimated from the hand's points too: no hand, no object
                reflection = self._reflections(target.object_name, target.side)
                thing = decoded.object(first + i, target, view, reflection)
                faces = self.hand_model.faces_of(target.side)
                hand, thing = onto_depth(item.frame, faces, target.root_covariance, hand, thing)
                pairs.append(Pair(hand, thing, decoded.masks(first + i), i))
        item.follower.update([item.targets[pair.row] for pair in pairs])
        return pairs

    def _refined(self, frame: Frame, pair: Pair, view: View) -> ObjectEstimate | None:
        """Object fitted to masks and hand, where its pose is that of a mesh."""
        hand, thing, masks, _ = pair
        if thing is None or not self._reflections.poses_mesh(thing.name, hand.side):
            return thing
        to_mask, seen = onto_masks(view, masks.shape[-1] / self.config.image_size, frame)
        camera = to_mask @ frame.intrinsics.matrix
        return self._object_refinement(thing, masks, camera, hand.vertices.astype(np.float64), seen)

    def _placed(self, frame: Frame, known: Prior, wrist: SeenWrist | None = None) -> Target:
        return place(known, frame, self._span, self.config.object_center_depth, wrist)

    def _with_landmarks(self, frame: Frame, known: Prior, follower: HandFollower) -> Prior:
        """The prior with landmarks and side, where they aren't known and something hangs on them."""
        useful = self.refines or self.config.upright or known.root is None or known.side is None
        if known.landmarks is not None or known.hand_box is None or not useful:
            return known
        landmarks, side = follower.landmarks_in(frame, known.hand_box)
        return replace(known, landmarks=landmarks, side=known.side or side)

    def _windowed(self, targets: Sequence[Target], follower: HandFollower) -> list[Target]:
        """The targets with the boxes that their crops show: where an object isn't given, the one of the last frame."""
        result = []
        for target in targets:
            held = None if target.object_known else follower.window_of(target.hand_box)
            result.append(target if held is None else replace(target, object_box=held))
        return result

    def _looked_at(self, batch: NetworkInput) -> tuple[ImageFeatures, RootPrediction | None]:
        if self.finds_wrists:
            return self.network.find_root(batch)
        return self.network.encode(batch.image), None

    def _agreed(self, by_landmarks: Sequence[SeenWrist | None], by_head: list[SeenWrist]) -> list[SeenWrist | None]:
        """Wrists as the head sees them; one that hasn't seen the landmarks is averaged with what they say."""
        if self.config.root is not None and self.config.root.landmarks:
            return list(by_head)
        return [fused(one, other) for one, other in zip(by_landmarks, by_head, strict=True)]

    def _with_objects(
        self, completed: Sequence[Prior], targets: Sequence[Target], views: Sequence[View], masks: NDArray[np.float64]
    ) -> tuple[tuple[Prior, ...], list[NDArray[np.float64] | None]]:
        """Priors with the boxes that the masks show of objects without a given box; and these boxes in the crops."""
        priors, seen = [], []
        for known, target, view, mask in zip(completed, targets, views, masks, strict=True):
            box = None if target.object_known else object_box_in(mask, view.hand_box, self.config.image_size)
            priors.append(known if box is None else replace(known, object_box=box_in_image(view, box)))
            seen.append(box)
        return tuple(priors), seen
