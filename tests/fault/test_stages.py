# SPDX-License-Identifier: Apache-2.0
"""What follows a search: derive, evaluate and pipeline do not hang, refuse unlike data, and stop when told."""
import json
import os
import signal

import pytest
from search_run import CONFIG, Process, command_line, enas_hpc, enas_hpc_by_rank, sets, wait_for

# Scoring a split takes seconds; all else is tiny.
KEYS = {"search.rounds": 1, "data.markov.valid_tokens": 100_000, "validation.children": 1, "train.epochs": 1,
        "train.slots": 2, "train.batch_size": 4, "train.segment_length": 8, "train.hidden": 8,
        "train.averaging": "none", "train.evaluation_batch_size": 1, "train.evaluation_parts": 50}


def search_and_training(run, keys):
    given = ["--config", CONFIG, *sets(keys), "--run-dir"]
    return [[*given, run], ["train", "--arch", "enas-ptb", *given, run / "train" / "enas-ptb"]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A search and a training in RUN/train/enas-ptb."""
    run = tmp_path_factory.mktemp("stages") / "run"
    for command in search_and_training(run, KEYS):
        result = enas_hpc(*command, ranks=2)
        assert result.code == 0, result
    return run


STAGES = pytest.mark.parametrize("command, begun", [
    (["derive", "--samples", "60", "--run"], "scoring on"),
    (["evaluate", "--again", "--run"], "scoring the weights"),
])


@STAGES
def test_a_stopped_rank(finished, tmp_path, command, begun):
    where = finished if command[0] == "derive" else finished / "train" / "enas-ptb"
    process = Process(command_line(2, *command, where, "--set", "comm.timeout_s=4"), tmp_path / "process")
    output = process.files
    wait_for(lambda: any(begun in file.read_text(errors="replace") for file in output), f'"{begun}"')
    os.kill(process.ranks()[1], signal.SIGSTOP)
    result = process.wait()
    assert result.code == 79 and "rank 0 made no progress for 4" in result.text, result
    report = json.loads((where / "hang-rank0.json").read_text())
    assert report["operations"], report
    (where / "hang-rank0.json").unlink()


@STAGES
def test_no_alarm_when_all_work(finished, tmp_path, command, begun):
    """The negative control: the same timeout."""
    where = finished if command[0] == "derive" else finished / "train" / "enas-ptb"
    result = enas_hpc(*command, where, "--set", "comm.timeout_s=4", ranks=2)
    assert result.code == 0 and begun in result.text, result


def in_folders(folders, *arguments):
    return enas_hpc_by_rank(*({"cwd": folder} for folder in folders), arguments=arguments)


def test_a_rank_that_sees_another_file(tmp_path):
    """derive and evaluate compare the data of all ranks, as search and train do."""
    folders = [tmp_path / "here", tmp_path / "there"]
    for folder in folders:
        (folder / "corpus").mkdir(parents=True)
        for split, text in (("train", "a b c\n" * 200), ("valid", "a b\n" * 50), ("test", "a\n" * 50)):
            (folder / "corpus" / f"{split}.txt").write_text(text)
    run, training = tmp_path / "run", tmp_path / "run" / "train" / "enas-ptb"
    keys = {**KEYS, "data.source": "folder", "data.path": "corpus", "train.evaluation_parts": 2}
    del keys["data.markov.valid_tokens"]
    commands = [["derive", "--samples", 4, "--run", run], ["evaluate", "--again", "--run", training]]
    for command in [*search_and_training(run, keys), *commands]:
        result = in_folders(folders, *command)  # the negative control: two folders, equal content
        assert result.code == 0, result
    (folders[1] / "corpus" / "test.txt").write_text("b\n" * 50)
    for command in commands:
        result = in_folders(folders, *command)
        assert result.code == 65 and len(result.errors) == 1, result
        assert "the data on rank 1 is not the same" in result.errors[0], result


def test_a_stop_file_ends_the_stage_of_a_pipeline(tmp_path):
    """In the run directory that the user named, whatever stage is at work."""
    run = tmp_path / "run"
    arguments = ["pipeline", "--config", CONFIG, "--run-dir", run, "--samples", 6, "--top", 1,
                 *sets({**KEYS, "data.markov.valid_tokens": 200, "train.evaluation_parts": 2})]
    process = Process(command_line(2, *arguments, "--set", "train.epochs=100000"), tmp_path / "process")
    wait_for((run / "train/top-1/checkpoints/latest").exists, "the training")
    (run / "STOP").touch()
    result = process.wait()
    assert result.code == 75 and "STOP file" in result.text, result
    assert not (run / "STOP").exists()
    assert json.loads((run / "train/top-1/status.json").read_text())["reason"] == "STOP file"
