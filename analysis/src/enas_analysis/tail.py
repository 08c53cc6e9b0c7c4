# SPDX-License-Identifier: Apache-2.0
"""Follows a run: its rounds or epochs as they are finished, and how far it is in between."""
from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from .errors import AnalysisError, MissingFileError
from .figures.cells import metric_text
from .history import STAMP
from .run import Run
from .tables import LogReader

PROGRESS = re.compile(r"step \d+  (?:round|epoch) ")
ENDED = {"finished", "stopped", "failed"}


def follow(path: Path, last: int, interval: float, once: bool,
           sleep: Callable[[float], None] = time.sleep) -> Iterator[str]:
    """Lines to print. Ends when the run has ended; with `once`, after what is there now."""
    if not path.is_dir():
        raise MissingFileError(f"{path} is not there or is no folder: a run directory is wanted")
    log = LogReader(path / "log", ("rounds", "epochs"))
    told, progress, first, waiting = -1, "", True, True
    while True:
        run = try_to_read(path, log)
        if run is None and waiting:
            yield f"{path} has no closed part of a log yet"
            waiting = False
        if run is not None:
            table = run.rounds if run.is_search else run.epochs
            if first:
                yield f"{run.kind} in {run.space}, seed {run.seed}: {path}"
                told = max(-1, len(table) - last - 1)
                first = False
            if told >= len(table):
                yield f"  went back to step {run.log.end_step}"
                told = len(table) - 1
            for i in range(told + 1, len(table)):
                yield row_in_words(run, table.iloc[i])
                told = i
        line = last_progress(path / "run.log")
        if line != progress:
            progress = line
            yield f"  {line}"
        phase = str(run.status.get("phase", "")) if run else ""
        if phase in ENDED:
            yield f"{phase}: {run.status.get('reason', '')} at step {run.status.get('step', '?')}" if run else phase
            return
        if once:
            return
        sleep(interval)


def try_to_read(path: Path, log: LogReader) -> Run | None:
    """None before the first part of the log; a file that is replaced while it is read is there next time."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Run(path, log.read())
    except MissingFileError:
        return None
    except AnalysisError:
        time.sleep(0.2)
        return Run(path, log.read())


def row_in_words(run: Run, row: pd.Series) -> str:
    if run.is_search:
        return (f"round {int(row['round']) + 1} at step {int(row['step'])}: "
                f"mean {metric_text(run, row['mean_metric'])}, "
                f"best {metric_text(run, row['best_metric'])}, so far {metric_text(run, row['best_so_far'])}; "
                f"entropy {row['entropy']:.3f} nats; {row['seconds']:.1f} s")
    return (f"epoch {int(row['epoch']) + 1} at step {int(row['step'])}: "
            f"training {metric_text(run, row['train_metric'])}, "
            f"validation {metric_text(run, row['validation_metric'])}, best {metric_text(run, row['best_metric'])}; "
            f"{row['seconds']:.1f} s")


def last_progress(run_log: Path) -> str:
    """The newest line that says how far the run is."""
    if not run_log.exists():
        return ""
    with run_log.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - 8192))
        lines = file.read().decode("utf-8", "replace").splitlines()
    for line in reversed(lines):
        match = STAMP.match(line)
        if match and PROGRESS.match(match[2]):
            return match[2]
    return ""
