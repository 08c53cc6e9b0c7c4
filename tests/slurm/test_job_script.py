# SPDX-License-Identifier: Apache-2.0
"""What slurm/job.sh decides, without Slurm: its commands are stand-ins, and so is the program."""
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2]
SCRIPTS = ["enas_ptb.sh", "enas_cifar.sh", "train_best.sh", "seeds.sh"]
REQUEUED = "requeued, to go on from the newest checkpoint"

# Records the call and prints what the test wrote for it.
STAND_IN = """#!/bin/bash
echo "$(basename "$0") $*" >>"$STAGE/calls"
cat "$STAGE/$(basename "$0").out" 2>/dev/null || true
"""
# The program: it makes the steps that the test wants, says that it is ready, and ends with the code wanted.
PROGRAM = """#!/bin/bash
echo "program $*" >>"$STAGE/calls"
env >"$STAGE/environment"
while (($#)); do [[ $1 == --run-dir ]] && run=$2; shift; done
mkdir -p "$run"
printf '{\\n "step": %s,\\n "reason": "%s"\\n}\\n' "$(<"$STAGE/steps")" "$(cat "$STAGE/reason")" >"$run/status.json"
if [[ -e $STAGE/waits ]]; then
  trap 'sleep 1; exit "$(<"$STAGE/code")"' USR1
  trap 'exit 1' TERM
  touch "$STAGE/ready"
  while :; do sleep 0.05; done
fi
exit "$(<"$STAGE/code")"
"""


class Stage:
    """A folder with the scripts, data, and stand-ins; run() is one start of the job."""

    def __init__(self, folder):
        self.folder, self.run_dir = folder, folder / "runs" / "job"
        shutil.copytree(SOURCE / "slurm", folder / "slurm", ignore=shutil.ignore_patterns("site.sh"))
        (folder / "bin").mkdir()
        for name in ("squeue", "scontrol", "sinfo"):
            self.executable(f"bin/{name}", STAND_IN)
        self.executable("program", PROGRAM)
        self.executable("launcher", '#!/bin/bash\nexec "$@"\n')
        (folder / "data").mkdir()
        for split in ("train", "valid", "test"):
            (folder / "data" / f"ptb.{split}.txt").touch()
        self.write("slurm/site.sh", "ENAS_HPC=./program ENAS_PTB=data ENAS_LAUNCHER=./launcher\n")
        for name, text in {"squeue.out": "RUNNING", "steps": "10", "reason": "SIGUSR1", "code": "75"}.items():
            self.write(name, text)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def executable(self, name, text):
        self.write(name, text)
        (self.folder / name).chmod(0o755)

    def start(self, script="enas_ptb.sh", arguments=(), **env):
        (self.folder / "calls").unlink(missing_ok=True)
        env = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "STAGE": str(self.folder),
               "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "job", "SLURM_JOB_NODELIST": "n1",
               "SLURM_CPUS_PER_TASK": "4", "SLURM_SUBMIT_DIR": str(self.folder), **env}
        return subprocess.Popen(["bash", self.folder / "slurm" / script, *arguments], env=env, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, *arguments, **more):
        """Exit code and output of one start."""
        process = self.start(*arguments, **more)
        text = process.communicate(timeout=60)[0]
        return process.returncode, text

    def calls(self, name):
        lines = (self.folder / "calls").read_text().splitlines()
        return [line for line in lines if line.split()[0] == name]

    def is_requeued(self):
        calls = self.calls("scontrol")
        assert calls in ([], ["scontrol requeue 7"]), calls
        return bool(calls)


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


@pytest.mark.parametrize("code, requeued", [(0, False), (75, True), (79, True), (137, True), (1, True),
                                            (64, False), (65, False), (66, False), (70, False), (73, False),
                                            (74, False), (76, False), (77, False), (80, False)])
def test_what_can_go_on_is_requeued(stage, code, requeued):
    stage.write("code", str(code))
    ended, text = stage.run()
    assert ended == code, text
    assert stage.is_requeued() == requeued, text
    assert (REQUEUED in text) == requeued, text


def test_the_program_gets_data_run_directory_and_arguments(stage):
    stage.run(arguments=["--seed", "7"])
    (call,) = stage.calls("program")
    assert call.startswith("program --config configs/ptb.toml ")
    assert call.endswith(" --set data.path=data --run-dir runs/job --seed 7")
    environment = (stage.folder / "environment").read_text().splitlines()
    assert {"OMP_NUM_THREADS=4", "SRUN_CPUS_PER_TASK=4"} <= set(environment)


def test_the_end_of_the_job_is_asked_of_slurm_where_it_is_not_set(stage):
    stage.write("squeue.out", "2026-01-31T12:00:00")
    stage.run(TZ="UTC")
    assert "SLURM_JOB_END_TIME=1769860800" in (stage.folder / "environment").read_text().splitlines()
    stage.run(TZ="UTC", SLURM_JOB_END_TIME="1234")
    assert "SLURM_JOB_END_TIME=1234" in (stage.folder / "environment").read_text().splitlines()
    stage.write("squeue.out", "N/A")
    stage.run(TZ="UTC")
    assert "SLURM_JOB_END_TIME" not in (stage.folder / "environment").read_text()


def signalled(stage, number, times=1):
    stage.write("waits", "")
    process = stage.start()
    end = time.monotonic() + 60
    while not (stage.folder / "ready").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    for _ in range(times):  # while it ends: each of them interrupts the script's wait
        process.send_signal(number)
        time.sleep(0.2)
    text = process.communicate(timeout=60)[0]
    return process.returncode, text


@pytest.mark.parametrize("times", [1, 3])
def test_usr1_reaches_the_program_and_requeues(stage, times):
    code, text = signalled(stage, signal.SIGUSR1, times)
    assert (code, stage.is_requeued()) == (75, True), text


def test_term_checkpoints_and_does_not_requeue(stage):
    """The program would end with 1 on TERM: it was sent USR1."""
    code, text = signalled(stage, signal.SIGTERM)
    assert (code, stage.is_requeued()) == (75, False), text
    assert "not requeued: Slurm ends the job" in text


def test_a_cancelled_job_does_not_come_back(stage):
    stage.write("squeue.out", "COMPLETING")
    code, text = stage.run()
    assert (code, stage.is_requeued()) == (75, False), text


def test_the_file_stop_is_obeyed(stage):
    stage.write("reason", "STOP file")
    code, text = stage.run()
    assert (code, stage.is_requeued()) == (75, False), text
    assert "stopped by the file STOP" in text


def test_without_progress_three_starts_are_enough(stage):
    assert stage.run() and stage.is_requeued()
    for _ in range(2):
        assert stage.run(SLURM_RESTART_COUNT="1") and stage.is_requeued()
    code, text = stage.run(SLURM_RESTART_COUNT="3")
    assert (code, stage.is_requeued()) == (75, False), text
    assert "no step further in 3 starts (ENAS_MAX_TRIES)" in text


def test_progress_starts_the_count_anew(stage):
    for steps in (10, 10, 10, 11, 11, 11):
        stage.write("steps", str(steps))
        assert stage.run() and stage.is_requeued()
    code, text = stage.run()
    assert not stage.is_requeued(), text


def test_a_failure_further_on_is_no_progress_twice(stage):
    """status.json of a run that failed tells the step that was lost; the next start writes an earlier one."""
    for steps in (50, 20, 50, 20):
        stage.write("steps", str(steps))
        stage.run()
    assert not stage.is_requeued()


def test_another_job_starts_the_count_anew(stage):
    for _ in range(4):
        stage.run()
    assert not stage.is_requeued()
    stage.run(SLURM_JOB_ID="8")
    assert stage.calls("scontrol") == ["scontrol requeue 8"]


def test_a_finished_run_forgets_the_count(stage):
    stage.run()
    assert (stage.run_dir / "requeues").exists()
    stage.write("code", "0")
    stage.run()
    assert not (stage.run_dir / "requeues").exists()


LOCK = '{"host":"node9","job":"5","pid":1,"since":"2026-01-31T12:00:00Z"}\n'


@pytest.mark.parametrize("hosts, jobs, freed", [
    ("node1\nnode9\n", "7 RUNNING\n", True), ("node1\nnode9\n", "5 CANCELLED\n", True),
    ("node1\nnode9\n", "5 RUNNING\n", False), ("node1\nnode9\n", "5 COMPLETING\n", False),
    ("node1\nnode99\n", "7 RUNNING\n", False), ("node1.cluster\nnode9.cluster\n", "7 RUNNING\n", True)])
def test_only_the_lock_of_a_dead_job_of_this_cluster_is_taken_away(stage, hosts, jobs, freed):
    stage.run_dir.mkdir(parents=True)
    (stage.run_dir / "run.lock").write_text(LOCK)
    stage.write("sinfo.out", hosts)
    stage.write("squeue.out", jobs)
    stage.run()
    assert (stage.run_dir / "run.lock").read_text() == ("" if freed else LOCK)


@pytest.mark.parametrize("site, code, message", [
    ("ENAS_HPC=./nothing", 66, "there is no program at ./nothing"),
    ("ENAS_HPC=./program ENAS_PTB=elsewhere", 66, "elsewhere has no ptb.train.txt"),
    ("ENAS_HPC=./program ENAS_PTB=data ENAS_DEVICE=tpu", 64, "ENAS_DEVICE is 'tpu', must be cpu or gpu"),
    ("ENAS_HPC=./program ENAS_PTB=data ENAS_LAUNCHER=aprun", 66, "there is no aprun")])
def test_what_is_missing_is_named(stage, site, code, message):
    stage.write("slurm/site.sh", site + "\n")
    ended, text = stage.run()
    assert ended == code and message in text, text
    assert text.count("error: ") == 1


def test_gpu_nodes_by_one_variable(stage):
    stage.run(ENAS_DEVICE="gpu")
    (call,) = stage.calls("program")
    assert call.startswith("program --config configs/ptb_cluster.toml --device cuda ")


@pytest.mark.parametrize("script", SCRIPTS)
def test_submitted_from_elsewhere(stage, script, tmp_path):
    code, text = stage.run(script=script, SLURM_SUBMIT_DIR=str(stage.folder / "data"))
    assert code == 66 and "submit this from the folder that holds slurm/" in text


def test_train_best_goes_from_ranking_to_test(stage):
    search, best = stage.run_dir, stage.run_dir / "train" / "best"
    code, text = stage.run(script="train_best.sh", arguments=[str(search)])
    assert code == 66 and "there is no search in" in text
    search.mkdir(parents=True)
    (search / "best.json").touch()
    stage.write("code", "0")
    code, text = stage.run(script="train_best.sh", arguments=[str(search), "--max-time", "60"])
    assert code == 0, text
    assert stage.calls("program") == [f"program derive --run {search}", f"program train --run {search} --max-time 60",
                                      f"program evaluate --run {best}"]


def test_seeds_are_an_array_and_a_report(stage):
    run = "--run-dir runs/job"
    stage.run(script="seeds.sh", arguments=["4,5", "--samples", "9"], SLURM_ARRAY_TASK_ID="5")
    (call,) = stage.calls("program")
    assert call.endswith(f" --seed 5 {run}/seed-5 --samples 9"), call
    stage.run(script="seeds.sh", arguments=["4,5", "--samples", "9"])
    (call,) = stage.calls("program")
    assert call.endswith(f" --seeds 4,5 {run} --samples 9"), call


def test_the_last_task_of_an_array_is_requeued_alone(stage):
    """Its job id is that of the whole array."""
    stage.run(script="seeds.sh", arguments=["4,5"], SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID="5")
    assert stage.calls("scontrol") == ["scontrol requeue 7_5"]
    assert all("-j 7_5" in call for call in stage.calls("squeue") if "-j" in call)


def test_the_site_example_is_what_the_scripts_do_anyway(stage):
    """Every assignment that is commented out there must name a variable that the scripts read."""
    example = (SOURCE / "slurm" / "site.example.sh").read_text()
    scripts = "".join((SOURCE / "slurm" / name).read_text() for name in ["job.sh", *SCRIPTS])
    names = {line.split("=")[0].removeprefix("# ") for line in example.splitlines() if line.startswith("# ENAS_")}
    assert len(names) >= 6
    for name in names:
        assert f"${{{name}:-" in scripts, name
