# SPDX-License-Identifier: Apache-2.0
"""Strategies on a table of cells over many seeds.

A sample is a child that was scored for a reward. The simple regret after n samples is the lowest perplexity among
them, less the lowest of the table.
"""
from __future__ import annotations

import os
import subprocess
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .cell_table import read_cell_table
from .errors import AnalysisError, DamagedFileError
from .run import Run
from .statistics import Floats, best_so_far, mean_and_sd
from .tables import LogReader

COLUMNS = ["strategy", "seed", "sample", "regret"]


@dataclass(frozen=True)
class Program:
    """How enas_hpc is started: its name or path, a configuration file, and settings as key=value."""

    name: str
    config: Path
    settings: tuple[str, ...] = ()

    def search(self, strategy: str, seed: int, folder: Path) -> None:
        """Searches on one core, with the run directory `folder`."""
        settings = [word for setting in (f"search.strategy={strategy}", *self.settings) for word in ("--set", setting)]
        done = subprocess.run([self.name, "--config", self.config, "--seed", str(seed), "--run-dir", folder, *settings],
                              env={**os.environ, "OMP_NUM_THREADS": "1"}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            raise AnalysisError(f"{self.name} with the strategy {strategy} and seed {seed} ended with exit code "
                                f"{done.returncode}: {done.stderr.strip() or 'it said nothing'}")


def regrets(program: Program, strategies: Sequence[str], seeds: Sequence[int], jobs: int) -> dict[str, Floats]:
    """Of each strategy the simple regret [seed, sample]. Runs `jobs` searches at a time."""
    lowest = lowest_perplexity(program.config)

    def best_of(strategy: str, seed: int) -> Floats:
        return best_so_far(sample_perplexities(program, strategy, seed), higher_is_better=False)

    found = {}
    with ThreadPoolExecutor(jobs) as pool:
        for strategy in strategies:
            best = list(pool.map(lambda seed, strategy=strategy: best_of(strategy, seed), seeds))
            found[strategy] = np.array(best) - lowest
    return found


def lowest_perplexity(config: Path) -> float:
    """Of the table that the configuration names."""
    try:
        table = tomllib.loads(config.read_text("utf-8"))["evaluation"]["table"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{config} is no TOML: {error}") from None
    except (KeyError, TypeError):
        raise AnalysisError(f"{config} has no key evaluation.table: regret is known only where a table has the score "
                            "of every cell") from None
    return min(read_cell_table(Path(str(table))).values())


def sample_perplexities(program: Program, strategy: str, seed: int) -> Floats:
    """Of a search's samples, in their order."""
    with tempfile.TemporaryDirectory(prefix="enas-regret-") as top:
        folder = Path(top) / "run"
        program.search(strategy, seed, folder)
        children = Run(folder, LogReader(folder / "log", ("children",)).read()).children
    samples = children.loc[children["source"] == "rollout", "metric"]
    if samples.empty:
        raise AnalysisError(f"the strategy {strategy} with seed {seed} scored no children for a reward")
    return samples.to_numpy(dtype=float)


def is_best(regret: Floats) -> NDArray[np.bool_]:
    """Zero, but for the rounding of exp() in two libraries."""
    return np.asarray(regret < 1e-9)


def improvements(regrets: dict[str, Floats], seeds: Sequence[int]) -> pd.DataFrame:
    """A row for each sample that was better than all before it; the first sample of a search is."""
    rows = []
    for strategy, searches in regrets.items():
        for seed, search in zip(seeds, searches, strict=True):
            better = np.flatnonzero(np.diff(search, prepend=np.inf))
            rows += [(strategy, seed, int(place) + 1, float(search[place])) for place in better]
    return pd.DataFrame(rows, columns=COLUMNS)


def in_lines(regrets: dict[str, Floats]) -> list[str]:
    """A line for each strategy, with a head: the regret after the last sample as mean and standard deviation."""
    lines = ["strategy    runs  samples         final regret   median  found the best"]
    for strategy, searches in regrets.items():
        final = searches[:, -1]
        mean, sd = mean_and_sd(final)
        spread = f"{mean:.4f} ± {sd:.4f}"
        lines.append(f"{strategy:10} {len(searches):5} {searches.shape[1]:8} {spread:>20} {np.median(final):8.4f}"
                     f" {is_best(final).sum():15}")
    return lines
