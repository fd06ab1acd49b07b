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

"""Ablations: the paper's tables of design choices.

Configurations that are trained, evaluated and compared.
"""

from hoisdf_model.ablations.chart import chart_png
from hoisdf_model.ablations.pace import steps_in
from hoisdf_model.ablations.plan import Plan, typed_changes
from hoisdf_model.ablations.results import RowResult, remark, results_of, rich_table, write_results
from hoisdf_model.ablations.row_runs import Ablation, HeldOutFrames
from hoisdf_model.ablations.table import AblationRow, AblationTable, base_recipe, load_table, table_names

__all__ = [
    "Ablation",
    "AblationRow",
    "AblationTable",
    "HeldOutFrames",
    "Plan",
    "RowResult",
    "base_recipe",
    "chart_png",
    "load_table",
    "remark",
    "results_of",
    "rich_table",
    "steps_in",
    "table_names",
    "typed_changes",
    "write_results",
]
