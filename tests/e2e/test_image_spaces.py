# SPDX-License-Identifier: Apache-2.0
"""The macro and the micro space have all that the recurrent search has."""
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from search_run import SLOTS, STEPS_PER_ROUND, WEIGHT_STEPS, Run, assert_same_rows, enas_hpc

KINDS = ("macro", "micro")
ROUNDS = 2
END = ROUNDS * STEPS_PER_ROUND


def config(kind):
    return Path(__file__).parent / f"tiny_{kind}.toml"


class Finished:
    """The uninterrupted search on one rank."""

    def __init__(self, kind, folder):
        self.kind = kind
        self.run = Run(folder, config=config(kind))
        self.hash = self.run.finish(ranks=1)
        self.log = self.run.log()


@pytest.fixture(scope="session", params=KINDS)
def finished(request, tmp_path_factory):
    return Finished(request.param, tmp_path_factory.mktemp(request.param) / "run")


@pytest.fixture
def new_run(finished, tmp_path):
    return lambda keys=None: Run(tmp_path / "run", keys, config(finished.kind))


def assert_equals(run, finished):
    assert run.newest_step() == END
    assert run.state_hash() == finished.hash
    assert_same_rows(run.log(), finished.log)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_any_number_of_ranks(new_run, finished, ranks):
    run = new_run()
    run.finish(ranks=ranks)
    assert_equals(run, finished)


@pytest.mark.parametrize("step, before, after", [(2, 2, 3), (WEIGHT_STEPS + 1, 3, 1), (11, 1, 2)])
def test_stop_and_resume(new_run, finished, step, before, after):
    run = new_run()
    result = run.search("--max-steps", step, ranks=before)
    assert result.code == 0, result
    run.finish(ranks=after)
    assert_equals(run, finished)


def test_kill_and_resume(new_run, finished):
    run = new_run()
    result = run.search(ranks=2, env={"ENAS_FAULT": "1:11:kill"})
    assert result.code != 0, result
    assert run.newest_step() < END
    run.finish(ranks=3)
    assert_equals(run, finished)


def test_a_flipped_bit_is_found_and_replayed(new_run, finished):
    run = new_run()
    result = run.search(ranks=2, env={"ENAS_FAULT": "1:3:flip_weight"})
    assert result.code == 0, result
    assert "replicas differ" in result.text and "nothing is lost" in result.text, result
    assert_equals(run, finished)


def test_a_slot_without_finite_gradient_is_left_out(new_run):
    keys = {"search.rounds": 1}
    hashes = set()
    for ranks in (1, 2):
        run = new_run(keys)
        run.folder = run.folder.with_name(f"run{ranks}")
        # Rank 0 owns slot 0 either way, but with two ranks it owns two slots fewer.
        result = run.search(ranks=ranks, env={"ENAS_FAULT": "0:2:nan"})
        assert result.code == 0, result
        log = run.log()
        assert log["weight_steps/num_finite"][2] == SLOTS - 1
        assert log["events/kind"].tolist() == [b"not_finite"]
        hashes.add(run.state_hash())
    assert len(hashes) == 1


def test_the_log_says_accuracy(finished):
    log = finished.log
    assert ((log["rounds/best_metric"] >= 0) & (log["rounds/best_metric"] <= 1)).all()
    assert (np.maximum.accumulate(log["rounds/best_metric"]) == log["rounds/best_so_far"]).all()
    rollouts = log["children/source"] == b"rollout"
    assert (log["children/reward"][rollouts] == log["children/metric"][rollouts]).all()
    # Eight images a reward: the accuracy is a number of eighths.
    eighths = 8 * log["children/metric"][rollouts]
    assert (eighths == np.round(eighths)).all()
    with h5py.File(finished.run.parts()[0], "r") as part:
        assert part.attrs["metric"] == b"accuracy" and part.attrs["higher_is_better"] == 1
        assert part["weight_steps/loss"].attrs["unit"] == b"nats/image"
    assert np.isnan(log["rounds/skip_rate"]).all() == (finished.kind == "micro")


def test_momentum_is_stored(finished):
    with h5py.File(finished.run.newest(), "r") as file:
        assert set(file["momentum"]) == set(file["weights"])
        moved = []
        file["momentum"].visititems(
            lambda name, item: moved.append(bool(item[:].any())) if isinstance(item, h5py.Dataset) else None)
        assert any(moved)


def test_best_is_by_name(finished):
    best = json.loads((finished.run.folder / "best.json").read_text())
    assert best["metric"] == "accuracy" and best["accuracy"] == finished.log["rounds/best_so_far"][-1]
    tokens = best["tokens"]
    if finished.kind == "macro":
        layers = best["architecture"]["layers"]
        assert len(layers) == 4
        place = 0
        for number, layer in enumerate(layers):
            bits = tokens[place + 1:place + 1 + number]
            names = ["stem", 0, 1, 2]
            assert layer["skips"] == [names[j] for j, bit in enumerate(bits) if bit]
            place += 1 + number
        assert place == len(tokens)
    else:
        for cell, begin in (("normal", 0), ("reduction", 8)):
            nodes = best["architecture"][cell]["nodes"]
            read = {node for entry in nodes for node in entry["inputs"]}
            assert [entry["inputs"] for entry in nodes] == [
                [tokens[begin], tokens[begin + 2]], [tokens[begin + 4], tokens[begin + 6]]]
            assert best["architecture"][cell]["loose_ends"] == [n for n in range(4) if n not in read]


def test_the_random_baseline_runs(new_run):
    run = new_run({"search.strategy": "random", "search.rounds": 1})
    run.finish(ranks=2)
    log = run.log()
    assert log["rounds/entropy"][0] == pytest.approx(log["rounds/decision_entropy"].sum())


def test_dry_run_counts_both_ways(finished):
    result = enas_hpc("--config", config(finished.kind), "--dry-run", "--json")
    estimate = json.loads(result.out)
    with h5py.File(finished.run.newest(), "r") as file:
        sizes = []
        file["weights"].visititems(
            lambda _, item: sizes.append(item.size if isinstance(item, h5py.Dataset) else 0))
        assert estimate["supernet_parameters"] == sum(sizes)
    assert estimate["weight_steps_per_round"] == WEIGHT_STEPS
    assert estimate["paper_space_size"] and estimate["space_size"]
    # Ours is 6^4 · 2^6 and (5·2·5·2 · 5·3·5·3)^2; the paper's micro count is (5 · 2!)^4.
    expected = {"macro": ("82944", "8.3e4"), "micro": ("506250000", "1.0e4")}[finished.kind]
    assert estimate["space_size"] == expected[0]
    assert float(estimate["paper_space_size"]) == pytest.approx(float(expected[1]), rel=0.05)


def test_sample_needs_no_data(finished):
    result = enas_hpc("sample", "--run", finished.run.folder, "--count", 3)
    assert result.code == 0, result
    assert result.out.count("conv") + result.out.count("pool") + result.out.count("identity") > 3, result
