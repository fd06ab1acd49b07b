"""Where to look when nobody says: the whole image on a coarse grid.

A simple stand-in behind :class:`Localiser`, to be replaced by a hand detector: it finds one hand, the one that the
network's own segmentation sees most of, takes it for a right hand, and costs eight looks at the image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import Frame, Prior
from hoisdf_model.geometry import crops

# (B, S, S, 3) uint8 crops -> (B, 2, s, s) probability of hand and of object
Segmenter = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


SAME = 2.0  # a box that differs by more than this factor at a second look isn't of the same hand


class Localiser(Protocol):
    """Finds hands in a frame."""

    def locate(self, frame: Frame) -> tuple[Prior, ...]:
        """Priors with a hand box at least, best first, pixels of ``frame`` (rectified); empty: no hand is seen."""
        ...


class GridLocaliser:
    """Looks at the whole image and at six overlapping windows of it, boxes what is segmented as a hand, and looks again
    from nearer by, at the crop that such a hand would be estimated from.

    Attributes:
        segmenter: gives hand and object probability of square crops.
        crop_size: edge length of those crops, pixels.
        threshold: probability from which a pixel counts.
        smallest: a hand smaller than this part of the image's shorter edge is not believed.
    """

    def __init__(
        self, segmenter: Segmenter, crop_size: int = crops.CROP_SIZE, threshold: float = 0.5, smallest: float = 0.04
    ) -> None:
        self.segmenter, self.crop_size, self.threshold, self.smallest = segmenter, crop_size, threshold, smallest

    def locate(self, frame: Frame) -> tuple[Prior, ...]:
        """At most one prior, with the box of the largest hand and of the object that touches it."""
        height, width = frame.image.shape[:2]
        affines = [window.affine(self.crop_size) for window in grid_windows(width, height)]
        maps = self.segmenter(np.stack([crops.crop_image(frame.image, a, self.crop_size) for a in affines]))
        small = max(width, height) / self.crop_size  # the images of probability are as fine as the coarsest crop
        size = (max(1, round(width / small)), max(1, round(height / small)))
        shrink = np.diag([size[0] / width, size[1] / height, 1.0])
        hand, thing = (_stitched([m[c] for m in maps], affines, self.crop_size, shrink, size) for c in (0, 1))
        found = self._boxed(hand, thing, shrink)
        if found is None or _longest_edge(found) < self.smallest * min(width, height):
            return ()
        return (self._closer(frame, found),)

    def _closer(self, frame: Frame, found: Prior) -> Prior:
        """What a look at the crop that hands are estimated from shows; what was found where it shows no such hand."""
        height, width = frame.image.shape[:2]
        places = [box for box in (found.hand_box, found.object_box) if box is not None]
        affine = crops.window_around(*places, width=width, height=height).affine(self.crop_size)
        hand, thing = self.segmenter(crops.crop_image(frame.image, affine, self.crop_size)[None])[0]
        to_map = np.diag([hand.shape[1] / self.crop_size, hand.shape[0] / self.crop_size, 1.0]) @ affine
        closer = self._boxed(hand, thing, to_map)
        if closer is None or not 1 / SAME < _longest_edge(closer) / _longest_edge(found) < SAME:
            return found
        return closer

    def _boxed(
        self, hand: NDArray[np.float32], thing: NDArray[np.float32], to_map: NDArray[np.float64]
    ) -> Prior | None:
        """Boxes in images of probability (h, w), back through the affine (3, 3) from the image to them."""
        hand_part = _largest_part(hand, self.threshold)
        if hand_part is None:
            return None
        mask, box = hand_part
        grown = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        touching = _largest_part(thing, self.threshold, touching=grown)
        to_image = np.linalg.inv(to_map).astype(np.float64)
        return Prior(
            hand_box=crops.map_box(to_image, box),
            object_box=None if touching is None else crops.map_box(to_image, touching[1]),
            score=float(hand[mask].mean()),
        )


def _longest_edge(found: Prior) -> float:
    assert found.hand_box is not None
    return float((found.hand_box[2:] - found.hand_box[:2]).max())


def grid_windows(width: int, height: int) -> list[crops.SquareWindow]:
    """One square around the whole image, and 3 x 2 squares of two thirds of its shorter edge (2 x 3 for portraits)."""
    whole = crops.SquareWindow((width / 2, height / 2), float(max(width, height)))
    edge = min(width, height) * 2 / 3
    columns, rows = (3, 2) if width >= height else (2, 3)
    xs = np.linspace(edge / 2, width - edge / 2, columns)
    ys = np.linspace(edge / 2, height - edge / 2, rows)
    return [whole, *(crops.SquareWindow((float(x), float(y)), edge) for y in ys for x in xs)]


def _stitched(
    maps: list[NDArray[np.float32]],
    affines: list[NDArray[np.float64]],
    crop_size: int,
    shrink: NDArray[np.float64],
    size: tuple[int, int],
) -> NDArray[np.float32]:
    """Mean over all windows that see a pixel of what they say about it, (h, w) of the shrunken image."""
    total, count = np.zeros(size[::-1], np.float32), np.zeros(size[::-1], np.float32)
    for probability, affine in zip(maps, affines, strict=True):
        to_map = np.diag([probability.shape[1] / crop_size, probability.shape[0] / crop_size, 1.0])
        back = (shrink @ np.linalg.inv(to_map @ affine))[:2]
        total += cv2.warpAffine(probability, back, size, flags=cv2.INTER_LINEAR)
        count += cv2.warpAffine(np.ones_like(probability), back, size, flags=cv2.INTER_LINEAR)
    return np.where(count > 0.5, total / np.maximum(count, 0.5), 0).astype(np.float32)


def _largest_part(
    probability: NDArray[np.float32], threshold: float, touching: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]] | None:
    """Mask and box (4,) of the connected part with the greatest mass, of those that touch a mask if one is given."""
    number, labels, statistics, _ = cv2.connectedComponentsWithStats((probability >= threshold).astype(np.uint8))
    mass = np.bincount(labels.ravel(), probability.ravel(), number)
    mass[0] = 0  # the background
    if touching is not None:
        mass[~np.isin(np.arange(number), labels[touching])] = 0
    best = int(mass.argmax())
    if mass[best] == 0:
        return None
    x, y, w, h = statistics[best, :4]
    return labels == best, np.array([x, y, x + w, y + h], np.float64)
