# SPDX-License-Identifier: Apache-2.0
"""Stops from outside, gentle and rough: the run resumes to the same bits."""
import json
import os
import signal

import pytest
from search_run import LAST_STEP, assert_same_rows, children_of, kill

# Rank 0 sleeps for two seconds before step 5, which is when the tests strike.
HOLD = {"ENAS_FAULT": "0:5:slow"}
HANG = {"ENAS_FAULT": "0:5:hang"}


def assert_resumes_to_gold(run, gold, ranks=2):
    assert run.finish(ranks=ranks) == gold.hash
    assert run.steps() == list(range(LAST_STEP))
    assert_same_rows(run.log(), gold.log)


def assert_stopped_early(run, result, reason):
    assert result.code == 75, result
    assert result.errors == [], result
    step = run.newest_step()
    assert 4 < step < LAST_STEP
    status = json.loads((run.folder / "status.json").read_text())
    assert (status["phase"], status["reason"], status["step"]) == ("stopped", reason, step)


def test_usr1_to_mpirun(new_run, gold):
    run = new_run()
    process = run.start(env=HOLD)
    run.await_checkpoint(4)
    os.kill(process.mpirun(), signal.SIGUSR1)
    assert_stopped_early(run, process.wait(), "SIGUSR1")
    assert_resumes_to_gold(run, gold)


def test_usr1_to_one_rank_stops_all(new_run, gold):
    run = new_run()
    process = run.start(ranks=3, env=HOLD)
    run.await_checkpoint(4)
    os.kill(process.ranks()[2], signal.SIGUSR1)
    assert_stopped_early(run, process.wait(), "a signal to another rank")
    assert_resumes_to_gold(run, gold)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_to_a_single_process(new_run, gold, number):
    run = new_run()
    process = run.start(ranks=0, env=HOLD)
    run.await_checkpoint(4)
    process.process.send_signal(number)
    assert_stopped_early(run, process.wait(), number.name)
    assert_resumes_to_gold(run, gold, ranks=0)


def test_stop_file(new_run, gold):
    run = new_run()
    run.folder.mkdir()
    (run.folder / "STOP").touch()
    result = run.search(env=HOLD)
    assert_stopped_early(run, result, "STOP file")
    assert not (run.folder / "STOP").exists()
    assert_resumes_to_gold(run, gold)


def test_max_time(new_run, gold):
    run = new_run()
    result = run.search("--max-time", "00:00:02", env=HOLD)
    assert_stopped_early(run, result, "time limit")
    assert_resumes_to_gold(run, gold)


def test_checkpoint_on_request(new_run, gold):
    """By a file and by SIGUSR2; the search goes on and is the same."""
    run = new_run({"checkpoint.every_steps": 1000})
    run.folder.mkdir()
    (run.folder / "CHECKPOINT").touch()
    result = run.search(env=HOLD)
    assert result.code == 0, result
    early = [step for step in range(5, 9) if run.checkpoint(step).exists()]
    assert len(early) == 1
    assert run.state_hash() == gold.hash
    assert_same_rows(run.log(), gold.log)


def test_usr2_writes_a_checkpoint(new_run, gold):
    run = new_run({"checkpoint.every_steps": 1000})
    process = run.start(ranks=0, env={"ENAS_FAULT": "0:1:slow"})
    run.await_checkpoint(0)
    process.process.send_signal(signal.SIGUSR2)
    result = process.wait()
    assert result.code == 0, result
    assert any(run.checkpoint(step).exists() for step in (1, 2))
    assert run.state_hash() == gold.hash


@pytest.mark.parametrize("rank", [0, 1])
def test_kill_of_a_rank(new_run, gold, rank):
    run = new_run()
    process = run.start(env=HOLD)
    run.await_checkpoint(4)
    ranks = process.ranks(2)
    kill(ranks[rank])
    result = process.wait_for_all(ranks, 5)
    assert result.code == 137, result
    assert run.newest_step() < LAST_STEP
    assert_resumes_to_gold(run, gold)


@pytest.mark.parametrize("step", [4, 8, 9])
def test_kill_at_a_step(new_run, gold, step):
    """A weight step after a checkpoint, the last controller step of a round, the first of the next."""
    run = new_run()
    result = run.search(env={"ENAS_FAULT": f"1:{step}:kill"})
    assert result.code == 137, result
    assert run.newest_step() <= step
    assert_resumes_to_gold(run, gold)


def test_term_to_mpirun(new_run, gold):
    """Open MPI ends the ranks itself; the newest checkpoint holds."""
    run = new_run()
    process = run.start(env=HANG)
    run.await_checkpoint(4)
    os.kill(process.mpirun(), signal.SIGTERM)
    result = process.wait()
    assert result.code not in (0, 124), result
    assert_resumes_to_gold(run, gold)


def test_kill_of_mpirun(new_run, gold):
    run = new_run()
    process = run.start(env=HANG)
    run.await_checkpoint(4)
    ranks = process.ranks(2)
    kill(process.mpirun())
    process.wait_for_all(ranks, 5)
    assert_resumes_to_gold(run, gold)


def test_negative_control_of_the_hold(new_run, gold):
    """Without a stop the held run ends like any other, and nothing is left behind."""
    run = new_run()
    process = run.start(env=HOLD)
    result = process.wait()
    assert result.code == 0, result
    assert children_of(process.process.pid) == []
    assert run.state_hash() == gold.hash
