#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""measure.py [REPETITIONS]: how often each way to end a run ends well, and how long it takes.

Prints the table of docs/reliability.md. Needs ENAS_HPC, as the tests do."""
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from search_run import Run, is_alive, kill, wait_for

SLOW = {"ENAS_FAULT": "1:1:slow_forever"}
HANG = {"ENAS_FAULT": "1:5:hang"}


def to_mpirun(number):
    return lambda process: os.kill(process.mpirun(), number)


def to_rank(number, rank):
    return lambda process: os.kill(process.ranks()[rank], number)


def nothing(process):
    pass


# Name, environment, keys, what is done, exit code.
WAYS = [
    ("SIGUSR1 to mpirun", SLOW, {}, to_mpirun(signal.SIGUSR1), 75),
    ("SIGUSR1 to one rank", SLOW, {}, to_rank(signal.SIGUSR1, 1), 75),
    ("SIGTERM to mpirun", SLOW, {}, to_mpirun(signal.SIGTERM), 1),
    ("SIGINT to mpirun", SLOW, {}, to_mpirun(signal.SIGINT), 1),
    ("SIGKILL of rank 0", SLOW, {}, to_rank(signal.SIGKILL, 0), 137),
    ("SIGKILL of rank 1", SLOW, {}, to_rank(signal.SIGKILL, 1), 137),
    ("SIGKILL of mpirun", SLOW, {}, to_mpirun(signal.SIGKILL), 137),
    ("SIGSTOP of a rank, comm.timeout_s = 3", SLOW, {"comm.timeout_s": 3}, to_rank(signal.SIGSTOP, 1), 79),
    ("a rank that never comes back, comm.timeout_s = 3", HANG, {"comm.timeout_s": 3}, nothing, 79),
]


def once(folder, gold, environment, keys, act, code):
    """Seconds from the act to the end of all ranks; None where anything was not as promised."""
    run = Run(folder, keys)
    process = run.start(env=environment)
    run.await_checkpoint(4)
    ranks = process.ranks()
    start = time.monotonic()
    act(process)
    ended = process.wait()
    wait_for(lambda: not any(map(is_alive, ranks)), "the ranks to end", 60)
    seconds = time.monotonic() - start
    for pid in filter(is_alive, ranks):
        kill(pid)
    exit_code = ended.code if ended.code >= 0 else 128 - ended.code  # `timeout` died with mpirun
    good = exit_code == code and run.finish() == gold
    if not good:
        print(ended, file=sys.stderr)
    return seconds if good else None


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gold = Run(folder / "gold").finish()
        print("| What ends the run | Exit code | As promised "
              "| Seconds until all ranks are gone: median (largest) |")
        print("|---|---|---|---|")
        for number, (what, environment, keys, act, code) in enumerate(WAYS):
            results = [once(folder / f"run{number}.{i}", gold, environment, keys, act, code)
                       for i in range(repetitions)]
            good = [seconds for seconds in results if seconds is not None]
            took = f"{statistics.median(good):.1f} ({max(good):.1f})" if good else "-"
            print(f"| {what} | {code} | {len(good)} of {repetitions} | {took} |", flush=True)


if __name__ == "__main__":
    main()
