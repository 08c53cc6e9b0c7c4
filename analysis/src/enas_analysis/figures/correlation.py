# SPDX-License-Identifier: Apache-2.0
"""The scatter of shared-weight scores against stand-alone scores."""
from __future__ import annotations

from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter, StrMethodFormatter

from ..correlation import Pairs, Verdict, has_interval, in_sentences
from ..style import SERIES, SOFT, Picture, figure, styled


def p_text(p: float) -> str:
    return f"p = {p:.3f}" if p >= 0.0005 else "p < 0.001"


@styled
def scatter(pairs: Pairs, verdict: Verdict) -> Picture:
    picture, (axes,) = figure(4.6, 4.2)
    axes.scatter(pairs.rows["shared"], pairs.rows["alone"], s=34, color=SERIES[0], alpha=0.85, linewidth=0, zorder=3)
    if len(pairs.rows) <= 12:
        for row in pairs.rows.itertuples():
            axes.annotate(str(row.name), (row.shared, row.alone), xytext=(5, 4), textcoords="offset points",
                          fontsize=7, color=SOFT)
    if pairs.metric == "accuracy":
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    for axis, scores in ((axes.xaxis, pairs.rows["shared"]), (axes.yaxis, pairs.rows["alone"])):
        if scores.min() > 0 and scores.max() > 3 * scores.min():
            axis.axes.set(**{f"{axis.axis_name}scale": "log"})
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_locator(NullLocator())
    if not pairs.higher_is_better:
        axes.invert_xaxis()
        axes.invert_yaxis()
    axes.margins(0.12)
    axes.set_xlabel(f"validation {pairs.metric} with shared weights")
    axes.set_ylabel(f"validation {pairs.metric}, trained alone")
    full = verdict.full
    interval = f" [{full.low:.2f}, {full.high:.2f}]" if has_interval(full) else ""
    axes.set_title(f"τ = {full.tau:.2f}{interval}, {p_text(full.p)}, n = {full.n}", fontsize=9, fontweight="normal")
    better = "" if pairs.higher_is_better else " Both axes point to lower perplexity, which is better."
    return Picture("correlation", "Shared weights against training alone",
                   "; ".join(in_sentences(pairs, verdict)) + "." + better, picture)
