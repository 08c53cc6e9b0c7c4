# SPDX-License-Identifier: Apache-2.0
"""The picture of strategies on a table of cells: how soon they come near the best cell, and how often they find it."""
from __future__ import annotations

import numpy as np
from matplotlib.ticker import PercentFormatter

from ..regret import is_best
from ..statistics import Floats
from ..style import SERIES, Picture, figure, styled
from .parts import WIDTH, legend


@styled
def regret_by_samples(regrets: dict[str, Floats]) -> Picture:
    """Of each strategy the simple regret [seed, sample]."""
    picture, (regret, found) = figure(WIDTH, 3.4, 1, 2)
    for place, (strategy, searches) in enumerate(regrets.items()):
        colour = SERIES[place % len(SERIES)]
        samples = np.arange(1, searches.shape[1] + 1)
        low, median, high = np.percentile(searches, [25, 50, 75], axis=0)
        regret.fill_between(samples, low, high, step="post", color=colour, alpha=0.18, linewidth=0)
        regret.step(samples, median, where="post", color=colour)
        found.step(samples, is_best(searches).mean(axis=0), where="post", color=colour, label=strategy)
    regret.set_yscale("symlog", linthresh=0.1)  # logarithmic, but with a place for 0
    regret.set_ylim(0, None)
    regret.yaxis.set_major_formatter("{x:g}")
    regret.set_ylabel("simple regret (perplexity)")
    found.set_ylim(0, 1)
    found.yaxis.set_major_formatter(PercentFormatter(1.0))
    found.set_ylabel("searches that found the best cell")
    for axes in (regret, found):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("samples")
    legend(found)
    seeds = len(next(iter(regrets.values())))
    return Picture("regret", "Regret", "Left the lowest perplexity among the samples less the lowest of the table: "
                   f"median and quartiles of {seeds} seeds. Right the share of searches whose samples held the best "
                   "cell.", picture)
