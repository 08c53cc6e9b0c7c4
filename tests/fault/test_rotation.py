# SPDX-License-Identifier: Apache-2.0
"""Checkpoints over the whole life of a run: rotation, damage, and a soak with many kills."""
import os
import random
import re
import time

import pytest
from fault_checks import fault_at
from faulty_files import IO_FAULTS, faults, for_each, points_of
from search_run import LAST_STEP, Run, assert_same_rows, enas_hpc, enas_hpc_by_rank, kill, step_of
from small_trainings import Training

KEEP_TWO = {"checkpoint.keep": 2, "checkpoint.every_steps": 2}


def is_valid(path):
    return enas_hpc("state-hash", path).code == 0


# --- C11


@pytest.fixture(scope="module")
def prunings(tmp_path_factory):
    """Points of a run with more than ten saves, at which an old checkpoint is removed."""
    run = Run(tmp_path_factory.mktemp("prunings") / "run", KEEP_TWO)
    points = [point for point in points_of(run) if point.call == "remove" and "step-" in point.path]
    assert len(points) >= 10
    assert len(run.checkpoints()) == 2
    return points


def test_killed_between_save_and_pruning(prunings, gold, tmp_path):
    def strike(point):
        run = Run(tmp_path / str(point.number), KEEP_TWO)
        assert run.search(ranks=0, env=faults(run, "kill", point.number)).code == -9
        kept = run.checkpoints()
        assert len(kept) == 3 and all(map(is_valid, kept)), kept
        assert run.finish(ranks=0) == gold.hash
        assert [is_valid(path) for path in run.checkpoints()] == [True, True]
        assert_same_rows(run.log(), gold.log)

    for_each(prunings[2::5], strike)


# --- C7, C8


# What io::read_sealed says of bytes that it did not write.
REASONS = ("has the wrong digest", "has a damaged seal", "has no seal at its end", "has the wrong length",
           "is too short")


def flipped(whole, generator):
    data = bytearray(whole)
    data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    return bytes(data)


@pytest.mark.long
def test_one_bit_at_500_places(gold, tmp_path):
    whole = gold.run.newest().read_bytes()

    def strike(number):
        path = tmp_path / f"{number}.h5"
        path.write_bytes(flipped(whole, random.Random(number)))
        result = enas_hpc("state-hash", path)
        assert result.code == 65 and len(result.errors) == 1, result
        path.unlink()

    for_each(range(500), strike)


@pytest.mark.long
def test_cut_at_50_lengths(gold, tmp_path):
    whole = gold.run.newest().read_bytes()

    def strike(number):
        path = tmp_path / f"{number}.h5"
        path.write_bytes(whole[:len(whole) * number // 50])
        result = enas_hpc("state-hash", path)
        assert result.code == 65 and len(result.errors) == 1, result
        path.unlink()

    for_each(range(50), strike)


def assert_falls_back(run, gold):
    """The newest, of step 14, is damaged: that is said with the reason, and the one of step 12 is taken."""
    newest = run.newest().name
    result = run.search(ranks=0)
    assert result.code == 0 and "resumed from step 12 " in result.text, result
    said = re.findall(r"^warning: cannot resume from .*; trying the one before$", result.err, re.MULTILINE)
    assert len(said) == 1 and newest in said[0] and re.search("|".join(REASONS), said[0]), result
    assert run.names("*.bad") == [newest + ".bad"]
    assert run.state_hash() == gold.hash
    assert run.steps() == list(range(LAST_STEP))
    assert_same_rows(run.log(), gold.log)


@pytest.mark.parametrize("seed", range(10))
def test_resume_beside_a_flipped_bit(stopped, gold, seed):
    newest = stopped.newest()
    newest.write_bytes(flipped(newest.read_bytes(), random.Random(f"bit {seed}")))
    assert_falls_back(stopped, gold)


@pytest.mark.parametrize("seed", range(10))
def test_resume_beside_a_cut(stopped, gold, seed):
    newest = stopped.newest()
    size = newest.stat().st_size
    os.truncate(newest, random.Random(f"cut {seed}").randrange(size))
    assert_falls_back(stopped, gold)


def test_random_bytes_in_the_place_of_the_newest(stopped, gold):
    newest = stopped.newest()
    newest.write_bytes(os.urandom(newest.stat().st_size))
    result = stopped.search()
    assert result.code == 0 and "resumed from step 12" in result.text, result
    assert result.err.count("cannot resume from") == 1 and newest.name in result.err, result
    assert stopped.state_hash() == gold.hash


# --- C16


BAD_STEPS = {"checkpoint.every_steps": 2, "reliability.max_bad_steps": 2, "reliability.max_rollbacks": 1}


@pytest.mark.parametrize("damages", [True, False])
@pytest.mark.parametrize("kind", ["search", "training"])
def test_a_rollback_beside_damaged_checkpoints(tmp_path, kind, damages):
    """The only good one was written while steps had no finite slot: it is taken, and the run may go on."""
    run = Run(tmp_path / "run") if kind == "search" else Training(tmp_path / "run", "micro")
    run.keys.update(BAD_STEPS)
    assert run.search("--max-steps", 4, env=fault_at(0, 3, "nan_forever")).code == 0
    assert run.newest_step() == 4
    others = run.checkpoints()[:-1]
    for path in others if damages else []:
        os.truncate(path, 1000)
    result = run.search(env=fault_at(0, 4, "nan_forever"))
    assert result.code == 76, result
    went_back = re.findall(r"went back to step (\d+) with the learning rate times 0.5", result.err)
    assert went_back == ["4" if damages else str(step_of(others[-1]))], result
    assert run.names("*.bad") == ([path.name + ".bad" for path in others] if damages else [])


# --- C18


def cannot_list(checkpoint):
    """Listing a folder fails from when this checkpoint lies in it."""
    return {"LD_PRELOAD": IO_FAULTS, "FAULT_ENTRY": checkpoint.name}


def test_pruning_a_folder_that_cannot_be_listed(tmp_path, gold):
    """Those that are not listed stay; the run does not end for it."""
    run = Run(tmp_path / "run", KEEP_TWO)
    result = run.search(ranks=0, env=cannot_list(run.checkpoint(4)))
    assert result.code == 0 and result.errors == [], result
    assert run.checkpoint(4).exists() and run.state_hash() == gold.hash
    assert_same_rows(run.log(), gold.log)


@pytest.mark.parametrize("when", ["at the start", "in the middle"])
def test_checkpoints_that_cannot_be_listed(new_run, when):
    """All ranks end with the file system's own words, also where they want to go back."""
    run = new_run({"checkpoint.every_steps": 2, "reliability.max_bad_steps": 2})
    fault = fault_at(0, 8, "nan_forever")
    if when == "at the start":
        assert run.search("--max-steps", 4).code == 0
        fault = {}
    result = enas_hpc_by_rank({"env": cannot_list(run.checkpoint(4))}, {}, arguments=run.arguments(), env=fault)
    assert result.code == 74 and len(result.errors) == 1, result
    assert f"error: cannot list {run.folder / 'checkpoints'}: Input/output error" in result.err, result


# --- C15


def soak(folder, rounds, seed):
    """Saves after every step while the writer is killed at random moments; returns kills and saves."""
    keys = {"search.rounds": rounds, "checkpoint.every_steps": 1, "checkpoint.keep": 3}
    expected = Run(folder / f"whole{seed}", keys).finish(ranks=0)
    run, generator = Run(folder / f"killed{seed}", keys), random.Random(seed)
    kills = 0
    while True:
        process = run.start(ranks=0)
        before = len(run.checkpoints())
        end = time.monotonic() + generator.uniform(0.05, 1.5)
        while process.process.poll() is None:
            has_begun = before > 0 or len(run.checkpoints()) > 0
            if has_begun and time.monotonic() >= end:
                break
            time.sleep(0.005)
        if process.process.poll() is None:
            kill(process.process.pid)
            kills += 1
        result = process.wait()
        assert result.code in (0, -9) and "cannot resume" not in result.text, result
        # Whatever has the name of a checkpoint is one: 0 torn.
        assert all(map(is_valid, run.checkpoints()[-2:]))
        if result.code == 0:
            break
        assert kills < 40 * rounds
        if kills >= 2 * rounds:  # let it end at last
            assert run.search(ranks=0).code == 0
            break
    assert run.state_hash() == expected
    assert run.steps() == list(range(9 * rounds))
    return kills, 9 * rounds


def test_a_soak(tmp_path):
    kills, saves = soak(tmp_path, 6, 1)
    assert kills > 0 and saves == 54


@pytest.mark.long
def test_a_soak_of_200_saves(tmp_path):
    """Two at a time, which is the load."""
    for_each([1, 2], lambda seed: soak(tmp_path, 24, seed))


def test_negative_control_of_the_soak(new_run, gold):
    """Saving after every step and keeping three changes nothing."""
    run = new_run({"checkpoint.every_steps": 1, "checkpoint.keep": 3})
    assert run.finish(ranks=0) == gold.hash
    assert len(run.checkpoints()) == 3
    assert_same_rows(run.log(), gold.log)
