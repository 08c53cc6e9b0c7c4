# SPDX-License-Identifier: Apache-2.0
"""Do scores with shared weights order architectures as training each alone does?"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .architecture import Network, in_words, read_architecture
from .cell_table import read_cell_table
from .encoding import visible
from .errors import AnalysisError, MissingFileError
from .json_file import read_test
from .ranking import read_ranking
from .run import Run
from .statistics import Correlation, correlate, kendall_tau_b, rounded

# Differences below these are taken for noise in the sparse tau.
ROUND_TO = {"accuracy": 0.001, "perplexity": 1.0}
LEAST_FOR_INTERVAL = 6


@dataclass(frozen=True)
class Pairs:
    """Architectures with both scores: columns name, shared, alone, epochs, text."""

    metric: str
    higher_is_better: bool
    rows: pd.DataFrame


@dataclass(frozen=True)
class Verdict:
    """tau-b with its interval, and tau of scores that were rounded to `round_to`."""

    full: Correlation
    sparse: float
    round_to: float


def read_pairs(ranking: Path, trainings: list[Path]) -> Pairs:
    """Matches the architectures of a ranking with trainings of the same architectures.

    `ranking` is ranking.h5, a folder derived/ or a run directory that has one. Each of `trainings` is a
    training's run directory, or a folder that holds some; or it is one file, a table of cells that were all
    trained alone.
    """
    table = read_ranking(ranking_file(ranking))
    shared = {table.tokens.network(tokens): float(metric)
              for tokens, metric in zip(table.children["tokens"], table.children["metric"], strict=True)}
    rows, strangers = [], []
    for name, network, alone, epochs, metric in scores_alone(trainings):
        if metric != table.metric:
            raise AnalysisError(f"{name} was scored by {metric}, but the ranking by {table.metric}")
        if network not in shared:
            strangers.append(name)
            continue
        rows.append({"name": name, "shared": shared[network], "alone": alone, "epochs": epochs,
                     "text": in_words(network)})
    if len(rows) < 3:
        raise AnalysisError(f"{len(rows)} trainings of architectures in {ranking_file(ranking)} were found "
                            f"({len(strangers)} others); at least 3 are needed, 20 or more tell something")
    return Pairs(table.metric, table.higher_is_better, pd.DataFrame(rows))


def ranking_file(path: Path) -> Path:
    for candidate in (path, path / "ranking.h5", path / "derived" / "ranking.h5"):
        if candidate.is_file():
            return candidate
    raise MissingFileError(f"{path} is no ranking.h5 and holds none: `enas_hpc derive` writes RUN/derived/ranking.h5")


def training_folders(paths: list[Path]) -> list[Path]:
    """Folders with architecture.json and log, those given or those inside them."""
    found = []
    for path in paths:
        if not path.is_dir():
            raise MissingFileError(f"{path} is no folder: the run directory of a training is wanted")
        inside = [path, *sorted(child for child in path.iterdir() if child.is_dir())]
        here = [folder for folder in inside if (folder / "architecture.json").is_file()]
        if not here:
            raise MissingFileError(f"{path} is no training and holds none (a training has architecture.json)")
        found += [path] if here[0] == path else here
    return list(dict.fromkeys(found))


def scores_alone(trainings: list[Path]) -> Iterator[tuple[str, Network, float, int, str]]:
    """Name, network, validation metric, epochs (0: not known) and the metric's name of each."""
    if len(trainings) == 1 and trainings[0].is_file():
        for number, (network, perplexity) in enumerate(read_cell_table(trainings[0]).items()):
            yield f"row {number}", network, perplexity, 0, "perplexity"
        return
    for folder in training_folders(trainings):
        yield visible(folder.name), *score_alone(folder)


def score_alone(folder: Path) -> tuple[Network, float, int, str]:
    """Network, best validation metric, finished epochs and the metric's name; of test.json where it is there."""
    test = folder / "test.json"
    network = read_architecture(folder / "architecture.json").network
    if test.is_file():
        metrics = read_test(test)
        scores = metrics["validation"]
        metric = "accuracy" if "accuracy" in scores else "perplexity"
        return network, float(scores[metric]), int(metrics["epochs"]), metric
    run = Run(folder)
    if run.best is None:
        raise AnalysisError(f"{folder} has not finished an epoch: there is no score to correlate")
    return network, run.best.metric, len(run.epochs), run.metric


def judge(pairs: Pairs, round_to: float | None = None, seed: int = 0) -> Verdict:
    to = ROUND_TO[pairs.metric] if round_to is None else round_to
    shared, alone = pairs.rows["shared"], pairs.rows["alone"]
    return Verdict(correlate(shared, alone, seed), kendall_tau_b(rounded(shared, to), rounded(alone, to)), to)


def in_sentences(pairs: Pairs, verdict: Verdict) -> list[str]:
    """What is to be said, with everything that weakens it."""
    full = verdict.full
    unit = f"{100 * verdict.round_to:g} points" if pairs.metric == "accuracy" else f"{verdict.round_to:g}"
    said = [
        f"Kendall tau-b {full.tau:.3f}, {interval_in_words(full)}, p = {full.p:.4f} (two-sided permutation test), "
        f"n = {full.n}",
        f"sparse tau {verdict.sparse:.3f} (scores rounded to {unit})",
    ]
    if full.n < 20:
        said.append(f"n = {full.n} is small: 20 or more architectures are needed to tell much")
    epochs = np.unique(pairs.rows["epochs"])
    if epochs.size > 1:
        said.append("the trainings have different numbers of epochs: " + ", ".join(map(str, epochs)))
    return said


def has_interval(full: Correlation) -> bool:
    """A percentile bootstrap of very few architectures, or of a perfect order, is narrower than what is known."""
    return full.n >= LEAST_FOR_INTERVAL and full.low < full.high


def interval_in_words(full: Correlation) -> str:
    if not has_interval(full):
        return f"no interval (fewer than {LEAST_FOR_INTERVAL} architectures, or a perfect order)"
    return f"95 % interval {full.low:.3f} to {full.high:.3f} (percentile bootstrap over architectures)"
