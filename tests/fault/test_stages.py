# SPDX-License-Identifier: Apache-2.0
"""What follows a search: derive, evaluate and pipeline do not hang, refuse unlike data, and stop when told."""
import json
import os
import shutil
import signal
import time

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


HOWS = pytest.mark.parametrize("how", ["STOP file", "--max-time", "the end of the job"])


def stop(how, folder, *command):
    """The command, stopped before it scores anything."""
    more, env = [], None
    if how == "STOP file":
        (folder / "STOP").touch()
    elif how == "--max-time":
        more = ["--max-time", "0.01"]
    else:
        env = {"SLURM_JOB_END_TIME": str(time.time() + 30)}  # the program keeps the last 30 s of a job free
    result = enas_hpc(*command, *more, ranks=2, env=env)
    reason = "STOP file" if how == "STOP file" else "time limit"
    assert result.code == 75 and result.errors == [], result
    assert not (folder / "STOP").exists()
    assert f"stopped ({reason})" in result.err, result
    return result


@STAGES
@HOWS
def test_a_stop_ends_a_stage(finished, command, begun, how):
    """Nothing is written; the same command does all of it, as the tests above show."""
    where = finished if command[0] == "derive" else finished / "train" / "enas-ptb"
    before = sorted(path.name for path in where.rglob("*"))
    result = stop(how, where, *command, where)
    assert begun in result.text and "of which nothing was written" in result.text, result
    assert sorted(path.name for path in where.rglob("*")) == before


PIPELINE = ["--config", CONFIG, "--samples", 20, "--top", 1, *sets(KEYS)]


@pytest.fixture(scope="module")
def whole_pipeline(tmp_path_factory):
    run = tmp_path_factory.mktemp("pipeline") / "run"
    result = enas_hpc("pipeline", "--run-dir", run, *PIPELINE, ranks=2)
    assert result.code == 0, result
    return run


@pytest.mark.parametrize("stage, undone", [("derivation", "derived"), ("evaluation", "train/top-1/test.json")])
@HOWS
def test_a_stop_ends_a_later_stage_of_a_pipeline(whole_pipeline, tmp_path, stage, undone, how):
    """The same command goes on from there to the same numbers."""
    run, kept = whole_pipeline, tmp_path / "kept"
    numbers = (run / "pipeline.json").read_bytes()
    shutil.move(run / undone, kept)
    result = stop(how, run, "pipeline", "--run-dir", run, *PIPELINE)
    assert f"in the {stage}, of which nothing was written" in result.text, result
    assert not (run / undone).exists()
    if how == "STOP file":
        assert enas_hpc("pipeline", "--run-dir", run, *PIPELINE, ranks=2).code == 0
        assert (run / undone).exists() and (run / "pipeline.json").read_bytes() == numbers
    else:
        shutil.move(kept, run / undone)


def test_a_stop_at_the_end_of_a_search_ends_the_pipeline(tmp_path):
    """The search is finished and took the file STOP away: the derivation must not begin."""
    run = tmp_path / "run"
    keys = {**KEYS, "data.markov.valid_tokens": 200, "train.evaluation_parts": 2}
    command = ["pipeline", "--config", CONFIG, "--run-dir", run, "--samples", 6, "--top", 1, *sets(keys)]
    run.mkdir()
    (run / "STOP").touch()
    result = enas_hpc(*command, ranks=2, env={"ENAS_FAULT": "0:8:slow"})  # the last step of nine
    assert result.code == 75, result
    assert json.loads((run / "status.json").read_text())["step"] == 9
    assert not (run / "derived").exists()
    result = enas_hpc(*command, ranks=2)
    assert result.code == 0 and (run / "pipeline.json").exists(), result
