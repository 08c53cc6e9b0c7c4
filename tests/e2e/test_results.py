# SPDX-License-Identifier: Apache-2.0
"""From a search to a result: derive, train, evaluate and pipeline, on any number of ranks, stopped
anywhere."""
import json
import math
import os
import signal
import time

import h5py
import numpy as np
import pytest
from search_run import CONFIG, Process, Run, command_line, enas_hpc
from training_run import CONFIGS, TRAIN, Training, files_of, pipeline


@pytest.fixture(scope="module", params=["recurrent", "macro", "micro"])
def searched(request, tmp_path_factory):
    """A finished search of each space, not to be written into; its kind."""
    run = Run(tmp_path_factory.mktemp("searched") / "run", TRAIN[request.param],
              CONFIGS[request.param])
    run.finish()
    return run, request.param


@pytest.fixture(scope="module")
def derived(searched):
    run, kind = searched
    result = enas_hpc("derive", "--run", run.folder, "--samples", 12, "--top", 3, ranks=2)
    assert result.code == 0, result
    return run, kind, result


def test_derive_gives_the_same_bytes_on_any_number_of_ranks(derived):
    run, _, result = derived
    files = files_of(run.folder / "derived")
    assert set(files) == {"best.json", "top-1.json", "top-2.json", "top-3.json"}
    assert files["best.json"] == files["top-1.json"]
    assert "Kendall tau" in result.out
    for ranks in (0, 1, 3, 4):
        other = enas_hpc("derive", "--run", run.folder, "--samples", 12, "--top", 3, ranks=ranks)
        assert other.code == 0, other
        assert files_of(run.folder / "derived") == files, ranks


def test_a_ranking_holds_every_different_child_in_order(derived):
    run, kind, _ = derived
    with h5py.File(run.folder / "derived" / "ranking.h5", "r") as file:
        table = {name: column[:] for name, column in file["children"].items()}
        assert file.attrs["higher_is_better"] == (0 if kind == "recurrent" else 1)
        scored_on = file.attrs["scored_on"].decode()
    assert table["times"].sum() == 12
    assert len({tuple(tokens) for tokens in table["tokens"].tolist()}) == len(table["tokens"])
    order = table["metric"] if kind == "recurrent" else -table["metric"]
    assert np.all(np.diff(order) >= 0)
    assert np.all(table["parameters"] > 0) and np.all(table["multiply_adds"] > 0)
    assert np.all(table["log_probability"] < 0)
    best = json.loads((run.folder / "derived" / "best.json").read_text())
    assert best["metrics"]["rank"] == 1
    assert scored_on == best["metrics"]["scored_on"] and "shared weights, all " in scored_on


def test_the_baseline_does_not_touch_what_was_derived(derived):
    run, _, _ = derived
    before = files_of(run.folder / "derived")
    result = enas_hpc("derive", "--run", run.folder, "--samples", 4, "--uniform", "--top", 1)
    assert result.code == 0, result
    assert files_of(run.folder / "derived") == before
    best = json.loads((run.folder / "derived" / "uniform" / "best.json").read_text())
    assert best["origin"]["sampled_from"] == "uniform"


def test_training_from_a_run_is_the_same_on_any_number_of_ranks(derived, tmp_path):
    run, kind, _ = derived
    best = run.folder / "derived" / "best.json"
    gold = Training(tmp_path / "gold", best, kind)
    expected = gold.finish(ranks=2)
    last = gold.run.newest_step()
    for ranks in (0, 1):
        other = Training(tmp_path / f"ranks{ranks}", best, kind)
        assert other.finish(ranks) == expected
    stopped = Training(tmp_path / "stopped", best, kind)
    for step, ranks in ((2, 1), (last - 2, 2)):
        assert stopped.train("--max-steps", step, ranks=ranks).code == 0
        assert stopped.run.newest_step() == step
    assert stopped.finish(ranks=1) == expected
    for name, values in gold.epochs().items():
        np.testing.assert_array_equal(stopped.epochs()[name], values, name)


def test_a_killed_training_goes_on(tmp_path):
    keys = {"train.epochs": 4}
    gold = Training(tmp_path / "gold", "enas-ptb", keys=keys)
    expected = gold.finish()
    killed = Training(tmp_path / "killed", "enas-ptb", keys=keys)
    result = killed.train(env={"ENAS_FAULT": "1:8:kill"})
    assert result.code != 0
    assert killed.run.newest_step() == 6  # an epoch
    assert killed.finish(ranks=1) == expected


def test_a_signal_leaves_a_checkpoint(tmp_path):
    training = Training(tmp_path / "run", "enas-ptb", keys={"train.epochs": 5000})
    process = Process(command_line(2, *training.arguments()), tmp_path / "process")
    training.run.await_checkpoint(5)
    os.kill(process.mpirun(), signal.SIGUSR1)
    assert process.wait().code == 75
    assert json.loads((training.folder / "status.json").read_text())["reason"] == "SIGUSR1"


def test_averaging_begins_when_validation_stops_improving(tmp_path):
    """A learning rate that is far too high, patience 1: the rule fires, and a stop later changes
    nothing."""
    keys = {"train.epochs": 12, "train.lr": 20.0, "train.init_range": 0.3, "train.activation_l2": 0.0,
            "train.drop_output": 0.0, "train.drop_cell_input": 0.0}
    gold = Training(tmp_path / "gold", "enas-ptb", keys=keys)
    expected = gold.finish()
    epochs = gold.epochs()
    first = int(np.argmax(epochs["averaged"]))
    assert 0 < first < 11, epochs["averaged"]
    losses = epochs["validation_loss"]
    # Merity et al. 2018: worse than the best of all but the last `patience` checks.
    rule = [t for t in range(2, first) if losses[t] > min(losses[:t - 1])]
    assert rule[0] == first - 1, (losses, first)
    steps = gold.run.newest_step() // 12
    stopped = Training(tmp_path / "stopped", "enas-ptb", keys=keys)
    for step in (first * steps - 2, (first + 1) * steps + 3):
        assert stopped.train("--max-steps", step).code == 0
    assert stopped.finish(ranks=1) == expected


def test_evaluate_touches_the_test_split_once(derived, tmp_path):
    run, kind, _ = derived
    training = Training(tmp_path / "run", run.folder / "derived" / "best.json", kind)
    for step, words in ((2, "before the first epoch"), (7 if kind == "recurrent" else 4, "not finished")):
        assert training.train("--max-steps", step).code == 0
        early = enas_hpc("evaluate", "--run", training.folder)
        assert early.code == 65 and words in early.text, early
    training.finish()
    first = enas_hpc("evaluate", "--run", training.folder, "--json", ranks=2)
    assert first.code == 0, first
    metrics = json.loads(first.out)["metrics"]
    name = "perplexity" if kind == "recurrent" else "accuracy"
    with h5py.File(training.run.newest(), "r") as checkpoint:
        assert metrics["validation"][name] == pytest.approx(
            checkpoint["progress"].attrs["best_metric"], rel=1e-12)
    assert metrics["parameters"] > 0
    if kind == "recurrent":
        assert metrics["test"]["perplexity"] == pytest.approx(math.exp(metrics["test"]["loss"]))
        assert metrics["test"]["tokens"] == 39  # one column of 40 tokens: all but the first
    else:
        assert metrics["test"]["images"] == 8  # batches of 3: the last one has 2
    written = (training.folder / "test.json").read_bytes()
    again = enas_hpc("evaluate", "--run", training.folder)
    assert again.code == 0 and "already evaluated" in again.text, again
    again = enas_hpc("evaluate", "--run", training.folder, "--json")
    assert json.loads(again.out) == json.loads(first.out)
    anew = enas_hpc("evaluate", "--run", training.folder, "--again", ranks=1)
    assert anew.code == 0, anew
    assert (training.folder / "test.json").read_bytes() == written


@pytest.mark.parametrize("arguments, code, words", [
    (["train", "--config", CONFIG], 64, ["--arch", "--run"]),
    (["train", "--arch", "enas-ptb"], 64, ["--config"]),
    (["train", "--arch", "nobody", "--config", CONFIG], 66, ["nobody", "enas-ptb"]),
    (["train", "--arch", "enas-micro", "--config", CONFIG], 65, ["micro", "space.kind"]),
    (["evaluate", "--run", "nowhere"], 66, ["nowhere"]),
    (["derive", "--run", "nowhere"], 66, ["nowhere"]),
    (["pipeline", "--config", CONFIG, "--max-steps", "3"], 64, ["--max-steps"]),
])
def test_what_is_wrong_is_said_once(tmp_path, arguments, code, words):
    result = enas_hpc(*arguments, cwd=tmp_path)
    assert result.code == code, result
    assert len(result.errors) == 1
    for word in words:
        assert word in result.text, result


def test_another_architecture_is_refused(tmp_path):
    training = Training(tmp_path / "run", "enas-ptb")
    assert training.train("--max-steps", 2).code == 0
    other = Training(tmp_path / "run", "enas-lm")
    result = other.train()
    assert result.code == 65 and "another architecture" in result.text, result


def small_pipeline_run(folder):
    run = Run(folder, TRAIN["recurrent"])
    run.finish()
    return run


def test_a_derivation_leaves_nothing_of_the_one_before(tmp_path):
    run = small_pipeline_run(tmp_path / "run")
    assert enas_hpc("derive", "--run", run.folder, "--samples", 20, "--top", 4).code == 0
    assert enas_hpc("derive", "--run", run.folder, "--samples", 6, "--top", 2).code == 0
    assert set(files_of(run.folder / "derived")) == {"best.json", "top-1.json", "top-2.json"}
    # Another seed's ranking is not taken for this one's.
    expected = files_of(run.folder / "derived")
    again = enas_hpc("derive", "--run", run.folder, "--samples", 6, "--top", 2, "--set", "run.seed=9")
    assert again.code == 0 and files_of(run.folder / "derived") != expected
    done = pipeline(run.folder)
    assert done.code == 0 and "derived already" not in done.text, done
    assert files_of(run.folder / "derived") == expected


def test_a_result_is_of_the_weights_that_are_there(tmp_path):
    training = Training(tmp_path / "run", "enas-ptb", keys={"train.epochs": 2})
    training.finish()
    first = json.loads(enas_hpc("evaluate", "--run", training.folder, "--json").out)
    anew = Training(tmp_path / "run", "enas-ptb", keys={"train.epochs": 2, "run.seed": 7})
    assert anew.train("--resume", "never").code == 0
    second = json.loads(enas_hpc("evaluate", "--run", training.folder, "--json").out)
    assert first["metrics"]["test"]["loss"] != second["metrics"]["test"]["loss"]
    assert second["metrics"]["seed"] == 7
    assert (training.folder / "test.json.stale").exists()


@pytest.mark.parametrize("text", ["{}", '{"metrics": {}}', '{"metrics"', "[1]"])
def test_a_damaged_result_is_named(tmp_path, text):
    training = Training(tmp_path / "run", "enas-ptb", keys={"train.epochs": 1})
    training.finish()
    (training.folder / "test.json").write_text(text)
    result = enas_hpc("evaluate", "--run", training.folder, ranks=2)
    assert result.code == 65 and len(result.errors) == 1, result
    assert "test.json is damaged" in result.text


def test_a_signal_ends_an_evaluation(tmp_path):
    """The data are large enough for the signal to come in time; nothing is written."""
    large = {"train.epochs": 1, "data.markov.valid_tokens": 300_000, "train.averaging": "none",
             "train.evaluation_parts": 100}
    training = Training(tmp_path / "run", "enas-ptb", keys=large)
    training.finish(ranks=1)
    process = Process(command_line(0, "evaluate", "--run", training.folder), tmp_path / "process")
    time.sleep(1.0)
    os.kill(process.process.pid, signal.SIGTERM)
    result = process.wait()
    assert result.code == 75 and "stopped (SIGTERM) in the evaluation" in result.text, result
    assert not (training.folder / "test.json").exists()


def test_a_damaged_checkpoint_is_passed_over_aloud(tmp_path):
    training = Training(tmp_path / "run", "enas-ptb",
                        keys={"train.epochs": 2, "train.averaging": "none"})
    training.finish(ranks=1)
    newest = training.run.newest()
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    result = enas_hpc("export", "--run", training.folder, "--to", "pytorch", tmp_path / "out")
    assert result.code == 0, result
    assert "warning: passed over:" in result.err and str(newest) in result.err, result


def test_other_data_are_refused(tmp_path):
    training = Training(tmp_path / "run", "enas-ptb", keys={"train.epochs": 1})
    training.finish()
    result = enas_hpc("evaluate", "--run", training.folder, "--set", "data.markov.branching=4")
    assert result.code == 65 and "the data are not those of the training" in result.text, result


def test_a_flipped_bit_is_found_and_replayed(tmp_path):
    keys = {"train.epochs": 2, "reliability.digest_every": 2}
    expected = Training(tmp_path / "gold", "enas-ptb", keys=keys).finish()
    flipped = Training(tmp_path / "flipped", "enas-ptb", keys=keys)
    result = flipped.train(env={"ENAS_FAULT": "1:7:flip_weight"})
    assert result.code == 0 and "nothing is lost" in result.text, result
    assert flipped.run.state_hash() == expected


def test_a_search_is_no_training(tmp_path):
    run = small_pipeline_run(tmp_path / "run")
    result = enas_hpc("evaluate", "--run", run.folder)
    assert result.code == 65 and "enas_hpc training checkpoint" in result.text, result


@pytest.mark.parametrize("arguments, words", [
    (["pipeline", "--config", CONFIG, "--seeds", "1,1"], "--seeds"),
    (["--dry-run", "train", "--arch", "enas-ptb", "--config", CONFIG], "--dry-run"),
])
def test_wrong_options(tmp_path, arguments, words):
    result = enas_hpc(*arguments, cwd=tmp_path)
    assert result.code == 64 and words in result.text, result
