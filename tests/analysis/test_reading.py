# SPDX-License-Identifier: Apache-2.0
"""Reading run directories: tables, best child, restarts, and files that are missing, newer or damaged."""
import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from conftest import RECURRENT, search
from enas_analysis import (
    AnalysisError,
    CutFileError,
    DamagedFileError,
    MissingFileError,
    NewerFormatError,
    Run,
    read_architecture,
)
from enas_analysis.architecture import in_words
from files import changed, parts


def test_tables_hold_what_the_files_hold(recurrent):
    run = Run(recurrent)
    with h5py.File(parts(recurrent)[0]) as first:
        loss, tokens = first["weight_steps/loss"][:], first["children/tokens"][:]
    assert np.array_equal(run.weight_steps["loss"][:len(loss)], loss)
    assert run.children["tokens"].iloc[1] == tuple(tokens[1])
    steps = sorted([*run.weight_steps["step"], *run.controller_steps["step"]])
    assert steps == list(range(27))
    assert len(run.rounds) == 3
    assert list(run.rounds.filter(regex=r"^option_histogram\.")) == [
        f"option_histogram.{name}" for name in ("tanh", "relu", "identity", "sigmoid")]
    assert np.allclose(run.rounds.filter(regex=r"^option_histogram\.").sum(axis=1), 1)
    assert isinstance(run.events, pd.DataFrame)


@pytest.mark.parametrize("space", ["recurrent", "macro", "micro"])
def test_best_child_is_that_of_best_json(space, request):
    folder = request.getfixturevalue(space)
    run, told = Run(folder), json.loads((folder / "best.json").read_text())
    assert run.best.metric == told[told["metric"]]
    assert in_words(run.best.network) == told["text"]
    assert run.best.network == read_architecture(folder / "best.json").network
    assert run.space == told["space"]


def test_configuration_ranks_and_restarts(recurrent):
    run = Run(recurrent)
    assert run.config["search"]["rounds"] == 3
    assert (run.seed, run.strategy, run.metric, run.higher_is_better) == (1, "reinforce", "perplexity", False)
    assert run.restarts == [14]
    assert [start.ranks for start in run.starts] == [1, 1]
    # A round: 6 steps of 4 slots, 3 of 4 rollouts, 3 validated.
    assert run.sampled.tolist() == [39, 78, 117]
    assert np.all(np.diff(run.rank_hours) > 0)
    assert run.rank_hours[-1] >= run.rounds["seconds"].sum() / 3600 - 1e-12


def test_left_timelines_and_temporary_files_are_skipped(recurrent, copy):
    folder = copy(recurrent)
    for name in ("part-00000004-00000099.h5.stale", "part-00000027-00000099.h5.tmp", ".part-00000027-00000030.h5"):
        (folder / "log" / name).write_bytes(b"no")
    pd.testing.assert_frame_equal(Run(folder).children, Run(recurrent).children)


def test_run_that_went_back_has_one_timeline(copy, recurrent):
    """Resumed from an older checkpoint: later parts were renamed, later restarts are forgotten."""
    folder = copy(recurrent)
    search(folder, RECURRENT, None, "--resume", folder / "checkpoints" / "step-00000008.h5")
    run = Run(folder)
    assert list((folder / "log").glob("*.stale"))
    assert run.restarts == [8]
    pd.testing.assert_series_equal(run.weight_steps["loss"], Run(recurrent).weight_steps["loss"])


def test_missing_part_ends_the_reading(recurrent, copy):
    folder = copy(recurrent)
    parts(folder)[2].unlink()
    with pytest.warns(UserWarning, match="part from step 8 is missing"):
        run = Run(folder)
    assert run.log.end_step == 8
    assert sorted(run.weight_steps["step"]) == list(range(6))
    assert run.best is None


def test_without_the_first_part_nothing_can_be_read(recurrent, copy):
    folder = copy(recurrent)
    parts(folder)[0].unlink()
    with pytest.raises(MissingFileError, match="part from step 0 is missing"):
        Run(folder)


@pytest.mark.parametrize("text", ["[1]", '{"ranks": "x"}', "{"])
def test_a_status_that_is_none(recurrent, copy, text):
    folder = copy(recurrent)
    (folder / "run.log").unlink()
    (folder / "status.json").write_text(text)
    with pytest.raises(DamagedFileError, match=r"status\.json"):
        assert Run(folder).starts


def test_part_that_was_cut_ends_the_reading(recurrent, copy):
    folder = copy(recurrent)
    last = parts(folder)[-1]
    last.write_bytes(last.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="has no seal"):
        run = Run(folder)
    assert run.log.end_step == 24
    first = parts(folder)[0]
    first.write_bytes(first.read_bytes()[:1000])
    with pytest.raises(CutFileError, match=first.name):
        Run(folder)


def test_changed_byte_is_found(recurrent, copy):
    folder = copy(recurrent)
    path = parts(folder)[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DamagedFileError, match=f"{path.name}.*digest"):
        Run(folder)


def test_newer_format_names_both_versions(recurrent, copy):
    folder = copy(recurrent)
    changed(parts(folder)[0], lambda file: file.attrs.modify("format_version", 4))
    with pytest.raises(NewerFormatError, match=r"version 4 .* reads up to 3"):
        Run(folder)


def test_file_of_another_kind(recurrent, copy):
    folder = copy(recurrent)
    shutil.copy(folder / "checkpoints" / "step-00000004.h5", parts(folder)[0])
    with pytest.raises(DamagedFileError, match="enas_hpc checkpoint"):
        Run(folder)


def test_missing_folders(tmp_path):
    with pytest.raises(MissingFileError, match="nosuch"):
        Run(tmp_path / "nosuch")
    with pytest.raises(MissingFileError, match="folder log"):
        Run(tmp_path)
    (tmp_path / "log").mkdir()
    with pytest.raises(MissingFileError, match="first checkpoint"):
        Run(tmp_path)


def test_training_has_its_own_tables(trainings):
    run = Run(trainings / "top-1")
    assert (run.kind, run.space, len(run.epochs)) == ("training", "recurrent", 3)
    assert run.best.metric == run.epochs["validation_metric"].min()
    assert run.test["validation"]["perplexity"] == pytest.approx(run.best.metric)
    assert Run(trainings / "top-2").test == {}
    with pytest.raises(AnalysisError, match="it has no rounds, but training_steps, epochs, events"):
        _ = run.rounds


def test_shipped_architectures_can_be_read():
    files = sorted((RECURRENT.parents[2] / "configs" / "architectures").glob("*.json"))
    assert len(files) >= 7
    for file in files:
        assert in_words(read_architecture(file).network)


@pytest.mark.parametrize(("text", "error"), [
    ("{", "no JSON"), ("{}", "no architecture"),
    ('{"format": "enas_hpc architecture", "version": 2}', "version 2"),
    ('{"format": "enas_hpc architecture", "version": 1, "space": "macro"}', "layers"),
])
def test_bad_architecture_files(tmp_path, text, error):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(AnalysisError, match=error):
        read_architecture(path)
