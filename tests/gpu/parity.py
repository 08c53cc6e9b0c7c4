#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds two runs of the same search against each other: parity.py RUN_A RUN_B TOLERANCE

Compares the loss and the gradient norm of each weight step in the log, and how far each weight moved
from the first checkpoint to the last. All differences are relative: to the value in RUN_A, of weights
to the largest move in RUN_A. The runs hold checkpoints of the same steps, the first of step 0.
"""
import sys
from pathlib import Path

import h5py
import numpy as np


def logged(run, name):
    parts = sorted((run / "log").glob("part-*.h5"))
    return np.concatenate([h5py.File(part, "r")[f"weight_steps/{name}"][:] for part in parts])


def moves(run):
    """How far each weight moved, by name."""
    checkpoints = sorted((run / "checkpoints").glob("step-*.h5"))
    if len(checkpoints) < 2:
        sys.exit(f"parity: {run} needs a checkpoint of its first and of its last step")
    with h5py.File(checkpoints[0], "r") as first, h5py.File(checkpoints[-1], "r") as last:
        found = {}
        first["weights"].visititems(
            lambda name, item: found.update({name: last["weights"][name][:] - item[:]})
            if isinstance(item, h5py.Dataset) else None)
        return checkpoints[-1].name, found


def difference(a, b):
    if a.shape != b.shape:
        return np.inf
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(a), 1e-30))) if a.size else 0.0


def main(run_a, run_b, tolerance):
    found = {name: difference(logged(run_a, name), logged(run_b, name))
             for name in ("loss", "gradient_norm")}
    (step_a, a), (step_b, b) = moves(run_a), moves(run_b)
    if step_a != step_b or a.keys() != b.keys():
        sys.exit(f"parity: {run_a} and {run_b} are not of the same search and step")
    largest = max(float(np.max(np.abs(move))) for move in a.values())
    if largest == 0.0:
        sys.exit(f"parity: no weight of {run_a} moved")
    found["weights"] = max(float(np.max(np.abs(a[name] - b[name]))) for name in a) / largest
    bad = [name for name, value in found.items() if not value <= tolerance]
    print(", ".join(f"{name} {value:.1e}" for name, value in found.items()),
          f"(tolerance {tolerance:.0e}):", "differ in " + ", ".join(bad) if bad else "equal")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
