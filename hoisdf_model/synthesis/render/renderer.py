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

"""Headless renderer: colour, metric depth and masks of textured meshes.

With moderngl on EGL.

Uses a GPU where EGL offers one, else Mesa's llvmpipe. A context belongs to the process that made it: make a
``Renderer`` in every worker, and never fork after making one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import Pinhole, poses
from hoisdf_model.objects import TexturedSurface
from hoisdf_model.synthesis.render import shaders
from hoisdf_model.synthesis.render.gl_context import create_context

NEAR, FAR = 0.05, 12.0  # metres
SHADOW_MAP = 1536  # pixels
LIGHTS = 3
GL_FROM_OPTICAL = np.diag([1.0, -1.0, -1.0, 1.0])  # OpenGL looks along -z with y up
CACHED = 400  # surfaces and textures kept on the device


@dataclass(frozen=True)
class Material:
    """Reflectance of a surface.

    Attributes:
        gloss: the highlight's exponent.
        wrap: softens the terminator (skin).
        tint: factors on the texture's linear colour.
        flesh: 0 to 1, how much light goes through it.
        glow: 1 for what shows its texture whatever the light (pictures far behind), else 0.
    """

    gloss: float = 30.0
    wrap: float = 0.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    glow: float = 0.0
    flesh: float = 0.0


@dataclass(frozen=True)
class Drawable:
    """A surface in the world.

    Attributes:
        surface: vertices in a frame of its own, metres.
        pose: (4, 4) that frame -> world; may mirror.
        identity: value in the mask, 1 to 255; 0 for scenery.
        material: reaction to light.
    """

    surface: TexturedSurface
    pose: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    identity: int = 0
    material: Material = field(default_factory=Material)


@dataclass(frozen=True)
class Lighting:
    """Up to three lights, and ambient light.

    The first casts shadows; ambient light comes from the sky and the ground.

    Attributes:
        positions: (L, 3) world, metres.
        colours: (L, 3) linear.
        sky, ground: (3,) linear ambient light from world +z and -z.
        softness: radius of the shadow's edge, as a share of the shadowed region.
        focus: (3,) middle of the region in which shadows fall, world.
        reach: radius of that region, metres.
    """

    positions: NDArray[np.float64]
    colours: NDArray[np.float64]
    sky: tuple[float, float, float] = (0.30, 0.31, 0.33)
    ground: tuple[float, float, float] = (0.14, 0.13, 0.12)
    softness: float = 0.012
    focus: tuple[float, float, float] = (0.0, 0.0, 0.1)
    reach: float = 0.7


@dataclass(frozen=True)
class Picture:
    """Rendered picture: colour, depth and masks.

    Attributes:
        image: (H, W, 3) uint8 sRGB.
        depth: (H, W) float32, metres along the optical axis at the pixels' centres; 0 where there is nothing.
        identities: (H, W) uint8, the drawable seen at the pixel's centre.
    """

    image: NDArray[np.uint8]
    depth: NDArray[np.float32]
    identities: NDArray[np.uint8]


class Renderer:
    """One EGL context and its buffers for one image size.

    Args:
        width, height: of the picture, pixels.
        samples: of the colour image per pixel, against jagged edges; depth and masks are sampled at the centre. 0: one,
            there as well, and all three come out of one pass.
        shadow_map: pixels, edge of the map of what the first light reaches.

    Raises:
        DependencyError: there is no EGL or OpenGL 3.3; the message names the packages.
    """

    def __init__(self, width: int = 640, height: int = 480, samples: int = 4, shadow_map: int = SHADOW_MAP) -> None:
        import moderngl

        if width < 1 or height < 1 or samples not in (0, 2, 4, 8):
            raise InvalidInputError(f"can't render {width}x{height} pixels with {samples} samples: give 0, 2, 4 or 8")
        self.width, self.height = width, height
        self._gl: Any = moderngl
        c = self._context = create_context()
        self.device = str(c.info["GL_RENDERER"])
        size = (width, height)
        samples = min(samples, int(c.max_samples))
        self._colour_program = c.program(shaders.COLOUR_VERTEX, shaders.COLOUR_FRAGMENT)
        self._shadow_program = c.program(shaders.SHADOW_VERTEX, shaders.SHADOW_FRAGMENT)
        self._geometry_program = c.program(shaders.GEOMETRY_VERTEX, shaders.GEOMETRY_FRAGMENT)
        self._colour = c.framebuffer(
            [c.renderbuffer(size, 4, samples=samples)], c.depth_renderbuffer(size, samples=samples)
        )
        self._resolved = c.simple_framebuffer(size, 4)
        self._measured = c.framebuffer([c.texture(size, 2, dtype="f4")], c.depth_renderbuffer(size))
        # in one pass, the mask is the colour's fourth channel and the depth that of the depth test
        self._at_once = None if samples else c.framebuffer([c.texture(size, 4)], c.depth_texture(size))
        self._shadow_map = c.depth_texture((shadow_map, shadow_map))
        self._shadow_map.compare_func = "<="
        self._shadow = c.framebuffer(depth_attachment=self._shadow_map)
        self._textures: OrderedDict[int, tuple[Any, Any]] = OrderedDict()
        self._meshes: OrderedDict[int, tuple[TexturedSurface, Any, list[Any]]] = OrderedDict()

    def render(
        self,
        drawables: Sequence[Drawable],
        camera: Pinhole,
        view: ArrayLike,
        lighting: Lighting,
        background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Picture:
        """Draw once.

        Args:
            drawables: what there is.
            camera: intrinsics without distortion, of the renderer's size.
            view: (4, 4) world -> camera (optical frame).
            lighting: lights, world frame.
            background: sRGB, 0 to 1, where nothing is drawn.

        Raises:
            InvalidInputError: the camera is of another size or has distortion.
        """
        if (camera.width, camera.height) not in ((self.width, self.height), (0, 0)) or camera.is_distorted:
            raise InvalidInputError(
                f"the renderer draws {self.width}x{self.height} pixels without distortion, "
                f"the camera has {camera.width}x{camera.height} and distortion {camera.distortion}"
            )
        with self._context:  # another renderer of this process may have made its own current
            return self._drawn(drawables, camera, np.asarray(view, np.float64), lighting, background)

    def _drawn(
        self,
        drawables: Sequence[Drawable],
        camera: Pinhole,
        view: NDArray[np.float64],
        lighting: Lighting,
        background: tuple[float, float, float],
    ) -> Picture:
        c, gl = self._context, self._gl
        seen = GL_FROM_OPTICAL @ view
        projection = _projection(camera, self.width, self.height)
        shadow = _shadow_matrix(lighting)
        arrays = [self._vertex_arrays(d.surface) for d in drawables]
        c.enable(gl.DEPTH_TEST)

        self._shadow.use()
        self._shadow.clear(depth=1.0)
        _write(self._shadow_program, shadow=shadow)
        for drawable, (_, shade, *_) in zip(drawables, arrays, strict=True):
            _write(self._shadow_program, pose=drawable.pose)
            shade.render()

        program, target = self._colour_program, self._at_once or self._colour
        target.use()
        target.clear(*background, 0.0)
        _write(program, projection=projection, view=seen, shadow=shadow)
        _write_lights(program, lighting, seen)
        self._shadow_map.use(1)
        for drawable, (colour, *_) in zip(drawables, arrays, strict=True):
            self._texture(drawable.surface.texture, drawable.material.glow == 0).use(0)
            _write(program, pose=drawable.pose)
            program["shininess"].value = drawable.surface.shininess
            program["gloss"].value = drawable.material.gloss
            program["wrap"].value = drawable.material.wrap
            program["tint"].value = drawable.material.tint
            program["glow"].value = drawable.material.glow
            program["flesh"].value = drawable.material.flesh
            program["identity"].value = drawable.identity / 255.0
            # a mirror turns faces around; the back of a face is lit from behind
            c.front_face = "cw" if np.linalg.det(drawable.pose[:3, :3]) < 0 else "ccw"
            colour.render()
        if self._at_once is not None:
            return self._read_at_once()

        self._measured.use()
        self._measured.clear()
        _write(self._geometry_program, projection=projection, view=seen)
        for drawable, (_, _, geometry) in zip(drawables, arrays, strict=True):
            _write(self._geometry_program, pose=drawable.pose)
            self._geometry_program["identity"].value = float(drawable.identity)
            geometry.render()
        return self._read()

    def close(self) -> None:
        """Release the OpenGL context."""
        self._context.release()

    def _read(self) -> Picture:
        self._context.copy_framebuffer(self._resolved, self._colour)
        raw = np.frombuffer(self._resolved.read(components=3), np.uint8)
        image = raw.reshape(self.height, self.width, 3)[::-1].copy()
        measured = np.frombuffer(self._measured.read(components=2, dtype="f4"), np.float32)
        measured = measured.reshape(self.height, self.width, 2)[::-1]
        return Picture(image, measured[..., 0].copy(), measured[..., 1].astype(np.uint8))

    def _read_at_once(self) -> Picture:
        assert self._at_once is not None
        raw = np.frombuffer(self._at_once.read(components=4), np.uint8).reshape(self.height, self.width, 4)[::-1]
        stored = np.frombuffer(self._at_once.depth_attachment.read(), np.float32).reshape(self.height, self.width)[::-1]
        # the third row of the projection, undone
        depth = np.float32(2 * FAR * NEAR) / (np.float32(FAR + NEAR) - (2 * stored - 1) * np.float32(FAR - NEAR))
        depth[stored >= 1] = 0
        return Picture(raw[..., :3].copy(), depth, raw[..., 3].copy())

    def _vertex_arrays(self, surface: TexturedSurface) -> list[Any]:
        key = id(surface.vertices)  # a sleeve's shape is dressed in many textures
        if key in self._meshes:
            self._meshes.move_to_end(key)
            return self._meshes[key][2]
        c = self._context
        data = np.concatenate([surface.vertices, surface.normals, surface.uv], 1).astype(np.float32)
        buffer, index = c.buffer(data.tobytes()), c.buffer(surface.faces.astype(np.int32).tobytes())
        arrays = [
            c.vertex_array(self._colour_program, [(buffer, "3f 3f 2f", "position", "normal", "uv")], index),
            c.vertex_array(self._shadow_program, [(buffer, "3f 20x", "position")], index),
        ]
        if self._at_once is None:
            arrays.append(c.vertex_array(self._geometry_program, [(buffer, "3f 20x", "position")], index))
        # the surface itself is kept, so that its vertices' id stays their own
        self._meshes[key] = (surface, (buffer, index), arrays)
        while len(self._meshes) > CACHED:
            _, (_, buffers, old) = self._meshes.popitem(last=False)
            for item in (*old, *buffers):
                item.release()
        return arrays

    def _texture(self, pixels: NDArray[np.uint8], mipmaps: bool) -> Any:
        key = id(pixels)
        if key in self._textures:
            self._textures.move_to_end(key)
            return self._textures[key][1]
        texture = self._context.texture(pixels.shape[1::-1], 3, np.ascontiguousarray(pixels).tobytes(), alignment=1)
        texture.filter = (self._gl.LINEAR, self._gl.LINEAR)
        if mipmaps:  # slow on a CPU, and useless for a picture that fills the background once
            texture.build_mipmaps()
            texture.filter = (self._gl.LINEAR_MIPMAP_LINEAR, self._gl.LINEAR)
        texture.repeat_x = texture.repeat_y = True
        self._textures[key] = (pixels, texture)
        while len(self._textures) > CACHED:
            self._textures.popitem(last=False)[1][1].release()
        return texture


def _projection(camera: Pinhole, width: int, height: int) -> NDArray[np.float64]:
    """Clip coordinates from OpenGL's eye frame; OpenGL's pixel centres lie at one half, ours at whole numbers."""
    cx, cy = camera.cx + 0.5, camera.cy + 0.5
    return np.array(
        [
            [2 * camera.fx / width, 0, 1 - 2 * cx / width, 0],
            [0, 2 * camera.fy / height, 2 * cy / height - 1, 0],
            [0, 0, -(FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)],
            [0, 0, -1, 0],
        ]
    )


def _shadow_matrix(lighting: Lighting) -> NDArray[np.float64]:
    """World -> clip coordinates of the first light: parallel rays towards ``focus``."""
    source, focus = np.asarray(lighting.positions[0], np.float64), np.asarray(lighting.focus, np.float64)
    forward = focus - source
    distance = float(np.linalg.norm(forward))
    forward /= distance
    right = np.cross(forward, np.eye(3)[np.abs(forward).argmin()])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    moved = poses.rigid(turn, -turn @ focus)
    r = lighting.reach
    return np.diag([1 / r, 1 / r, 1 / (1.5 * r), 1]) @ moved


def _write(program: Any, **matrices: NDArray[np.float64]) -> None:
    for name, matrix in matrices.items():
        program[name].write(np.ascontiguousarray(np.asarray(matrix).T, np.float32).tobytes())


def _write_lights(program: Any, lighting: Lighting, seen: NDArray[np.float64]) -> None:
    positions, colours = np.zeros((LIGHTS, 3), np.float32), np.zeros((LIGHTS, 3), np.float32)
    count = min(LIGHTS, len(lighting.positions))
    positions[:count] = (seen[:3, :3] @ np.asarray(lighting.positions[:count]).T).T + seen[:3, 3]
    colours[:count] = lighting.colours[:count]
    program["light_position"].write(positions.tobytes())
    program["light_colour"].write(colours.tobytes())
    program["ambient_up"].value = lighting.sky
    program["ambient_down"].value = lighting.ground
    program["up"].value = tuple(float(x) for x in seen[:3, 2])
    program["surface"].value, program["occlusion"].value = 0, 1
    program["softness"].value = lighting.softness
