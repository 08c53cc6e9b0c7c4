# SPDX-License-Identifier: Apache-2.0
"""What slurm/job.sh decides, without Slurm (stage.py)."""
import os
import signal
import time

import pytest

REQUEUED = "requeued, to go on from the newest checkpoint"


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


@pytest.mark.parametrize(("restarts", "start"), [("0", 1), ("08", 9), ("010", 11), ("many", 1), ("", 1)])
def test_the_number_of_restarts_is_decimal(stage, restarts, start):
    _, text = stage.run(SLURM_RESTART_COUNT=restarts)
    assert f", start {start}, " in text
    assert len(stage.calls("program")) == 1


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
