# SPDX-License-Identifier: Apache-2.0
"""Bits that flip without a sound, and numbers that explode."""
import h5py
import pytest
from fault_checks import assert_finite, assert_found_and_repaired, fault_at
from search_run import Run, assert_same_rows

# Every value has a velocity; a save lies at every fifth step, no other digest at all.
MOMENTUM = {"weights.momentum": 0.9, "weights.lr": 1.0, "reliability.digest_every": 1000,
            "checkpoint.every_steps": 5}


class Expected:
    def __init__(self, run):
        self.run, self.hash, self.log = run, run.finish(), run.log()


@pytest.fixture(scope="module")
def with_momentum(tmp_path_factory):
    return Expected(Run(tmp_path_factory.mktemp("momentum") / "run", MOMENTUM))


@pytest.mark.parametrize("ranks, rank", [(2, 1), (3, 0)])
@pytest.mark.parametrize("kind, step", [("flip_idle", 11), ("flip_momentum", 14)])
def test_a_flip_is_found_before_it_is_stored(new_run, with_momentum, ranks, rank, kind, step):
    """In a weight that no child of the step used, and in a velocity that has not yet moved its weight."""
    run = new_run(MOMENTUM)
    result = run.search(ranks=ranks, env=fault_at(rank, step, kind))
    of_momentum = "momentum of " if kind == "flip_momentum" else ""
    assert_found_and_repaired(run, with_momentum, result, rf"'{of_momentum}[a-z][\w./]+' on rank {rank}")
    assert "replicas differ at step 15" in result.err, result


@pytest.mark.parametrize("ranks, rank", [(2, 1), (3, 0)])
def test_a_flip_in_the_moments_of_the_strategy(new_run, gold, ranks, rank):
    run = new_run({"reliability.digest_every": 1000})
    result = run.search(ranks=ranks, env=fault_at(rank, 16, "flip_moment"))
    assert_found_and_repaired(run, gold, result, rf"'first_moment/[a-z][\w./]+' on rank {rank}")


def test_a_flip_just_before_a_save(new_run, with_momentum):
    """In the step whose end writes the checkpoint: what was written holds the right bits."""
    run = new_run(MOMENTUM)
    result = run.search("--max-steps", 15, env=fault_at(1, 14, "flip_weight"))
    assert result.code == 0 and "replicas differ at step 15" in result.err, result
    assert "reloaded step 10" in result.err, result
    assert run.state_hash(15) == with_momentum.run.state_hash(15)


def test_no_alarm_without_a_flip(new_run, with_momentum):
    run = new_run(MOMENTUM)
    result = run.search(ranks=3)
    assert result.code == 0 and "differ" not in result.text, result
    assert run.state_hash() == with_momentum.hash
    assert_same_rows(run.log(), with_momentum.log)


@pytest.mark.parametrize("keys", [
    {"weights.lr": 1e6, "weights.clip_norm": 0},
    {"weights.lr": 1e6, "supernet.init_range": 10},
    {"controller.lr": 1000},
])
def test_numbers_that_explode(new_run, keys):
    """The run ends well or says that it diverged; what it stored is finite either way."""
    run = new_run(keys)
    result = run.search()
    assert result.code in (0, 76), result
    assert len(result.errors) == (result.code == 76), result
    for checkpoint in run.checkpoints():
        assert_finite(checkpoint)
        with h5py.File(checkpoint, "r") as file:
            assert abs(file["strategy/baseline"][0]) < 1e9
