"""What was published, to stand beside own figures; ``assets/published.yaml`` says where each number comes from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from hoisdf_model.evaluation.frame_errors import METRICS

ASSET = "published.yaml"
OWN_FIRST = "DexYCB"  # its table has the five metrics of the object and the hand together


@dataclass(frozen=True)
class PublishedTable:
    """One table.

    Attributes:
        title: the data set. source: where it stands.
        metrics: our names of its columns; all in millimetres.
        rows: method (or object) -> values, None where there is none.
    """

    title: str
    source: str
    metrics: tuple[str, ...]
    rows: dict[str, tuple[float | None, ...]]


@cache
def published_tables() -> tuple[PublishedTable, ...]:
    """All tables that come with the package."""
    content = yaml.safe_load((resources.files("hoisdf_model") / "assets" / ASSET).read_text())
    paper = content["source"]
    tables = []
    for table in content["tables"]:
        metrics = tuple(table["metrics"])
        rows = {row["method"]: tuple(row["values"]) for row in table["rows"]}
        assert all(metric in METRICS for metric in metrics)
        assert all(len(values) == len(metrics) for values in rows.values())
        tables.append(PublishedTable(table["title"], f"{paper}, {table['source']}", metrics, rows))
    return tuple(tables)
