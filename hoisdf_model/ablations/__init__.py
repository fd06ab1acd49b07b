"""Ablations: the paper's tables of design choices as configurations that train, evaluate and stand side by side."""

from hoisdf_model.ablations.table import AblationRow, AblationTable, base_recipe, load_table, table_names

__all__ = ["AblationRow", "AblationTable", "base_recipe", "load_table", "table_names"]
