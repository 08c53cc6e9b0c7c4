# SPDX-License-Identifier: Apache-2.0
"""Pictures of how a search went: reward, best so far, learning, time."""
from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..run import Run
from ..statistics import moving_mean
from ..style import SERIES, SOFT, Picture, figure, styled
from .parts import (
    WIDTH,
    at_steps,
    legend,
    line,
    log_axis,
    mark_restarts,
    metric_axis,
    step_axis,
    unit_of_hours,
)

PARTS = ("data", "forward", "backward", "pass", "pack", "wait", "reduce", "update")
PART_NAMES = {"data": "wait for data", "pass": "forward and backward", "pack": "pack gradients",
              "wait": "wait for slowest rank", "reduce": "sum over ranks"}
PART_COLOURS = dict(zip(PARTS, ("#8a8f98", "#56b4e9", "#2b7bba", "#2b7bba", "#8c6d31", "#d55e00", "#e08e0b", "#0f9d76"),
                        strict=True))


@styled
def reward(run: Run) -> Picture | None:
    """None for a search without a controller's steps."""
    steps = run.controller_steps
    if steps.empty:
        return None
    picture, (axes,) = figure(WIDTH, 2.9)
    done = np.arange(1, len(steps) + 1)
    window = max(1, len(steps) // 20)
    line(axes, done, steps["reward"], color=SERIES[5], linewidth=0.8, alpha=0.6, label="reward of a step")
    if window > 1:
        line(axes, done, moving_mean(steps["reward"], window), color=SERIES[0], label=f"mean of {window} steps")
    if steps["baseline"].abs().sum() > 0:
        line(axes, done, steps["baseline"], color=SERIES[4], linestyle=(0, (5, 1.5)), label="baseline")
    axes.set_ylabel("reward")
    axes.set_xlabel("controller step")
    axes.set_xlim(0, len(steps) * 1.01)
    mark_restarts(axes, np.searchsorted(steps["step"].to_numpy(), run.restarts).astype(float))
    legend(axes)
    return Picture("reward", "Reward", "Mean over the rollouts of a controller step, the entropy bonus included, "
                   "and the moving baseline that is subtracted from it.", picture)


@styled
def best(run: Run) -> Picture | None:
    rounds = run.rounds
    if rounds.empty:
        return None
    picture, (left, right) = figure(WIDTH, 3.0, 1, 2, sharey=True)
    factor, unit = unit_of_hours(float(run.rank_hours[-1]))
    for axes, x, label in ((left, run.sampled.astype(float), "children sampled"),
                           (right, factor * run.rank_hours, unit)):
        axes.plot(x, rounds["mean_metric"], color=SOFT, linewidth=1.0, marker="o", markersize=2.5,
                  label="mean of a round")
        axes.step(x, rounds["best_so_far"], where="post", color=SERIES[0], marker="o", markersize=3,
                  label="best so far")
        axes.set_xlabel(label)
        axes.set_xlim(0, float(x[-1]) * 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        mark_restarts(axes, at_steps(run, x, run.restarts))
    metric_axis(left, run)
    legend(right)
    caveat = "" if "looked up" in run.scored else ": it ranks children and is not the result of training one"
    return Picture("best", "Best so far", f"Validation {run.metric} {run.scored}{caveat}. Left against children "
                   "sampled (trained, scored for a reward or validated), right against the time of all ranks together.",
                   picture)


@styled
def learning(run: Run) -> Picture | None:
    """Of a search or of a training; None where no weights are trained."""
    steps = run.weight_steps if run.is_search else run.training_steps
    if steps.empty:
        return None
    picture, (top, middle, bottom) = figure(WIDTH, 5.6, 3, 1, sharex=True, height_ratios=[1.4, 1.1, 0.8])
    window = max(1, len(steps) // 50)
    for axes, column, label in ((top, "loss", f"training loss\n({run.loss_unit})"),
                                (middle, "gradient_norm", "gradient norm"), (bottom, "lr", "learning rate")):
        line(axes, steps["step"], steps[column], color=SERIES[0] if column == "lr" else SERIES[5],
             linewidth=1.3 if column == "lr" else 0.7, alpha=1.0 if column == "lr" else 0.55,
             drawstyle="steps-post" if column == "lr" else "default")
        if column != "lr" and window > 1:
            line(axes, steps["step"], moving_mean(steps[column], window), color=SERIES[0])
        axes.set_ylabel(label)
        step_axis(axes, run, "step" if axes is bottom else "")
    bottom.set_ylim(bottom=0)
    bad = steps.loc[~np.isfinite(steps["loss"].to_numpy(dtype=float)), "step"]
    for step in bad:
        top.axvline(step, color=SERIES[4], linewidth=0.8)
    norms = steps["gradient_norm"].to_numpy(dtype=float)
    norms = norms[np.isfinite(norms) & (norms > 0)]
    if norms.size and norms.max() / norms.min() > 30:
        log_axis(middle)
    legend(top)
    picture.align_ylabels()
    marked = " Steps without a finite loss are marked." if len(bad) else ""
    thick = f"; thick lines are means of {window} steps" if window > 1 else ""
    return Picture("learning", "Learning of the weights", "Mean loss over the slots, norm of the mean gradient before "
                   f"clipping, and learning rate{thick}.{marked}",
                   picture)


@styled
def time(run: Run) -> Picture | None:
    """Where a step's time goes on the rank that logs it; None where no weights are trained."""
    steps = run.weight_steps if run.is_search else run.training_steps
    if steps.empty:
        return None
    parts = [part for part in PARTS if f"{part}_s" in steps]
    picture, (left, right) = figure(WIDTH, 3.1, 1, 2, width_ratios=[2.6, 1])
    bins = np.linspace(0, len(steps), min(80, len(steps)) + 1).astype(int)[:-1]
    counts = np.diff(np.append(bins, len(steps)))
    x = np.append(steps["step"].to_numpy(dtype=float)[bins], float(steps["step"].iloc[-1] + 1))
    heights = [1e3 * np.add.reduceat(steps[f"{part}_s"].to_numpy(dtype=float), bins) / counts for part in parts]
    base = np.zeros(len(bins))
    for part, height in zip(parts, heights, strict=True):
        left.stairs(base + height, x, baseline=base, fill=True, color=PART_COLOURS[part], linewidth=0)
        base = base + height
    # One slow moment must not press all others flat.
    left.set_ylim(0, min(base.max(), 4 * float(np.median(base))) * 1.05)
    left.set_ylabel("ms a step on rank 0")
    step_axis(left, run)
    legend(left)
    means = [1e3 * float(steps[f"{part}_s"].mean()) for part in parts]
    right.barh(range(len(parts)), means, color=[PART_COLOURS[part] for part in parts], height=0.7)
    right.set_yticks(range(len(parts)), [PART_NAMES.get(part, part) for part in parts])
    right.invert_yaxis()
    for i, mean in enumerate(means):
        right.annotate(f"{mean:.3g}", (mean, i), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8)
    right.set_xlabel("mean, ms a step")
    right.set_xlim(0, max(means) * 1.25)
    right.grid(False, axis="y")
    ranks = sorted({start.ranks for start in run.starts})
    many = " and ".join(map(str, ranks))
    return Picture("time", "Time of a step", f"By part, as rank 0 of {many} saw it. What rank 0 waits for the slowest "
                   "rank is how much longer that one took. Columns above four times the median are cut.", picture)
