# SPDX-License-Identifier: Apache-2.0
"""ranking.h5, which `enas_hpc derive` writes."""
from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .architecture import TokenReader
from .errors import DamagedFileError
from .sealed import open_sealed
from .tables import Log, plain, read_table, strings


@dataclass(frozen=True)
class Ranking:
    """Sampled children, best first, with their scores by shared weights."""

    children: pd.DataFrame
    tokens: TokenReader
    metric: str
    higher_is_better: bool
    step: int
    samples: int


def read_ranking(path: Path) -> Ranking:
    with open_sealed(path, "enas_hpc ranking") as file:
        attributes = {name: plain(value) for name, value in file.attrs.items()}
        log = Log(decisions=strings(file, "decisions"))
        if "children" not in file:
            raise DamagedFileError(f"{path} has no table children")
        children = read_table(file, "children", log)
    space = tomllib.loads(attributes["configuration"])["space"]
    names = space["activations" if attributes["space"].startswith("recurrent") else "operations"]
    return Ranking(children, TokenReader(log.decisions, names), str(attributes["metric"]),
                   bool(attributes["higher_is_better"]), int(attributes["step"]), int(attributes["samples"]))
