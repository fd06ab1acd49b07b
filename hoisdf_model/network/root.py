"""Where the wrist is in a crop and how far away, read off the image features, for when nobody says.

A picture doesn't tell a camera's focal length, so no head can learn a depth in metres from crops of any camera and
size. What it can learn is how many metres the crop's edge spans at the wrist's depth, ``extent = S z / F`` with the
crop's size ``S`` and focal length ``F`` in its pixels: that stays the same when focal length and distance grow
together, and when the crop is scaled (the scale-normalised depth of Iqbal et al., ECCV 2018, arXiv 1804.09534; the
root depth of Moon et al., ICCV 2019, arXiv 1907.11346, sets the expected size against the seen one likewise).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from hoisdf_model.network.config import RootConfig
from hoisdf_model.network.heads import Head
from hoisdf_model.network.interface import ImageFeatures, RootPrediction

# Where an untrained head says that the wrist is: in the middle of the hand's box, whose longest edge is this many
# metres, and how far off that may be (relative depth; share of the box's longest edge). docs/live_use.md has the why.
BOX_METRES, DEPTH_SPREAD, PIXEL_SPREAD = 0.148, 0.2, 0.27
BOX_REACH = 0.5  # box edges; standard deviation of the heatmap that an untrained head has around the box's middle
STRIDE = 8  # of the map that the wrist is looked for in
_LIMIT = 5.0  # natural logarithms; spreads stay within a factor of e^5 of the first ones, and finite


class RootHead(nn.Module):
    """Finds the wrist of the hand in a box.

    All maps of the pyramid, brought to one stride, and each pixel's place relative to the hand's box make a heatmap,
    whose mean is the wrist's pixel; features averaged over the heatmap, the box, the hand mask and the whole crop make
    the extent and both spreads. It starts as the guess from the box alone. It has no norms: what it computes doesn't
    depend on the batch, so that it can be trained on frozen features and be added to a trained network.

    Args:
        config: sizes.
        channels: of the pyramid, strides 2 to 32.
    """

    def __init__(self, config: RootConfig, channels: Sequence[int]) -> None:
        super().__init__()
        width = config.width
        self.projections = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.mix = nn.Sequential(
            nn.Conv2d(width + 6, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()
        )
        self.heat = nn.Conv2d(width, 1, 1)
        self.numbers = Head([4 * width + 6, config.hidden, config.hidden, 5])
        for last in (self.heat, self.numbers.linear(-1)):
            nn.init.zeros_(last.weight)
            assert last.bias is not None
            nn.init.zeros_(last.bias)

    def forward(self, features: ImageFeatures, box: Tensor, size: int) -> RootPrediction:
        """Find wrists.

        Args:
            features: of B crops.
            box: (B, 4) of the hands, pixels of the crops.
            size: edge of the crops, pixels.
        """
        cells = size // STRIDE
        place = _places(box, cells, size)
        seen = _resized(torch.stack([features.maps[:, 0] / 255, features.maps[:, 1], features.maps[:, 2]], 1), cells)
        x = torch.stack(
            [_resized(layer(level), cells) for layer, level in zip(self.projections, features.pyramid, strict=True)]
        ).sum(0)
        x = self.mix(torch.cat([x.relu(), place.to(x.dtype), seen.to(x.dtype)], 1))
        logits = self.heat(x)[:, 0]
        with torch.autocast(x.device.type, enabled=False):
            return self._read(x.float(), logits.float(), place, seen[:, 1].float(), box, size)

    def _read(self, x: Tensor, logits: Tensor, place: Tensor, mask: Tensor, box: Tensor, size: int) -> RootPrediction:
        middle, edges = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]).clamp(min=1.0)
        longest = edges.amax(1)
        prior = -place[:, :2].square().sum(1) / (2 * BOX_REACH**2)
        heat = (logits + prior).flatten(1).softmax(1).view_as(logits)
        around = _mean_over(place[:, :2], heat)
        pooled = torch.cat(
            [_mean_over(x, heat), _mean_over(x, place[:, 2]), _mean_over(x, mask), x.mean((2, 3)), around,
             middle / size - 0.5, (edges / size).log()], 1
        )  # fmt: skip
        offset, depth, spreads = self.numbers(pooled).float().split([2, 1, 2], 1)
        spreads = spreads.clamp(-_LIMIT, _LIMIT).exp()
        return RootPrediction(
            pixel=middle + (around + offset) * longest[:, None],
            log_extent=depth[:, 0] + (BOX_METRES * size / longest).log(),
            pixel_spread=PIXEL_SPREAD * longest * spreads[:, 0],
            depth_spread=DEPTH_SPREAD * spreads[:, 1],
        )


def _places(box: Tensor, cells: int, size: int) -> Tensor:
    """(B, 4) -> (B, 3, cells, cells): x and y from the box's middle in longest edges, and whether inside."""
    middle, edges = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]).clamp(min=1.0)
    step = size / cells
    pixels = (torch.arange(cells, device=box.device, dtype=torch.float32) + 0.5) * step - 0.5
    x = (pixels - middle[:, :1]) / edges.amax(1, keepdim=True)
    y = (pixels - middle[:, 1:]) / edges.amax(1, keepdim=True)
    inside_x = (pixels - middle[:, :1]).abs() <= (edges[:, :1] / 2).clamp(min=step / 2)
    inside_y = (pixels - middle[:, 1:]).abs() <= (edges[:, 1:] / 2).clamp(min=step / 2)
    inside = (inside_y[:, :, None] & inside_x[:, None]).float()
    shape = inside.shape
    return torch.stack([x[:, None].expand(shape), y[:, :, None].expand(shape), inside], 1)


def _resized(maps: Tensor, cells: int) -> Tensor:
    """(B, C, n, n) -> (B, C, cells, cells): averaged where that is coarser, bilinear where it is finer."""
    if maps.shape[-1] >= cells:
        return functional.adaptive_avg_pool2d(maps, cells)
    return functional.interpolate(maps, size=(cells, cells), mode="bilinear", align_corners=False)


def _mean_over(x: Tensor, weight: Tensor) -> Tensor:
    """(B, C, h, w) averaged with weights (B, h, w) -> (B, C); zeros where nothing weighs anything."""
    return torch.einsum("bchw,bhw->bc", x, weight) / weight.sum((1, 2)).clamp(min=1e-3)[:, None]
