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

"""Weights of the hand tracker's networks: one safetensors file with its provenance."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hoisdf_model.errors import CheckpointError
from hoisdf_model.hand_tracking.landmark_network import HandEncoder, LandmarkNetwork
from hoisdf_model.hand_tracking.palm_network import PalmNetwork

FORMAT = "hand-tracker/1"
SHIPPED = "hand_tracker/mediapipe_hands.safetensors"
_PALM, _LANDMARKS = "palm.", "landmarks."


class TrackerNetworks(NamedTuple):
    """The two networks of the hand tracker, in evaluation mode."""

    palm: PalmNetwork
    landmarks: LandmarkNetwork


def shipped_tracker() -> Path:
    """The file that comes with the package."""
    return Path(str(resources.files("hoisdf_model") / "assets" / SHIPPED))


def load_tracker_networks(path: str | Path | None = None, device: torch.device | str = "cpu") -> TrackerNetworks:
    """Both networks with the weights of a file, float32.

    Args:
        path: as :func:`save_tracker_networks` writes it; None: the file that comes with the package.
        device: where the networks go.

    Raises:
        CheckpointError: the file is missing, damaged, or of another kind.
    """
    state = _read(shipped_tracker() if path is None else Path(path))
    networks = TrackerNetworks(PalmNetwork(), LandmarkNetwork())
    for prefix, network in zip((_PALM, _LANDMARKS), networks, strict=True):
        _fill(network, state, prefix, path)
        # depthwise convolutions on a CPU are a third faster with the channels last
        network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    return networks


def load_hand_encoder(path: str | Path | None = None) -> dict[str, Tensor]:
    """State dict of a ``HandEncoder`` with the landmark network's weights.

    Arguments and errors as above.
    """
    encoder = HandEncoder()
    _fill(encoder, _read(shipped_tracker() if path is None else Path(path)), f"{_LANDMARKS}encoder.", path)
    return dict(encoder.state_dict())


def save_tracker_networks(networks: TrackerNetworks, path: str | Path, provenance: dict[str, str]) -> None:
    """Write a safetensors file in float16.

    An existing one is replaced atomically.

    Args:
        networks: both.
        path: of the file.
        provenance: where the weights come from, kept in the file's metadata.

    Raises:
        CheckpointError: the file can't be written.
    """
    path = Path(path)
    tensors = {
        prefix + name: tensor.detach().cpu().half().contiguous()
        for prefix, network in zip((_PALM, _LANDMARKS), networks, strict=True)
        for name, tensor in network.state_dict().items()
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.touch()  # with the usual permissions; safetensors alone would make it unreadable for others
        permissions = temporary.stat().st_mode
        save_file(tensors, temporary, metadata={"format": FORMAT, **provenance})
        temporary.chmod(permissions)
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} can't be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(
            f"there are no hand tracker weights at {path}; `hoisdf convert-hand-tracker` makes them of a wheel"
        )
    try:
        with safe_open(path, framework="pt") as file:
            found = (file.metadata() or {}).get("format")
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error
    if found != FORMAT:
        raise CheckpointError(f"{path} holds no hand tracker: its format is {found!r}, this version reads {FORMAT!r}")
    return tensors


def _fill(network: nn.Module, state: dict[str, Tensor], prefix: str, path: str | Path | None) -> None:
    own = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    wanted = network.state_dict()
    names = sorted(wanted.keys() | own.keys())
    other = [n for n in names if n not in own or n not in wanted or own[n].shape != wanted[n].shape]
    if other:
        raise CheckpointError(
            f"{path or 'the shipped hand tracker'}: {len(other)} parameters of {type(network).__name__} are missing, "
            f"unknown or of another shape, such as {', '.join(other[:3])}"
        )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in own.values()):
        raise CheckpointError(f"{path or 'the shipped hand tracker'} holds numbers that are not finite")
    network.load_state_dict(own)
