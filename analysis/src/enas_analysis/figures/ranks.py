# SPDX-License-Identifier: Apache-2.0
"""How long each rank worked on its slots of a step."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..history import ranks_at
from ..run import Run
from ..style import SERIES, SOFT, Picture, figure, styled
from .parts import WIDTH, legend, step_axis

# Ranks beyond these are drawn as one band.
MOST_LINES = len(SERIES)


def seconds_by_rank(run: Run) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Steps, and seconds [step, rank] that each rank worked on its slots; NaN for ranks that were not there."""
    children = run.children
    slots = children[(children["source"] == "slot") & children["seconds"].notna()] if "seconds" in children else None
    if slots is None or slots.empty:
        return np.empty(0, dtype=np.int64), np.empty((0, 0))
    table = slots.pivot_table(index="step", columns="index", values="seconds")
    steps, num_slots = table.index.to_numpy(dtype=np.int64), table.shape[1]
    ranks = ranks_at(run.starts, steps)
    seconds = np.full((len(steps), int(ranks.max())), np.nan)
    for count in np.unique(ranks):
        rows = ranks == count
        for rank in range(count):
            own = slice(rank * num_slots // count, (rank + 1) * num_slots // count)
            seconds[rows, rank] = table.to_numpy(dtype=float)[rows, own].sum(axis=1)
    return steps, seconds


@styled
def time_by_rank(run: Run) -> Picture | None:
    """None for a single rank, and for logs without the slots' seconds."""
    steps, seconds = seconds_by_rank(run)
    if seconds.shape[1] < 2:
        return None
    picture, (axes,) = figure(WIDTH, 2.6)
    bins = np.linspace(0, len(steps), min(80, len(steps)) + 1).astype(int)[:-1]
    means = 1e3 * np.stack([seconds[a:b].mean(axis=0) for a, b in zip(bins, [*bins[1:], len(steps)], strict=True)])
    if seconds.shape[1] <= MOST_LINES:
        for rank in range(seconds.shape[1]):
            axes.plot(steps[bins], means[:, rank], color=SERIES[rank], linewidth=1.4, label=f"rank {rank}")
    else:
        axes.fill_between(steps[bins], np.nanmin(means, axis=1), np.nanmax(means, axis=1), color=SOFT, alpha=0.3,
                          linewidth=0, label="fastest to slowest rank")
        axes.plot(steps[bins], np.nanmedian(means, axis=1), color=SERIES[0], linewidth=1.6, label="median rank")
    axes.set_ylim(0, None)
    axes.set_ylabel("ms a step on own slots")
    step_axis(axes, run)
    legend(axes)
    slowest = int(np.nanargmax(np.nanmean(seconds, axis=0)))
    ratio = float(np.nanmean(seconds[:, slowest]) / np.nanmedian(np.nanmean(seconds, axis=0)))
    return Picture("ranks", "Time by rank", "Batches and passes of each rank's own slots, means of some steps. "
                   f"Rank {slowest} worked longest, {ratio:.2f} times as long as the median rank; the others wait for "
                   "it.", picture)
