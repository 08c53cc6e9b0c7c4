# SPDX-License-Identifier: Apache-2.0
"""Starts the real binary: a Run is a run directory and what can be done with it."""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np

BINARY = os.environ["ENAS_HPC"]
MPIRUN = shlex.split(os.environ.get(
    "ENAS_MPIRUN",
    "timeout -k 5 60 mpirun --oversubscribe --bind-to none --mca mpi_yield_when_idle 1"))
CONFIG = Path(__file__).parent / "tiny.toml"
SOURCE = CONFIG.parents[2]

# What CONFIG amounts to.
SLOTS = 4
WEIGHT_STEPS = 6
STEPS_PER_ROUND = 9
LAST_STEP = 27

# Longer than the limit in MPIRUN: only for what was started without it.
LIMIT_S = 150

# Bounds of time hold on a machine of one's own; tests share theirs with builds and with each other. Times this, a
# bound of 5 or 10 s still lies below the minute after which `timeout` would end what hangs.
SLACK = 4

# Of the present test: what wait_for_all() measured.
SECONDS_TO_STOP = []


class Result:
    """How a process ended and what it said."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err
        self.text = out + err

    @property
    def errors(self):
        """The messages that start with "error:", of all ranks."""
        return re.findall(r"^.*error: .*$", self.text, re.MULTILINE)

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Process:
    """A search in the background, with its output in files."""

    def __init__(self, command, folder, env=None, **popen):
        folder.mkdir(parents=True, exist_ok=True)
        self.files = [folder / "stdout.txt", folder / "stderr.txt"]
        with open(self.files[0], "wb") as out, open(self.files[1], "wb") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            cwd=folder, env=environment(env), **popen)

    def wait(self):
        try:
            code = self.process.wait(LIMIT_S)
        finally:
            if self.process.poll() is None:
                self.process.kill()
        return Result(code, *(file.read_text(errors="replace") for file in self.files))

    def wait_for_all(self, ranks, bound_s):
        """wait() right after what ends the run: mpirun and these ranks must all be gone in time."""
        start = time.monotonic()
        result = self.wait()
        try:
            wait_for(lambda: not any(map(is_alive, ranks)), "the ranks to end")
        finally:
            for pid in filter(is_alive, ranks):
                kill(pid)
        seconds = time.monotonic() - start
        SECONDS_TO_STOP.append(seconds)
        assert seconds <= SLACK * bound_s, f"gone after {seconds:.1f} s, demanded are {bound_s} s\n{result}"
        return result

    def mpirun(self):
        """The pid of mpirun itself, which `timeout` started."""
        return wait_for(lambda: children_of(self.process.pid), "mpirun to start")[0]

    def ranks(self, count=1):
        """The pids of the ranks, in order; waits until there are `count`."""
        return sorted(wait_for(lambda: len(found := children_of(self.mpirun())) >= count and found,
                               "ranks to start"))


def environment(extra=None):
    return {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMP_NUM_THREADS": "1", **(extra or {})}


def command_line(ranks, *arguments):
    """Under mpirun, or the bare program for ranks = 0."""
    start = [*MPIRUN, "-np", str(ranks)] if ranks > 0 else []
    return [*start, BINARY, *map(str, arguments)]


def enas_hpc(*arguments, ranks=0, cwd=None, env=None):
    """Runs the program to its end."""
    done = subprocess.run(command_line(ranks, *arguments), stdin=subprocess.DEVNULL, cwd=cwd,
                          capture_output=True, env=environment(env), timeout=LIMIT_S)
    return Result(done.returncode, done.stdout.decode(errors="replace"),
                  done.stderr.decode(errors="replace"))


def enas_hpc_by_rank(*ranks, arguments, env=None):
    """One rank for each of `ranks`: its own "binary", "cwd", "env" and "before" (words in front)."""
    command = list(MPIRUN)
    for number, rank in enumerate(ranks):
        command += [":"] * (number > 0) + ["-np", "1"]
        command += ["--wdir", str(rank["cwd"])] if "cwd" in rank else []
        command += [word for pair in rank.get("env", {}).items() for word in ("-x", "=".join(pair))]
        command += [*rank.get("before", ()), rank.get("binary", BINARY), *arguments]
    done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True,
                          env=environment(env), timeout=LIMIT_S)
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def sets(keys):
    return [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]


class Run:
    """A run directory, searched with a configuration and keys: Run(folder, {"weights.slots": 6})."""

    def __init__(self, folder, keys=None, config=CONFIG):
        self.folder = Path(folder)
        self.keys = keys or {}
        self.config = config

    def arguments(self, *more):
        return ["--config", self.config, "--run-dir", self.folder, *sets(self.keys), *more]

    def search(self, *more, ranks=2, env=None):
        return enas_hpc(*self.arguments(*more), ranks=ranks, env=env)

    def start(self, *more, ranks=2, env=None):
        folder = self.folder.parent / (self.folder.name + ".process")
        return Process(command_line(ranks, *self.arguments(*more)), folder, env=env)

    def finish(self, *more, ranks=2, env=None):
        """Searches to the end of all rounds and returns the state hash of the end."""
        result = self.search(*more, ranks=ranks, env=env)
        assert result.code == 0, result
        status = json.loads((self.folder / "status.json").read_text())
        assert (status["phase"], status["step"]) == ("finished", self.newest_step()), status
        return self.state_hash()

    def copy_to(self, folder):
        shutil.copytree(self.folder, folder)
        return Run(folder, self.keys, self.config)

    def checkpoint(self, step):
        return self.folder / "checkpoints" / f"step-{step:08}.h5"

    def checkpoints(self):
        return sorted((self.folder / "checkpoints").glob("step-*.h5"))

    def newest(self):
        return self.checkpoints()[-1]

    def newest_step(self):
        return step_of(self.newest())

    def parts(self):
        return sorted((self.folder / "log").glob("part-*.h5"))

    def names(self, pattern):
        return sorted(path.name for path in self.folder.rglob(pattern))

    def state_hash(self, step=None):
        result = enas_hpc("state-hash", self.newest() if step is None else self.checkpoint(step))
        assert result.code == 0 and re.fullmatch(r"[0-9a-f]{32}\n", result.out), result
        return result.out.strip()

    def await_checkpoint(self, step):
        wait_for(self.checkpoint(step).exists, f"the checkpoint of step {step}")

    def log(self):
        """All rows, as {"group/column": values}, without the columns that hold times."""
        columns = {}
        for path in self.parts():
            with h5py.File(path, "r") as part:
                for group in ("weight_steps", "controller_steps", "children", "rounds", "events"):
                    for name, column in part[group].items():
                        if column.attrs["clock"] == 0:
                            columns.setdefault(f"{group}/{name}", []).append(column[:])
        return {name: np.concatenate(pieces) for name, pieces in columns.items()}

    def steps(self):
        """The steps that the log holds, in its order."""
        log = self.log()
        return sorted([*log["weight_steps/step"].tolist(), *log["controller_steps/step"].tolist()])


def step_of(checkpoint):
    return int(checkpoint.stem.removeprefix("step-"))


def assert_same_rows(log, expected):
    """Equal to the bit; NaN equals NaN."""
    assert log.keys() == expected.keys()
    for name, values in expected.items():
        assert log[name].shape == values.shape, name
        same = log[name] == values if values.dtype.kind == "O" else (
            log[name].view(np.uint8) == values.view(np.uint8))
        assert np.all(same), f"{name}\n{log[name]}\n{values}"


def wait_for(condition, what, limit_s=60):
    """Polls; returns what the condition gave."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {limit_s} s for {what}")


def children_of(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(pid):
    os.kill(pid, signal.SIGKILL)
