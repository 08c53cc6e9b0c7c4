# SPDX-License-Identifier: Apache-2.0
"""The search does not depend on the number of ranks, to the bit."""
import pytest
from search_run import SLOTS, Run, assert_same_rows

SHORT = {"search.rounds": 1}
SIX_SLOTS = {**SHORT, "weights.slots": 6}


def search_to_end(run, ranks):
    result = run.search(ranks=ranks)
    assert result.code == 0, result
    return run.state_hash(), run.log()


@pytest.fixture(scope="session")
def on_one_rank(tmp_path_factory):
    """on_one_rank({"key": value}): hash and rows of that search on one rank."""
    known = {}

    def searched(keys):
        name = repr(sorted(keys.items()))
        if name not in known:
            known[name] = search_to_end(Run(tmp_path_factory.mktemp("one") / "run", keys), 1)
        return known[name]

    return searched


def assert_independent_of_ranks(new_run, on_one_rank, keys, ranks):
    state, rows = search_to_end(new_run(keys), ranks)
    expected_state, expected_rows = on_one_rank(keys)
    assert state == expected_state
    assert_same_rows(rows, expected_rows)


@pytest.mark.parametrize("ranks", [0, 1, 3, 4])
def test_four_slots(new_run, gold, ranks):
    state, rows = search_to_end(new_run(), ranks)
    assert state == gold.hash
    assert_same_rows(rows, gold.log)


@pytest.mark.parametrize("ranks", [2, 3, 5, 6])
def test_six_slots(new_run, on_one_rank, ranks):
    assert_independent_of_ranks(new_run, on_one_rank, SIX_SLOTS, ranks)


@pytest.mark.parametrize("ranks", [2, 3])
def test_shared_children(new_run, on_one_rank, ranks):
    keys = {**SHORT, "weights.children": "shared"}
    assert_independent_of_ranks(new_run, on_one_rank, keys, ranks)
    assert on_one_rank(keys)[0] != on_one_rank(SHORT)[0]


@pytest.mark.parametrize("ranks", [2, 3])
def test_random_strategy(new_run, on_one_rank, ranks):
    keys = {**SHORT, "search.strategy": "random"}
    assert_independent_of_ranks(new_run, on_one_rank, keys, ranks)
    assert on_one_rank(keys)[0] != on_one_rank(SHORT)[0]


def test_random_lengths_and_dropout(new_run, on_one_rank):
    """Randomness inside a step is of the slot, not of the rank."""
    keys = {**SHORT, "weights.random_length": "true", "supernet.batch_norm": "true"}
    assert_independent_of_ranks(new_run, on_one_rank, keys, 3)


def test_another_seed_is_another_search(on_one_rank):
    state, rows = on_one_rank(SHORT)
    other_state, other_rows = on_one_rank({**SHORT, "run.seed": 2})
    assert state != other_state
    assert (rows["weight_steps/loss"] != other_rows["weight_steps/loss"]).all()


def test_more_ranks_than_slots(new_run):
    run = new_run()
    result = run.search(ranks=SLOTS + 1)
    assert result.code == 65, result
    assert len(result.errors) == 1, result
    assert f"{SLOTS + 1} ranks" in result.errors[0], result
    assert f"weights.slots = {SLOTS}" in result.errors[0], result
    assert not run.folder.exists()
