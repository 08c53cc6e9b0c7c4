# SPDX-License-Identifier: Apache-2.0
"""Pictures of trainings: learning curves, one or several in the same axes."""
from __future__ import annotations

from matplotlib.ticker import MaxNLocator

from ..run import Run
from ..style import INK, SERIES, Picture, figure, styled
from .parts import WIDTH, mark_restarts, metric_axis


@styled
def curves(runs: list[Run], names: list[str]) -> Picture | None:
    """Training and validation by epoch; None before the first epoch's end."""
    shown = [(run, name) for run, name in zip(runs, names, strict=True) if not run.epochs.empty]
    if not shown:
        return None
    picture, (left, right) = figure(WIDTH, 3.4, 1, 2)
    for i, (run, name) in enumerate(shown):
        epochs, colour = run.epochs, SERIES[i % len(SERIES)]
        x = epochs["epoch"] + 1
        marker = "o" if len(x) < 40 else ""
        for axes, column in ((left, "metric"), (right, "loss")):
            axes.plot(x, epochs[f"validation_{column}"], color=colour, label=name, marker=marker, markersize=3)
            axes.plot(x, epochs[f"train_{column}"], color=colour, linewidth=1.0, linestyle=(0, (3, 1.5)), alpha=0.9)
        if run.restarts:
            ends = epochs["step"].to_numpy(dtype=float)
            places = [1.0 + sum(ends <= step) for step in run.restarts]
            mark_restarts(left, places)
            mark_restarts(right, places)
    metric_axis(left, shown[0][0], "")
    right.set_ylabel(f"loss ({shown[0][0].loss_unit})")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.plot([], [], color=INK, label="validation")
        axes.plot([], [], color=INK, linewidth=1.0, linestyle=(0, (3, 1.5)), label="training")
    if len(shown) == 1:
        handles, labels = left.get_legend_handles_labels()
        kept = [(h, x) for h, x in zip(handles, labels, strict=True) if x != shown[0][1]]
        right.legend([h for h, _ in kept], [x for _, x in kept], loc="lower right", bbox_to_anchor=(1.0, 1.0),
                     ncols=len(kept))
    else:
        handles, labels = left.get_legend_handles_labels()
        picture.legend(handles, labels, loc="outside upper right", ncols=4)
    return Picture("curves", "Learning curves", "Whole validation split at the end of each epoch; training as the mean "
                   "over the epoch's steps, with dropout and the like in force, while the weights were changing.",
                   picture)


