# SPDX-License-Identifier: Apache-2.0
"""Paths: which checkpoint a folder means, names that are not UTF-8, relative paths seen from another folder."""
import json
import os

from search_run import CONFIG, Run, enas_hpc, sets

ODD_NAME = os.fsdecode(b"caf\xe9")
TRAIN = {"train.epochs": 1, "train.slots": 2, "train.batch_size": 4, "train.segment_length": 8, "train.hidden": 8,
         "train.evaluation_batch_size": 2}


def texts(folder):
    folder.mkdir()
    for split, lines in (("train", 100), ("valid", 30), ("test", 10)):
        (folder / f"{split}.txt").write_text("a b c d\n" * lines)


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def test_a_folder_means_its_newest_valid_checkpoint(stopped, tmp_path):
    named = {"run": stopped.folder, "checkpoints": stopped.folder / "checkpoints",
             "latest": stopped.folder / "checkpoints" / "latest", "slash": f"{stopped.folder}/checkpoints/"}
    expected = f"{stopped.state_hash()}  {stopped.newest()}\n"
    for how, path in named.items():
        result = enas_hpc("state-hash", path)
        assert (result.code, result.out) == (0, expected), (how, result)
    inside = enas_hpc("state-hash", ".", cwd=stopped.folder / "checkpoints")
    assert inside.out.split()[0] == expected.split()[0], inside
    answer = json.loads(enas_hpc("state-hash", stopped.folder, "--json").out)
    assert answer == {"file": str(stopped.newest()), "state_hash": stopped.state_hash()}

    os.truncate(stopped.newest(), 1000)
    before, newest = stopped.names("*"), stopped.newest().name
    result = enas_hpc("state-hash", stopped.folder / "checkpoints" / "latest")
    assert result.code == 0 and result.out == f"{stopped.state_hash(12)}  {stopped.checkpoint(12)}\n", result
    assert "warning: passed over:" in result.err and newest in result.err, result

    other = Run(tmp_path / "other")
    for path in named.values():
        result = other.search("--resume", path, "--max-steps", 13, ranks=0)
        assert result.code == 0 and f"resuming from {stopped.checkpoint(12)}" in result.out, result
        assert newest in result.err, result
    assert stopped.names("*") == before  # nothing of another run is renamed
    sample = enas_hpc("sample", "--run", stopped.folder / "checkpoints", "--count", 1)
    assert sample.code == 0 and f"children of {stopped.checkpoint(12)}" in sample.out, sample


def test_a_folder_without_checkpoints(tmp_path):
    for command in (["state-hash", tmp_path], ["sample", "--run", tmp_path],
                    ["--config", CONFIG, "--run-dir", tmp_path / "run", "--resume", tmp_path]):
        result = enas_hpc(*command)
        assert result.code == 66 and len(result.errors) == 1, result
        assert f"{tmp_path} holds no checkpoint" in result.text, result


def test_a_run_directory_that_is_not_utf8_is_refused_before_work(tmp_path):
    result = enas_hpc("--config", CONFIG, "--run-dir", tmp_path / ODD_NAME, ranks=2)
    assert result.code == 64 and len(result.errors) == 1, result
    assert 'caf\\xe9" is not UTF-8' in result.text, result
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_utf8_is_one_to_work_in(tmp_path):
    """Its name reaches messages and JSON, but no file that is read again."""
    folder = tmp_path / ODD_NAME
    folder.mkdir()
    texts(folder / "b")
    at_home = ["--config", CONFIG, "--set", "data.source=folder", "--set", "search.rounds=1"]
    dry = enas_hpc(*at_home, "--set", "data.path=.", "--dry-run", "--json", cwd=folder / "b")
    assert dry.code == 0 and json.loads(dry.out)["data"].startswith("b: "), dry
    (folder / "b").rename(folder / ODD_NAME)
    dry = enas_hpc(*at_home, "--set", "data.path=.", "--dry-run", "--json", cwd=folder / ODD_NAME)
    assert dry.code == 0 and json.loads(dry.out)["data"].startswith("caf\N{REPLACEMENT CHARACTER}: "), dry
    result = enas_hpc(*at_home, "--set", "data.path=.", "--run-dir", "run", "--json", cwd=folder / ODD_NAME)
    assert result.code == 0, result
    for command in (["sample", "--count", 1], ["derive", "--samples", 2]):
        result = enas_hpc(*command, "--run", "run", cwd=folder / ODD_NAME)
        assert result.code == 0, result


def test_relative_paths_are_found_from_another_folder(tmp_path):
    """data.path is kept as it was given; where it began is kept beside it."""
    home, away = tmp_path / "home", tmp_path / "away"
    home.mkdir()
    away.mkdir()
    texts(home / "text")
    keys = {**TRAIN, "data.source": "folder", "data.path": "text"}
    search = enas_hpc("--config", CONFIG, "--run-dir", "run", *sets(keys), cwd=home)
    assert search.code == 0, search
    run = home / "run"
    assert 'path = "text"' in (run / "config.toml").read_text()

    expected = None
    for folder, wanted in ((home, "run"), (away, run / "checkpoints")):  # and RUN/checkpoints means RUN
        derived = enas_hpc("derive", "--run", wanted, "--samples", 4, cwd=folder)
        assert derived.code == 0 and "derived from " in derived.out, derived
        expected = expected or files_of(run / "derived")
        assert files_of(run / "derived") == expected
    for command in (["train", "--run", run], ["evaluate", "--run", run / "train" / "best"]):
        result = enas_hpc(*command, cwd=away)
        assert result.code == 0, result
    # What is said now goes before what is stored.
    result = enas_hpc("derive", "--run", run, "--set", "data.path=text", cwd=away)
    assert result.code == 66 and "text is not there" in result.text, result
