# SPDX-License-Identifier: Apache-2.0
"""The log of a run as pandas tables: all closed parts, in order."""
from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from .errors import CutFileError, DamagedFileError, MissingFileError
from .sealed import open_sealed, text_of

SEARCH_LOG, TRAINING_LOG = "enas_hpc log", "enas_hpc training log"
SEARCH_TABLES = ("weight_steps", "controller_steps", "children", "rounds", "events")
TRAINING_TABLES = ("training_steps", "epochs", "events")
PART = re.compile(r"part-(\d+)-(\d+)\.h5")


@dataclass
class Log:
    """What the parts hold together."""

    attributes: dict[str, Any] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)  # "table/column": unit
    clocks: set[str] = field(default_factory=set)  # "table/column" that hold times
    end_step: int = 0


def part_steps(path: Path) -> tuple[int, int] | None:
    """First and end step by the name of a log part; None for other files, *.stale and temporary ones included."""
    match = PART.fullmatch(path.name)
    return (int(match[1]), int(match[2])) if match else None


def log_parts(folder: Path) -> list[Path]:
    """The closed log parts of a run, in the order of steps."""
    if not folder.is_dir():
        raise MissingFileError(f"{folder} is not there: a run directory of enas_hpc has a folder log")
    return sorted(path for path in folder.iterdir() if part_steps(path))


def read_log(folder: Path) -> Log:
    """Reads up to the first part that is missing or cut short, and warns when there is one."""
    log, pieces = Log(), dict[str, list[pd.DataFrame]]()
    parts = log_parts(folder)
    if not parts:
        raise MissingFileError(f"{folder} holds no closed part yet: the first comes with the first checkpoint")
    for path in parts:
        first, end = part_steps(path) or (0, 0)
        if first != log.end_step:
            if first < log.end_step:
                raise DamagedFileError(f"{path} overlaps the part before it, which ends at step {log.end_step}")
            if not pieces:
                raise MissingFileError(f"{folder}: the part from step 0 is missing, and without it nothing can be read")
            warnings.warn(
                f"{folder}: the part from step {log.end_step} is missing; "
                f"{path.name} and what is later is left out", stacklevel=3)
            break
        try:
            read_part(path, log, pieces)
        except CutFileError as error:
            if not pieces:
                raise
            warnings.warn(f"{error}. It and what is later is left out", stacklevel=3)
            break
        log.end_step = end
    log.tables = {name: pd.concat(rows, ignore_index=True) for name, rows in pieces.items()}
    return log


def read_part(path: Path, log: Log, pieces: dict[str, list[pd.DataFrame]]) -> None:
    """Appends the rows of one part."""
    with open_sealed(path, SEARCH_LOG, TRAINING_LOG) as file:
        attributes = {name: plain(value) for name, value in file.attrs.items()}
        names = SEARCH_TABLES if attributes["format"] == SEARCH_LOG else TRAINING_TABLES
        if log.attributes and attributes["format"] != log.attributes["format"]:
            raise DamagedFileError(f"{path} is a part of another kind of run than the parts before it")
        log.attributes = attributes
        log.options, log.decisions = strings(file, "options"), strings(file, "decisions")
        for name in names:
            if name not in file:
                raise DamagedFileError(f"{path} has no table {name}")
            pieces.setdefault(name, []).append(read_table(file, name, log))


def read_table(file: Any, name: str, log: Log) -> pd.DataFrame:
    """One table. A row of whole numbers becomes a tuple; a row of reals one column an entry."""
    columns: dict[str, Any] = {}
    for column, dataset in file[name].items():
        key = f"{name}/{column}"
        log.units[key] = text_of(dataset.attrs.get("unit", "1"))
        if int(dataset.attrs.get("clock", 0)):
            log.clocks.add(key)
        values = dataset[:]
        if values.ndim == 1:
            columns[column] = [text_of(v) for v in values] if values.dtype.kind in "OS" else values
        elif values.dtype.kind == "i":
            columns[column] = [tuple(int(v) for v in row) for row in values]
        else:
            for i, entry in enumerate(log.options if column == "option_histogram" else log.decisions):
                columns[f"{column}.{entry}"] = values[:, i]
    leading = [column for column in ("round", "epoch", "step") if column in columns]
    return pd.DataFrame(columns)[leading + [column for column in columns if column not in leading]]


def strings(file: Any, name: str) -> list[str]:
    """A dataset of texts; empty when it is not there."""
    return [text_of(value) for value in file[name][:]] if name in file else []


def plain(value: Any) -> Any:
    """An attribute as int, float or str."""
    return text_of(value) if isinstance(value, bytes | str) else value.item()
