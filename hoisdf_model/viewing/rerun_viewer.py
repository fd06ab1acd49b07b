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

"""Frames as Rerun's entities.

Picture, skeletons, boxes, meshes, objects, depth, scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.drawing import (
    AXIS_COLOURS,
    AXIS_LENGTH,
    HAND_COLOURS,
    JOINT_COLOURS,
    OBJECT_COLOUR,
    drawable,
    hand_surface,
)
from hoisdf_model.errors import MeshError
from hoisdf_model.estimates import Estimate, Frame, HandEstimate, ObjectEstimate, entity_names
from hoisdf_model.geometry import Pinhole, boxes
from hoisdf_model.geometry.meshes import vertex_normals
from hoisdf_model.hand import BONES, HandModelLike, as_hand_model
from hoisdf_model.objects import Catalogue

PICTURE, SPACE, SCORES = ("world", "camera", "image"), ("world",), ("scores",)
JPEG_QUALITY = 85
FRUSTUM = 0.15  # metres from the camera to the plane that shows its picture
BONE_WIDTH, JOINT_WIDTH = 0.002, 0.004  # radii, metres
JOINT_PIXELS = 3.0
MOST_DEPTH = 65.0  # metres, of 16-bit millimetres

Path = tuple[str, ...]


class Viewer:
    """Display of frames with their estimates.

    Everything is in the frame of the camera without distortion.

    Entities: ``world/camera`` (frustum) with ``image``, ``image/boxes``, ``image/hands/<name>`` and ``depth`` (in space
    as points), ``world/hands/<name>``, ``world/objects/<name>``, ``scores/<name>``; names as on TF. Timelines:
    ``time``, seconds since the first frame, and ``frame``. What isn't seen any more is cleared.

    Args:
        rerun: the module.
        stream: ``rerun.RecordingStream``.
        meshes: objects by name; others are shown as three axes.
        hand_model: of the hands, for their faces; the open hand's are known, hands of another model have no surface.
        note: what whoever looks has to know, in words.
    """

    def __init__(
        self,
        rerun: Any,
        stream: Any,
        meshes: Catalogue | None = None,
        hand_model: HandModelLike | None = None,
        note: str = "",
    ) -> None:
        self._rr, self._stream, self._meshes = rerun, stream, meshes
        self._model = None if hand_model is None else as_hand_model(hand_model)
        self._camera: Pinhole | None = None
        self._first: float | None = None
        self._shown: set[Path] = set()
        self.count = 0
        self._log(SPACE, rerun.ViewCoordinates.RDF, static=True)
        if note:
            self._log(("note",), rerun.TextDocument(note), static=True)

    def show(self, seconds: float, frame: Frame, estimate: Estimate) -> None:
        """Show one frame.

        Args:
            seconds: when the picture was taken, on any clock.
            frame: what the estimate was made from.
            estimate: camera frame.
        """
        rr = self._rr
        self._first = seconds if self._first is None else self._first
        self._stream.set_time("time", duration=seconds - self._first)
        self._stream.set_time("frame", sequence=self.count)
        self.count += 1
        flat = frame.rectified()
        camera = flat.intrinsics
        self._show_camera(camera, flat.image.shape[1], flat.image.shape[0])
        self._log(PICTURE, rr.Image(flat.image).compress(jpeg_quality=JPEG_QUALITY))
        shown: set[Path] = set()
        if flat.depth is not None:
            shown.add(self._log((*SPACE, "camera", "depth"), rr.DepthImage(_millimetres(flat.depth), meter=1000.0)))
        self._show_boxes(frame.intrinsics, estimate)
        hand_names, object_names = entity_names(estimate)
        for name, hand in zip(hand_names, estimate.hands, strict=True):
            shown |= self._show_hand(name, hand, camera)
        for name, thing in zip(object_names, estimate.objects, strict=True):
            shown |= self._show_object(name, thing)
        for path in sorted(self._shown - shown):
            self._log(path, rr.Clear(recursive=True))
        self._shown = shown

    def close(self) -> None:
        """Flush the output and release the file or viewer."""
        self._stream.disconnect()

    def _log(self, path: Path, entity: Any, static: bool = False) -> Path:
        self._stream.log(list(path), entity, static=static)  # a list: names are escaped where they have a slash
        return path

    def _show_camera(self, camera: Pinhole, width: int, height: int) -> None:
        if camera != self._camera:
            self._camera = camera
            rr = self._rr
            pinhole = rr.Pinhole(
                image_from_camera=camera.matrix, resolution=[width, height], camera_xyz=rr.ViewCoordinates.RDF,
                image_plane_distance=FRUSTUM,
            )  # fmt: skip
            self._log((*SPACE, "camera"), pinhole)

    def _show_boxes(self, raw: Pinhole, estimate: Estimate) -> None:
        regions = [
            *((one.box, f"{one.side or ''} hand".strip(), HAND_COLOURS[one.side or "right"])
              for one in estimate.regions.hands),
            *((one.box, one.name or "object", OBJECT_COLOUR) for one in estimate.regions.objects),
        ]  # fmt: skip
        found = [boxes.mapped(box, raw.undistort_pixels) if raw.is_distorted else box for box, _, _ in regions]
        corners = np.array(found, np.float64).reshape(-1, 4)
        self._log(
            (*PICTURE, "boxes"),
            self._rr.Boxes2D(
                mins=corners[:, :2], sizes=corners[:, 2:] - corners[:, :2], labels=[label for _, label, _ in regions],
                colors=[colour for _, _, colour in regions],
            ),
        )  # fmt: skip

    def _show_hand(self, name: str, hand: HandEstimate, camera: Pinhole) -> set[Path]:
        rr, shown = self._rr, set()
        bones, colours = np.array(BONES), [JOINT_COLOURS[child] for _, child in BONES]
        shown.add(
            self._log((*SPACE, "hands", name, "skeleton"),
                      rr.LineStrips3D(hand.joints[bones], radii=BONE_WIDTH, colors=colours))
        )  # fmt: skip
        shown.add(
            self._log((*SPACE, "hands", name, "joints"),
                      rr.Points3D(hand.joints, radii=JOINT_WIDTH, colors=JOINT_COLOURS))
        )  # fmt: skip
        surface = hand_surface(hand, self._model)
        if surface is not None:
            mesh = rr.Mesh3D(
                vertex_positions=surface.vertices, triangle_indices=surface.faces,
                vertex_normals=vertex_normals(surface.vertices, surface.faces), albedo_factor=(*surface.colour, 255),
            )  # fmt: skip
            shown.add(self._log((*SPACE, "hands", name, "mesh"), mesh))
        if (hand.joints[:, 2] > 0).all():
            pixels = camera.project(hand.joints)
            flat = (*PICTURE, "hands", name)
            shown.add(self._log((*flat, "skeleton"), rr.LineStrips2D(pixels[bones], colors=colours)))
            shown.add(self._log((*flat, "joints"), rr.Points2D(pixels, radii=JOINT_PIXELS, colors=JOINT_COLOURS)))
        shown.add(self._log((*SCORES, name), rr.Scalars(float(hand.score))))
        return shown

    def _show_object(self, name: str, thing: ObjectEstimate) -> set[Path]:
        rr, path = self._rr, (*SPACE, "objects", name)
        if path not in self._shown:
            self._log(path, self._shape(thing.name))
        self._log(path, rr.Transform3D(translation=thing.translation, mat3x3=thing.rotation))
        return {path, self._log((*SCORES, name), rr.Scalars(float(thing.score)))}

    def _shape(self, name: str) -> Any:
        """The object's mesh in its own frame; three axes where there is none."""
        rr = self._rr
        if self._meshes is not None and name:
            try:
                vertices, faces = drawable(self._meshes, name)
                return rr.Mesh3D(vertex_positions=vertices, triangle_indices=faces, albedo_factor=(*OBJECT_COLOUR, 255))
            except MeshError:  # a name that only others know
                pass
        return rr.Arrows3D(vectors=AXIS_LENGTH * np.eye(3), colors=AXIS_COLOURS)


def _millimetres(depth: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Depth in metres as (H, W) uint16, half the size; 0 where unknown or too far."""
    known = np.isfinite(depth) & (depth > 0) & (depth < MOST_DEPTH)
    return np.round(np.where(known, depth, 0.0) * 1000).astype(np.uint16)
