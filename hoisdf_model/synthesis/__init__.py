"""A synthetic world: hands that grasp objects, rendered with everything that there is to know about each frame."""

from hoisdf_model.synthesis.appearance import PLAIN, Appearance
from hoisdf_model.synthesis.benchmark import (
    BenchmarkStills,
    benchmark_sequences,
    benchmark_studio,
    drawn_from_benchmark,
)
from hoisdf_model.synthesis.dataset import DatasetReport, sheet_tile, write_dataset
from hoisdf_model.synthesis.filming import CAMERA, HAND, Shot, Studio, truth
from hoisdf_model.synthesis.fineness import FULL, Fineness
from hoisdf_model.synthesis.grasp_sheet import grasp_sheet, telling_grasps
from hoisdf_model.synthesis.grasps import Grasp, GraspSampler
from hoisdf_model.synthesis.library import (
    GraspLibrary,
    LibraryReport,
    LibrarySettings,
    build_library,
    find_object,
    load_library,
)
from hoisdf_model.synthesis.portraits import portrait
from hoisdf_model.synthesis.posing import PosableHand
from hoisdf_model.synthesis.recording import (
    SAMPLE_OBJECTS,
    BagReport,
    BagSettings,
    labelled,
    prepare,
    record_bag,
    write_picture,
    write_sheet,
)
from hoisdf_model.synthesis.renderer import Drawable, Lighting, Material, Picture, Renderer
from hoisdf_model.synthesis.sequences import Sequence, plan_sequence
from hoisdf_model.synthesis.splits import SPLITS, Split
from hoisdf_model.synthesis.staging import StageSettings
from hoisdf_model.synthesis.still_source import Stills, StillSettings
from hoisdf_model.synthesis.stills import Still
from hoisdf_model.synthesis.undrawn import UndrawnStills

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
    "LibraryReport",
    "LibrarySettings",
    "Lighting",
    "Material",
    "Picture",
    "PosableHand",
    "Renderer",
    "Sequence",
    "Shot",
    "Split",
    "StageSettings",
    "Still",
    "StillSettings",
    "Stills",
    "Studio",
    "UndrawnStills",
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
