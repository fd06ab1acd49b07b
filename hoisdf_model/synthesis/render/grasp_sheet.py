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

"""Contact sheet of grasps, coloured by penetration depth.

On both surfaces.

Where they touch, each hides the other. So the hand is also shown laid open, with the colours that it has in the grasp,
and the object alone, from the thumb's side and from the other one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray

from hoisdf_model.geometry import Pinhole, distances, meshes
from hoisdf_model.hand import HandModel, HandModelLike, as_hand_model
from hoisdf_model.objects import TexturedSurface, find_object
from hoisdf_model.synthesis.grasps.library import GraspLibrary
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.motion import looking_at
from hoisdf_model.synthesis.render.renderer import Drawable, Lighting, Material, Renderer
from hoisdf_model.synthesis.render.skin import THUMB_LINKS

PANEL, CAPTION, LEGEND, BORDER = 208, 34, 44, 6  # pixels
PANELS = 4  # of a grasp: together, the hand laid open, the object from both sides
COLUMNS = 2
DEEPEST = 2  # grasps of a sheet, of each kind of depth
FINEST = 0.004  # metres, longest edge of the object's triangles where colours are measured
# signed distance in millimetres and sRGB: free, near, touching, inside, deep inside
SCALE = (
    (12.0, (104, 138, 204)),
    (5.0, (150, 182, 230)),
    (3.0, (186, 214, 236)),
    (2.8, (60, 165, 85)),
    (0.0, (110, 210, 90)),
    (-0.2, (250, 225, 80)),
    (-1.5, (240, 140, 40)),
    (-3.0, (205, 25, 30)),
    (-5.0, (90, 0, 20)),
)
HIGHEST, LOWEST = SCALE[0][0], SCALE[-1][0]
PAPER, INK = (250, 250, 248), (40, 40, 44)
LIGHT = Lighting(
    np.array([[0.6, -0.5, 1.0], [-0.8, 0.6, 0.4]]), np.array([[0.34, 0.34, 0.33], [0.14, 0.14, 0.15]]),
    sky=(0.62, 0.62, 0.64), ground=(0.5, 0.5, 0.5), reach=2.0,
)  # fmt: skip

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]


def depth_colours(distance: NDArray[np.floating]) -> Image:
    """Signed distances (...) in metres -> sRGB (..., 3)."""
    stops = np.array([stop for stop, _ in SCALE])[::-1]
    colours = np.array([colour for _, colour in SCALE], np.float64)[::-1]
    mm = np.asarray(distance, np.float64) * 1000
    return np.stack([np.interp(mm, stops, colours[:, c]) for c in range(3)], -1).round().astype(np.uint8)


def telling_grasps(library: GraspLibrary, count: int) -> list[int]:
    """Numbers of up to ``count`` representative grasps.

    Of as many different objects as can be, and last the deepest of both kinds.
    """
    worst = [
        int(k) for depths in (library.into_object, library.into_hand) for k in np.argsort(depths)[: -DEEPEST - 1 : -1]
    ]
    worst = list(dict.fromkeys(worst))[: count // 3]
    rng = np.random.default_rng(0)
    rows = [rng.permutation(np.flatnonzero(library.object == k)) for k in rng.permutation(len(library.objects))]
    turns = [int(row[turn]) for turn in range(max(map(len, rows))) for row in rows if len(row) > turn]
    return [*[number for number in turns if number not in worst][: count - len(worst)], *worst]


def grasp_sheet(library: GraspLibrary, hand_model: HandModelLike, numbers: Sequence[int]) -> Image:
    """Draw grasps of a library with their depths.

    Args:
        library: the grasps.
        hand_model: the hand that they fit.
        numbers: which of them; at least one.

    Returns:
        (H, W, 3) uint8 RGB: a scale, and for every grasp four panels and its figures.

    Raises:
        InvalidInputError: the library was made for another hand model.
        DependencyError: nothing to render with.
    """
    hand_model = as_hand_model(hand_model)
    library.check(hand_model)
    renderer = Renderer(PANEL, PANEL)
    try:
        tiles = [_tile(renderer, library, hand_model, number) for number in numbers]
    finally:
        renderer.close()
    tiles += [np.full_like(tiles[0], PAPER)] * (-len(tiles) % min(COLUMNS, len(tiles)))
    columns = min(COLUMNS, len(tiles))
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    return np.vstack([_legend(rows[0].shape[1]), *rows])


def measured(
    library: GraspLibrary, hand: PosableHand, number: int
) -> tuple[tuple[Floats, NDArray[np.int64], Floats], tuple[Floats, NDArray[np.int64], Floats], Floats]:
    """One grasp with densely sampled distances.

    All over both surfaces, finer than the meshes' own vertices.

    Returns:
        the hand's vertices in the object frame, faces, and signed distances to the object (metres, negative inside);
        the same of the object and the hand; the hand's vertices laid open, in MANO's rest frame.
    """
    thing = find_object(library.objects[int(library.object[number])], library.settings.catalogue)
    rotation, wrist, _ = library.placement(number)
    vertices = hand.pose(library.postures(number)[1], rotation[None], wrist[None]).vertices[0]
    open_, fine, faces = hand.rest_vertices, vertices, hand.faces
    for _ in range(2):
        fine, faces, further = trimesh.remesh.subdivide(fine, faces, vertex_attributes={"open": open_})
        open_ = further["open"]
    mesh = thing.mesh
    edge = max(FINEST, float(mesh.extents.max()) / 100)
    solid, solid_faces = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, edge, max_iter=14)
    into_object = distances.signed_distance(fine, np.asarray(mesh.vertices), np.asarray(mesh.faces))
    into_hand = distances.signed_distance(solid, hand.closed(vertices), hand.closed_faces)
    return (fine, np.asarray(faces), into_object), (solid, np.asarray(solid_faces), into_hand), open_


def _tile(renderer: Renderer, library: GraspLibrary, model: HandModel, number: int) -> Image:
    hand = PosableHand(model, library.shape[number])
    (skin, faces, into_object), (solid, solid_faces, into_hand), open_ = measured(library, hand, number)
    rotation = library.placement(number)[0]
    drawn_hand = _coloured(skin, faces, into_object, meshes.vertex_normals(skin, faces)[faces])
    laid_open = _coloured(open_, faces, into_object, meshes.vertex_normals(open_, faces)[faces])
    flat = meshes.face_normals(solid, solid_faces)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    drawn_object = _coloured(solid, solid_faces, into_hand, np.repeat(flat[:, None], 3, 1))
    touching = np.flatnonzero(library.touching_of(number))  # subdividing keeps the model's vertices, and in front
    thumb = np.isin(hand.link[touching], THUMB_LINKS)
    across = skin[touching[thumb]].mean(0) - skin[touching[~thumb]].mean(0)  # from the fingers' contacts to the thumb's
    both = np.concatenate([skin, solid])
    panels = [
        _panel(renderer, [drawn_object, drawn_hand], both, rotation @ np.array([-0.35, 0.75, 0.55])),
        _panel(renderer, [laid_open], open_, np.array([0.0, -1.0, 0.25])),
        _panel(renderer, [drawn_object], solid, across),
        _panel(renderer, [drawn_object], solid, -across),
    ]
    name = library.objects[int(library.object[number])]
    kind = "fingertip" if library.fingertip[number] else "palm"
    depths = [max(0.0, -1000 * float(values.min())) for values in (into_object, into_hand)]
    text = f"{number}: {name}, {kind}; hand in object {depths[0]:.1f} mm, object in hand {depths[1]:.1f} mm"
    strip = np.full((CAPTION, PANEL * PANELS, 3), PAPER, np.uint8)
    _write(strip, text, (8, 22))
    return cv2.copyMakeBorder(
        np.vstack([np.hstack(panels), strip]), BORDER, 0, BORDER, BORDER, cv2.BORDER_CONSTANT, value=PAPER
    )  # type: ignore[return-value]


def _coloured(vertices: Floats, faces: NDArray[np.int64], distance: Floats, corner_normals: Floats) -> TexturedSurface:
    """The surface in the colours of its distances; ``corner_normals`` is (M, 3, 3)."""
    share = (np.clip(distance * 1000, LOWEST, HIGHEST) - LOWEST) / (HIGHEST - LOWEST)
    uv = np.stack([0.25 + 0.5 * share, np.full(len(share), 0.5)], 1)
    return TexturedSurface(
        vertices[faces].reshape(-1, 3).astype(np.float32),
        corner_normals.reshape(-1, 3).astype(np.float32),
        uv[faces].reshape(-1, 2).astype(np.float32),
        np.arange(faces.size, dtype=np.int32).reshape(-1, 3),
        _RAMP,
        shininess=0.02,
    )


def _panel(renderer: Renderer, surfaces: list[TexturedSurface], points: Floats, direction: Floats) -> Image:
    """Seen from a direction, all of ``points`` in the picture."""
    middle = (points.max(0) + points.min(0)) / 2
    radius = float(np.linalg.norm(points - middle, axis=1).max())
    direction = direction / np.linalg.norm(direction)
    if abs(direction[2]) > 0.98:  # the picture's upwards is the world's z
        direction = direction + np.array([0.25, 0.0, 0.0])
        direction /= np.linalg.norm(direction)
    distance = 4 * radius
    focal = 0.47 * PANEL * distance / radius
    camera = Pinhole(focal, focal, (PANEL - 1) / 2, (PANEL - 1) / 2, PANEL, PANEL)
    drawables = [Drawable(surface, identity=1, material=Material(gloss=10.0)) for surface in surfaces]
    view = looking_at(middle + distance * direction, middle)
    return renderer.render(drawables, camera, view, LIGHT, tuple(c / 255 for c in PAPER)).image  # type: ignore[arg-type]


def _legend(width: int) -> Image:
    strip = np.full((LEGEND, width, 3), PAPER, np.uint8)
    left, right, top = 560, min(width - 24, 1100), 8
    bar = np.linspace(LOWEST, HIGHEST, right - left) / 1000
    strip[top : top + 14, left:right] = depth_colours(bar)
    for mm in (-5, -3, 0, 3, 6, 9, 12):
        x = left + round((mm - LOWEST) / (HIGHEST - LOWEST) * (right - left - 1))
        strip[top + 14 : top + 19, x] = INK
        _write(strip, f"{mm}", (x - 4 * len(str(mm)), LEGEND - 4))
    _write(strip, "signed distance to the other's surface, mm (inside: negative)", (8, 20))
    return strip


def _write(image: Image, text: str, at: tuple[int, int]) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.46, INK, 1, cv2.LINE_AA)


# wider than the scale, since textures repeat and are blurred at their ends
_RAMP = np.tile(
    depth_colours(np.linspace(1.5 * LOWEST - 0.5 * HIGHEST, 1.5 * HIGHEST - 0.5 * LOWEST, 1024) / 1000), (2, 1, 1)
)
