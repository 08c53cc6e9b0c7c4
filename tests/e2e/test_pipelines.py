# SPDX-License-Identifier: Apache-2.0
"""Pipelines: search, derive, train and evaluate in one go, stopped anywhere, over seeds."""
import json
import os
import signal

import numpy as np
from search_run import CONFIG, Process, Run, command_line, enas_hpc, sets, wait_for
from training_run import TRAIN, pipeline


def test_a_pipeline_killed_in_each_stage_ends_with_the_same_numbers(tmp_path):
    gold = pipeline(tmp_path / "gold", "--with-baseline")
    assert gold.code == 0, gold
    expected = json.loads((tmp_path / "gold" / "pipeline.json").read_text())
    assert [(row["strategy"], row["rank"]) for row in expected] == [
        ("reinforce", 1), ("reinforce", 2), ("random", 1), ("random", 2)]
    assert "reinforce: test" in gold.out and "random: test" in gold.out

    folder = tmp_path / "killed"
    search_steps = Run(tmp_path / "gold").newest_step()
    for fault, ranks in (("0:10:kill", 2), ("1:20:kill", 2), ("0:3:throw", 1)):
        assert pipeline(folder, "--with-baseline", ranks=ranks, env={"ENAS_FAULT": fault}).code != 0
    assert Run(folder).newest_step() == search_steps  # the last fault was in a training
    # Between two stages: what a stage left half-done is made again.
    (folder / "derived" / "top-2.json").unlink(missing_ok=True)
    for _ in range(2):
        done = pipeline(folder, "--with-baseline", ranks=1)
        assert done.code == 0, done
        rows = json.loads((folder / "pipeline.json").read_text())
        for row, gold_row in zip(rows, expected, strict=True):
            assert {**row, "run_dir": gold_row["run_dir"]} == gold_row


def test_a_pipeline_over_seeds(tmp_path):
    result = pipeline(tmp_path / "run", "--seeds", "1,2")
    assert result.code == 0, result
    rows = json.loads((tmp_path / "run" / "pipeline.json").read_text())
    assert [row["seed"] for row in rows] == [1, 1, 2, 2]
    best = [min((row for row in rows if row["seed"] == seed), key=lambda row: row["validation"]) for seed in (1, 2)]
    assert [row for row in rows if row["best_of_seed"]] == best
    tests = [row["test"] for row in best]
    assert f"{np.mean(tests):.2f} ± {np.std(tests, ddof=1):.2f} (n = 2 seeds)" in result.out


def test_a_stopped_pipeline_says_so(tmp_path):
    process = Process(command_line(2, "pipeline", "--config", CONFIG, "--run-dir", tmp_path / "run",
                                   "--samples", 6, "--top", 1,
                                   *sets({**TRAIN["recurrent"], "train.epochs": 100000})),
                      tmp_path / "process")
    wait_for((tmp_path / "run/train/top-1/checkpoints/latest").exists, "the training")
    os.kill(process.mpirun(), signal.SIGUSR1)
    assert process.wait().code == 75


def test_a_pipeline_asked_for_other_children_keeps_the_old_trainings(tmp_path):
    assert pipeline(tmp_path / "run").code == 0
    more = enas_hpc("pipeline", "--config", CONFIG, "--run-dir", tmp_path / "run", "--samples", 40,
                    "--top", 1, *sets({**TRAIN["recurrent"], "train.epochs": 2}))
    assert more.code == 0, more
    rows = json.loads((tmp_path / "run" / "pipeline.json").read_text())
    assert [row["rank"] for row in rows] == [1]


def test_a_folder_of_somebody_else_is_left_as_it_is(tmp_path):
    """Also one that gets only pipeline.json, since each seed has a run directory of its own."""
    (tmp_path / "pipeline.json").write_text("mine")
    for more in (["--seeds", "1,2"], []):
        result = enas_hpc("pipeline", "--config", CONFIG, "--run-dir", tmp_path, *more)
        assert result.code == 73 and "pipeline.json" in result.text and len(result.errors) == 1, result
        assert [path.name for path in tmp_path.iterdir()] == ["pipeline.json"]
