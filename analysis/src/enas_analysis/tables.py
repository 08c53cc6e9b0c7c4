# SPDX-License-Identifier: Apache-2.0
"""The log of a run as pandas tables: all closed parts, in order."""
from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
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
    return LogReader(folder).read()


@dataclass(frozen=True, eq=False)
class Part:
    """What one closed part holds."""

    attributes: dict[str, Any]
    options: list[str]
    decisions: list[str]
    tables: dict[str, pd.DataFrame]
    units: dict[str, str]
    clocks: set[str]


class LogReader:
    """Reads the log of a run that goes on. A part is read once, for as long as its file stays the same."""

    def __init__(self, folder: Path, only: Sequence[str] = ()) -> None:
        """With `only`, no other tables than these."""
        self._folder, self._only = folder, only
        self._known: dict[tuple[Path, tuple[int, ...]], Part] = {}  # by path and identity of the file
        self._joined: list[Part] = []
        self._tables: dict[str, pd.DataFrame] = {}

    def read(self) -> Log:
        """The log as it is now, as read_log gives it."""
        parts, end_step = self._usable_parts()
        if self._joined != parts[:len(self._joined)]:  # the run was resumed from an older step
            self._joined, self._tables = [], {}
        pieces = [self._tables, *(part.tables for part in parts[len(self._joined):])]
        if len(pieces) > 1:
            self._tables = {name: pd.concat([tables[name] for tables in pieces if tables], ignore_index=True)
                            for name in pieces[-1]}
            self._joined = parts
        newest = parts[-1]
        return Log(newest.attributes, newest.options, newest.decisions, dict(self._tables),
                   {key: unit for part in parts for key, unit in part.units.items()},
                   {key for part in parts for key in part.clocks}, end_step)

    def _usable_parts(self) -> tuple[list[Part], int]:
        """The parts up to the first that is missing or cut short, and the step at which they end."""
        paths = log_parts(self._folder)
        if not paths:
            raise MissingFileError(
                f"{self._folder} holds no closed part: the first comes with the first checkpoint after a step "
                "of the run's own")
        parts: list[Part] = []
        keys = set()
        end_step = 0
        for path in paths:
            first, end = part_steps(path) or (0, 0)
            if first != end_step:
                if first < end_step:
                    raise DamagedFileError(f"{path} overlaps the part before it, which ends at step {end_step}")
                if not parts:
                    raise MissingFileError(
                        f"{self._folder}: the part from step 0 is missing, and without it nothing can be read")
                warnings.warn(f"{self._folder}: the part from step {end_step} is missing; "
                              f"{path.name} and what is later is left out", stacklevel=4)
                break
            try:
                key = path, identity(path)
                part = self._known.get(key) or read_part(path, self._only)
            except CutFileError as error:
                if not parts:
                    raise
                warnings.warn(f"{error}. It and what is later is left out", stacklevel=4)
                break
            if parts and part.attributes["format"] != parts[-1].attributes["format"]:
                raise DamagedFileError(f"{path} is a part of another kind of run than the parts before it")
            self._known[key] = part
            keys.add(key)
            parts.append(part)
            end_step = end
        self._known = {key: self._known[key] for key in keys}
        return parts, end_step


def identity(path: Path) -> tuple[int, ...]:
    """Differs when a file was replaced or written again."""
    try:
        found = path.stat()
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read: {error.strerror}") from None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_part(path: Path, only: Sequence[str] = ()) -> Part:
    """The tables of one part, or those that are named."""
    with open_sealed(path, SEARCH_LOG, TRAINING_LOG) as file:
        attributes = {name: plain(value) for name, value in file.attrs.items()}
        inside = attributes.get("first_step"), attributes.get("end_step")
        if inside != part_steps(path):
            raise DamagedFileError(f"{path} holds steps {inside[0]} to {inside[1]}, which its name does not say")
        log = Log(options=strings(file, "options"), decisions=strings(file, "decisions"))
        tables = {}
        for name in SEARCH_TABLES if attributes["format"] == SEARCH_LOG else TRAINING_TABLES:
            if name not in file:
                raise DamagedFileError(f"{path} has no table {name}")
            if not only or name in only:
                tables[name] = read_table(file, name, log)
    return Part(attributes, log.options, log.decisions, tables, log.units, log.clocks)


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
