# SPDX-License-Identifier: Apache-2.0
"""Faults on purpose, by ENAS_FAULT=rank:step:kind: bad numbers, flipped bits, dead and silent ranks."""
import json
import os
import re
import signal

import h5py
import numpy as np
import pytest
from fault_checks import assert_finite, assert_found_and_repaired, fault_at
from search_run import LAST_STEP, assert_same_rows, enas_hpc

SEARCHED_TO_THE_END = f"done (finished) at step {LAST_STEP}"


# --- numbers that are not finite


def test_a_slot_that_is_not_finite_is_left_out(new_run, gold):
    """The fault hits the first slot of rank 0, which is slot 0 for every number of ranks."""
    outcomes = []
    for ranks in (1, 2, 4):
        run = new_run()
        result = run.search(ranks=ranks, env=fault_at(0, 3, "nan"))
        assert result.code == 0, result
        assert re.search(r"^warning: step 3\b.*: slot 0 had no finite gradient", result.err, re.M), result
        outcomes.append((run.state_hash(), run.log()))
    state, log = outcomes[0]
    assert state != gold.hash
    assert log["weight_steps/num_finite"][:6].tolist() == [4, 4, 4, 3, 4, 4]
    assert log["events/step"].tolist() == [3]
    assert log["events/kind"].tolist() == [b"not_finite"]
    slot_rows = (log["children/source"] == b"slot") & (log["children/finite"] == 0)
    assert log["children/step"][slot_rows].tolist() == [3]
    assert log["children/index"][slot_rows].tolist() == [0]
    for other_state, other_log in outcomes[1:]:
        assert other_state == state
        assert_same_rows(other_log, log)
    assert_finite(run.newest())


def test_another_rank_may_have_the_bad_slot(new_run):
    run = new_run()
    result = run.search(env=fault_at(1, 3, "nan"))
    assert result.code == 0, result
    assert "slot 2 had no finite gradient" in result.err, result
    assert run.log()["events/step"].tolist() == [3]


def test_a_bad_slot_does_not_hurt_the_resume(new_run):
    """The event of a step before the stop is not lost, and the end is that of the run without a stop."""
    whole, halved = new_run(), new_run()
    assert whole.search(env=fault_at(0, 3, "nan")).code == 0
    assert halved.search("--max-steps", 5, env=fault_at(0, 3, "nan")).code == 0
    assert halved.finish() == whole.state_hash()
    assert_same_rows(halved.log(), whole.log())


def test_no_finite_slot_ever(new_run):
    run = new_run({"reliability.max_bad_steps": 2, "reliability.max_rollbacks": 2,
                   "checkpoint.every_steps": 2})
    result = run.search(env=fault_at(0, 3, "nan_forever"))
    assert result.code == 76, result
    assert len(result.errors) == 1 and "no finite loss" in result.errors[0], result
    assert "went back to step 2 with the learning rate times 0.5" in result.text, result
    assert "with the learning rate times 0.25" in result.text, result
    assert result.err.count("went back") == 2, result
    assert run.newest_step() == 2
    for checkpoint in run.checkpoints():
        assert_finite(checkpoint)


def test_a_few_bad_steps_are_survived(new_run):
    """A step without a finite slot leaves the weights as they were."""
    run = new_run({"weights.slots": 1, "checkpoint.every_steps": 1})
    result = run.search("--max-steps", 4, ranks=1, env=fault_at(0, 3, "nan"))
    assert result.code == 0, result
    with h5py.File(run.checkpoint(3), "r") as before, h5py.File(run.checkpoint(4), "r") as after:
        embedding = [file["weights/embedding"][:] for file in (before, after)]
        assert embedding[0].tobytes() == embedding[1].tobytes()
    assert run.search("--max-steps", 5, ranks=1).code == 0
    assert np.isnan(run.log()["weight_steps/loss"]).tolist() == [False] * 3 + [True, False]


# --- flipped bits


@pytest.mark.parametrize("ranks, rank", [(2, 1), (3, 0)])
def test_a_flipped_weight(new_run, gold, ranks, rank):
    run = new_run({"reliability.digest_every": 1})
    result = run.search(ranks=ranks, env=fault_at(rank, 10, "flip_weight"))
    assert_found_and_repaired(run, gold, result, rf"'[a-z][\w./]+' on rank {rank}")


def test_a_flipped_weight_is_found_before_it_is_stored(new_run, gold):
    run = new_run({"reliability.digest_every": 1000, "checkpoint.every_steps": 5})
    result = run.search(env=fault_at(1, 11, "flip_weight"))
    assert_found_and_repaired(run, gold, result, r"'[a-z][\w./]+' on rank 1")
    assert "replicas differ at step 15" in result.err, result


@pytest.mark.parametrize("digest_every", [1, 1000])
@pytest.mark.parametrize("ranks, rank", [(2, 1), (3, 0)])
def test_a_flip_in_the_strategy(new_run, gold, ranks, rank, digest_every):
    """Found before its next use, however far apart the digests are; no checkpoint lies between."""
    run = new_run({"reliability.digest_every": digest_every})
    result = run.search(ranks=ranks, env=fault_at(rank, 16, "flip_strategy"))
    assert_found_and_repaired(run, gold, result, rf"'[a-z][\w./]+' on rank {rank}")


def test_no_alarm_without_a_flip(new_run, gold):
    run = new_run({"reliability.digest_every": 1})
    result = run.search(ranks=3)
    assert result.code == 0 and "differ" not in result.text, result
    assert run.state_hash() == gold.hash


# --- ranks that die or fall silent


def test_a_silent_rank(new_run, gold):
    run = new_run({"comm.timeout_s": 3})
    process = run.start(env=fault_at(1, 10, "hang"))
    ranks = process.ranks(2)
    run.await_checkpoint(8)  # less than two steps before
    result = process.wait_for_all(ranks, 10)
    assert result.code == 79, result
    reports = [json.loads(file.read_text()) for file in run.folder.glob("hang-rank*.json")]
    assert ("all-gather", 10) in [(report["operation"], report["step"]) for report in reports], reports
    assert re.search(r"rank \d made no progress for [0-9.]+ s .* at step 10", result.err), result
    assert run.finish() == gold.hash


def test_a_stopped_rank(new_run, gold):
    run = new_run({"comm.timeout_s": 3})
    process = run.start(env=fault_at(0, 5, "slow"))
    run.await_checkpoint(4)
    ranks = process.ranks(2)
    os.kill(ranks[1], signal.SIGSTOP)
    result = process.wait_for_all(ranks, 10)
    assert result.code == 79, result
    report = json.loads((run.folder / "hang-rank0.json").read_text())
    operation, step = report["operation"], report["step"]
    # Step 4 only if the signal came before rank 0 fell asleep.
    assert operation in ("all-gather", "exchange", "gather of sizes") and step in (4, 5), report
    assert report["in_operation"] and report["operations"][-1]["operation"] == operation, report
    assert re.search(rf"rank 0 made no progress for [0-9.]+ s in {operation} at step {step} ", result.err), result
    assert run.finish() == gold.hash


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("step", [10, 16])
def test_a_rank_that_throws(new_run, gold, rank, step):
    """Between collectives, in either phase: the others do not wait for it."""
    run = new_run()
    result = run.search(env=fault_at(rank, step, "throw"))
    assert result.code == 70, result
    assert len(result.errors) == 1 and f"injected failure at step {step}" in result.errors[0], result
    assert run.finish() == gold.hash


def test_a_fault_that_cannot_be_read(new_run):
    result = new_run().search(env={"ENAS_FAULT": "1:2:nonsense"})
    assert result.code == 65, result
    assert len(result.errors) == 1 and "rank:step:kind" in result.errors[0], result


# --- ranks that do not belong together


@pytest.mark.parametrize("ranks, rank", [(2, 1), (3, 0), (3, 2)])
def test_a_foreign_rank_is_refused(new_run, ranks, rank):
    run = new_run()
    result = run.search(ranks=ranks, env={"ENAS_HANDSHAKE_FAULT": f"{rank}:the data"})
    assert result.code == 65, result
    assert len(result.errors) == 1, result
    assert re.search(rf"the data on rank {rank}\b", result.errors[0]), result
    assert run.checkpoints() == []


def test_subcommands_do_not_look_at_faults():
    assert enas_hpc("--version", env=fault_at(0, 0, "throw")).code == 0
