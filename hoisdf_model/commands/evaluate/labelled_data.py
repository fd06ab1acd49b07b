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

"""Data of ``hoisdf evaluate --data``, opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoisdf_model.commands.evaluate.options import BENCHMARK
from hoisdf_model.errors import ConfigError, DependencyError

if TYPE_CHECKING:
    from hoisdf_model.data.labelled_frames import FrameSource
    from hoisdf_model.evaluation.runs.data_folder import DataFolder, FolderOptions
    from hoisdf_model.hand import HandLayer, HandModel
    from hoisdf_model.network import Hoisdf

DRAWN = ("plays", "stills", "benchmark", "shards")  # kinds of sources that hold rendered pictures


def data_at(data: str, options: FolderOptions, hand_model: HandModel) -> DataFolder:
    """Data of ``--data``, opened.

    Args:
        data: ``benchmark``, a folder of shards or of a download, or a YAML file that describes a source.
        options: of the folder of a download.
        hand_model: right hand of the labels of a download.

    Raises:
        ConfigError: an option of downloads was given for other data.
        DatasetError, DependencyError: the data can't be read.
    """
    from hoisdf_model.data import ShardedFrames
    from hoisdf_model.data.layouts import kind_of
    from hoisdf_model.data.samples.preparation_config import PreparationConfig
    from hoisdf_model.evaluation.runs.data_folder import DataFolder, open_data_folder
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.synthesis import BenchmarkStills, benchmark, drawn_from_benchmark

    described = Path(data).suffix in (".yaml", ".yml")
    kind = "shards" if data == BENCHMARK or described else kind_of(data)
    if kind != "shards":
        return open_data_folder(data, kind, options, hand_model)
    if options.given:
        raise ConfigError(
            f"--{options.given[0]} is for the folder of a download of DexYCB or HO-3D, --data is {data}"
            + (": say it in that file" if described else "")
        )
    if described:
        return _described(data, hand_model)
    stills, name = BenchmarkStills(load_hand_model()), Path(data).name
    if data == BENCHMARK:
        return DataFolder(stills, PreparationConfig(), {"benchmark": benchmark.VERSION}, None, name)
    shards = ShardedFrames(data)
    about: dict[str, Any] = {"folder": str(Path(data).resolve()), "frames": len(shards)}
    if "library" in shards.about:
        about["synthetic"] = True
    if drawn_from_benchmark(shards.about, stills):
        about = {"benchmark": benchmark.VERSION, **about}
        return DataFolder(shards, PreparationConfig(), about, None, name, own_tags=stills.tags)
    return DataFolder(shards, PreparationConfig(), about, None, name)


def _described(data: str, hand_model: HandModel) -> DataFolder:
    from dataclasses import asdict

    from hoisdf_model.data.object_models import LOOK_ALIKES
    from hoisdf_model.data.synthetic_note import is_synthetic
    from hoisdf_model.evaluation.runs.data_folder import DataFolder

    try:
        from hoisdf_model.training.source_file import read_source
    except ModuleNotFoundError as error:
        raise DependencyError(f"reading {data} needs {error.name}: install hoisdf[train]") from error

    source, content = read_source(data, hand_model)
    about = {"folder": str(Path(data).resolve()), **asdict(content), "frames": len(source)}
    if content.kind in DRAWN or is_synthetic(Path(str(content.options.get("folder", "")))):
        about["synthetic"] = True
    if content.kind == "ho3d" and not content.options.get("models"):
        about["models"] = LOOK_ALIKES
    return DataFolder(source, content.preparation, about, None, Path(data).name)


def hand_of(source: FrameSource, given: HandModel | None, network: Hoisdf) -> HandLayer:
    """Hand layer of the frames' poses and shapes.

    It needn't be the network's.

    Raises:
        ConfigError: it isn't known.
    """
    from hoisdf_model.data import ShardedFrames
    from hoisdf_model.hand import HandLayer, load_hand_model
    from hoisdf_model.synthesis import Stills

    shipped = load_hand_model()
    wanted = (given or shipped).hash
    if isinstance(source, Stills):
        wanted = source.library.hand_model
    elif isinstance(source, ShardedFrames):
        wanted = str(source.about.get("hand_model", wanted))
    if network.hand_layer.model.hash == wanted:
        return network.hand_layer
    for model in (given, shipped):
        if model is not None and model.hash == wanted:
            return HandLayer(model)
    raise ConfigError(f"the frames were drawn with another hand model ({wanted}): give it with --hand-model")
