# SPDX-License-Identifier: Apache-2.0
"""Pictures of architectures: the best one and the best few."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..architecture import Network, TokenReader
from ..drawing import draw, draw_grid
from ..ranking import Ranking, read_ranking
from ..run import Run
from ..style import Picture


@dataclass(frozen=True)
class Scored:
    """A network and its metric."""

    network: Network
    metric: float


def metric_text(run: Run, value: float) -> str:
    return f"{100 * value:.2f} %" if run.metric == "accuracy" else f"{value:.2f}"


def best_cell(run: Run) -> Picture | None:
    if run.best is None:
        return None
    what = {"recurrent": "cell", "macro": "network", "micro": "cells"}[run.space.split("/")[0]]
    where = f"{metric_text(run, run.best.metric)} {run.scored}, at step {run.best.step}"
    if not run.is_search:
        where = f"{metric_text(run, run.best.metric)} on the validation split, at step {run.best.step}"
    return Picture("best-cell", f"Best {what}" if run.is_search else "Architecture",
                   f"Validation {run.metric} {where}.", draw(run.best.network))


def top(run: Run, count: int) -> Picture | None:
    """The best few of the newest derivation; where there is none, of the validated children."""
    ranking = run.path / "derived" / "ranking.h5"
    if ranking.exists():
        chosen, source = of_ranking(ranking, count)
    else:
        chosen, source = of_rounds(run, count), "among the children validated at the ends of rounds"
    if len(chosen) < 2:
        return None
    titles = [f"{i}.  {metric_text(run, c.metric)}" for i, c in enumerate(chosen, start=1)]
    return Picture("top", f"The best {len(chosen)}", f"Validation {run.metric} {run.scored}, {source}.",
                   draw_grid([c.network for c in chosen], titles))


def of_ranking(path: Path, count: int) -> tuple[list[Scored], str]:
    ranking: Ranking = read_ranking(path)
    rows = ranking.children.head(count)
    networks = [Scored(ranking.tokens.network(t), float(m))
                for t, m in zip(rows["tokens"], rows["metric"], strict=True)]
    return networks, f"of {ranking.samples} sampled by derive at step {ranking.step}"


def of_rounds(run: Run, count: int) -> list[Scored]:
    """Each architecture once, with its best score."""
    children = run.validated.sort_values("metric", ascending=not run.higher_is_better, kind="stable")
    reader: TokenReader = run.tokens
    rows = children.drop_duplicates("tokens").head(count)
    return [Scored(reader.network(t), float(m)) for t, m in zip(rows["tokens"], rows["metric"], strict=True)]
