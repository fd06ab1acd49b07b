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

"""Weights on disk: our safetensors files and the official snapshots.

A file of ours holds the state dict, and in its metadata everything that is needed to build the network: the
configuration, the version of the format, which hand model it was trained with, and where they were measured the errors
to expect. It never holds code, and holds the hand model's arrays only when asked to: those of MANO are licensed to
their user.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hoisdf_model.errors import CheckpointError, ConfigError, HandModelError
from hoisdf_model.estimates import HandModelInfo
from hoisdf_model.hand import HandLayer, HandModel, HandModelLike, as_hand_model, load_hand_model
from hoisdf_model.network.calibration import Calibration
from hoisdf_model.network.config import NetworkConfig
from hoisdf_model.network.hoisdf import Hoisdf
from hoisdf_model.network.official import official_name, read_snapshot
from hoisdf_model.network.presets import load_preset, preset_names
from hoisdf_model.network.shipped import NAME, shipped_weights
from hoisdf_model.network.wrappers import left_over, unwrapped
from hoisdf_model.paths import stand_in

FORMAT = "1"
UNTRAINED = "untrained:"
SEED = 0
_HAND = "hand_model."
_LONGEST_HEADER = 100_000_000  # bytes, of a safetensors file
_LOG = logging.getLogger(__name__)
Kind = Literal["snapshot", "ours"]


@dataclass(frozen=True)
class Weights:
    """Contents of a weights file.

    Attributes:
        state: the network's state dict, float32 or float16.
        config: the network that it is for.
        trained_with: the hand model that it was trained with, where that is known.
        hand_model: the hand model inside the file, where there is one.
        calibration: how far its estimates were off, where that was measured.
    """

    state: dict[str, Tensor]
    config: NetworkConfig
    trained_with: HandModelInfo | None = None
    hand_model: HandModel | None = None
    calibration: Calibration | None = None


def load_network(
    path: str | Path,
    hand_model: HandModelLike | None = None,
    preset: str | None = None,
    device: str | torch.device = "cpu",
) -> tuple[Hoisdf, NetworkConfig]:
    """Network with the weights of a file.

    In evaluation mode, in float32, with the file's calibration.

    Args:
        path: our ``.safetensors`` file or an official snapshot (recognised by content), ``shipped`` for the weights
            that come with the package, or ``untrained:`` and a preset's name for random ones, the same at every call.
        hand_model: the right hand, or its file; None: the one inside the file, else the open hand.
        preset: what the weights are for, where they can't tell: they fit every preset with the same layers. None: what
            the file says, or the first that fits.
        device: where the network goes.

    Raises:
        CheckpointError: missing, damaged, of another preset, unknown or missing parameters (named), not finite.
        UnsafeFileError: a snapshot asks for something that could run code.
        ConfigError: no such preset.
        HandModelError: the hand model can't be read.
    """
    given = None if hand_model is None else as_hand_model(hand_model)
    if str(path).startswith(UNTRAINED):
        _LOG.warning("%s has random weights: what it estimates means nothing", path)
        config = load_preset(str(path).removeprefix(UNTRAINED))
        return _built(config, given or load_hand_model()).to(device).eval(), config
    weights = read_weights(path, preset)
    model = given or weights.hand_model or load_hand_model()
    if weights.trained_with and weights.trained_with.hash != model.hash:
        _LOG.warning(
            "%s was trained with the hand model %s (%s), and is used with %s (%s): expect larger errors",
            path, weights.trained_with.name, weights.trained_with.hash, model.name, model.hash,
        )  # fmt: skip
    network = _built(weights.config, model)
    network.load_state_dict(weights.state)
    network.calibration = weights.calibration
    return network.to(device).eval(), weights.config


def save_network(
    network: Hoisdf, config: NetworkConfig, path: str | Path, half: bool = False, keep_hand_model: bool = False
) -> None:
    """Write a network as safetensors; see :func:`write_weights`."""
    model = network.hand_layer.model
    kept = model if keep_hand_model else None
    weights = Weights(dict(network.state_dict()), config, model.info, kept, network.calibration)
    write_weights(weights, path, half)


def read_weights(path: str | Path, preset: str | None = None) -> Weights:
    """Contents of a weights file, checked against its network.

    Raises:
        CheckpointError, UnsafeFileError, ConfigError: as for :func:`load_network`.
    """
    path = shipped_weights() if str(path) == NAME else Path(path)
    if preset is not None:
        load_preset(preset)  # a wrong name is an error of its own, before a large file is read
    if not path.is_file():
        raise CheckpointError(
            f"there is no weights file at {path}; for random weights ask for '{UNTRAINED}' and one of "
            f"{', '.join(preset_names())}"
        )
    weights = _read_snapshot(path, preset) if kind_of_weights(path) == "snapshot" else _read_ours(path, preset)
    for name, tensor in weights.state.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: {name} holds numbers that are not finite")
    return weights


def write_weights(weights: Weights, path: str | Path, half: bool = False) -> None:
    """Write a safetensors file for :func:`load_network`.

    An existing one is replaced atomically.

    Args:
        weights: ``hand_model`` is written where it isn't None.
        path: the file.
        half: matrices and kernels as float16; biases, norms and other vectors stay float32.

    Raises:
        CheckpointError: a weight doesn't fit into float16, or the file can't be written.
    """
    path = Path(path)
    tensors = {name: _stored(name, tensor, half) for name, tensor in weights.state.items()}
    metadata = {"format": FORMAT, "config": json.dumps(weights.config.to_mapping())}
    if weights.trained_with:
        metadata |= {"hand_model_name": weights.trained_with.name, "hand_model_hash": weights.trained_with.hash}
    if weights.calibration:
        metadata |= {"calibration": weights.calibration.to_json()}
    if weights.hand_model:
        metadata |= {"hand_model_side": weights.hand_model.side}
        for name, array in weights.hand_model.to_arrays().items():
            if array.dtype.kind in "iuf":
                tensors[_HAND + name] = torch.from_numpy(array.astype(_torch_dtype(array)))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.touch()  # with the usual permissions; safetensors alone would make it unreadable for others
        permissions = temporary.stat().st_mode
        save_file(tensors, temporary, metadata={f"hoisdf.{key}": value for key, value in metadata.items()})
        temporary.chmod(permissions)
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} can't be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _built(config: NetworkConfig, model: HandModel) -> Hoisdf:
    """The network with its initial weights, which don't depend on and don't disturb the caller's random numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return Hoisdf(config, HandLayer(model))


def kind_of_weights(path: Path) -> Kind:
    """Kind of a weights file, from its first bytes.

    safetensors start with the length of a JSON header, a snapshot is a zip or a pickle.

    The length comes first, for its lowest byte may be the one that pickles begin with.

    Raises:
        CheckpointError: it is neither.
    """
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= _LONGEST_HEADER:
        return "ours"
    if start[:4] == b"PK\x03\x04" or start[:1] == b"\x80":
        return "snapshot"
    why = stand_in(path, "it is damaged, or another tool's")
    raise CheckpointError(f"{path} is neither a safetensors file nor an official snapshot: {why}")


def _read_snapshot(path: Path, preset: str | None) -> Weights:
    snapshot = read_snapshot(path)
    shapes = _shapes(snapshot.weights)
    fitting = [name for name in preset_names() if _expected(name) == shapes]
    if snapshot.missing and fitting:
        raise CheckpointError(f"{path} lacks {_listed(snapshot.missing)}")
    if preset in fitting or (fitting and preset is None):
        model = snapshot.hand_model
        return Weights(snapshot.weights, load_preset(preset or fitting[0]), model.info if model else None, model)
    if fitting:
        raise CheckpointError(f"{path} is a snapshot of {' or '.join(fitting)}, not of {preset}")
    nearest = preset or min(preset_names(), key=lambda name: len(_differences(shapes, _expected(name))))
    raise CheckpointError(
        f"{path} is not a snapshot of {nearest}: {_described(shapes, _expected(nearest), official_name)}"
    )


def _read_ours(path: Path, preset: str | None) -> Weights:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = {k.removeprefix("hoisdf."): v for k, v in (file.metadata() or {}).items() if "hoisdf." in k}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error
    if metadata.get("format") != FORMAT:
        found = f"has the format {metadata['format']!r}" if "format" in metadata else "has no hoisdf metadata"
        raise CheckpointError(f"{path} {found}, this version reads format {FORMAT!r}")
    try:
        config = NetworkConfig.from_mapping(json.loads(metadata["config"]))
    except (ConfigError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"the configuration in {path} can't be read: {error}") from error
    state = unwrapped({name: tensor for name, tensor in tensors.items() if not name.startswith(_HAND)})
    arrays = {name.removeprefix(_HAND): tensor.numpy() for name, tensor in tensors.items() if name.startswith(_HAND)}
    # allocated: tensors on "meta" have torch import its compiler, which takes longer than one network
    shapes, expected = _shapes(state), _shapes(_built(config, load_hand_model()).state_dict())
    if shapes != expected:
        raise CheckpointError(f"{path} doesn't fit its own configuration: {_described(shapes, expected)}")
    if preset is not None and preset != config.name:
        if _expected(preset) != shapes:
            raise CheckpointError(f"{path} holds weights of {config.name}, not of {preset}")
        config = load_preset(preset)
    info = HandModelInfo(metadata.get("hand_model_name", ""), metadata.get("hand_model_hash", ""))
    calibration = _calibration(metadata["calibration"], path) if "calibration" in metadata else None
    return Weights(state, config, info if info.hash else None, _hand_model(arrays, metadata, path), calibration)


def _calibration(text: str, path: Path) -> Calibration:
    try:
        return Calibration.from_json(text)
    except CheckpointError as error:
        raise CheckpointError(f"the calibration in {path} can't be read: {error}") from error


def _hand_model(arrays: Mapping[str, Any], metadata: Mapping[str, str], path: Path) -> HandModel | None:
    if not arrays:
        return None
    side: Literal["right", "left"] = "left" if metadata.get("hand_model_side") == "left" else "right"
    try:
        return HandModel.from_arrays(arrays, metadata.get("hand_model_name", ""), side)
    except HandModelError as error:
        raise CheckpointError(f"the hand model inside {path}: {error}") from error


def _stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    result = tensor.detach().cpu()
    if half and result.is_floating_point() and result.ndim > 1:
        result = result.to(torch.float16)
        if not torch.isfinite(result).all():
            raise CheckpointError(f"{name} holds weights that don't fit into float16, write float32")
    return result.contiguous()


def _torch_dtype(array: np.ndarray[Any, Any]) -> type[np.generic]:
    return np.float32 if array.dtype.kind == "f" else np.int64


Shapes = dict[str, tuple[int, ...]]


def _shapes(state: Mapping[str, Tensor]) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


@cache
def _expected(preset: str) -> Shapes:
    """Names and shapes of a preset's state dict, without allocating it."""
    with torch.device("meta"):
        return _shapes(Hoisdf(load_preset(preset), HandLayer(load_hand_model())).state_dict())


def _differences(found: Shapes, expected: Shapes) -> list[str]:
    return [name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)]


def _described(found: Shapes, expected: Shapes, name_of: Any = str) -> str:
    missing = [name_of(name) for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    other = [
        f"{name_of(name)} {found[name]} instead of {expected[name]}"
        for name in expected
        if name in found and found[name] != expected[name]
    ]
    parts = (("missing", missing), ("unknown", unknown), ("another shape", other))
    listed = [f"{what}: {_listed(names)}" for what, names in parts if names]
    prefix = left_over([name_of(name) for name in found], {name_of(name) for name in expected})
    return "; ".join([prefix, *listed] if prefix else listed)


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return ", ".join(listed[:5]) + more
