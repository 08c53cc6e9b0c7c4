# SPDX-License-Identifier: Apache-2.0
"""Pictures of what the controller chooses: entropy, functions and operations, edges and skips."""
from __future__ import annotations

import math

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from ..run import Run
from ..style import HEAT, INK, RULE, SERIES, SOFT, Picture, colours, figure, plain_name, styled
from .parts import WIDTH, edges_of_bins, legend, line, step_axis

MOST_LABELS = 34


@styled
def entropy(run: Run) -> Picture | None:
    rounds = run.rounds
    if rounds.empty:
        return None
    free = [d for d in run.log.decisions if run.tokens.num_choices(d) > 1]
    if not free:
        return None
    most = sum(math.log(run.tokens.num_choices(d)) for d in free)
    height = min(7.0, 0.8 + 0.16 * len(free))
    picture, (top, bottom) = figure(WIDTH, 2.0 + height, 2, 1, sharex=True, height_ratios=[1.5, height])
    if run.controller_steps.empty:
        line(top, rounds["step"], rounds["entropy"], color=SERIES[0])
    else:
        line(top, run.controller_steps["step"], run.controller_steps["entropy"], color=SERIES[0], label="policy")
    top.axhline(most, color=INK, linewidth=1, linestyle=(0, (4, 2)), label="uniform")
    top.set_ylabel("entropy (nats)")
    step_axis(top, run, "")
    legend(top)
    shares = np.array([rounds[f"decision_entropy.{d}"] / math.log(run.tokens.num_choices(d)) for d in free])
    edges = np.concatenate([[0.0], rounds["step"].to_numpy(dtype=float)])
    mesh = bottom.pcolormesh(edges, np.arange(len(free) + 1), shares, cmap=HEAT, vmin=0, vmax=1, rasterized=True)
    every = -(-len(free) // MOST_LABELS)
    bottom.set_yticks(np.arange(0, len(free), every) + 0.5, free[::every], fontsize=7)
    bottom.invert_yaxis()
    bottom.grid(False)
    step_axis(bottom, run)
    picture.colorbar(mesh, ax=bottom, label="share of the largest possible", pad=0.01, fraction=0.05)
    return Picture("entropy", "Entropy of the controller", "Of the whole policy, and of each decision at the ends of "
                   "rounds as a share of a uniform choice's: 1 is chance, 0 is settled. Decisions without a choice are "
                   "left out.", picture)


@styled
def options(run: Run) -> Picture | None:
    """Shares of functions or operations among the sampled children, and of skips."""
    if run.children.empty:
        return None
    edges = edges_of_bins(run)
    shares = option_shares(run, edges)
    skips = skip_shares(run, edges)
    picture, axes = figure(WIDTH, 3.0 if skips is None else 4.4, 1 if skips is None else 2, 1, sharex=True,
                           height_ratios=[1] if skips is None else [2, 1])
    base = np.zeros(len(edges) - 1)
    colour = colours(run.options)
    for option, share in zip(run.options, shares, strict=True):
        axes[0].stairs(base + share, edges, baseline=base, fill=True, color=colour[option], linewidth=0,
                       label=plain_name(option))
        base = base + share
    axes[0].set_ylim(0, 1)
    axes[0].set_ylabel("share of choices")
    axes[0].grid(False)
    if skips is not None:
        axes[1].stairs(skips, edges, baseline=None, color=SERIES[0], linewidth=1.5, label="skips taken")
        target = run.config.get("controller", {}).get("skip_target")
        if target is not None:
            axes[1].axhline(float(target), color=INK, linewidth=1, linestyle=(0, (4, 2)), label="target")
        axes[1].set_ylim(0, 1)
        axes[1].set_ylabel("share of skips")
    for each in axes:
        step_axis(each, run, "step" if each is axes[-1] else "")
    for each in axes:
        legend(each, beside=True)
    what = "Functions" if run.space.startswith("recurrent") else "Operations"
    return Picture("options", f"{what} over time", "Shares among all children that were sampled in a stretch of "
                   "steps, for training, reward or validation.", picture)


def tokens_of(children: pd.DataFrame, run: Run) -> NDArray[np.int64]:
    """[children, decisions]"""
    return np.array(children["tokens"].tolist(), dtype=np.int64).reshape(-1, len(run.log.decisions))


def option_shares(run: Run, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """[options, bins]: how often each was chosen; NaN in a bin without children."""
    tokens = tokens_of(run.children, run)
    chosen = tokens[:, [run.tokens.is_option(d) for d in run.log.decisions]]
    place = bins_of(run.children["step"], edges)
    counts = np.array([np.bincount(place, (chosen == o).sum(axis=1), len(edges) - 1) for o in range(len(run.options))])
    with np.errstate(invalid="ignore"):
        return np.asarray(counts / counts.sum(axis=0))


def skip_shares(run: Run, edges: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """[bins]: how many of the possible skips were taken; None in spaces without skips."""
    columns = [" skip " in d for d in run.log.decisions]
    if not any(columns):
        return None
    taken = tokens_of(run.children, run)[:, columns].mean(axis=1)
    place = bins_of(run.children["step"], edges)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(place, taken, len(edges) - 1) / np.bincount(place, minlength=len(edges) - 1))


def bins_of(steps: pd.Series, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.clip(np.searchsorted(edges, steps.to_numpy(), side="right") - 1, 0, len(edges) - 2)


@styled
def edges(run: Run) -> Picture | None:
    """How often each edge or skip was chosen, early and late, against chance."""
    children = run.children
    third = len(children) // 3
    if third < 1:
        return None
    groups = edge_groups(run)
    if not groups:
        return None
    width, height = WIDTH, 3.6 * len(groups)
    picture, axes = figure(width, height, len(groups), 2)
    for row, (title, pairs, sources, readers) in enumerate(groups):
        for column, (name, part) in enumerate((("first", children[:third]), ("last", children[-third:]))):
            each = axes[2 * row + column]
            ratios = edge_ratios(run, part, pairs, len(readers), len(sources))
            mesh = draw_edges(each, ratios, sources, readers)
            each.set_title(f"{title}{name} third, n = {len(part)}")
            each.set_xlabel("input")
            each.set_ylabel("layer" if run.space.startswith("macro") else "node")
        bar = picture.colorbar(mesh, ax=axes[2 * row:2 * row + 2], pad=0.02, fraction=0.04,
                               label="times as often as by chance")
        bar.set_ticks(range(-3, 4), labels=["⅛", "¼", "½", "1", "2", "4", "8"])
    what = "Skips" if run.space.startswith("macro") else "Edges"
    return Picture("edges", f"{what} of the sampled children", "Which input each node or layer takes, in the first and "
                   "in the last third of all sampled children, as a multiple of a uniform choice; grey is no edge.",
                   picture)


Group = tuple[str, list[tuple[int, int, int]], list[str], list[str]]


def edge_groups(run: Run) -> list[Group]:
    """Of each cell: its title, (token, reader, source or -1 for all of them), names of sources and readers."""
    kind = run.space.split("/")[0]
    if kind == "micro":
        groups = []
        for cell in ("normal", "reduction"):
            found = [(t, int(d.split()[2])) for t, d in enumerate(run.log.decisions)
                     if d.startswith(cell) and " input " in d]
            last = max(node for _, node in found)
            groups.append((f"{cell} cell, ", [(t, node - 2, -1) for t, node in found],
                           ["two back", "previous", *map(str, range(2, last))], [str(n) for n in range(2, last + 1)]))
        return groups
    if kind == "macro":
        found3 = [(t, int(d.split()[1]), int(d.split()[3])) for t, d in enumerate(run.log.decisions) if " skip " in d]
        last = max((layer for _, layer, _ in found3), default=0)
        return [("", [(t, layer - 1, entry) for t, layer, entry in found3],
                 ["stem", *map(str, range(last - 1))], [str(i) for i in range(1, last + 1)])] if found3 else []
    found = [(t, int(d.split()[1])) for t, d in enumerate(run.log.decisions) if d.endswith("previous")]
    last = max((node for _, node in found), default=0)
    return [("", [(t, node - 1, -1) for t, node in found], [str(i) for i in range(last)],
             [str(i) for i in range(1, last + 1)])] if found else []


def edge_ratios(run: Run, children: pd.DataFrame, pairs: list[tuple[int, int, int]], readers: int,
                sources: int) -> NDArray[np.float64]:
    """[readers, sources]: log2 of how much more often than by chance; NaN where there is no such edge."""
    tokens = tokens_of(children, run)
    seen, chance = np.full((readers, sources), np.nan), np.full((readers, sources), np.nan)
    for token, reader, source in pairs:
        choices = run.tokens.num_choices(run.log.decisions[token])
        targets = range(choices) if source < 0 else [source]
        for target in targets:
            share = float(np.mean(tokens[:, token] == (target if source < 0 else 1)))
            seen[reader, target] = np.nansum([seen[reader, target], share])
            chance[reader, target] = np.nansum([chance[reader, target], 1 / choices])
    with np.errstate(divide="ignore"):
        return np.asarray(np.log2(seen / chance))


def draw_edges(axes: Axes, ratios: NDArray[np.float64], sources: list[str], readers: list[str]) -> AxesImage:
    mesh = axes.imshow(np.clip(ratios, -3, 3), cmap=matplotlib.colormaps["PuOr_r"], vmin=-3, vmax=3,
                       interpolation="nearest", aspect="auto")
    axes.set_facecolor(RULE)  # where there is no such edge
    axes.set_xticks(range(len(sources)), sources)
    axes.set_yticks(range(len(readers)), readers)
    axes.tick_params(length=0, colors=SOFT, labelcolor=INK)
    if len(sources) <= 6:
        for (i, j), ratio in np.ndenumerate(ratios):
            if np.isfinite(ratio):
                axes.annotate(f"{2 ** ratio:.2f}", (j, i), ha="center", va="center", fontsize=7,
                              color="#15191e" if abs(ratio) < 1.8 else "#fdfdfd")
    axes.grid(False)
    return mesh
