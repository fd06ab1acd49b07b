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

"""Look-alikes of the YCB tools.

Drill, scissors, marker, clamps. They lie in the xy plane.
"""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection
from numpy.typing import NDArray

from hoisdf_model.objects.artwork import BLACK, METAL, Canvas, Colour
from hoisdf_model.objects.design import HALF_TURN, Design
from hoisdf_model.objects.solids import cylinder, extruded, rounded_box, rounded_outline, turned, union

ORANGE: Colour = (226, 98, 26)
Size = NDArray[np.float64]


def power_drill(size: Size) -> Design:
    """Cordless drill.

    Barrel along x, handle down y, battery at its foot.
    """
    w, h, d = size
    top = h / 2 - 0.030
    barrel = cylinder(0.027, 0.098, axis=0).translate((-w / 2 + 0.049, top, 0))
    nose = turned(
        [(0.0265, 0), (0.0265, 0.012), (0.020, 0.020), (0.019, 0.045), (0.010, 0.056), (0.0045, 0.06), (0.0035, 0.086)]
    )
    nose = nose.rotate((0, 90, 0)).translate((-w / 2 + 0.098, top, 0))
    grip = extruded(
        rounded_outline([(-0.060, top), (-0.036, top), (-0.030, -h / 2 + 0.03), (-0.058, -h / 2 + 0.03)], 0.010), 0.036
    )
    trigger = extruded(
        rounded_outline([(-0.028, top - 0.045), (-0.018, top - 0.03), (-0.022, top - 0.055)], 0.004), 0.016
    )
    foot = rounded_box((0.108, 0.048, d), 0.006).translate((-0.034, -h / 2 + 0.024, 0))

    def painter(name: str, canvas: Canvas) -> None:
        canvas.fill(BLACK)
        if name in ("+z", "-z"):
            mirrored = name == "-z"

            def box(x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
                canvas.rectangle(*((1 - x1, y0, 1 - x0, y1) if mirrored else (x0, y0, x1, y1)), colour)

            box(0.0, 0.0, 0.53, 0.32, ORANGE)
            box(0.0, 0.0, 0.10, 0.32, BLACK)
            box(0.53, 0.0, 1.0, 0.34, (60, 60, 64))
            box(0.78, 0.0, 1.0, 0.34, METAL)
            box(0.24, 0.36, 0.40, 0.62, ORANGE)
            box(0.12, 0.80, 0.56, 0.90, (52, 52, 54))
            canvas.text(0.70 if mirrored else 0.30, 0.17, "DRILL 12V", 0.07, BLACK, 0.3)
        elif name in ("+y", "-y"):
            at = 0.47 if name == "+y" else 0.0
            canvas.rectangle(at, 0, at + 0.53, 1, ORANGE if name == "+y" else BLACK)
        canvas.grain(0.04, 31)

    return Design(union(barrel, nose, grip, trigger, foot), painter, shininess=0.2)


def scissors(size: Size) -> Design:
    """Open a little: two blades towards +x, two rings towards -x."""
    blade = CrossSection(
        [[(-0.02, -0.004), (0.0, -0.006), (0.112, -0.0012), (0.112, 0.0), (0.0, 0.007), (-0.02, 0.006)]]
    )
    ring = CrossSection.circle(0.024, 40).scale((1.25, 0.9)) - CrossSection.circle(0.0165, 40).scale((1.3, 0.88))
    shank = rounded_outline([(-0.012, 0.0), (-0.045, 0.012), (-0.045, 0.016), (-0.012, 0.004)], 0.0035)
    handle = ring.translate((-0.062, 0.0235)) + shank
    half = extruded(blade.rotate(-3), 0.0034, 0.0018) + extruded(handle, 0.0125, 0.0)
    other = half.mirror((0, 1, 0)).mirror((0, 0, 1))
    pivot = cylinder(0.0045, 0.0085).translate((0, 0, 0))

    def painter(name: str, canvas: Canvas) -> None:
        canvas.fill((186, 188, 192))
        if name in ("+z", "+y", "-z", "-y"):
            at = 0.6 if name in ("-z", "+y") else 0.0
            canvas.rectangle(at, 0, at + 0.4, 1, ORANGE)
        elif name == "-x":
            canvas.fill(ORANGE)
        canvas.grain(0.03, 37)

    return Design(union(half, other, pivot), painter, turns=(HALF_TURN,), shininess=0.35)


def marker(size: Size) -> Design:
    """A marker along x, its cap towards +x."""
    length = size[0]
    body = turned(
        [
            (0.0078, 0),
            (0.0090, 0.002),
            (0.0090, 0.074),
            (0.0093, 0.0745),
            (0.0093, 0.108),
            (0.0070, 0.110),
            (0.0062, length),
        ]
    ).rotate((0, 90, 0))

    def painter(name: str, canvas: Canvas) -> None:
        canvas.fill(BLACK)
        if name in ("+z", "-z", "+y", "-y"):
            mirrored = name in ("-z", "+y")
            x0, x1 = (0.42, 0.94) if mirrored else (0.06, 0.58)
            canvas.rectangle(x0, 0, x1, 1, (232, 232, 228))
            canvas.text((x0 + x1) / 2, 0.5, "MARKER", 0.6, BLACK, 0.36)
        canvas.grain(0.03, 41)

    return Design(body, painter, round=True, axis=(1.0, 0.0, 0.0), looks_symmetric=True, shininess=0.25)


def clamp(size: Size) -> Design:
    """A spring clamp, closed: two handles towards -y, two jaws towards +y."""
    w, h, d = size
    arm = rounded_outline(
        [(0.05 * w, 0.44 * h), (0.16 * w, 0.42 * h), (0.22 * w, 0.1 * h), (0.44 * w, -0.42 * h), (0.36 * w, -0.45 * h),
         (0.05 * w, -0.02 * h)], 0.05 * w,
    )  # fmt: skip
    right = extruded(arm, 0.55 * d)
    left = right.mirror((1, 0, 0))
    spring = cylinder(0.09 * w, d).translate((0, 0.02 * h, 0))
    pads = rounded_box((0.24 * w, 0.07 * h, 0.8 * d), 0.004).translate((0, 0.46 * h, 0))

    def painter(name: str, canvas: Canvas) -> None:
        canvas.fill((44, 44, 48))
        if name in ("+z", "-z"):
            canvas.rectangle(0, 0, 1, 0.1, ORANGE)
            canvas.rectangle(0, 0.78, 1, 1, ORANGE)
        elif name in ("+y", "-y"):
            canvas.fill(ORANGE)
        canvas.grain(0.04, 43)

    return Design(union(right, left, spring, pads), painter, turns=(((0.0, 1.0, 0.0), 2),), looks_symmetric=True)
