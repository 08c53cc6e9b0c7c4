# SPDX-License-Identifier: Apache-2.0
"""The picture of several searches: every seed thin, the mean of a strategy thick, its spread as a band."""
from __future__ import annotations

from matplotlib.ticker import MaxNLocator

from ..several import Group, curves
from ..statistics import on_common_grid
from ..style import SERIES, Picture, figure, styled
from .parts import WIDTH, metric_axis, unit_of_hours


@styled
def strategies(groups: list[Group]) -> Picture:
    runs = [run for group in groups for run in group.runs]
    factor, unit = unit_of_hours(max(float(run.rank_hours[-1]) for run in runs))
    picture, axes = figure(WIDTH, 5.6, 2, 2, sharex="col", sharey="row")
    for group, colour in zip(groups, SERIES, strict=False):
        made = [curves(run) for run in group.runs]
        for row, y in enumerate((2, 3)):
            for column, (x, scale) in enumerate(((0, 1.0), (1, factor))):
                each = axes[2 * row + column]
                lines = [(scale * curve[x], curve[y]) for curve in made]
                several = len(lines) > 1
                for a, b in lines:
                    each.plot(a, b, color=colour, linewidth=0.7 if several else 1.6, alpha=0.6 if several else 1.0,
                              drawstyle="steps-post" if row == 0 else "default",
                              marker="o" if a.size == 1 else "",
                              label=None if several else f"{group.strategy}, n = 1")
                if several:
                    grid, values = on_common_grid(lines, steps=row == 0)
                    mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
                    each.plot(grid, mean, color=colour, linewidth=2.2, label=f"{group.strategy}, n = {len(lines)}")
                    each.fill_between(grid, mean - sd, mean + sd, color=colour, alpha=0.18, linewidth=0)
    for row, what in enumerate(("best so far,\n", "mean of a round,\n")):
        metric_axis(axes[2 * row], runs[0], what + "validation ")
    for column, label in enumerate(("children sampled", unit)):
        axes[2 + column].set_xlabel(label)
        axes[2 + column].xaxis.set_major_locator(MaxNLocator(6))
        axes[2 + column].set_xlim(left=0)
    axes[1].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(groups))
    picture.align_ylabels()
    spread = any(len(g.runs) > 1 for g in groups)
    text = " Thin lines are seeds, thick lines their mean, bands plus and minus one standard deviation."
    scored = f"Children {groups[0].runs[0].scored}, on equal axes."
    return Picture("strategies", "Strategies", scored + (text if spread else ""), picture)

