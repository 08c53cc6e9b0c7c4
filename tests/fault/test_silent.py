# SPDX-License-Identifier: Apache-2.0
"""Bits that flip without a sound, and numbers that explode."""
import os
import re
import signal

import h5py
import pytest
from fault_checks import assert_finite, assert_found_and_repaired, fault_at
from search_run import Run, assert_same_rows
from small_trainings import TRAININGS, Training

# Every value has a velocity; a save lies at every fifth step, no other digest at all.
MOMENTUM = {"weights.momentum": 0.9, "weights.lr": 1.0, "reliability.digest_every": 1000,
            "checkpoint.every_steps": 5}

# Three ranks take the same road as two: the long tier has both.
TWO_OR_THREE = [(2, 1), pytest.param(3, 0, marks=pytest.mark.long)]


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
    group = "momentum" if kind == "flip_momentum" else "weights"
    assert_found_and_repaired(run, with_momentum, result, rf"'{group}/[a-z][\w./]+' on rank {rank}")
    assert "replicas differ at step 15" in result.err, result


@pytest.mark.parametrize("ranks, rank", [(2, 1), (3, 0)])
def test_a_flip_in_the_moments_of_the_strategy(new_run, gold, ranks, rank):
    run = new_run({"reliability.digest_every": 1000})
    result = run.search(ranks=ranks, env=fault_at(rank, 16, "flip_moment"))
    assert_found_and_repaired(run, gold, result, rf"'strategy/first_moment/[a-z][\w./]+' on rank {rank}")


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


# --- values that become infinite on one rank alone


# Just before the checkpoint that the clock asks for; there is no other until the first round ends.
TIMED = {"checkpoint.every_steps": 1000, "checkpoint.every_minutes": 1e-4}


@pytest.mark.parametrize("ranks, rank", TWO_OR_THREE)
@pytest.mark.parametrize("when, kind, keys, name", [
    (11, "flip_idle", {}, r"'[a-z][\w./]+' on rank {rank}"),
    ("save", "flip_strategy", {}, r"'strategy/parameters/\w+' on rank {rank}"),
    ("save", "flip_baseline", TIMED, r"'strategy/baseline' on rank {rank}"),
    ("save", "flip_idle", TIMED, r"'[a-z][\w./]+' on rank {rank}"),
    ("save", "flip_carried", {}, r"a carried state on rank {rank} is not finite"),
    ("round", "flip_weight", {}, r"'[a-z][\w./]+' on rank {rank}"),
    ("round", "flip_moment", {}, r"'strategy/first_moment/\w+' on rank {rank}"),
    (16, "flip_strategy", {}, r"'strategy/parameters/\w+' on rank {rank}"),
    (11, "flip_carried", {}, r"a carried state on rank {rank} is not finite"),
])
def test_an_infinity_on_one_rank_alone(new_run, with_momentum, ranks, rank, when, kind, keys, name):
    """The other ranks take the same road: reload, replay, the same end."""
    run = new_run({**MOMENTUM, **keys})
    result = run.search(ranks=ranks, env=fault_at(rank, when, f"{kind}:exponent"))
    assert_replayed(result, name.format(rank=rank))
    assert run.state_hash() == with_momentum.hash
    assert_same_rows(run.log(), with_momentum.log)


def assert_replayed(result, name):
    assert result.code == 0, result
    found = re.findall(r"^warning: (.*); reloaded step \d+ and replaying", result.text, re.MULTILINE)
    assert len(found) == 1 and re.search(name, found[0]), result


@pytest.mark.parametrize("ranks, rank", TWO_OR_THREE)
def test_an_infinity_just_before_the_last_step_asked_for(new_run, with_momentum, ranks, rank):
    run = new_run(MOMENTUM)
    result = run.search("--max-steps", 13, ranks=ranks, env=fault_at(rank, "stop", "flip_momentum:exponent"))
    assert_replayed(result, f"'momentum/.*' on rank {rank}")
    assert run.newest_step() == 13
    assert run.finish() == with_momentum.hash


def assert_stopped_soundly(run, same, act):
    """`run` was started with a flip before the checkpoint of its stop; `same` is to be started."""
    process = run.start(env=fault_at(1, "stop", "flip_weight:exponent"))
    run.await_checkpoint(5)
    act(run, process)
    result = process.wait()
    assert result.code == 75 and "differ" in result.text and "; reloaded step" in result.text, result
    step = run.newest_step()
    assert same.search("--max-steps", step).code == 0
    assert run.state_hash(step) == same.state_hash(step)


def put_stop_file(run, _):
    (run.folder / "STOP").touch()


def send_usr1(_, process):
    os.kill(process.mpirun(), signal.SIGUSR1)


@pytest.mark.parametrize("act", [put_stop_file, send_usr1])
def test_an_infinity_just_before_a_stop(new_run, act):
    keys = {**MOMENTUM, "search.rounds": 100_000}
    assert_stopped_soundly(new_run(keys), new_run(keys), act)


def test_an_infinity_that_comes_back(new_run):
    """At the same step again: the end, with the checkpoint before it in place."""
    run = new_run(MOMENTUM)
    result = run.search(env=fault_at(1, 11, "flip_idle_forever:exponent"))
    assert result.code == 80, result
    assert len(result.errors) == 1 and "again after a reload (first at step 15)" in result.errors[0], result
    assert run.newest_step() == 10
    assert_finite(run.newest())


# --- the same in trainings


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return {name: Training(tmp_path_factory.mktemp(name) / "run", name).finish() for name in TRAININGS}


@pytest.mark.parametrize("ranks, rank", TWO_OR_THREE)
@pytest.mark.parametrize("name, when, kind, array", [
    ("micro", 2, "flip_weight", r"'weights/.*' on rank {rank}"),
    ("micro", "save", "flip_momentum", r"'momentum/.*' on rank {rank}"),
    ("micro", "save", "flip_average", r"'averages/.*' on rank {rank}"),
    ("micro", 3, "flip_best", r"'best/weights/.*' on rank {rank}"),
    ("micro", "round", "flip_average", r"'averages/.*' on rank {rank}"),
    ("recurrent", "round", "flip_mean", r"'mean/.*' on rank {rank}"),
    ("recurrent", "save", "flip_carried", r"a carried state on rank {rank} is not finite"),
    ("recurrent", 2, "flip_carried", r"a carried state on rank {rank} is not finite"),
])
def test_an_infinity_in_a_training(trained, tmp_path, ranks, rank, name, when, kind, array):
    run = Training(tmp_path / "run", name)
    result = run.search(ranks=ranks, env=fault_at(rank, when, f"{kind}:exponent"))
    assert_replayed(result, array.format(rank=rank))
    assert run.state_hash() == trained[name]


@pytest.mark.parametrize("ranks, rank", TWO_OR_THREE)
def test_an_infinity_before_the_last_step_of_a_training(trained, tmp_path, ranks, rank):
    run = Training(tmp_path / "run", "micro")
    result = run.search("--max-steps", 5, ranks=ranks, env=fault_at(rank, "stop", "flip_momentum:exponent"))
    assert_replayed(result, f"'momentum/.*' on rank {rank}")
    assert run.newest_step() == 5
    assert run.finish() == trained["micro"]


@pytest.mark.parametrize("act", [put_stop_file, send_usr1])
def test_an_infinity_before_a_stop_of_a_training(tmp_path, act):
    runs = [Training(tmp_path / name, "recurrent") for name in ("run", "same")]
    for run in runs:
        run.keys.update({"train.epochs": 100_000, "checkpoint.every_steps": 5})
    assert_stopped_soundly(*runs, act)


def test_an_infinity_that_comes_back_in_a_training(tmp_path):
    run = Training(tmp_path / "run", "micro")
    result = run.search(env=fault_at(1, 3, "flip_best_forever:exponent"))
    assert result.code == 80, result
    assert len(result.errors) == 1 and "again after a reload" in result.errors[0], result
    assert_finite(run.newest(), ("weights", "averages", "momentum", "best", "slots"))


def test_no_alarm_in_a_training_without_a_flip(trained, tmp_path):
    run = Training(tmp_path / "run", "micro")
    result = run.search(ranks=3)
    assert result.code == 0 and "differ" not in result.text and "not finite" not in result.text, result
    assert run.state_hash() == trained["micro"]


# --- numbers that explode


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
