# SPDX-License-Identifier: Apache-2.0
"""A run directory: tables, configuration, best child."""
from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .architecture import Architecture, Network, TokenReader, read_architecture
from .encoding import visible
from .errors import AnalysisError, DamagedFileError, MissingFileError
from .history import Start, ranks_at, read_starts, round_seconds
from .json_file import read_object, read_test
from .tables import SEARCH_LOG, Log, read_log


@dataclass(frozen=True)
class Best:
    """The best child of a search, by shared weights; or the best epoch of a training."""

    metric: float
    step: int
    network: Network


class Run:
    """A search or a training. Reads what is closed, so it may be read while it is going on.

    Tables of a search: weight_steps, controller_steps, children, rounds, events.
    Tables of a training: training_steps, epochs, events.
    A log that was read already can be given.
    """

    def __init__(self, path: str | Path, log: Log | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise MissingFileError(f"{self.path} is not there or is no folder: a run directory is wanted")
        self.log = read_log(self.path / "log") if log is None else log
        self.is_search = self.log.attributes["format"] == SEARCH_LOG

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}: {self.kind} in {self.space}, {self.log.end_step} steps)"

    @property
    def scored(self) -> str:
        """How a search's children are scored."""
        is_table = self.config["search"].get("evaluation") == "table"
        return "trained alone, looked up in a table" if is_table else "with shared weights"

    @property
    def kind(self) -> str:
        return "search" if self.is_search else "training"

    @property
    def name(self) -> str:
        """The folder's name, for legends."""
        return visible(self.path.resolve().name)

    def table(self, name: str) -> pd.DataFrame:
        """A table of the log by its name."""
        if name not in self.log.tables:
            raise AnalysisError(
                f"{self.path} is a {self.kind}: it has no {name}, but {', '.join(self.log.tables)}")
        return self.log.tables[name]

    @property
    def weight_steps(self) -> pd.DataFrame:
        return self.table("weight_steps")

    @property
    def controller_steps(self) -> pd.DataFrame:
        return self.table("controller_steps")

    @property
    def children(self) -> pd.DataFrame:
        return self.table("children")

    @property
    def rounds(self) -> pd.DataFrame:
        return self.table("rounds")

    @property
    def events(self) -> pd.DataFrame:
        return self.table("events")

    @property
    def training_steps(self) -> pd.DataFrame:
        return self.table("training_steps")

    @property
    def epochs(self) -> pd.DataFrame:
        return self.table("epochs")

    @cached_property
    def config(self) -> dict[str, Any]:
        """Every key with the value in force at the newest part of the log."""
        return tomllib.loads(self.log.attributes["configuration"])

    @cached_property
    def status(self) -> dict[str, Any]:
        """status.json; empty when it is not there."""
        try:
            return read_object(self.path / "status.json")
        except MissingFileError:
            return {}

    @property
    def metric(self) -> str:
        return str(self.log.attributes["metric"])

    @property
    def higher_is_better(self) -> bool:
        return bool(self.log.attributes["higher_is_better"])

    @property
    def loss_unit(self) -> str:
        return self.log.units["weight_steps/loss" if self.is_search else "training_steps/loss"]

    @property
    def space(self) -> str:
        """recurrent/12, macro/4, micro/7: kind and size."""
        if self.is_search:
            return str(self.log.attributes["space"])
        return str(json.loads(self.log.attributes["architecture"])["space"])

    @property
    def strategy(self) -> str:
        return str(self.config["search"]["strategy"])

    @property
    def seed(self) -> int:
        return int(self.config["run"]["seed"])

    @property
    def options(self) -> list[str]:
        """Functions or operations, in the order of their tokens."""
        return self.log.options

    @cached_property
    def tokens(self) -> TokenReader:
        """Makes networks of the column tokens."""
        return TokenReader(self.log.decisions, self.log.options)

    @cached_property
    def starts(self) -> list[Start]:
        """Each start of a job that worked on the run; the first is the run's beginning."""
        ranks = self.status.get("ranks", 1)
        if not isinstance(ranks, int) or ranks < 1:
            raise DamagedFileError(f"{self.path / 'status.json'}: ranks is {ranks!r}, must be a number from 1 on")
        return read_starts(self.path / "run.log", ranks)

    @property
    def restarts(self) -> list[int]:
        """The steps at which the run was resumed."""
        return [start.step for start in self.starts if 0 < start.step <= self.log.end_step]

    @cached_property
    def rank_hours(self) -> NDArray[np.float64]:
        """Rank-hours spent up to the end of each round."""
        seconds = round_seconds(self.rounds, [self.weight_steps, self.controller_steps])
        last_steps = self.rounds["step"].to_numpy(dtype=np.int64) - 1
        return np.asarray(np.cumsum(seconds * ranks_at(self.starts, last_steps)) / 3600.0)

    @cached_property
    def sampled(self) -> NDArray[np.int64]:
        """Children sampled up to the end of each round: trained, scored for a reward, and validated."""
        # By rounds: the first children of a round carry the same step as the validated ones before them.
        rounds = np.sort(self.children["round"].to_numpy())
        return np.searchsorted(rounds, self.rounds["round"].to_numpy(), side="right").astype(np.int64)

    @cached_property
    def best(self) -> Best | None:
        """The best child among the validated ones of all rounds that the log holds; None before the first."""
        if not self.is_search:
            return self._best_epoch()
        scored = self.validated
        if scored.empty:
            return None
        place = scored["metric"].idxmax() if self.higher_is_better else scored["metric"].idxmin()
        row = scored.loc[place]
        return Best(float(row["metric"]), int(row["step"]), self.tokens.network(row["tokens"]))

    @property
    def validated(self) -> pd.DataFrame:
        """The children that were scored at the end of a round, without those that were not finite."""
        children = self.children
        return children[(children["source"] == "validation") & (children["finite"] == 1) & children["metric"].notna()]

    @cached_property
    def architecture(self) -> Architecture:
        """What a training trains."""
        return read_architecture(self.path / "architecture.json")

    @cached_property
    def test(self) -> dict[str, Any]:
        """`metrics` of test.json, which `enas_hpc evaluate` writes; empty before."""
        try:
            return read_test(self.path / "test.json")
        except MissingFileError:
            return {}

    def _best_epoch(self) -> Best | None:
        metric = self.epochs["validation_metric"].dropna()
        if metric.empty:
            return None
        row = self.epochs.loc[metric.idxmax() if self.higher_is_better else metric.idxmin()]
        return Best(float(row["validation_metric"]), int(row["step"]), self.architecture.network)
