# SPDX-License-Identifier: Apache-2.0
"""How far two implementations may differ, and the measure of it."""
import numpy as np

LOSS = 1e-4  # relative
LOG_PROBABILITY = 1e-5  # relative
# Of the norm of one tensor's gradient: sums of float32 numbers that nearly cancel.
GRADIENT = 1e-4


def relative(values, expected):
    """The largest relative difference."""
    values, expected = np.asarray(values, float), np.asarray(expected, float)
    assert values.shape == expected.shape
    assert values.size > 0
    return np.max(np.abs(values / expected - 1))
