# SPDX-License-Identifier: Apache-2.0
"""Submits a batch script of slurm/ and follows the job."""
import json
import os
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path

SOURCE = Path(__file__).parents[2]
BINARY = os.environ.get("ENAS_HPC", str(SOURCE / "build" / "release" / "src" / "app" / "enas_hpc"))
LAUNCHERS = {"srun": "srun --mpi=pmix --cpu-bind=cores", "mpirun": "mpirun --bind-to none"}
LIMIT_S = 240


def tiny_keys():
    """Keys that make a search of configs/ptb.toml as small as tests/e2e/tiny.toml, four steps a second or more."""
    sections = tomllib.loads((SOURCE / "tests" / "e2e" / "tiny.toml").read_text())
    keys = {f"{section}.{key}": value for section, part in sections.items() if section != "data"
            for key, value in part.items()}
    return {**keys, "search.rounds": 100000, "checkpoint.every_steps": 20, "checkpoint.keep": 2}


def wait_for(condition, what, limit_s=LIMIT_S):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.2)
    raise AssertionError(f"waited {limit_s} s for {what}")


class Site:
    """A folder to submit from: the scripts, a site file, a small text in the place of Penn Treebank."""

    def __init__(self, folder, slurm_conf, launcher="srun"):
        self.folder = folder
        shutil.copytree(SOURCE / "slurm", folder / "slurm", ignore=shutil.ignore_patterns("site.sh"))
        shutil.copytree(SOURCE / "configs", folder / "configs")
        (folder / "data").mkdir()
        for split, words in {"train": 400, "valid": 100, "test": 40}.items():
            text = " ".join(f"w{i * i % 19}" for i in range(words))
            (folder / "data" / f"ptb.{split}.txt").write_text(text.replace("w0 ", "w0 \n "))
        # MORE: what the test wants the program to be given, read anew at each start.
        (folder / "more").write_text("")
        launch = folder / "launch"
        launch.write_text(f'#!/bin/bash\nread -r -a more <"{folder}/more"\n'
                          f'exec {LAUNCHERS[launcher]} "$@" "${{more[@]}}"\n')
        launch.chmod(0o755)
        (folder / "slurm" / "site.sh").write_text(
            f"ENAS_HPC={BINARY}\nENAS_PTB=data\nENAS_LAUNCHER={launch}\n"
            "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1\n"
            # The two nodes are one machine: their shared-memory files would have the same names.
            "export OMPI_MCA_btl=self,tcp OMPI_MCA_mpi_yield_when_idle=1\n")
        self.environment = {**os.environ, "SLURM_CONF": str(slurm_conf)}
        self.run = folder / "runs" / "enas-ptb"
        self.keys = tiny_keys()

    def call(self, *command, check=True):
        done = subprocess.run([str(part) for part in command], cwd=self.folder, env=self.environment, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S)
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def arguments(self):
        return [part for key, value in self.keys.items()
                for part in ("--set", f"{key}={json.dumps(value) if isinstance(value, str) else value}")]

    def submit(self, *options, env=None):
        """Both nodes, a rank on each, one thread."""
        self.environment.update(env or {})
        text = self.call("sbatch", "--parsable", "--cpus-per-task=1", "--ntasks-per-node=1", *options,
                         "slurm/enas_ptb.sh", *self.arguments())
        return Job(self, text.split(";")[0])

    def status(self):
        file = self.run / "status.json"
        return json.loads(file.read_text()) if file.exists() else {"step": 0, "phase": "", "reason": ""}

    def step(self):
        """Of the newest checkpoint."""
        steps = [int(file.stem.removeprefix("step-")) for file in (self.run / "checkpoints").glob("step-*.h5")]
        return max(steps, default=-1)

    def stop_at(self, step):
        (self.folder / "more").write_text(f"--max-steps {step}\n")

    def state_hash(self, run=None):
        newest = sorted(((run or self.run) / "checkpoints").glob("step-*.h5"))[-1]
        return newest.name, self.call(BINARY, "state-hash", newest)

    def gold(self, step):
        """The state of the same search, never stopped, on one rank."""
        run = self.folder / "gold"
        self.call(BINARY, "--config", "configs/ptb.toml", "--set", "weights.batch_size=8", "--set", "data.path=data",
                  *self.arguments(), "--run-dir", run, "--max-steps", step)
        return self.state_hash(run)


class Job:
    def __init__(self, site, number):
        self.site, self.number = site, number

    def show(self):
        return dict(re.findall(r"(\w+)=(\S*)", self.site.call("scontrol", "show", "job", self.number)))

    def await_state(self, state, limit_s=LIMIT_S):
        try:
            wait_for(lambda: self.show()["JobState"] == state, f"job {self.number} to be {state}", limit_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.show()}\n{self.output()}") from None
        return self.show()

    def await_steps(self, step):
        try:
            wait_for(lambda: self.site.step() >= step, f"a checkpoint of step {step} or later")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()}") from None

    def await_requeued(self, restarts=1):
        """Pending again; a requeued job waits for two minutes unless it is told not to."""
        try:
            wait_for(lambda: (show := self.show())["JobState"] == "PENDING" and show["Restarts"] == str(restarts),
                     f"job {self.number} to be requeued")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.show()}\n{self.output()}") from None

    def await_next(self):
        """The state after a start: COMPLETED, or PENDING when it was requeued."""
        before = self.show()["Restarts"]
        self.last = None

        def ended():
            self.last = self.show()
            requeued = self.last["JobState"] == "PENDING" and self.last["Restarts"] != before
            return requeued or self.last["JobState"] in ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED")

        wait_for(ended, f"job {self.number} to end")
        assert self.last["JobState"] in ("COMPLETED", "PENDING"), f"{self.last}\n{self.output()}"
        return self.last["JobState"]

    def release(self):
        """Lets a requeued job start. Not in the second of its end, whose credentials the nodes have revoked."""
        time.sleep(2)
        self.site.call("scontrol", "update", f"JobId={self.number}", "StartTime=now")

    def cancel(self):
        self.site.call("scancel", self.number)

    def output(self):
        return "".join(file.read_text() for file in self.site.folder.glob(f"*-{self.number}.out"))
