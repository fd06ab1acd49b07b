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

"""Conversion of MediaPipe's hand networks from its Python wheel.

From TensorFlow Lite flatbuffers to state dicts.

Nothing of the wheel is executed: it is read as a zip file, and its models as flatbuffers.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hoisdf_model.errors import CheckpointError, DependencyError
from hoisdf_model.hand_tracking.landmark_network import LandmarkNetwork
from hoisdf_model.hand_tracking.palm_network import PalmNetwork

WHEEL = "mediapipe 0.10.21"
LANDMARK_FILE = "mediapipe/modules/hand_landmark/hand_landmark_full.tflite"
PALM_FILE = "mediapipe/modules/palm_detection/palm_detection_full.tflite"
_LARGEST = 50_000_000  # bytes of a model file, unpacked
# Of TensorFlow Lite's schema: the operators that hold weights, and where.
_WEIGHTED = {"CONV_2D": (1, 2), "DEPTHWISE_CONV_2D": (1, 2), "FULLY_CONNECTED": (1, 2), "PRELU": (1,)}

Arrays = NDArray[np.float32]


def networks_in_wheel(wheel: Path) -> tuple[PalmNetwork, LandmarkNetwork]:
    """Both networks with the wheel's weights, float32.

    Raises:
        CheckpointError: no such file, not this wheel, or models of another shape.
        DependencyError: the reader of flatbuffers isn't installed.
    """
    palm, landmarks = PalmNetwork(), LandmarkNetwork()
    _fill(palm, _model(wheel, PALM_FILE), f"{wheel}: {PALM_FILE}")
    _fill(landmarks, _model(wheel, LANDMARK_FILE), f"{wheel}: {LANDMARK_FILE}")
    return palm.eval(), landmarks.eval()


def _model(wheel: Path, name: str) -> bytes:
    if not wheel.is_file():
        raise CheckpointError(
            f"there is no wheel at {wheel}: get it with `pip download --no-deps {WHEEL.replace(' ', '==')}`"
        )
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(name).file_size > _LARGEST:
                raise CheckpointError(f"{wheel}: {name} is larger than any model of {WHEEL}")
            return archive.read(name)
    except KeyError as error:
        raise CheckpointError(
            f"{wheel} holds no {name}: the wheel must be that of {WHEEL}; later ones lack it"
        ) from error
    except (zipfile.BadZipFile, OSError, EOFError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise CheckpointError(f"{wheel} is no readable wheel (a zip file): {error}; download it again") from error


def _fill(network: nn.Module, content: bytes, where: str) -> None:
    """Hand the file's weights to the network's layers: both have them in the order of execution."""
    try:
        layers = list(_layers(content))
    except DependencyError:
        raise
    except Exception as error:  # a damaged flatbuffer raises whatever its offsets lead to
        raise CheckpointError(f"{where} is no readable TensorFlow Lite model: {error}") from error
    modules = [(name, m) for name, m in network.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear, nn.PReLU))]
    if len(modules) != len(layers):
        raise CheckpointError(f"{where} has {len(layers)} layers with weights, this network {len(modules)}")
    for (name, module), arrays in zip(modules, layers, strict=True):
        parameters = [module.weight] if isinstance(module, nn.PReLU) else [module.weight, module.bias]
        for parameter, array in zip(parameters, arrays, strict=True):
            tensor = _as_torch(array, isinstance(module, nn.Conv2d) and module.groups > 1)
            assert parameter is not None
            if tensor.shape != parameter.shape:
                raise CheckpointError(
                    f"{where}: the weights of {name} have the shape {tuple(tensor.shape)}, this network's "
                    f"{tuple(parameter.shape)}: the wheel must be that of {WHEEL}"
                )
            parameter.data = tensor


def _as_torch(array: Arrays, depthwise: bool) -> Tensor:
    if array.ndim == 4:  # output, height, width, input; depthwise: 1, height, width, channel
        array = array.transpose(3, 0, 1, 2) if depthwise else array.transpose(0, 3, 1, 2)
    elif array.ndim == 3:  # PReLU's factors have the shape (1, 1, channel)
        array = array.reshape(-1)
    return torch.from_numpy(np.ascontiguousarray(array))


def _layers(content: bytes) -> Iterator[list[Arrays]]:
    """The weights of every operator that has some, in the order of execution."""
    try:
        import tflite
    except ImportError as error:
        raise DependencyError("reading TensorFlow Lite models needs the package tflite: pip install tflite") from error
    model = tflite.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    names = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
    stored: dict[int, int] = {}  # where float16 weights are unpacked first: from the unpacked tensor to the stored one
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = model.OperatorCodes(operator.OpcodeIndex())
        name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        if name == "DEQUANTIZE":
            stored[operator.Outputs(0)] = operator.Inputs(0)
        elif name in _WEIGHTED:
            inputs = [operator.Inputs(place) for place in _WEIGHTED[name]]
            yield [_array(tflite, model, graph.Tensors(stored.get(tensor, tensor))) for tensor in inputs]


def _array(tflite: Any, model: Any, tensor: Any) -> Arrays:
    types = {tflite.TensorType.FLOAT16: np.float16, tflite.TensorType.FLOAT32: np.float32}
    values = model.Buffers(tensor.Buffer()).DataAsNumpy().view(types[tensor.Type()])
    return values.reshape(tensor.ShapeAsNumpy()).astype(np.float32)
