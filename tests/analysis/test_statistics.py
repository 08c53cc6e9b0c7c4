# SPDX-License-Identifier: Apache-2.0
"""Statistics against values that were worked out by hand."""
import math

import numpy as np
import pytest

from enas_analysis.statistics import (
    best_so_far,
    correlate,
    difference_p_value,
    kendall_tau_b,
    mean_and_sd,
    moving_mean,
    on_common_grid,
    rounded,
    thinned,
)


@pytest.mark.parametrize(("x", "y", "tau"), [
    ([1, 2, 3, 4], [1, 3, 2, 4], 4 / 6),  # 5 pairs agree, 1 does not
    ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
    # Of 6 pairs 4 agree, 1 is tied in x, 1 in y: 4 / sqrt(5 * 5).
    ([1, 2, 2, 3], [1, 2, 3, 3], 0.8),
    # 3 pairs: 1 tied in x, 1 agrees, 1 does not.
    ([1, 1, 2], [1, 3, 2], 0.0),
])
def test_kendall_tau_b(x, y, tau):
    assert kendall_tau_b(x, y) == pytest.approx(tau, abs=1e-12)


def test_tau_of_a_constant_is_not_a_number():
    assert math.isnan(kendall_tau_b([1, 1, 1], [1, 2, 3]))
    assert math.isnan(correlate([1, 1, 1], [1, 2, 3]).p)


def test_permutation_p_value_of_tau():
    # Orders of 4 by inversions 0 ... 6: 1 3 5 6 5 3 1 of 24. One inversion or less, five or more: 8 of 24.
    found = correlate([1, 2, 3, 4], [1, 3, 2, 4], permutations=20_000)
    assert found.n == 4
    assert found.tau == pytest.approx(4 / 6)
    assert found.p == pytest.approx(8 / 24, abs=0.01)


def test_bootstrap_interval():
    perfect = correlate(range(8), range(8), permutations=100)
    assert (perfect.low, perfect.high) == (1.0, 1.0)
    noise = correlate([1, 2, 3, 4, 5, 6], [3, 1, 6, 2, 5, 4], permutations=100)
    assert -1 <= noise.low < noise.tau < noise.high <= 1
    assert correlate([1, 2, 3, 4], [1, 3, 2, 4], seed=3) == correlate([1, 2, 3, 4], [1, 3, 2, 4], seed=3)


def test_rounding_makes_ties_for_the_sparse_tau():
    shared, alone = [0.5001, 0.5004, 0.6], [0.8, 0.7, 0.9]
    assert kendall_tau_b(shared, alone) == pytest.approx(1 / 3)
    # The first two are one value after rounding: 2 pairs agree, 1 is tied, 2 / sqrt(2 * 3).
    assert kendall_tau_b(rounded(shared, 0.001), rounded(alone, 0.001)) == pytest.approx(2 / math.sqrt(6))


def test_difference_of_means_counts_every_way_to_deal_out():
    # 20 ways; only the one seen and its mirror image are as far apart.
    assert difference_p_value([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)
    # 3 ways: differences 1.5, 0, 1.5.
    assert difference_p_value([1, 2], [3]) == pytest.approx(2 / 3)
    assert difference_p_value([1, 2], [1, 2]) == 1.0
    assert math.isnan(difference_p_value([1], [2]))
    assert math.isnan(difference_p_value([1, 2, math.nan], [3, 4, 5]))


def test_difference_of_many_values_is_sampled():
    a, b = np.arange(12.0), np.arange(12.0) + 100
    assert difference_p_value(a, b, permutations=999) == pytest.approx(1 / 1000)
    assert difference_p_value(a, a, permutations=999) == 1.0


def test_moving_mean():
    assert moving_mean([1, 2, 3, 4], 2).tolist() == [1, 1.5, 2.5, 3.5]
    assert moving_mean([1, np.nan, 3], 2).tolist() == [1, 1, 3]


def test_best_so_far():
    assert best_so_far([3, 5, 4], True).tolist() == [3, 5, 5]
    assert best_so_far([3, np.nan, 1, 2], False).tolist() == [3, 3, 1, 1]


def test_mean_and_sample_deviation():
    assert mean_and_sd([1, 2, 3]) == (2.0, 1.0)
    assert math.isnan(mean_and_sd([5])[1])


def test_common_grid_holds_values_until_the_next():
    curves = [(np.array([0.0, 2.0]), np.array([1.0, 5.0])), (np.array([1.0, 3.0]), np.array([7.0, 9.0]))]
    grid, values = on_common_grid(curves, 3)
    assert grid.tolist() == [1.0, 1.5, 2.0]
    assert values.tolist() == [[1, 1, 5], [7, 7, 7]]
    _, straight = on_common_grid(curves, 3, steps=False)
    assert straight.tolist() == [[3, 4, 5], [7, 7.5, 8]]


def test_thinned_keeps_means():
    x, y = thinned(range(6), [1, 3, 5, 7, np.nan, 9], points=3)
    assert x.tolist() == [0.5, 2.5, 4.5]
    assert y.tolist() == [2, 6, 9]
