# SPDX-License-Identifier: Apache-2.0
"""What a run leaves and prints is what docs/formats.md says, and other programs can read it."""
import json
import math
import re

import h5py
import numpy as np
import pytest
from search_run import (CONFIG, LAST_STEP, SLOTS, SOURCE, STEPS_PER_ROUND, WEIGHT_STEPS, Run, enas_hpc,
                        environment)

DOCUMENT = (SOURCE / "docs" / "formats.md").read_text()
FUNCTIONS = ["tanh", "relu", "identity", "sigmoid"]


def section(title):
    return DOCUMENT.split(f"## {title}")[1].split("\n## ")[0]


def documented_columns():
    """{group: columns} from the table of log groups."""
    rows = re.findall(r"^\| `(\w+)` \| [\w ]+ \| (.*) \|$", section("Log parts"), re.MULTILINE)
    assert len(rows) == 5
    return {group: set(re.findall(r"`(\w+)`", columns)) for group, columns in rows}


def json_of(*arguments, **more):
    result = enas_hpc(*arguments, **more)
    assert result.code == 0, result
    return json.loads(result.out)


# --- log parts


def test_log_parts_are_as_documented(gold):
    columns = documented_columns()
    listed = section("Log parts").split("Root attributes:")[1].split(". `/options`")[0]
    attributes = set(re.findall(r"`(\w+)`", listed))
    assert len(attributes) == 10
    for path in gold.run.parts():
        with h5py.File(path, "r") as part:
            assert set(part) == {*columns, "options", "decisions"}
            assert set(part.attrs) == attributes
            first, end = part.attrs["first_step"], part.attrs["end_step"]
            assert path.name == f"part-{first:08}-{end:08}.h5"
            for group, names in columns.items():
                assert set(part[group]) == names, (path, group)
                assert len({len(column) for column in part[group].values()}) == 1
                for column in part[group].values():
                    assert set(column.attrs) == {"unit", "description", "clock"}, column


def test_parts_follow_each_other(gold):
    ends = []
    for path in gold.run.parts():
        with h5py.File(path, "r") as part:
            first, end = part.attrs["first_step"], part.attrs["end_step"]
            assert first == (ends[-1] if ends else 0) and end > first
            ends.append(end)
            for group in ("weight_steps", "controller_steps"):
                steps = part[f"{group}/step"][:]
                assert ((steps >= first) & (steps < end)).all()
            assert b"hidden = 8" in part.attrs["configuration"]
    assert ends[-1] == LAST_STEP


def test_rows_of_the_whole_run(gold):
    log = gold.log
    assert gold.run.steps() == list(range(LAST_STEP))
    assert len(log["weight_steps/step"]) == 3 * WEIGHT_STEPS
    assert len(log["controller_steps/step"]) == 3 * (STEPS_PER_ROUND - WEIGHT_STEPS)
    assert log["rounds/round"].tolist() == [0, 1, 2]
    assert log["rounds/step"].tolist() == [9, 18, 27]
    sources, counts = np.unique(log["children/source"], return_counts=True)
    assert dict(zip(sources, counts.tolist())) == {
        b"slot": 3 * WEIGHT_STEPS * SLOTS, b"rollout": 3 * 3 * 4, b"validation": 3 * 3}
    for name in ("weight_steps/loss", "controller_steps/reward", "rounds/mean_metric"):
        assert np.isfinite(log[name]).all(), name


def test_rows_agree_with_each_other(gold):
    """A step's loss is the mean of its slots, a reward is 80 / perplexity, shares sum to one."""
    log = gold.log
    children = {name: log[f"children/{name}"] for name in ("step", "source", "loss", "metric", "reward")}
    slots = children["source"] == b"slot"
    for step, loss in zip(log["weight_steps/step"], log["weight_steps/loss"]):
        losses = children["loss"][slots & (children["step"] == step)]
        assert losses.size == SLOTS and math.isclose(losses.mean(), loss, rel_tol=1e-12)
    assert np.allclose(children["metric"], np.exp(children["loss"]), rtol=1e-12)
    assert np.allclose(log["weight_steps/metric"], np.exp(log["weight_steps/loss"]), rtol=1e-12)
    rollouts = children["source"] == b"rollout"
    assert np.allclose(children["reward"][rollouts], 80 / children["metric"][rollouts], rtol=1e-12)
    assert np.isnan(children["reward"][slots]).all()
    validation = children["source"] == b"validation"
    for step, mean, best in zip(log["rounds/step"], log["rounds/mean_metric"], log["rounds/best_metric"]):
        perplexity = children["metric"][validation & (children["step"] == step)]
        assert math.isclose(perplexity.mean(), mean, rel_tol=1e-12)
        assert math.isclose(perplexity.min(), best, rel_tol=1e-12)
    assert np.allclose(log["rounds/option_histogram"].sum(axis=1), 1)
    assert np.allclose(log["rounds/decision_entropy"].sum(axis=1), log["rounds/entropy"])
    assert (np.minimum.accumulate(log["rounds/best_metric"]) == log["rounds/best_so_far"]).all()


def test_the_example_of_the_document_runs(gold, capsys):
    example = re.search(r"```python\n(.*?)```", section("Log parts"), re.DOTALL)[1]
    exec(example.replace("runs/demo", str(gold.run.folder)), {})
    assert f"{3 * WEIGHT_STEPS} weight steps, last loss" in capsys.readouterr().out


# --- checkpoints


def documented_places():
    """Paths and attributes named in the table of checkpoints."""
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", section("Checkpoints"), re.MULTILINE)
    return {where: re.findall(r"`(\w+)`?", what) for where, what in rows}


def test_checkpoints_are_as_documented(gold):
    places = documented_places()
    with h5py.File(gold.run.newest(), "r") as file:
        assert set(file.attrs) == set(places["root attributes"])
        assert set(file["progress"].attrs) == set(places["`/progress` attributes"])
        assert set(file) == {"weights", "momentum", "strategy", "slots", "children", "progress", "best", "config", "jobs"}
        assert set(file["strategy"]) == {"parameters", "first_moment", "second_moment", "adam_steps",
                                         "baseline", "has_baseline"}
        assert file["slots/state"].shape == (SLOTS, 2, 8)
        assert set(file["best"].attrs) == {"metric", "step"}
        assert file.attrs["ranks"] == 2 and file.attrs["step"] == LAST_STEP


def test_children_of_a_weight_phase_are_stored(gold):
    with h5py.File(gold.run.checkpoint(4), "r") as file:
        stored = file["children/tokens"][:]
    assert stored.shape == (SLOTS, WEIGHT_STEPS, 5)
    log = gold.log
    rows = (log["children/source"] == b"slot") & (log["children/step"] < WEIGHT_STEPS)
    logged = log["children/tokens"][rows].reshape(WEIGHT_STEPS, SLOTS, 5)
    assert (stored == logged.transpose(1, 0, 2)).all()


def num_values(group):
    sizes = []
    group.visititems(lambda _, item: sizes.append(item.size if isinstance(item, h5py.Dataset) else 0))
    return sum(sizes)


def test_dry_run_counts_what_the_checkpoint_holds(gold):
    estimate = json_of(*gold.run.arguments("--dry-run", "--json"), ranks=2)
    with h5py.File(gold.run.newest(), "r") as file:
        assert estimate["supernet_parameters"] == num_values(file["weights"])
        assert estimate["controller_parameters"] == num_values(file["strategy/parameters"])
    assert estimate["weight_steps_per_round"] == WEIGHT_STEPS
    assert estimate["total_steps"] == LAST_STEP
    assert estimate["memory_per_rank_bytes"] > 1e6 and estimate["bytes_reduced_per_step"] > 0


def test_dry_run_touches_nothing(tmp_path):
    run = Run(tmp_path / "run")
    result = run.search("--dry-run")
    assert result.code == 0 and "parameters" in result.out, result
    assert not run.folder.exists()


# --- JSON files


def cell_of(tokens):
    """(function, previous) of every node: first function, then previous and function of each node."""
    nodes = [(FUNCTIONS[tokens[0]], None)]
    return nodes + [(FUNCTIONS[function], previous) for previous, function in zip(tokens[1::2], tokens[2::2])]


def test_best_is_by_name(gold):
    best = json.loads((gold.run.folder / "best.json").read_text())
    nodes = best["architecture"]["nodes"]
    assert [(node["function"], node.get("previous")) for node in nodes] == cell_of(best["tokens"])
    used = {node.get("previous") for node in nodes}
    assert best["architecture"]["loose_ends"] == [node for node in range(3) if node not in used]
    assert all(name in best["text"] for name, _ in cell_of(best["tokens"]))
    log = gold.log
    assert best["perplexity"] == log["rounds/best_so_far"][-1]
    row = (log["children/source"] == b"validation") & (log["children/step"] == best["step"])
    winner = np.argmin(log["children/metric"][row])
    assert log["children/tokens"][row][winner].tolist() == best["tokens"]
    assert best["metric"] == "perplexity" and 1 < best["limit"] < best["perplexity"]


def test_status_of_a_finished_run(gold):
    status = json.loads((gold.run.folder / "status.json").read_text())
    assert (status["phase"], status["reason"]) == ("finished", "finished")
    assert (status["step"], status["round"], status["rounds"]) == (LAST_STEP, 3, 3)
    assert status["mean"] == gold.log["rounds/mean_metric"][-1]
    # The limit is an expectation; what the source has on short texts lies beside it, on both of them.
    assert set(status["limit_on_text"]) == {"validation", "test"}
    for value in status["limit_on_text"].values():
        assert 0.7 < value / status["limit"] < 1.4 and value != status["limit"], status


def test_every_file_of_the_run_is_documented(gold):
    listing = DOCUMENT.split("```")[1]
    for path in gold.run.folder.iterdir():
        assert f"RUN/{path.name}" in listing, path


def test_the_stored_configuration_gives_the_same_search(gold, tmp_path):
    copy = tmp_path / "again.toml"
    copy.write_text((gold.run.folder / "config.toml").read_text())
    result = enas_hpc("--config", copy, "--run-dir", tmp_path / "run")
    assert result.code == 0, result
    assert Run(tmp_path / "run").state_hash() == gold.hash


# --- what is printed


def test_search_result_as_json(tmp_path):
    run = Run(tmp_path / "run", {"search.rounds": 1})
    result = run.search("--json")
    assert result.code == 0, result
    last = json.loads(result.out.splitlines()[-1])
    assert last["exit_code"] == 0 and last["run_dir"] == str(run.folder)
    assert last["best"] == json.loads((run.folder / "best.json").read_text())
    assert last["status"]["reason"] == "finished"


def test_no_control_characters_outside_a_terminal(gold, tmp_path):
    result = Run(tmp_path / "run", {"search.rounds": 1}).search(ranks=2)
    assert result.code == 0, result
    assert "\033" not in result.text and "\r" not in result.text, repr(result.out[:2000])


def test_progress_lines_at_an_interval(tmp_path):
    run = Run(tmp_path / "run", {"search.rounds": 1, "run.log_interval_s": 1e-6})
    assert run.search(ranks=0).code == 0
    lines = (run.folder / "run.log").read_text().splitlines()
    assert sum("weights" in line and "tokens/s" in line for line in lines) == WEIGHT_STEPS
    assert sum("controller" in line and "reward" in line for line in lines) == 3
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line) for line in lines)


def test_sample(gold):
    children = json_of("sample", "--run", gold.run.folder, "--count", 20, "--json")
    assert len(children) == 20
    for child in children:
        nodes = child["architecture"]["nodes"]
        assert [(node["function"], node.get("previous")) for node in nodes] == cell_of(
            [int(token) for token in child["tokens"].split()])
        # 4 · 4 · 2 · 4 cells, whose probabilities a young controller hardly moves from uniform.
        assert -2 * math.log(4 * 4 * 2 * 4) < child["log_probability"] < 0
    assert json_of("sample", "--run", gold.run.folder, "--count", 5, "--json", ranks=2) == children[:5]
    assert json_of("sample", "--run", gold.run.newest(), "--count", 5, "--json") == children[:5]
    assert json_of("sample", "--run", gold.run.folder, "--count", 20, "--seed", 2, "--json") != children
    text = enas_hpc("sample", "--run", gold.run.folder, "--count", 3).out
    first, *children = text.splitlines()
    assert first == f"children of {gold.run.newest()}"
    assert len(children) == 3 and any(name in text for name in FUNCTIONS)


def test_state_hash_as_json(gold):
    answer = json_of("state-hash", gold.run.newest(), "--json")
    assert answer == {"file": str(gold.run.newest()), "state_hash": gold.hash}


def test_config_subcommands(tmp_path):
    defaults = enas_hpc("config", "--defaults")
    path = tmp_path / "defaults.toml"
    path.write_text(defaults.out)
    checked = enas_hpc("config", "--check", path)
    problem = "data.path"  # the only key without a usable default
    assert checked.code == 0 or problem in checked.text, checked
    path.write_text(defaults.out.replace('source = "folder"', 'source = "markov"'))
    assert json_of("config", "--check", path, "--json")["valid"] is True
    assert json_of("config", "--defaults", "--json")
    assert "weights.lr" in json.dumps(json_of("config", "--explain", "weights.lr", "--json"))
    wrong = enas_hpc("config", "--check", CONFIG, "--set", "weights.lr=-1", "--json")
    assert wrong.code == 65 and json.loads(wrong.out)["valid"] is False, wrong


def test_the_page_of_keys_is_the_generated_one():
    page = enas_hpc("config", "--defaults", "--markdown")
    assert page.code == 0
    assert page.out == (SOURCE / "docs" / "config.md").read_text()


@pytest.mark.parametrize("config", sorted((SOURCE / "configs").glob("*.toml")), ids=lambda path: path.name)
def test_shipped_configurations_are_valid(config):
    result = enas_hpc("config", "--check", config, cwd=SOURCE)
    assert result.code == 0, result


@pytest.mark.parametrize("ranks", [0, 2])
def test_versions(ranks):
    text = enas_hpc("--version", ranks=ranks)
    assert text.code == 0 and text.out.count("enas_hpc ") == 1, text
    for library in ("LibTorch", "HDF5", "MPI"):
        assert library in text.out, text
    assert json_of("--version", "--json", ranks=ranks)["version"] in text.out


def test_doctor(tmp_path):
    report = json_of("doctor", "--run-dir", tmp_path, "--json", ranks=2)
    assert len(report["ranks"]) == 2
    assert report["write_test"]["result"] == "ok" and report["write_test"]["free_bytes"] > 0
    assert report["threads"] == int(environment()["OMP_NUM_THREADS"])
    assert list(tmp_path.iterdir()) == []
    assert "HDF5 write test" in enas_hpc("doctor", cwd=tmp_path).out


@pytest.mark.parametrize("arguments", [["--help"], ["sample", "--help"], ["config", "--help"]])
def test_help(arguments):
    result = enas_hpc(*arguments, ranks=2)
    assert result.code == 0 and result.out.lower().count("usage:") == 1, result


def test_every_exit_code_is_documented():
    header = (SOURCE / "src" / "core" / "error.hpp").read_text()
    page = (SOURCE / "docs" / "exit-codes.md").read_text()
    codes = re.findall(r"= (\d+),", header.split("enum class ExitCode")[1].split("};")[0])
    assert len(codes) == 12
    assert set(codes) == set(re.findall(r"^\| (\d+) \|", page, re.MULTILINE))
