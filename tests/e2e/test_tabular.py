# SPDX-License-Identifier: Apache-2.0
"""Searches on a table of cells that were trained alone: looked up, exact, on any number of ranks."""
import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from search_run import BINARY, SOURCE, Run, assert_same_rows, enas_hpc, environment

CONFIG = SOURCE / "configs" / "tabular.toml"
TABLE = SOURCE / "configs" / "tables" / "recurrent_4.h5"
# Two rounds of five steps of six rollouts.
SHORT = {"evaluation.table": TABLE, "search.rounds": 2, "controller.steps": 5, "controller.rollouts": 6,
         "controller.hidden": 8, "checkpoint.every_steps": 3, "checkpoint.keep": 100,
         "weights.slots": 3}
LAST_STEP = 10


def perplexities(path):
    """Of the table's cells, by tokens."""
    with h5py.File(path) as table:
        return {tuple(tokens): np.exp(loss.mean())
                for tokens, loss in zip(table["tokens"][:].tolist(), table["loss"][:])}


@pytest.fixture
def tabular(tmp_path):
    """tabular({"key": value}) is a short search in a folder of its own."""
    made = []

    def make(keys=None):
        made.append(Run(tmp_path / f"run{len(made)}", {**SHORT, **(keys or {})}, CONFIG))
        return made[-1]

    return make


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished search on one rank, not to be written into; its state hash."""
    run = Run(tmp_path_factory.mktemp("whole") / "run", SHORT, CONFIG)
    return run, run.finish(ranks=1)


def test_rows_are_those_of_the_table(whole):
    run, _ = whole
    known = perplexities(TABLE)
    log = run.log()
    assert log["weight_steps/step"].size == 0
    assert log["controller_steps/step"].tolist() == list(range(LAST_STEP))
    sources = log["children/source"].tolist()
    assert sources.count(b"rollout") == 60 and sources.count(b"validation") == 20
    for tokens, metric in zip(log["children/tokens"].tolist(), log["children/metric"]):
        assert metric == pytest.approx(known[tuple(tokens)], rel=1e-14)


def test_best_and_derived_are_those_of_the_table(whole, tmp_path):
    run, _ = whole
    known = perplexities(TABLE)
    best = json.loads((run.folder / "best.json").read_text())
    assert best["perplexity"] == pytest.approx(known[tuple(best["tokens"])], rel=1e-14)
    assert best["limit"] == pytest.approx(min(known.values()), rel=1e-14)
    copy = run.copy_to(tmp_path / "copy")
    result = enas_hpc("derive", "--run", copy.folder, "--samples", 40, "--top", 3, "--json")
    assert result.code == 0, result
    top = [cell["metrics"]["perplexity"] for cell in json.loads(result.out)["top"]]
    with h5py.File(copy.folder / "derived" / "ranking.h5") as ranking:
        metric, tokens = ranking["children/metric"][:], ranking["children/tokens"][:].tolist()
    assert metric == pytest.approx([known[tuple(cell)] for cell in tokens], rel=1e-14)
    assert metric.tolist() == sorted(metric) and top == metric[:3].tolist()


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks(tabular, whole, ranks):
    run = tabular()
    assert run.finish(ranks=ranks) == whole[1]
    assert_same_rows(run.log(), whole[0].log())


@pytest.mark.parametrize("step", [4, 5])
def test_resume(tabular, whole, step):
    """Within a round and between two, on another number of ranks."""
    run = tabular()
    result = run.search("--max-steps", step, ranks=2)
    assert result.code == 0, result
    assert run.newest_step() == step
    assert run.finish(ranks=1) == whole[1]
    assert_same_rows(run.log(), whole[0].log())


def test_random_learns_nothing(tabular, whole):
    run = tabular({"search.strategy": "random"})
    run.finish(ranks=1)
    log, other = run.log(), whole[0].log()
    assert log["children/tokens"].shape == other["children/tokens"].shape
    assert len(set(log["children/strategy_digest"])) == 1
    assert len(set(other["children/strategy_digest"])) > 1


def refused(result, code, *parts):
    assert result.code == code, result
    assert len(result.errors) == 1, result
    for part in parts:
        assert part in result.text, result


def test_a_wrong_table_is_refused(tabular, tmp_path):
    refused(tabular({"space.nodes": 3}).search(), 65,
            "recurrent/4 with tanh, relu, sigmoid", "recurrent/3 with tanh, relu, sigmoid")
    refused(tabular({"evaluation.table": tmp_path / "none.h5"}).search(), 66, "none.h5")
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(TABLE.read_bytes())
    with h5py.File(damaged) as table:
        place = table["loss"].id.get_chunk_info(0).byte_offset
    with damaged.open("r+b") as file:
        file.seek(place + 100)
        byte = file.read(1)[0]
        file.seek(place + 100)
        file.write(bytes([byte ^ 1]))
    refused(tabular({"evaluation.table": damaged}).search(), 65, "damaged.h5", "/loss")
    refused(tabular({"evaluation.table": CONFIG}).search(), 65, "tabular.toml")


def test_a_resumed_run_has_the_same_table(tabular, tmp_path):
    run = tabular()
    assert run.search("--max-steps", 4, ranks=1).code == 0
    other = tmp_path / "other.h5"
    other.write_bytes(TABLE.read_bytes())
    run.keys["evaluation.table"] = other  # the same scores elsewhere are the same table
    assert run.search("--max-steps", 5, ranks=1).code == 0
    with h5py.File(other, "r+") as table:
        table["loss"][0, 0] += 0.01
    refused(run.search(ranks=1), 65, "the data: digest")


def test_nothing_can_be_trained(tabular):
    cell = SOURCE / "configs" / "architectures" / "enas-ptb.json"
    for command in (["train", "--arch", cell], ["bench"], ["pipeline"]):
        refused(enas_hpc(*command, "--config", CONFIG, "--set", f"evaluation.table={TABLE}"), 65,
                "trains nothing")
    refused(tabular().search(ranks=4), 65, "weights.slots = 3")


@pytest.fixture(scope="module")
def small_table(tmp_path_factory):
    """A table of four cells, made by the script in two starts; how to start it."""
    folder = tmp_path_factory.mktemp("table")
    config = (SOURCE / "configs" / "tables" / "recurrent_4.toml").read_text()
    for old, new in (("train_tokens = 20000", "train_tokens = 1000"),
                     ("valid_tokens = 4000", "valid_tokens = 400"),
                     ("nodes = 4", "nodes = 2"), ('["tanh", "relu", "sigmoid"]', '["tanh", "relu"]'),
                     ("epochs = 4", "epochs = 1")):
        assert old in config
        config = config.replace(old, new)
    (folder / "small.toml").write_text(config)

    def make(seeds, out=folder / "small.h5"):
        return subprocess.run(
            [sys.executable, SOURCE / "scripts" / "make_table.py", "--config", folder / "small.toml",
             "--out", out, "--seeds", str(seeds), "--jobs", "2", "--program", BINARY],
            env=environment(), capture_output=True, text=True, check=False)

    done = make(1)
    assert done.returncode == 0, done
    first = (folder / "small.csv").read_text()
    (folder / "small.h5").chmod(0o640)
    os.link(folder / "small.h5", folder / "other-name.h5")
    done = make(2)
    assert done.returncode == 0, done
    assert (folder / "small.h5").samefile(folder / "other-name.h5"), "written into the file that was there"
    assert (folder / "small.h5").stat().st_mode & 0o777 == 0o640
    assert (folder / "small.csv").read_text().startswith(first)
    return folder / "small.h5", make


def test_a_table_of_the_script_is_searched(small_table, tabular):
    table, _ = small_table
    with h5py.File(table) as file:
        assert file["loss"].shape == (4, 2)
        assert (file["loss"][:, 0] != file["loss"][:, 1]).all()
    run = tabular({"evaluation.table": table, "space.nodes": 2,
                   "space.activations": '["tanh", "relu"]'})
    run.finish(ranks=1)
    known = perplexities(table)
    log = run.log()
    assert {tuple(cell) for cell in log["children/tokens"].tolist()} == set(known)
    for tokens, metric in zip(log["children/tokens"].tolist(), log["children/metric"]):
        assert metric == pytest.approx(known[tuple(tokens)], rel=1e-14)


def test_the_table_may_go_into_a_pipe(small_table, tmp_path):
    """All trainings are finished: they are only put together."""
    table, make = small_table
    (tmp_path / "small.csv").write_bytes(table.with_suffix(".csv").read_bytes())
    os.mkfifo(tmp_path / "small.h5")
    with subprocess.Popen(["timeout", "60", "cat", tmp_path / "small.h5"], stdout=subprocess.PIPE) as reader:
        done = make(2, tmp_path / "small.h5")
        content = reader.communicate()[0]
    assert done.returncode == 0 and content == table.read_bytes(), done


def test_the_script_refuses_another_configuration(small_table):
    table, make = small_table
    config = table.with_suffix(".toml")
    text = config.read_text()
    config.write_text(text.replace("epochs = 1", "epochs = 2"))
    done = make(2)
    config.write_text(text)
    assert done.returncode == 1 and "another configuration" in done.stderr, done
    assert os.path.exists(table)
