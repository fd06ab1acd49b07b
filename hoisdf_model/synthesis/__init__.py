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

"""Synthetic data: rendered hands that grasp objects, with full ground truth."""

from hoisdf_model.objects import find_object
from hoisdf_model.synthesis.benchmark import (
    BenchmarkStills,
    benchmark_sequences,
    benchmark_studio,
    drawn_from_benchmark,
)
from hoisdf_model.synthesis.grasps.library import (
    GraspLibrary,
    LibraryReport,
    LibrarySettings,
    build_library,
    load_library,
)
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.grasps.table_grasps import Grasp, GraspSampler
from hoisdf_model.synthesis.plays.filming import CAMERA, Shot, Studio, truth
from hoisdf_model.synthesis.plays.recording import (
    SAMPLE_OBJECTS,
    BagReport,
    BagSettings,
    labelled,
    prepare,
    record_bag,
    write_picture,
    write_sheet,
)
from hoisdf_model.synthesis.plays.sequences import Sequence, plan_sequence
from hoisdf_model.synthesis.render.appearance import PLAIN, Appearance
from hoisdf_model.synthesis.render.fineness import FULL, Fineness
from hoisdf_model.synthesis.render.grasp_sheet import grasp_sheet, telling_grasps
from hoisdf_model.synthesis.render.portraits import portrait
from hoisdf_model.synthesis.render.renderer import Drawable, Lighting, Material, Picture, Renderer
from hoisdf_model.synthesis.render.surfaces import HAND
from hoisdf_model.synthesis.splits import SPLITS, Split
from hoisdf_model.synthesis.stills.dataset import DatasetReport, sheet_tile, write_dataset
from hoisdf_model.synthesis.stills.labels_only import LabelOnlyStills
from hoisdf_model.synthesis.stills.scenes import SceneSettings
from hoisdf_model.synthesis.stills.source import Stills, StillSettings
from hoisdf_model.synthesis.stills.still import Still

__all__ = [
    "CAMERA",
    "FULL",
    "HAND",
    "PLAIN",
    "SAMPLE_OBJECTS",
    "SPLITS",
    "Appearance",
    "BagReport",
    "BagSettings",
    "BenchmarkStills",
    "DatasetReport",
    "Drawable",
    "Fineness",
    "Grasp",
    "GraspLibrary",
    "GraspSampler",
    "LabelOnlyStills",
    "LibraryReport",
    "LibrarySettings",
    "Lighting",
    "Material",
    "Picture",
    "PosableHand",
    "Renderer",
    "SceneSettings",
    "Sequence",
    "Shot",
    "Split",
    "Still",
    "StillSettings",
    "Stills",
    "Studio",
    "benchmark_sequences",
    "benchmark_studio",
    "build_library",
    "drawn_from_benchmark",
    "find_object",
    "grasp_sheet",
    "labelled",
    "load_library",
    "plan_sequence",
    "portrait",
    "prepare",
    "record_bag",
    "sheet_tile",
    "telling_grasps",
    "truth",
    "write_dataset",
    "write_picture",
    "write_sheet",
]
