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

"""Reader of the JSON written by ``hoisdf estimate``.

Meshes are posed again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.errors import NO_NUMBER, UNREADABLE, InvalidInputError
from hoisdf_model.estimates import Estimate, HandEstimate, HandModelInfo, ObjectEstimate, RootSource, Side
from hoisdf_model.estimation.files import FORMAT
from hoisdf_model.geometry import rotations
from hoisdf_model.hand import JOINT_NAMES, HandLayer, HandModel, HandModelLike, as_hand_model
from hoisdf_model.hand.joints import NUM_ROTATIONS, NUM_SHAPES


def read_estimate(path: str | Path, hand_model: HandModelLike) -> Estimate:
    """The estimate in a JSON file, without its regions and times.

    Args:
        path: written by ``hoisdf estimate``.
        hand_model: the right hand model that the estimate was made with; gives the hands their meshes.

    Raises:
        InvalidInputError: the file is missing, isn't such a file, holds something that makes no sense, or belongs to
            another hand model.
    """
    hand_model = as_hand_model(hand_model)
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except UNREADABLE as error:  # a damaged file is no JSON or no UTF-8
        raise InvalidInputError(f"{path} can't be read as an estimate: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InvalidInputError(f"{path} is no estimate: its format must be {FORMAT}")
    try:
        return Estimate(
            hands=tuple(_hand(hand, hand_model) for hand in content["hands"]),
            objects=tuple(_thing(thing) for thing in content["objects"]),
        )
    except (*NO_NUMBER, KeyError, AttributeError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InvalidInputError(f"{path} is a damaged estimate: {what}") from error


def _hand(values: dict[str, Any], right_model: HandModel) -> HandEstimate:
    side, source = values["side"], values["root_source"]
    if side not in get_args(Side) or source not in get_args(RootSource):
        raise InvalidInputError(f"unknown side {side!r} or root_source {source!r}")
    model = HandModelInfo(str(values["hand_model"]["name"]), str(values["hand_model"]["hash"]))
    if model.hash != right_model.hash:
        raise InvalidInputError(
            f"its hand belongs to the hand model {model.name} ({model.hash}), not to {right_model.name} "
            f"({right_model.hash}): give the model it was estimated with"
        )
    joints = _array([values["joints"][name] for name in JOINT_NAMES], (len(JOINT_NAMES), 3))
    pose, shape = _array(values["pose"], (NUM_ROTATIONS, 3)), _array(values["shape"], (NUM_SHAPES,))
    posed = right_model if side == right_model.side else right_model.mirrored()
    with torch.no_grad():
        turns = torch.tensor(rotations.rotation_matrices(pose), dtype=torch.float32)
        mesh = HandLayer(posed)(turns[None], torch.tensor(shape, dtype=torch.float32)[None])
    return HandEstimate(
        side=side,
        score=float(values["score"]),
        joints=joints.astype(np.float32),
        joint_scores=_array([values["joint_scores"][name] for name in JOINT_NAMES], (len(JOINT_NAMES),)).astype(
            np.float32
        ),
        vertices=(mesh.vertices[0].double().numpy() + joints[0]).astype(np.float32),
        pose=pose.astype(np.float32),
        shape=shape.astype(np.float32),
        root_covariance=_covariance(values["root_covariance"], 3),
        root_source=source,
        model=model,
    )


def _thing(values: dict[str, Any]) -> ObjectEstimate:
    side = values.get("side")  # files of before objects knew their hand have none
    if side is not None and side not in get_args(Side):
        raise InvalidInputError(f"unknown side {side!r} of an object: right, left or null")
    return ObjectEstimate(
        name=str(values["name"]),
        score=float(values["score"]),
        rotation=_array(values["rotation"], (3, 3)),
        translation=_array(values["translation"], (3,)),
        covariance=_covariance(values["covariance"], 6),
        side=side,
    )


def _covariance(values: Any, size: int) -> NDArray[np.float64]:
    if values is None:
        unknown = np.zeros((size, size))
        unknown[0, 0] = -1
        return unknown
    return _array(values, (size, size))


def _array(values: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    array = np.array(values, np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise InvalidInputError(f"expected {shape} finite numbers, got {array.shape}")
    return array
