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

"""Evaluation of estimates: metrics, protocols, baselines, tables, files and pictures."""

from hoisdf_model.evaluation.metrics.frame_errors import (
    METRICS,
    Hands,
    Metric,
    Model,
    ObjectPoses,
    hand_errors,
    object_errors,
)
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.reports.comparison import Difference, compare
from hoisdf_model.evaluation.reports.curves import bars, curves, png
from hoisdf_model.evaluation.reports.descriptions import columns_of, digest_of, name_of, title_of
from hoisdf_model.evaluation.reports.evaluation_report import Content, write_report
from hoisdf_model.evaluation.reports.frame_pictures import best_median_worst, sheet
from hoisdf_model.evaluation.reports.published import PublishedTable, published_tables
from hoisdf_model.evaluation.reports.result_files import Finished, finished_stream, write_results
from hoisdf_model.evaluation.reports.summary import Figure, Summary, groups_of, methods_of, summarise
from hoisdf_model.evaluation.reports.tables import (
    SHOWN,
    comparison_table,
    object_groups,
    summary_table,
    write_csv,
)
from hoisdf_model.evaluation.runs.estimate_errors import EstimateErrors, FrameComparison, HandComparison
from hoisdf_model.evaluation.runs.extra_metrics import Interaction, SampledPoints
from hoisdf_model.evaluation.runs.field_quality import FieldQuality
from hoisdf_model.evaluation.runs.frame_run import Contender, evaluate
from hoisdf_model.evaluation.runs.loading import preparation_for
from hoisdf_model.evaluation.runs.mean_pose_baseline import MeanPose, mean_pose_of, read_mean_pose, write_mean_pose
from hoisdf_model.evaluation.runs.methods import LiveProtocol, MeanHandAndObject, PaperProtocol, untrained_like
from hoisdf_model.evaluation.runs.online import OnlineEvaluation, OnlineFigures
from hoisdf_model.evaluation.runs.records import Record, RecordFile, Result, read_about, read_records
from hoisdf_model.evaluation.runs.stamp_pairs import StampPairs
from hoisdf_model.evaluation.runs.tracked_frames import TrackedFrames
from hoisdf_model.evaluation.runs.truth import KnownTruth

__all__ = [
    "METRICS",
    "SHOWN",
    "Contender",
    "Content",
    "Difference",
    "EstimateErrors",
    "FieldQuality",
    "Figure",
    "Finished",
    "FrameComparison",
    "HandComparison",
    "Hands",
    "Interaction",
    "KnownTruth",
    "LiveProtocol",
    "MeanHandAndObject",
    "MeanPose",
    "Metric",
    "Model",
    "Models",
    "ObjectPoses",
    "OnlineEvaluation",
    "OnlineFigures",
    "PaperProtocol",
    "PublishedTable",
    "Record",
    "RecordFile",
    "Result",
    "SampledPoints",
    "StampPairs",
    "Summary",
    "TrackedFrames",
    "bars",
    "best_median_worst",
    "columns_of",
    "compare",
    "comparison_table",
    "curves",
    "digest_of",
    "evaluate",
    "finished_stream",
    "groups_of",
    "hand_errors",
    "mean_pose_of",
    "methods_of",
    "name_of",
    "object_errors",
    "object_groups",
    "png",
    "preparation_for",
    "published_tables",
    "read_about",
    "read_mean_pose",
    "read_records",
    "sheet",
    "summarise",
    "summary_table",
    "title_of",
    "untrained_like",
    "write_csv",
    "write_mean_pose",
    "write_report",
    "write_results",
]
