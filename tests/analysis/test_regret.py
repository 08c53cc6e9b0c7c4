# SPDX-License-Identifier: Apache-2.0
"""Strategies on a table over several seeds: samples, regret, files, and what is refused."""
import re

import h5py
import numpy as np
import pandas as pd
import pytest

from conftest import HERE, RECURRENT, search
from enas_analysis import Run
from enas_analysis.commands import main
from enas_analysis.regret import improvements, in_lines

SOURCE = HERE.parents[1]
CONFIG = SOURCE / "configs" / "tabular.toml"
TABLE = SOURCE / "configs" / "tables" / "recurrent_4.h5"


@pytest.fixture(autouse=True)
def at_the_source(monkeypatch):
    """Where the configuration finds its table."""
    monkeypatch.chdir(SOURCE)


def regret(out, *more):
    return main(["regret", "--config", str(CONFIG), "--out", str(out), "--seeds", "2", "--strategies", "random",
                 "--jobs", "2", "--set", "search.rounds=1", *more])


def test_regret_of_each_sample(tmp_path, capsys):
    assert regret(tmp_path / "out", "--first-seed", "7") == 0
    lines = capsys.readouterr().out.splitlines()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"regret.csv", "regret.svg", "regret.png"}
    table = pd.read_csv(tmp_path / "out" / "regret.csv")
    assert set(table["strategy"]) == {"random"}
    final = []
    with h5py.File(TABLE) as cells:
        best = np.exp(cells["loss"][:].mean(axis=1)).min()
    for seed in (7, 8):
        run = Run(search(tmp_path / str(seed), CONFIG,
                         {"run.seed": seed, "search.strategy": "random", "search.rounds": 1}))
        samples = run.children.query("source == 'rollout'")["metric"].to_numpy()
        lowest = np.array([samples[:n].min() for n in range(1, len(samples) + 1)])
        better = [n for n in range(len(lowest)) if n == 0 or lowest[n] < lowest[n - 1]]
        rows = table[table["seed"] == seed]
        assert rows["sample"].tolist() == [n + 1 for n in better]
        assert rows["regret"].to_numpy() == pytest.approx(lowest[better] - best, rel=1e-5, abs=1e-9)
        final.append(lowest[-1] - best)
    assert lines[1].split()[:3] == ["random", "2", str(len(samples))]
    assert f"{np.mean(final):.4f} ± {np.std(final, ddof=1):.4f}" in lines[1]


def test_improvements_are_those_that_are_lower_than_all_before():
    table = improvements({"a": np.array([[3.0, 3.0, 1.0], [2.0, 1.5, 0.0]])}, [5, 6])
    assert table.to_dict("split")["data"] == [
        ["a", 5, 1, 3.0], ["a", 5, 3, 1.0], ["a", 6, 1, 2.0], ["a", 6, 2, 1.5], ["a", 6, 3, 0.0]]


def test_one_seed_has_no_deviation():
    assert "1.0000 ± nan" in in_lines({"a": np.array([[3.0, 1.0]])})[1]
    assert in_lines({"a": np.array([[3.0, 1e-12]])})[1].endswith(" 1")


@pytest.mark.parametrize("name", ["regret.csv", "regret.png"])
def test_files_of_the_user_stay(tmp_path, capsys, name):
    """This is told before the first search: there is no program."""
    (tmp_path / name).write_text("mine")
    assert regret(tmp_path, "--program", "nosuch") == 2
    assert f"{name}: enas-analyze did not write this" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_files_of_its_own_are_replaced(tmp_path):
    assert regret(tmp_path) == 0
    assert regret(tmp_path) == 0


@pytest.mark.parametrize(("words", "said"), [
    (["--program", "nosuch"], "nosuch: No such file or directory"),
    (["--strategies", "nosuch"], 'strategy nosuch and seed 1 ended with exit code 65: error: .*is "nosuch"'),
    (["--config", str(RECURRENT)], "has no key evaluation.table"),
    (["--config", str(TABLE)], "is no TOML"),
    (["--config", "nosuch"], "nosuch: No such file or directory"),
    (["--seeds", "0"], "must be a whole number from 1"),
    (["--jobs", "0"], "must be a whole number from 1"),
])
def test_what_cannot_be_done_is_one_line(tmp_path, capsys, words, said):
    assert regret(tmp_path / "out", *words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(f"enas-analyze: .*{said}.*\n", err), err
    assert not (tmp_path / "out").exists()
