# SPDX-License-Identifier: Apache-2.0
"""Two runs side by side: configuration, results, and the first rows in which their logs differ."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import AnalysisError
from .run import Run
from .several import flat


@dataclass(frozen=True)
class TableDifference:
    """How two tables of one name differ, clocks left out."""

    table: str
    rows: tuple[int, int]
    columns: tuple[str, ...]  # that differ within the rows which both have
    step: int | None  # of the first row that differs

    @property
    def same(self) -> bool:
        return self.rows[0] == self.rows[1] and not self.columns


@dataclass(frozen=True)
class Comparison:
    keys: dict[str, tuple[Any, Any]]
    attributes: dict[str, tuple[Any, Any]]
    tables: list[TableDifference]

    @property
    def same_log(self) -> bool:
        return all(table.same for table in self.tables)


def compare(a: Run, b: Run) -> Comparison:
    if a.is_search != b.is_search:
        raise AnalysisError(f"{a.path} is a {a.kind} and {b.path} is a {b.kind}: they have no common tables")
    first, second = flat(a.config), flat(b.config)
    keys = {key: (first.get(key), second.get(key)) for key in dict.fromkeys([*first, *second])
            if first.get(key) != second.get(key)}
    names = ("format_version", "program_version", "git_revision", "space", "metric", "architecture")
    attributes = {name: (a.log.attributes.get(name), b.log.attributes.get(name)) for name in names
                  if a.log.attributes.get(name) != b.log.attributes.get(name)}
    return Comparison(keys, attributes, [compare_tables(a, b, name) for name in a.log.tables])


def compare_tables(a: Run, b: Run, name: str) -> TableDifference:
    """To the bit; NaN equals NaN."""
    one, two = a.table(name), b.table(name)
    common = min(len(one), len(two))
    columns, first = [], common
    for column in dict.fromkeys([*one.columns, *two.columns]):
        if f"{name}/{column}" in a.log.clocks | b.log.clocks:
            continue
        if column not in one or column not in two:
            columns.append(column)
            first = 0
            continue
        different = different_rows(one[column].to_numpy()[:common], two[column].to_numpy()[:common])
        if different.size:
            columns.append(column)
            first = min(first, int(different[0]))
    step = int(one["step"].iloc[first]) if columns and first < len(one) else None
    return TableDifference(name, (len(one), len(two)), tuple(columns), step)


def different_rows(x: Any, y: Any) -> Any:
    """Places where two columns differ."""
    if x.dtype.kind == "f" and y.dtype.kind == "f":
        return np.flatnonzero((x != y) & ~(np.isnan(x) & np.isnan(y)))
    return np.flatnonzero(np.array([p != q for p, q in zip(x, y, strict=True)], dtype=bool))


def in_lines(a: Run, b: Run, found: Comparison) -> list[str]:
    """The comparison as text."""
    lines = []
    for title, pairs in (("configuration", found.keys), ("versions and task", found.attributes)):
        lines.append(f"{title}: " + ("the same" if not pairs else f"{len(pairs)} different"))
        lines += [f"  {key}: {shown(x)} | {shown(y)}" for key, (x, y) in pairs.items()]
    best = [run.best.metric if run.best else float("nan") for run in (a, b)]
    lines.append(f"best {a.metric}: {best[0]:.6g} | {best[1]:.6g}")
    lines.append(f"steps: {a.log.end_step} | {b.log.end_step}")
    for table in found.tables:
        if table.same:
            lines.append(f"{table.table}: the same {table.rows[0]} rows")
            continue
        parts = [] if table.rows[0] == table.rows[1] else [f"{table.rows[0]} | {table.rows[1]} rows"]
        if table.columns:
            parts.append(f"differs from step {table.step} on in {', '.join(table.columns[:6])}"
                         + (" and others" if len(table.columns) > 6 else ""))
        lines.append(f"{table.table}: " + "; ".join(parts))
    lines.append("logs are the same but for clocks" if found.same_log else "logs differ")
    return lines


def shown(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
