"""Ablations: the paper's tables of design choices.

Configurations that are trained, evaluated and compared.
"""

from hoisdf_model.ablations.chart import chart_png
from hoisdf_model.ablations.pace import steps_in
from hoisdf_model.ablations.plan import Plan, typed_changes
from hoisdf_model.ablations.results import RowResult, remark, results_of, rich_table, write_results
from hoisdf_model.ablations.run import Ablation, HeldOutFrames
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
