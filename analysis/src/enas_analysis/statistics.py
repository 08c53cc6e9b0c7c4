# SPDX-License-Identifier: Apache-2.0
"""Statistics in NumPy: rank correlation, permutation tests, bootstrap, moving averages."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def kendall_tau_b(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's rank correlation with ties taken out of the count (tau-b); NaN when x or y is constant."""
    return _tau_of_signs(_signs(x), _signs(y))


def _signs(values: ArrayLike) -> Floats:
    """Of every pair, which is greater."""
    v = np.asarray(values, dtype=float)
    return np.asarray(np.sign(v[:, None] - v[None, :]))


def _tau_of_signs(a: Floats, b: Floats) -> float:
    norm = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return float(np.sum(a * b) / norm) if norm > 0 else float("nan")


@dataclass(frozen=True)
class Correlation:
    """Kendall's tau-b of n pairs, the chance of one at least as far from 0, and where it may lie."""

    n: int
    tau: float
    p: float
    low: float
    high: float


def correlate(x: ArrayLike, y: ArrayLike, seed: int = 0, permutations: int = 10_000, resamples: int = 2_000,
              level: float = 0.95) -> Correlation:
    """tau-b with the p value of a two-sided permutation test and a percentile bootstrap interval."""
    random = np.random.default_rng(seed)
    a, b = _signs(x), _signs(y)
    n, tau = len(a), _tau_of_signs(a, b)
    if np.isnan(tau):
        return Correlation(n, tau, float("nan"), float("nan"), float("nan"))
    shuffled = np.empty(permutations)
    for i in range(permutations):
        order = random.permutation(n)
        shuffled[i] = _tau_of_signs(a, b[np.ix_(order, order)])
    # The order that was seen is one of the permutations: it is counted too, so p is never 0.
    p = (1 + np.sum(np.abs(shuffled) >= abs(tau) - 1e-12)) / (1 + permutations)
    drawn = np.empty(resamples)
    for i in range(resamples):
        rows = random.integers(0, n, n)
        drawn[i] = _tau_of_signs(a[np.ix_(rows, rows)], b[np.ix_(rows, rows)])
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Correlation(n, tau, float(p), float(low), float(high))


def rounded(values: ArrayLike, to: float) -> Floats:
    """Values to the nearest multiple: differences that are noise become ties (for the sparse tau)."""
    return np.asarray(np.round(np.asarray(values, dtype=float) / to) * to)


def difference_p_value(a: ArrayLike, b: ArrayLike, seed: int = 0, permutations: int = 20_000) -> float:
    """p value of the difference of two means: a two-sided permutation test.

    All ways of dealing out the values are counted when there are no more than `permutations`, else as many
    random ones and the one that was seen. NaN when a group is empty, when both are single values, or when a value
    is not finite.
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if min(first.size, second.size) < 1 or first.size + second.size < 3:
        return float("nan")
    pool = np.concatenate([first, second])
    if not np.isfinite(pool).all():
        return float("nan")
    seen = abs(first.mean() - second.mean()) - 1e-12 * max(1.0, float(np.abs(pool).max()))
    total, n, m = pool.sum(), first.size, second.size
    if comb(pool.size, n) <= permutations:
        sums = np.array([pool[list(chosen)].sum() for chosen in combinations(range(pool.size), n)])
        return float(np.mean(np.abs(sums / n - (total - sums) / m) >= seen))
    random = np.random.default_rng(seed)
    sums = np.array([random.permutation(pool)[:n].sum() for _ in range(permutations)])
    return float((1 + np.sum(np.abs(sums / n - (total - sums) / m) >= seen)) / (1 + permutations))


def moving_mean(values: ArrayLike, window: int) -> Floats:
    """Mean of the last `window` values; of fewer at the beginning. Values that are not finite are left out."""
    v = np.asarray(values, dtype=float)
    finite = np.isfinite(v)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, v, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    ends = np.arange(1, v.size + 1)
    begins = np.maximum(ends - window, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((sums[ends] - sums[begins]) / (counts[ends] - counts[begins]))


def best_so_far(values: ArrayLike, higher_is_better: bool) -> Floats:
    """Running maximum or minimum; NaN until the first finite value."""
    v = np.asarray(values, dtype=float)
    return np.asarray(np.fmax.accumulate(v) if higher_is_better else np.fmin.accumulate(v))


def mean_and_sd(values: ArrayLike) -> tuple[float, float]:
    """Mean and sample standard deviation (n - 1); NaN for the deviation of one value."""
    v = np.asarray(values, dtype=float)
    return float(v.mean()), float(v.std(ddof=1)) if v.size > 1 else float("nan")


def on_common_grid(curves: list[tuple[Floats, Floats]], points: int = 200,
                   steps: bool = True) -> tuple[Floats, Floats]:
    """Curves (x, y) on the x that all of them cover: each value holds until the next x, or straight lines."""
    begin, end = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    grid = np.linspace(begin, end, points) if end > begin else np.array([begin])
    rows = [y[np.maximum(np.searchsorted(x, grid, side="right") - 1, 0)] if steps else np.interp(grid, x, y)
            for x, y in curves]
    return grid, np.array(rows)


def thinned(x: ArrayLike, y: ArrayLike, points: int = 800) -> tuple[Floats, Floats]:
    """At most so many points: means of equal bins of neighbours, so that a picture stays small."""
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if a.size <= points:
        return a, b
    edges = np.linspace(0, a.size, points + 1).astype(int)[:-1]
    counts = np.diff(np.append(edges, a.size))
    finite = np.isfinite(b)
    sums, finite_counts = np.add.reduceat(np.where(finite, b, 0.0), edges), np.add.reduceat(finite, edges, dtype=int)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.add.reduceat(a, edges) / counts, sums / finite_counts
