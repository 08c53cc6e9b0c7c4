# SPDX-License-Identifier: Apache-2.0
"""The tables of a run for other programs: CSV files and TensorBoard's event files."""
from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .output import write_files
from .run import Run
from .tensorboard import EventWriter

SCALAR_TABLES = ("weight_steps", "controller_steps", "rounds", "training_steps", "epochs")
COUNTERS = ("step", "round", "epoch")


def to_csv(run: Run, folder: Path) -> list[Path]:
    """A file for each table, named like it; reals with all their digits, tokens separated by blanks."""
    files = {}
    for name, table in run.log.tables.items():
        shown = table.copy()
        if "tokens" in shown:
            shown["tokens"] = [" ".join(map(str, row)) for row in shown["tokens"]]
        files[folder / f"{name}.csv"] = shown.to_csv(index=False).encode()
    write_files(files)
    return list(files)


def to_tensorboard(run: Run, folder: Path) -> Path:
    """All scalars by step. Clock times are the run's own, counted from its start."""
    begin = run.starts[0].time
    start = begin.timestamp() if begin else 0.0
    clock = step_times(run)
    too_large: dict[str, int] = {}
    with EventWriter(folder, start) as writer:
        for name in SCALAR_TABLES:
            if name in run.log.tables:
                too_large |= add_table(writer, name, run.log.tables[name], start, clock)
    if too_large:
        columns = ", ".join(f"{count} of {column}" for column, count in too_large.items())
        warnings.warn(f"values beyond the numbers of TensorBoard (float32) are left out: {columns}", stacklevel=2)
    return writer.path


def add_table(writer: EventWriter, name: str, table: pd.DataFrame, start: float,
              clock: NDArray[np.float64]) -> dict[str, int]:
    """Adds what is finite. Returns how many values of which columns are too large for an event file."""
    steps = table["step"].to_numpy(dtype=np.int64)
    too_large = {}
    for column in table:
        if column in COUNTERS or table[column].dtype.kind not in "if":
            continue
        values = table[column].to_numpy(dtype=float)
        with np.errstate(over="ignore"):
            fits = np.isfinite(values.astype(np.float32))
        for step, value in zip(steps[fits], values[fits], strict=True):
            seconds = float(clock[min(step, len(clock) - 1)])
            writer.add_scalar(f"{name}/{column}", float(value), int(step), start + seconds)
        if left_out := int(np.sum(np.isfinite(values) & ~fits)):
            too_large[f"{name}/{column}"] = left_out
    return too_large


def step_times(run: Run) -> NDArray[np.float64]:
    """Seconds of work before each step: what rank 0 spent on the steps (validation left out)."""
    seconds = np.zeros(run.log.end_step + 1)
    for name in ("weight_steps", "controller_steps", "training_steps"):
        if name in run.log.tables:
            table = run.log.tables[name]
            clocks = [c for c in table if c.endswith("_s") and c != "examples_per_s"]
            seconds[table["step"].to_numpy() + 1] = table[clocks].sum(axis=1)
    return np.asarray(np.cumsum(seconds))
