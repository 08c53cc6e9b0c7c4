# SPDX-License-Identifier: Apache-2.0
"""What a report of searches and trainings holds, in order."""
from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from .architecture import in_words
from .collapse import verdict
from .encoding import visible
from .errors import AnalysisError
from .figures import cells, choices, search, several, training
from .figures.cells import metric_text
from .figures.ranks import time_by_rank
from .page import Page
from .run import Run
from .several import different_keys, groups_of, table

VERSIONS = ("program_version", "git_revision", "format_version")


def make_report(runs: list[Run], folder: Path, top: int = 6, brief: bool = False) -> Path:
    """Writes report.html and the figures' files, and returns the page's path."""
    searches = [run for run in runs if run.is_search]
    trainings = [run for run in runs if not run.is_search]
    names = names_of(runs)
    title = f"Search {names[0]}" if len(runs) == 1 and searches else f"Training {names[0]}" if len(runs) == 1 else (
        f"{len(runs)} runs")
    page = Page(title, ", ".join(visible(str(run.path)) for run in runs))
    if len(searches) > 1:
        add_comparison(page, searches)
    if trainings:
        add_trainings(page, trainings, [n for n, run in zip(names, runs, strict=True) if not run.is_search])
    for name, run in zip(names, runs, strict=True):
        if len(runs) == 1:
            add_run(page, run, top, "", 2)
        elif not brief:
            page.begin_fold(f"{name}: {run.kind} in {run.space}")
            add_run(page, run, top, f"{name}-", 3)
            page.end_fold()
    page.heading("Configuration and versions")
    for name, run in zip(names, runs, strict=True):
        if len(runs) > 1:
            page.heading(name, 3)
        page.table(("", ""), [(key.replace("_", " "), str(run.log.attributes[key])) for key in VERSIONS])
        page.fold(f"Configuration ({visible(str(run.path / 'config.toml'))})", run.log.attributes["configuration"])
    return page.write(folder)


def names_of(runs: list[Run]) -> list[str]:
    """Folder names; numbered where two are the same. Fit for names of files and ids of a page."""
    names = [re.sub(r"[^\w.-]", "_", run.name) for run in runs]
    count = Counter(names)
    return [f"{name}-{names[:i].count(name) + 1}" if count[name] > 1 else name for i, name in enumerate(names)]


def add_run(page: Page, run: Run, top: int, prefix: str, level: int) -> None:
    page.table(("", ""), facts(run))
    if run.is_search:
        pictures = [search.best(run), search.reward(run), choices.entropy(run), choices.options(run),
                    choices.edges(run), cells.best_cell(run), cells.top(run, top), search.learning(run),
                    search.time(run), time_by_rank(run)]
    else:
        pictures = [cells.best_cell(run), search.learning(run), search.time(run)]
    for picture in pictures:
        page.picture(picture, prefix, level)
    if not run.events.empty:
        page.heading("Events", level)
        page.table(("step", "kind", "text"),
                   [(str(e.step), str(e.kind), str(e.text)) for e in run.events.head(200).itertuples()])


def facts(run: Run) -> list[tuple[str, str]]:
    """What one wants to know first."""
    rows = [("space", run.space), ("seed", str(run.seed))]
    ranks = ", then ".join(f"{start.ranks}" for start in run.starts)
    rows += [("ranks", ranks), ("steps", str(run.log.end_step))]
    if run.restarts:
        rows.append(("restarts", "at step " + ", ".join(map(str, run.restarts))))
    if run.is_search:
        rows.insert(1, ("strategy", run.strategy))
        rows.append(("rounds", f"{len(run.rounds)} of {run.config['search']['rounds']}"))
        if not run.rounds.empty:
            rows += [("children sampled", str(run.sampled[-1])), ("rank-hours", f"{run.rank_hours[-1]:.4g}")]
        try:
            rows.append(("collapse", verdict(run).sentence))
        except AnalysisError:
            rows.append(("collapse", "no verdict"))
    else:
        rows.append(("epochs", f"{len(run.epochs)} of {run.config['train']['epochs']}"))
    if run.best:
        kind = f"best {run.metric}" + (f" ({run.scored})" if run.is_search else " (validation)")
        rows += [(kind, metric_text(run, run.best.metric)), ("architecture", in_words(run.best.network))]
    if not run.is_search and "test" in run.test:
        rows.append((f"test {run.metric}", metric_text(run, run.test["test"][run.metric])))
    return rows


def add_comparison(page: Page, runs: list[Run]) -> None:
    groups = groups_of(runs)
    page.picture(several.strategies(groups))
    budget, rows, differences = table(groups)
    page.text(f"At {budget} children sampled, which every run reached; mean ± standard deviation (n − 1) over seeds:")
    page.table(("strategy", "n", "seeds", f"best {runs[0].metric}", f"mean {runs[0].metric} of the last round",
                "rank-hours"),
               [(row.strategy, str(row.n), row.seeds, spread(runs[0], row.best), spread(runs[0], row.last_mean),
                 f"{row.rank_hours[0]:.4g}") for row in rows])
    if differences:
        page.text("p values of the differences of the means (two-sided permutation test, not corrected for the "
                  "number of pairs; with few runs they cannot be small):")
        page.table(("difference", "best", "mean of the last round"),
                   [(f"{d.first} – {d.second}", p_text(d.best), p_text(d.last_mean)) for d in differences])
    keys = different_keys(runs)
    if keys:
        page.text("These keys differ too, so strategies or seeds are not the only difference:")
        page.table(("key", *names_of(runs)), [(key, *map(str, values)) for key, values in keys.items()])


def add_trainings(page: Page, runs: list[Run], names: list[str]) -> None:
    metrics = list(dict.fromkeys(run.metric for run in runs))
    for metric in metrics:
        chosen = [(run, name) for run, name in zip(runs, names, strict=True) if run.metric == metric]
        page.picture(training.curves([r for r, _ in chosen], [n for _, n in chosen]),
                     f"{metric}-" if len(metrics) > 1 else "")
    if len(runs) > 1:
        page.table(("training", "space", "epochs", "best validation", "test", "parameters"),
                   [(name, run.space, str(len(run.epochs)), metric_text(run, run.best.metric) if run.best else "–",
                     metric_text(run, run.test["test"][run.metric]) if "test" in run.test else "–",
                     f"{run.test['parameters']:,}" if "parameters" in run.test else "–")
                    for run, name in zip(runs, names, strict=True)])


def spread(run: Run, value: tuple[float, float]) -> str:
    mean, sd = value
    if sd != sd:
        return f"{metric_text(run, mean)} (one run)"
    return f"{metric_text(run, mean)} ± {metric_text(run, sd)}"


def p_text(p: float) -> str:
    return "– (too few runs)" if p != p else f"{p:.3g}"
