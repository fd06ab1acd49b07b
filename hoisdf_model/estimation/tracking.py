"""Where to look when nobody says, but something was seen in the frame before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import Frame, HandEstimate, Prior
from hoisdf_model.estimation.placement import EDGE_SPREAD, monocular_depth
from hoisdf_model.estimation.targets import Target
from hoisdf_model.geometry import boxes

HAND_MARGIN = 1.1  # for motion until the next frame
JUMP = 2.0  # a box that grows or shrinks at once by more than this isn't the same hand's
INSIDE = 0.25  # at least this part of a box must lie in the image
SEEN = 0.3  # hands of a lower score aren't followed


class Tracker:
    """Regions and roots of the next frame from the last estimate.

    Hand boxes are those of the projected mesh; an object's box and the wrist move sideways as the hand's box does.
    The wrist keeps its depth, unless the box's size contradicts it by two standard deviations: then it is placed anew,
    as it is in every frame that has a depth image or where the network sees wrists, so that errors don't last.

    A hand is followed no longer when its score falls below ``SEEN``, when its box leaves the image or changes its size
    at once by more than ``JUMP``, or after :meth:`reset` (a jump in time).

    Attributes:
        span: metres from the wrist to the tip of the middle finger of the flat hand.
        keeps_roots: whether wrists are followed; else they are placed anew in every frame, as with a depth image.
    """

    def __init__(self, span: float, keeps_roots: bool = True) -> None:
        self.span, self.keeps_roots = span, keeps_roots
        self._priors: tuple[Prior, ...] = ()

    def reset(self) -> None:
        """Forget everything."""
        self._priors = ()

    def locate(self, frame: Frame) -> tuple[Prior, ...]:
        """Priors from the last estimate; empty when no hand is being followed."""
        if frame.depth is None and self.keeps_roots:
            return self._priors
        return tuple(replace(prior, root=None, object_center=None) for prior in self._priors)

    def update(self, frame: Frame, seen: Sequence[tuple[Target, HandEstimate]]) -> None:
        """Take in what was seen in ``frame``, the rectified one, and with which targets."""
        followed = (self._follow(frame, target, hand) for target, hand in seen)
        self._priors = tuple(prior for prior in followed if prior is not None)

    def _follow(self, frame: Frame, target: Target, hand: HandEstimate) -> Prior | None:
        if hand.score < SEEN:
            return None
        camera = frame.intrinsics
        box = boxes.around(camera.project(hand.vertices), HAND_MARGIN)
        if _part_inside(box, camera.width, camera.height) < INSIDE:
            return None
        root, object_box = target.root, target.object_box
        if target.root_source == "tracked":
            # then the box we looked in was made here too, and the difference is the hand's motion
            change = (box[2:] - box[:2]).max() / (target.hand_box[2:] - target.hand_box[:2]).max()
            if not 1 / JUMP < change < JUMP:
                return None
            shift = boxes.center(box) - boxes.center(target.hand_box)
            root = camera.back_project(camera.project(root) + shift, root[2])
            object_box = object_box + np.tile(shift, 2)
        expected = monocular_depth(camera, boxes.scaled(box, 1 / HAND_MARGIN), self.span)
        contradicted = abs(root[2] - expected) > 2 * EDGE_SPREAD * expected
        return Prior(
            hand_box=box,
            object_box=object_box if target.object_known else None,
            root=None if contradicted else root,
            side=target.side,
            object_name=target.object_name,
            score=target.score,
            root_source="tracked",
        )


def _part_inside(box: NDArray[np.float64], width: int, height: int) -> float:
    inside = boxes.clipped(box, width, height)
    edges = inside[2:] - inside[:2]
    return float(edges.prod() / (box[2:] - box[:2]).prod()) if (edges > 0).all() else 0.0
