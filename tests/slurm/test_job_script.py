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

# Records the call and prints what the test wrote for it. It fails as often as the test wants.
STAND_IN = """#!/bin/bash
name=$(basename "$0")
echo "$name $*" >>"$STAGE/calls"
fails=$(cat "$STAGE/$name.fails" 2>/dev/null)
if ((fails > 0)); then
  echo "$((fails - 1))" >"$STAGE/$name.fails"
  echo "slurm_load_jobs error: Socket timed out on send/recv operation" >&2
  exit 1
fi
cat "$STAGE/$name.out" 2>/dev/null || true
"""
# The program: it makes the steps that the test wants, says that it is ready, and ends with the code wanted.
PROGRAM = """#!/bin/bash
echo "program $*" >>"$STAGE/calls"
env >"$STAGE/environment"
run=$STAGE/elsewhere
while (($#)); do [[ $1 == --run-dir ]] && run=$2; shift; done
run+=/$(cat "$STAGE/stage" 2>/dev/null)
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
        if env.pop("login", False):
            job = {}
        else:
            job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "job", "SLURM_JOB_NODELIST": "n1",
                   "SLURM_CPUS_PER_TASK": "4", "SLURM_SUBMIT_DIR": str(self.folder)}
        env = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "STAGE": str(self.folder), **job, **env}
        return subprocess.Popen(["bash", self.folder / "slurm" / script, *arguments], env=env, text=True,
                                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def run(self, *arguments, **more):
        """Exit code and output of one start."""
        process = self.start(*arguments, **more)
        text = process.communicate(timeout=60)[0]
        return process.returncode, text

    def calls(self, name):
        if not (self.folder / "calls").exists():
            return []
        lines = (self.folder / "calls").read_text().splitlines()
        return [line for line in lines if line.split()[0] == name]

    def is_requeued(self):
        calls = self.calls("scontrol")
        assert calls in ([], ["scontrol requeue 7"]), calls
        return bool(calls)


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


@pytest.fixture
def hasty(stage):
    """A stage on which nobody sleeps."""
    stage.executable("bin/sleep", STAND_IN)
    return stage


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (75, True), (79, True), (137, True), (1, True),
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
        assert process.poll() is None
        assert time.monotonic() < end
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


@pytest.mark.parametrize("state", ["COMPLETING", "CANCELLED", ""])
@pytest.mark.parametrize("failures", [0, 2])
def test_a_cancelled_job_does_not_come_back(hasty, state, failures):
    hasty.write("squeue.out", state)
    hasty.write("squeue.fails", str(failures))
    code, text = hasty.run(SLURM_JOB_END_TIME="1")
    assert (code, hasty.is_requeued()) == (75, False), text
    assert "not requeued: Slurm ends the job" in text


@pytest.mark.parametrize(("failures", "unknown"), [(1, False), (2, False), (3, True)])
def test_a_busy_slurm_is_asked_again(hasty, failures, unknown):
    """Where it does not answer, it decides when the job is requeued."""
    hasty.write("squeue.fails", str(failures))
    code, text = hasty.run(SLURM_JOB_END_TIME="1")
    assert (code, hasty.is_requeued()) == (75, True), text
    assert ("squeue does not tell whether the job is cancelled" in text) == unknown, text
    assert len(hasty.calls("squeue")) == min(failures + 1, 3)
    assert len(hasty.calls("sleep")) == min(failures, 2)


@pytest.mark.parametrize("failures", [2, 3])
def test_requeueing_is_tried_again(hasty, failures):
    hasty.write("scontrol.fails", str(failures))
    code, text = hasty.run()
    assert hasty.calls("scontrol") == 3 * ["scontrol requeue 7"], text
    assert (code, "requeueing was refused; submit it again to go on" in text) == (75, failures == 3), text


def test_the_file_stop_is_obeyed(stage):
    stage.write("reason", "STOP file")
    code, text = stage.run()
    assert (code, stage.is_requeued()) == (75, False), text
    assert "stopped by the file STOP" in text


@pytest.mark.parametrize("stage_name", ["random", "train/top-1", "random/train/top-1"])
@pytest.mark.parametrize(("reason", "requeued"), [("STOP file", False), ("SIGUSR1", True)])
def test_the_newest_stage_tells_why_it_ended(stage, stage_name, reason, requeued):
    """Those before it have a status.json as well, of an earlier stop."""
    stage.run_dir.mkdir(parents=True)
    earlier = "SIGUSR1" if reason == "STOP file" else "STOP file"
    (stage.run_dir / "status.json").write_text(f'{{\n "step": 5,\n "reason": "{earlier}"\n}}\n')
    os.utime(stage.run_dir / "status.json", (1e9, 1e9))
    stage.write("stage", stage_name)
    stage.write("reason", reason)
    code, text = stage.run()
    assert (code, stage.is_requeued()) == (75, requeued), text
    assert ("stopped by the file STOP" in text) != requeued, text


def test_a_file_stop_that_nobody_saw_is_obeyed_once(stage):
    stage.run_dir.mkdir(parents=True)
    (stage.run_dir / "STOP").touch()
    code, text = stage.run()
    assert (code, stage.is_requeued()) == (75, False), text
    assert "stopped by the file STOP" in text
    stage.run()
    assert stage.is_requeued()


def test_without_progress_three_starts_are_enough(stage):
    assert stage.run()
    assert stage.is_requeued()
    for _ in range(2):
        assert stage.run(SLURM_RESTART_COUNT="1")
        assert stage.is_requeued()
    code, text = stage.run(SLURM_RESTART_COUNT="3")
    assert (code, stage.is_requeued()) == (75, False), text
    assert "no step further in 3 starts (ENAS_MAX_TRIES)" in text


@pytest.mark.parametrize(("tries", "starts"), [("1", 1), ("02", 2), ("08", 8)])
def test_the_number_of_tries_is_decimal(stage, tries, starts):
    for start in range(1, starts + 1):
        code, text = stage.run(ENAS_MAX_TRIES=tries, SLURM_RESTART_COUNT=str(start))
        assert stage.is_requeued(), text
    code, text = stage.run(ENAS_MAX_TRIES=tries)
    assert (code, stage.is_requeued()) == (75, False), text


@pytest.mark.parametrize("tries", ["0", "00", "-1", "many", "3.5", "0x3", "3 4", "9999999"])
def test_a_number_of_tries_that_is_none_is_refused(stage, tries):
    code, text = stage.run(ENAS_MAX_TRIES=tries)
    assert (code, stage.calls("program")) == (64, []), text
    assert f"ENAS_MAX_TRIES is '{tries}', must be a number" in text
    assert text.count("error: ") == 1


def test_progress_starts_the_count_anew(stage):
    for steps in (10, 10, 10, 11, 11, 11):
        stage.write("steps", str(steps))
        assert stage.run()
        assert stage.is_requeued()
    _code, text = stage.run()
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


@pytest.mark.parametrize(("hosts", "jobs", "freed"), [
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


def test_each_stage_has_a_lock_judged_alone(stage):
    locks = [stage.run_dir / name / "run.lock" for name in ("", "random", "train/top-1", "random/train/top-1")]
    for number, lock in enumerate(locks, 3):
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.write_text(LOCK.replace('"5"', f'"{number}"'))
    stage.write("sinfo.out", "node9")
    stage.write("squeue.out", "4 RUNNING\n")
    stage.run()
    assert [bool(lock.read_text()) for lock in locks] == [False, True, False, False]


@pytest.mark.parametrize(("site", "code", "message"), [
    ("ENAS_HPC=./nothing", 66, "there is no program at ./nothing"),
    ("ENAS_HPC=./program ENAS_PTB=elsewhere", 66, "elsewhere has no ptb.train.txt"),
    ("ENAS_HPC=./program ENAS_PTB=data ENAS_DEVICE=tpu", 64, "ENAS_DEVICE is 'tpu', must be cpu or gpu"),
    ("ENAS_HPC=./program ENAS_PTB=data ENAS_LAUNCHER=aprun", 66, "there is no aprun")])
def test_what_is_missing_is_named(stage, site, code, message):
    stage.write("slurm/site.sh", site + "\n")
    ended, text = stage.run()
    assert (ended, text.count("error: ")) == (code, 1), text
    assert message in text


def test_gpu_nodes_by_one_variable(stage):
    stage.run(ENAS_DEVICE="gpu")
    (call,) = stage.calls("program")
    assert call.startswith("program --config configs/ptb_cluster.toml --device cuda ")


@pytest.mark.parametrize(("script", "login", "chosen_by"), [
    ("enas_ptb.sh", False, "ENAS_RUNS and sbatch --job-name"),
    ("enas_cifar.sh", False, "ENAS_RUNS and sbatch --job-name"), ("train_best.sh", False, "the first argument"),
    ("seeds.sh", False, "ENAS_RUNS and SBATCH_JOB_NAME"), ("seeds.sh", True, "ENAS_RUNS and SBATCH_JOB_NAME")])
@pytest.mark.parametrize("arguments", [["--run-dir", "x"], ["--run-dir=x"], ["run.dir=x"], ["--set=run.dir=x"]])
def test_another_run_directory_is_refused(stage, script, login, chosen_by, arguments):
    stage.executable("bin/sbatch", STAND_IN)
    first = {"train_best.sh": ["runs/job"], "seeds.sh": ["1,2"]}.get(script, [])
    stage.run_dir.mkdir(parents=True)
    (stage.run_dir / "best.json").touch()
    code, text = stage.run(script=script, arguments=[*first, "--set", *arguments], login=login)
    assert code == 64, text
    assert f"{arguments[0]} cannot be given here" in text
    assert chosen_by in text
    assert text.count("error: ") == 1
    assert not (stage.folder / "calls").exists()


@pytest.mark.parametrize("script", SCRIPTS)
def test_submitted_from_elsewhere(stage, script, tmp_path):
    code, text = stage.run(script=script, SLURM_SUBMIT_DIR=str(stage.folder / "data"))
    assert code == 66
    assert "submit this from the folder that holds slurm/" in text


def test_train_best_goes_from_ranking_to_test(stage):
    search, best = stage.run_dir, stage.run_dir / "train" / "best"
    code, text = stage.run(script="train_best.sh", arguments=[str(search)])
    assert code == 66
    assert "there is no search in" in text
    search.mkdir(parents=True)
    (search / "best.json").touch()
    stage.write("code", "0")
    code, text = stage.run(script="train_best.sh", arguments=[str(search), "--max-time", "60"])
    assert code == 0, text
    assert stage.calls("program") == [f"program derive --run {search}", f"program train --run {search} --max-time 60",
                                      f"program evaluate --run {best}"]


@pytest.mark.parametrize(("seeds", "array", "listed"), [
    ([], "1,2,3", "1,2,3"), (["4"], "4", "4"), (["1-3"], "1,2,3", "1,2,3"), (["1-5%2"], "1,2,3,4,5%2", "1,2,3,4,5"),
    (["0-8:4,3"], "0,3,4,8", "0,3,4,8"), (["08-011"], "8,9,10,11", "8,9,10,11"), (["2,1,2"], "1,2", "1,2")])
def test_seeds_are_submitted_as_an_array_and_a_report(stage, seeds, array, listed):
    """The report comes after all of them, whatever became of them."""
    stage.executable("bin/sbatch", STAND_IN)
    stage.write("sbatch.out", "11;cluster\n")
    code, text = stage.run(script="seeds.sh", arguments=[*seeds, *(["--samples", "9"] if seeds else [])], login=True)
    assert code == 0, text
    jobs, report = stage.calls("sbatch")
    rest = f"{stage.folder / 'slurm' / 'seeds.sh'} {listed}" + (" --samples 9" if seeds else "")
    assert f" --array={array} " in jobs
    assert jobs.endswith(rest)
    assert " --dependency=afterany:11 " in report
    assert report.endswith(rest)


@pytest.mark.parametrize("seeds", ["one", "1;2", "1, 2", "1,,2", "5-1", "1,9-8", "1-5:0", "1-5%", "1:3", "-1", "--top"])
def test_seeds_that_are_none_are_refused(stage, seeds):
    stage.executable("bin/sbatch", STAND_IN)
    code, text = stage.run(script="seeds.sh", arguments=[seeds, "--samples", "9"], login=True)
    assert (code, text.count("error: ")) == (64, 1), text
    assert f"the seeds are '{seeds}', must be like" in text
    assert not (stage.folder / "calls").exists()


def finish_seeds(stage, *seeds):
    for seed in seeds:
        (stage.run_dir / f"seed-{seed}").mkdir(parents=True)
        (stage.run_dir / f"seed-{seed}" / "pipeline.json").write_text("[]\n")


def test_a_seed_is_a_task_of_the_array(stage):
    finish_seeds(stage, 5)
    stage.run(script="seeds.sh", arguments=["4,5", "--samples", "9"], SLURM_ARRAY_TASK_ID="5")
    (call,) = stage.calls("program")
    assert call.endswith(" --seed 5 --run-dir runs/job/seed-5 --samples 9"), call
    assert not (stage.run_dir / "seed-5" / "pipeline.json").exists()  # of an earlier job


@pytest.mark.parametrize(("wanted", "finished", "given", "missing"), [
    ("4,5", [4, 5], "--seeds 4,5 --run-dir runs/job", None),
    ("4-6", [4, 6], "--seeds 4,6 --run-dir runs/job", "seed 5\n"),
    ("4-6", [6], "--seed 6 --run-dir runs/job/seed-6", "seed 4 5\n"),
    ("4", [4], "--seed 4 --run-dir runs/job/seed-4", None)])
def test_the_report_trains_nothing(stage, wanted, finished, given, missing):
    finish_seeds(stage, *finished)
    stage.write("code", "0")
    code, text = stage.run(script="seeds.sh", arguments=[wanted, "--samples", "9"])
    assert code == 0, text
    (call,) = stage.calls("program")
    assert call.endswith(f" {given} --samples 9"), call
    assert f"not finished, and not in the table: {missing}" in text if missing else "not finished" not in text


def test_a_report_of_nothing_fails(stage):
    (stage.run_dir / "seed-4").mkdir(parents=True)
    code, text = stage.run(script="seeds.sh", arguments=["4,5"])
    assert (code, stage.calls("program")) == (66, []), text
    assert "no seed of 4,5 is finished in runs/job" in text


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
