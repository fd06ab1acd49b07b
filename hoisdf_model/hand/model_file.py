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

"""Hand models in MANO's format: arrays, file reading, mirroring.

MANO (Romero, Tzionas, Black 2017) is a template of 778 vertices, 10 shape directions, 135 pose correctives (one per
entry of the 15 finger rotations minus identity), a sparse joint regressor and skinning weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.errors import HandModelError, InvalidInputError
from hoisdf_model.estimates import HandModelInfo, Side
from hoisdf_model.geometry import poses
from hoisdf_model.hand.joints import MANO_PARENTS, NUM_FACES, NUM_ROTATIONS, NUM_SHAPES, NUM_VERTICES
from hoisdf_model.hand.safe_pickle import load_pickle
from hoisdf_model.paths import stand_in

NUM_POSE_FEATURES = 9 * (NUM_ROTATIONS - 1)
_AXIS_ANGLES = 3 * (NUM_ROTATIONS - 1)
_SHAPES: dict[str, tuple[int, ...]] = {
    "v_template": (NUM_VERTICES, 3),
    "shapedirs": (NUM_VERTICES, 3, NUM_SHAPES),
    "posedirs": (NUM_VERTICES, 3, NUM_POSE_FEATURES),
    "joint_regressor": (NUM_ROTATIONS, NUM_VERTICES),
    "weights": (NUM_VERTICES, NUM_ROTATIONS),
    "faces": (NUM_FACES, 3),
    "hands_mean": (_AXIS_ANGLES,),
    "hands_components": (_AXIS_ANGLES, _AXIS_ANGLES),
}
_FILE_KEYS = {"joint_regressor": "J_regressor", "faces": "f"}  # MANO's names where they differ from ours
OPEN_HAND = "open_hand"


@dataclass(frozen=True, eq=False)
class HandModel:
    """Arrays of one hand model.

    float32, metres, MANO's rest frame; read-only.

    Attributes:
        name: where it comes from: ``open_hand``, or the file's own name.
        side: ``right`` or ``left``.
        v_template: (778, 3) the mean hand's vertices.
        shapedirs: (778, 3, 10) displacement per unit of shape.
        posedirs: (778, 3, 135) displacement per entry of (finger rotations - identity), row-major per joint.
        joint_regressor: (16, 778) vertices -> joints in MANO's order.
        weights: (778, 16) skinning weights, rows sum to 1.
        faces: (1538, 3) int64, counter-clockwise seen from outside.
        hands_mean: (45,) mean finger pose, axis-angle in radians; only files written with ``flat_hand_mean=False``
            need it, rotations in this package always include it.
        hands_components: (45, 45) principal components of finger poses, one per row.

    Raises:
        HandModelError: an array has the wrong shape, isn't finite, or the faces or weights make no sense.
    """

    name: str
    side: Side
    v_template: NDArray[np.float32]
    shapedirs: NDArray[np.float32]
    posedirs: NDArray[np.float32]
    joint_regressor: NDArray[np.float32]
    weights: NDArray[np.float32]
    faces: NDArray[np.int64]
    hands_mean: NDArray[np.float32] = field(default_factory=lambda: np.zeros(_AXIS_ANGLES, np.float32))
    hands_components: NDArray[np.float32] = field(default_factory=lambda: np.eye(_AXIS_ANGLES, dtype=np.float32))

    def __post_init__(self) -> None:
        if self.side not in get_args(Side):
            raise HandModelError(f"side must be one of {get_args(Side)}, got {self.side!r}")
        for name, shape in _SHAPES.items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), shape))
        if self.faces.min() < 0 or self.faces.max() >= NUM_VERTICES:
            raise HandModelError(f"faces must name vertices 0 to {NUM_VERTICES - 1}, got {self.faces.max()}")
        for name in ("weights", "joint_regressor"):
            sums = getattr(self, name).sum(1)
            if np.abs(sums - 1).max() > 1e-2:
                raise HandModelError(f"each row of {name} must sum to 1, one sums to {sums[np.abs(sums - 1).argmax()]}")

    @cached_property
    def hash(self) -> str:
        """Content hash of the hand model.

        16 hex digits of a SHA-256: equal where equal rotations and shapes give equal meshes, whatever the file.

        The pose space (``hands_mean``, ``hands_components``) doesn't count: files of the same hand differ in it.
        """
        digest = hashlib.sha256()
        for name in sorted(_SHAPES.keys() - {"hands_mean", "hands_components"}):
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return digest.hexdigest()[:16]

    @property
    def info(self) -> HandModelInfo:
        """Name and hash, as an estimate carries them."""
        return HandModelInfo(self.name, self.hash)

    @property
    def joints(self) -> NDArray[np.float32]:
        """Joints of the mean hand at rest.

        (16, 3), MANO's order and frame, metres.
        """
        return self.joint_regressor @ self.v_template

    def faces_of(self, side: Side) -> NDArray[np.int64]:
        """Faces (F, 3) of a hand of that side, counter-clockwise from outside.

        A mirror turns faces inside out.
        """
        return self.faces if side == self.side else self.faces[:, ::-1]

    def mirrored(self) -> HandModel:
        """Hand model of the other side, mirrored at x = 0.

        A pose or shape of the mirrored model gives the mirror image of what the mirrored pose
        (``geometry.rotations.mirror_axis_angle``) or the same shape gives here. Vertices keep their numbers.
        """
        flip = poses.MIRROR_SIGNS.astype(np.float32)
        turn = np.tile(np.array([1.0, -1.0, -1.0], np.float32), NUM_ROTATIONS - 1)
        feature = np.tile(np.outer(flip, flip).ravel(), NUM_ROTATIONS - 1)
        return replace(
            self,
            side="left" if self.side == "right" else "right",
            v_template=self.v_template * flip,
            shapedirs=self.shapedirs * flip[:, None],
            posedirs=self.posedirs * flip[:, None] * feature,
            faces=self.faces[:, ::-1],
            hands_mean=self.hands_mean * turn,
            hands_components=self.hands_components * turn,
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], name: str, side: Side = "right") -> HandModel:
        """Hand model from arrays under MANO's own key names.

        ``J_regressor``, ``f``, ...; other keys are ignored.

        Raises:
            HandModelError: a key is missing, an array is malformed, or the joint tree isn't MANO's.
        """
        keys = {ours: _FILE_KEYS.get(ours, ours) for ours in _SHAPES}
        missing = sorted(key for key in keys.values() if key not in arrays)
        if missing:
            raise HandModelError(
                f"{name} lacks {', '.join(missing)}; a hand model has {', '.join(sorted(keys.values()))}"
            )
        if "kintree_table" in arrays:
            tree = np.asarray(arrays["kintree_table"])
            # the root's parent is -1, stored as the largest unsigned integer in MANO's files
            if tree.ndim != 2 or tuple(int(p) for p in tree[0][1:]) != MANO_PARENTS[1:]:
                raise HandModelError(f"{name} has another joint tree than MANO's hand: {tree.tolist()}")
        try:
            return cls(name=name, side=side, **{ours: arrays[key] for ours, key in keys.items()})
        except HandModelError as error:
            raise HandModelError(f"{name}: {error}") from error

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays of the hand model under MANO's key names.

        With the joint tree, ``name`` and ``side``: what :func:`save` writes.
        """
        arrays: dict[str, NDArray[Any]] = {_FILE_KEYS.get(key, key): getattr(self, key) for key in _SHAPES}
        arrays["f"] = self.faces.astype(np.uint32)
        arrays["kintree_table"] = np.array([MANO_PARENTS, range(NUM_ROTATIONS)], np.int64)
        return arrays | {"name": np.array(self.name), "side": np.array(self.side)}

    def save(self, path: str | Path) -> None:
        """Write a compressed npz that :func:`load_hand_model` reads, without pickled objects."""
        arrays: dict[str, Any] = self.to_arrays()
        np.savez_compressed(path, **arrays)


def _checked(name: str, value: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    array = np.asarray(value)
    if name == "shapedirs" and array.ndim == 3 and array.shape[2] > shape[2]:
        array = array[:, :, : shape[2]]  # some files carry the whole shape space; the first ten are MANO's betas
    if array.shape != shape:
        raise HandModelError(f"{name} must have the shape {shape}, got {array.shape}")
    if array.dtype.kind not in "iuf":
        raise HandModelError(f"{name} must hold numbers, got {array.dtype}")
    result = np.array(array, np.int64 if name == "faces" else np.float32, order="C")
    if not np.isfinite(result).all():
        raise HandModelError(f"{name} holds numbers that are not finite")
    result.flags.writeable = False
    return result


HandModelLike = HandModel | str | Path  # the model, or its file


def as_hand_model(given: HandModelLike | None, side: Side = "right") -> HandModel:
    """Hand model from a model or a file path.

    Args:
        given: the model, or what :func:`load_hand_model` takes.
        side: the side that a file is wanted as.

    Raises:
        HandModelError, UnsafeFileError: as for :func:`load_hand_model`.
    """
    return given if isinstance(given, HandModel) else load_hand_model(given, side)


def load_hand_model(path: str | Path | None = None, side: Side | None = "right") -> HandModel:
    """Read a hand model; files of the other side are mirrored.

    Args:
        path: ``.npz`` or ``.pkl`` in MANO's format; None: the open hand that comes with the package. Which side a file
            holds is what its ``side`` says, else ``left`` in its file name, else right.
        side: the side wanted; None takes the file as it is.

    Raises:
        HandModelError: the file is missing, damaged, or not a hand model.
        UnsafeFileError: the file asks for something that could run code.
    """
    if side is not None and side not in get_args(Side):
        raise HandModelError(f"side must be one of {get_args(Side)}, got {side!r}")
    if path is None:
        model = _read(Path(str(resources.files("hoisdf_model") / "assets" / "open_hand_right.npz")))
    else:
        model = _read(Path(path))
    return model if side in (None, model.side) else model.mirrored()


def _read(path: Path) -> HandModel:
    if not path.is_file():
        raise HandModelError(f"no hand model at {path}; give MANO_RIGHT.pkl or an .npz, or none for the open hand")
    if path.suffix not in (".pkl", ".npz"):
        raise HandModelError(
            f"{path}: a hand model is a .pkl or .npz file, not {path.suffix or 'a file without ending'}"
        )
    if path.suffix == ".npz":
        arrays = _read_npz(path)
    else:
        try:
            arrays = load_pickle(path)
        except InvalidInputError as error:
            raise HandModelError(str(error)) from error
    if not isinstance(arrays, Mapping):
        raise HandModelError(f"{path} holds a {type(arrays).__name__}, not a hand model's dictionary of arrays")
    stored = str(arrays.get("side", "left" if "left" in path.stem.lower() else "right"))
    if stored not in get_args(Side):
        raise HandModelError(f"{path}: side must be one of {get_args(Side)}, got {stored!r}")
    try:
        return HandModel.from_arrays(
            arrays, name=str(arrays.get("name", path.stem)), side="left" if stored == "left" else "right"
        )
    except HandModelError as error:
        raise HandModelError(f"{path} is no usable hand model: {error}") from error


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except Exception as error:  # zipfile, zlib, numpy and OSError all speak for a damaged file
        pickled = "allow_pickle" in str(error) or "Object arrays" in str(error)
        why = "it is no npz file, or holds pickled objects, which are not read" if pickled else str(error)
        raise HandModelError(f"{path} is not a readable npz file: {stand_in(path, why)}") from error
