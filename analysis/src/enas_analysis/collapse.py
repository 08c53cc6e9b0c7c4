# SPDX-License-Identifier: Apache-2.0
"""Says whether a controller has collapsed onto few choices."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .errors import AnalysisError
from .figures.choices import tokens_of
from .run import Run

LAST = 100
MOST_SHARE, LEAST_ENTROPY, LEAST_DISTINCT = 0.8, 0.2, 0.2


@dataclass(frozen=True)
class Verdict:
    """What was measured on the last children, and which alarms it sets off."""

    n: int
    option: str
    share: float
    entropy: float  # as a share of a uniform policy's; NaN before the first round
    distinct: int
    alarms: tuple[str, ...]

    @property
    def collapsed(self) -> bool:
        return bool(self.alarms)

    @property
    def sentence(self) -> str:
        numbers = (f"{self.option} {100 * self.share:.0f} % of the choices, {self.distinct} distinct among the last "
                   f"{self.n} children, entropy {100 * self.entropy:.0f} % of a uniform policy's")
        return f"collapsed ({'; '.join(self.alarms)}): {numbers}" if self.alarms else f"no: {numbers}"


def verdict(run: Run, most_share: float = MOST_SHARE, least_entropy: float = LEAST_ENTROPY,
            least_distinct: float = LEAST_DISTINCT) -> Verdict:
    """Of the last 100 children that were drawn one by one: rollouts and validation children."""
    children = run.children
    drawn = children[children["source"] != "slot"].tail(LAST)
    if drawn.empty:
        raise AnalysisError(f"{run.path} has no rollouts or validation children yet: "
                            "wait for the first controller step")
    tokens = tokens_of(drawn, run)
    chosen = tokens[:, [run.tokens.is_option(d) for d in run.log.decisions]]
    counts = np.bincount(chosen.ravel(), minlength=len(run.options))
    most = int(counts.argmax())
    share, distinct = float(counts[most] / counts.sum()), len(set(drawn["tokens"]))
    uniform = sum(math.log(run.tokens.num_choices(d)) for d in run.log.decisions)
    if uniform == 0:
        raise AnalysisError(f"{run.path} has one architecture in its space: there is nothing to collapse from")
    entropy = float("nan")
    if not run.rounds.empty:
        entropy = float(run.rounds["entropy"].iloc[-1]) / uniform
    elif not run.controller_steps.empty:
        entropy = float(run.controller_steps["entropy"].iloc[-1]) / uniform
    alarms = []
    if share > most_share:
        alarms.append(f"one option has more than {100 * most_share:.0f} %")
    if entropy < least_entropy:
        alarms.append(f"entropy is below {100 * least_entropy:.0f} %")
    if distinct < least_distinct * len(drawn):
        alarms.append(f"fewer than {100 * least_distinct:.0f} % of the children are distinct")
    return Verdict(len(drawn), run.options[most], share, entropy, distinct, tuple(alarms))
