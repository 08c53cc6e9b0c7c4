# SPDX-License-Identifier: Apache-2.0
"""Runs of a single process whose file system fails on purpose (tests/support/io_faults.c)."""
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

IO_FAULTS = os.environ["ENAS_IO_FAULTS"]


class Point(NamedTuple):
    """A call that can be made to fail."""

    number: int
    call: str
    path: str


def faults(run, mode, at, last=None):
    """The environment in which points `at` to `last` of a run fail; `at` may be "every"."""
    more = {} if last is None else {"FAULT_LAST": str(last)}
    return {"LD_PRELOAD": IO_FAULTS, "FAULT_UNDER": str(run.folder), "FAULT_MODE": mode,
            "FAULT_AT": str(at), **more}


def points_of(run, *arguments):
    """The points that this run passes, which is run to its end."""
    log = run.folder.parent / (run.folder.name + ".points")
    result = run.search(*arguments, ranks=0, env={"LD_PRELOAD": IO_FAULTS, "FAULT_UNDER": str(run.folder),
                                                  "FAULT_LOG": str(log)})
    assert result.code == 0, result
    return [Point(int(number), call, path) for number, call, path in
            (line.split(" ", 2) for line in log.read_text().splitlines())]


def of_the_save(points, step):
    """From the log part that ends at this step to the pruning after its checkpoint."""
    begin = next(i for i, point in enumerate(points) if f"-{step:08}.h5.tmp" in point.path)
    end = next(i for i, point in enumerate(points[begin:], begin) if "status.json" in point.path)
    return points[begin:end]


def for_each(items, action):
    """action(item) for all of them, two at a time; fails with every failure."""
    def attempt(item):
        try:
            return action(item)
        except AssertionError as failure:
            return AssertionError(f"{item}: {failure}")

    with ThreadPoolExecutor(2) as pool:
        failures = [result for result in pool.map(attempt, items) if isinstance(result, AssertionError)]
    assert not failures, "\n\n".join(map(str, failures))
