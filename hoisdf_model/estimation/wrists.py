"""Wrists that the network's own head sees in the crops, in the camera frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.estimation.mirroring import MIRROR
from hoisdf_model.estimation.targets import Target
from hoisdf_model.estimation.views import View
from hoisdf_model.network import RootPrediction


@dataclass(frozen=True)
class SeenWrist:
    """A wrist that was seen.

    Attributes:
        root: (3,) metres, camera frame.
        along: standard deviation along the ray from the camera, metres.
        across: standard deviation in each direction across it, metres.
    """

    root: NDArray[np.float64]
    along: float
    across: float


def seen_wrists(
    found: RootPrediction, targets: Sequence[Target], views: Sequence[View], crop_size: int
) -> list[SeenWrist]:
    """What the network's head found in views of targets; left hands come back out of the mirror."""
    intrinsics = torch.from_numpy(np.stack([view.intrinsics for view in views]))
    found = found.to("cpu", torch.float64)
    roots = found.position(intrinsics, crop_size).numpy()
    across = (found.pixel_spread / crop_size * found.log_extent.exp()).numpy()
    along = found.depth_spread.numpy() * np.linalg.norm(roots, axis=1)
    return [
        SeenWrist(root * MIRROR if target.side == "left" else root, float(a), float(b))
        for target, root, a, b in zip(targets, roots, along, across, strict=True)
    ]
