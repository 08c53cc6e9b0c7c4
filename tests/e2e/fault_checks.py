# SPDX-License-Identifier: Apache-2.0
"""What tests of injected faults share."""
import json
import re

import h5py
import numpy as np
from search_run import LAST_STEP, assert_same_rows


def assert_finite(checkpoint, groups=("weights", "strategy", "slots")):
    def check(name, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            assert np.isfinite(item[:]).all(), f"{checkpoint}: {name}"

    with h5py.File(checkpoint, "r") as file:
        for group in groups:
            file[group].visititems(check)


def fault_at(rank, when, kind):
    return {"ENAS_FAULT": f"{rank}:{when}:{kind}"}


def assert_found_and_repaired(run, gold, result, what):
    assert result.code == 0, result
    found = re.findall(r"^warning: replicas differ at step (\d+): (.*); reloaded step (\d+)",
                       result.err, re.MULTILINE)
    assert len(found) == 1, result
    assert re.fullmatch(what, found[0][1]), result
    assert run.state_hash() == gold.hash
    assert_same_rows(run.log(), gold.log)
    assert run.steps() == list(range(LAST_STEP))
    best = [json.loads((each.folder / "best.json").read_text()) for each in (run, gold.run)]
    assert best[0] == best[1]
