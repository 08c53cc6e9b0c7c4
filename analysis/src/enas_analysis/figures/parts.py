# SPDX-License-Identifier: Apache-2.0
"""What the pictures share: axes of a metric and of time, marks of restarts."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter, ScalarFormatter
from numpy.typing import ArrayLike, NDArray

from ..run import Run
from ..statistics import thinned
from ..style import INK

WIDTH = 9.0  # inches of a figure as wide as a page


def metric_axis(axes: Axes, run: Run, what: str = "validation ") -> None:
    """The axis of perplexity or accuracy; logarithmic where values differ much."""
    name_axis(axes, run.metric, what)


def name_axis(axes: Axes, metric: str, what: str = "validation ") -> None:
    if metric == "accuracy":
        axes.set_ylabel(f"{what}accuracy")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        return
    axes.set_ylabel(f"{what}{metric}")
    low, high = axes.get_ylim()
    if low > 0 and high / low > 6:
        log_axis(axes)


def log_axis(axes: Axes) -> None:
    """Logarithmic, with numbers that are written out."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(ScalarFormatter())
    low, high = axes.get_ylim()
    if high / low > 20:
        axes.yaxis.set_minor_formatter("")


def step_axis(axes: Axes, run: Run, label: str = "step") -> None:
    """Steps of the run, with its restarts."""
    axes.set_xlabel(label)
    axes.set_xlim(0, run.log.end_step)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    mark_restarts(axes, run.restarts)


def mark_restarts(axes: Axes, places: Sequence[float] | NDArray[np.float64]) -> None:
    """A thin line at each place where the run was resumed; the legend names them once."""
    for i, place in enumerate(places):
        axes.axvline(place, color=INK, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1.5,
                     label="restart" if i == 0 else None)


def line(axes: Axes, x: ArrayLike, y: ArrayLike, **looks: object) -> None:
    """A line of few enough points; a dot where there is only one."""
    a, b = thinned(x, y)
    axes.plot(a, b, **({"marker": "o", "markersize": 4} if a.size == 1 else {}), **looks)  # type: ignore[arg-type]


def at_steps(run: Run, values: NDArray[np.float64], steps: Sequence[int]) -> NDArray[np.float64]:
    """What grows round by round (samples, rank-hours), at any step: linear between the ends of rounds."""
    ends = run.rounds["step"].to_numpy(dtype=float)
    return np.asarray(np.interp(np.asarray(steps, dtype=float), [0.0, *ends], [0.0, *values]))


def edges_of_bins(run: Run) -> NDArray[np.float64]:
    """Bins of time by steps: rounds where there are enough of them, else equal ones; at most 60."""
    ends = np.unique(np.concatenate([[0], run.rounds["step"].to_numpy(), [run.log.end_step]])).astype(float)
    if ends.size < 9:
        return np.linspace(0, run.log.end_step, 13)
    if ends.size > 61:
        ends = ends[np.unique(np.linspace(0, ends.size - 1, 61).astype(int))]
    return ends


def legend(axes: Axes, beside: bool = False) -> None:
    """Over the axes, or beside them from top to bottom as areas lie over each other: it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    if beside:
        axes.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    else:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(handles), borderaxespad=0.2,
                    handlelength=1.8, columnspacing=1.4)


def unit_of_hours(hours: float) -> tuple[float, str]:
    """A factor and a name, so that numbers on an axis are neither tiny nor long."""
    if hours >= 1:
        return 1.0, "rank-hours"
    return (60.0, "rank-minutes") if hours >= 1 / 60 else (3600.0, "rank-seconds")
