# SPDX-License-Identifier: Apache-2.0
"""What run.log says of a run's jobs: where it was resumed, and with how many ranks."""
from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (.*)")
RANKS = re.compile(r"; (\d{1,9}) ranks?, \d+ threads? each")
RESUMED = re.compile(r"resumed from step (\d{1,18}) written by np=\d+, now np=(\d{1,9})")
NEW = re.compile(r"new (?:search|training) in ")


@dataclass(frozen=True)
class Start:
    """A job began to work on the run at `step`, with `ranks` ranks."""

    step: int
    ranks: int
    time: datetime | None = None


def read_starts(run_log: Path, ranks: int) -> list[Start]:
    """All starts on the present timeline, the first one included; `ranks` where run.log tells nothing."""
    starts: list[Start] = []
    now, time = ranks, None
    for line in run_log.read_text("utf-8", "replace").splitlines() if run_log.exists() else ():
        match = STAMP.match(line)
        if not match:
            continue
        if found := RANKS.search(match[2]):
            now, time = int(found[1]), parse_time(match[1])
        if NEW.match(match[2]):
            starts = [Start(0, now, time)]
        elif found := RESUMED.match(match[2]):
            # What was later than this step was left behind, restarts included.
            starts = [start for start in starts if start.step < int(found[1])]
            starts.append(Start(int(found[1]), int(found[2]), parse_time(match[1])))
    return starts or [Start(0, ranks)]


def parse_time(text: str) -> datetime | None:
    """None where there is no such time."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def ranks_at(starts: list[Start], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many ranks did each step."""
    places = np.searchsorted([start.step for start in starts], steps, side="right") - 1
    return np.array([start.ranks for start in starts], dtype=np.int64)[np.maximum(places, 0)]


def round_seconds(rounds: pd.DataFrame, steps: list[pd.DataFrame]) -> NDArray[np.float64]:
    """Wall time of each round. The clock of a round that was cut by a restart tells only its last job's
    time, so rank 0's own time for the steps counts where it is more."""
    working = pd.concat(
        [pd.DataFrame({"round": t["round"], "s": t.filter(regex="_s$").drop(columns="examples_per_s", errors="ignore")
                       .sum(axis=1)}) for t in steps])
    of_steps = working.groupby("round")["s"].sum().reindex(rounds["round"]).fillna(0.0).to_numpy(dtype=float)
    return np.maximum(of_steps, rounds["seconds"].to_numpy(dtype=float))
