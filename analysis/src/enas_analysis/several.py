# SPDX-License-Identifier: Apache-2.0
"""Several searches: seeds of a strategy together, strategies against each other on equal terms."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from .errors import AnalysisError
from .run import Run
from .statistics import Floats, best_so_far, difference_p_value, mean_and_sd

# What may differ between runs that are compared.
FREE_KEYS = {"run.seed", "run.dir", "run.log_interval_s", "search.strategy"}


@dataclass(frozen=True)
class Group:
    """The runs of one strategy."""

    strategy: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Row:
    """One strategy in the table: a mean and a sample standard deviation over n runs."""

    strategy: str
    n: int
    seeds: str
    best: tuple[float, float]
    last_mean: tuple[float, float]
    rank_hours: tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """p values of the differences of two strategies' means."""

    first: str
    second: str
    best: float
    last_mean: float


def groups_of(runs: list[Run]) -> list[Group]:
    """By strategy, in the order of the command line. All must search one space by one metric."""
    for run in runs:
        if not run.is_search:
            raise AnalysisError(f"{run.path} is a training, and cannot be compared with searches")
        if (run.space, run.metric) != (runs[0].space, runs[0].metric):
            raise AnalysisError(f"{run.path} searches {run.space} by {run.metric}, but {runs[0].path} searches "
                                f"{runs[0].space} by {runs[0].metric}: they have no common axes")
        if run.rounds.empty:
            raise AnalysisError(f"{run.path} has not finished a round yet")
    folders = [run.path.resolve() for run in runs]
    for folder in folders:
        if folders.count(folder) > 1:
            raise AnalysisError(f"{folder} is given more than once: it would count as several seeds")
    for a, b in combinations(runs, 2):
        if is_same_search(a, b):
            raise AnalysisError(f"{a.path} and {b.path} are the same search (seed {a.seed}, {a.strategy}): they would "
                                "count as two seeds")
    strategies = dict.fromkeys(run.strategy for run in runs)
    return [Group(s, tuple(run for run in runs if run.strategy == s)) for s in strategies]


def is_same_search(a: Run, b: Run) -> bool:
    """Whether the two repeat each other: strategy, seed and all that may not differ between compared runs."""
    return (a.strategy, a.seed) == (b.strategy, b.seed) and not different_keys([a, b])


def curves(run: Run) -> tuple[Floats, Floats, Floats, Floats]:
    """Children sampled, rank-hours, best so far, mean of a round: one value a round."""
    best = best_so_far(run.rounds["best_metric"], run.higher_is_better)
    return (run.sampled.astype(float), run.rank_hours, best, run.rounds["mean_metric"].to_numpy(dtype=float))


def equal_budget(runs: list[Run]) -> int:
    """The number of sampled children that every run reached."""
    return int(min(run.sampled[-1] for run in runs))


def at_budget(run: Run, budget: int) -> tuple[float, float, float]:
    """Best so far, mean of the round and rank-hours at the last round within the budget."""
    samples, hours, best, mean = curves(run)
    place = int(np.searchsorted(samples, budget, side="right")) - 1
    if place < 0:
        raise AnalysisError(f"{run.path} ended its first round after {int(samples[0])} children, "
                            f"more than another run sampled at all ({budget})")
    return float(best[place]), float(mean[place]), float(hours[place])


def table(groups: list[Group]) -> tuple[int, list[Row], list[Difference]]:
    """The budget, a row for each strategy, and the p value of each pair of strategies."""
    budget = equal_budget([run for group in groups for run in group.runs])
    values = {g.strategy: np.array([at_budget(run, budget) for run in g.runs]) for g in groups}
    rows = [Row(g.strategy, len(g.runs), ", ".join(str(run.seed) for run in g.runs),
                *(mean_and_sd(values[g.strategy][:, column]) for column in range(3))) for g in groups]
    differences = [Difference(a.strategy, b.strategy,
                              difference_p_value(values[a.strategy][:, 0], values[b.strategy][:, 0]),
                              difference_p_value(values[a.strategy][:, 1], values[b.strategy][:, 1]))
                   for a, b in combinations(groups, 2)]
    return budget, rows, differences


def flat(config: dict[str, Any], above: str = "") -> dict[str, Any]:
    """The configuration with keys like weights.slots."""
    keys: dict[str, Any] = {}
    for key, value in config.items():
        keys |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return keys


def different_keys(runs: list[Run]) -> dict[str, list[Any]]:
    """Keys whose values differ between the runs, other than those that should; None where a run has none."""
    configs = [flat(run.config) for run in runs]
    names = dict.fromkeys(key for config in configs for key in config)
    values = {name: [config.get(name) for config in configs] for name in names if name not in FREE_KEYS}
    return {name: found for name, found in values.items() if any(v != found[0] for v in found)}
