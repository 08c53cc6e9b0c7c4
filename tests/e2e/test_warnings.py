# SPDX-License-Identifier: Apache-2.0
"""What runs say of themselves: what is not as it was at a resume, steps that moved nothing, the time left."""
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from search_run import BINARY, CONFIG, SLOTS, Run, enas_hpc, enas_hpc_by_rank, environment, sets

TRAIN = {"train.epochs": 2, "train.slots": 2, "train.batch_size": 4, "train.segment_length": 8, "train.hidden": 8,
         "train.averaging": "none", "train.evaluation_batch_size": 2, "checkpoint.every_steps": 5}


class Training(Run):
    """A training of a shipped cell, started like a search."""

    def arguments(self, *more):
        return ["train", "--arch", "enas-ptb", *super().arguments(*more)]

    def events(self):
        rows = []
        for path in self.parts():
            with h5py.File(path, "r") as part:
                rows += zip(part["events/step"][:].tolist(), part["events/text"][:].tolist(), strict=True)
        return rows

    def column(self, name):
        values = []
        for path in self.parts():
            with h5py.File(path, "r") as part:
                values += part["training_steps"][name][:].tolist()
        return values


@pytest.fixture(params=["search", "training"])
def begun(request, tmp_path):
    """Two steps of a search or of a training."""
    run = Run(tmp_path / "run") if request.param == "search" else Training(tmp_path / "run", TRAIN)
    assert run.search("--max-steps", 2).code == 0
    return run


def test_a_resume_with_other_instructions(begun):
    result = begun.search(env={"ATEN_CPU_CAPABILITY": "default"})
    assert result.code == 0, result
    assert re.search(r"^warning: the checkpoint was written with .*, now DEFAULT: results will differ in their last "
                     r"bits", result.err, re.M), result


def test_a_resume_with_another_version(begun, tmp_path):
    revision = re.search(r"revision ([\w.-]+)", enas_hpc("--version").out)[1].encode()
    content = Path(BINARY).read_bytes()
    assert revision in content
    other = tmp_path / "enas_hpc"
    other.write_bytes(content.replace(revision, bytes(reversed(revision))))
    other.chmod(0o755)
    result = enas_hpc_by_rank({"binary": other}, {"binary": other}, arguments=begun.arguments(), env=environment())
    assert result.code == 0, result
    assert re.search(r"^warning: the checkpoint was written by version .*, now .*: results may differ in their last "
                     r"bits", result.err, re.M), result


def test_a_resume_with_other_threads(begun):
    result = begun.search("--set", "run.threads=2")
    assert result.code == 0, result
    assert "warning: run.threads is 2 but the checkpoint was written with 1" in result.err, result


def test_a_resume_as_it_was(begun):
    """The negative control."""
    result = begun.search()
    assert result.code == 0 and "last bits" not in result.text and "resumed from step 2" in result.text, result


def test_a_sum_that_overflows(begun):
    """Each slot's gradient is finite: none is said to have been left out."""
    slots = SLOTS if type(begun) is Run else 2
    result = begun.search(env={"ENAS_FAULT": "0:3:huge"})
    assert result.code == 0, result
    text = f"the gradients of {slots} slots are finite but their sum is not"
    assert re.search(rf"^warning: step 3\b.*: {text}", result.err, re.M), result
    assert "left out" not in result.text, result
    if type(begun) is Run:
        log = begun.log()
        events, finite = list(zip(log["events/step"], log["events/text"], strict=True)), log["weight_steps/num_finite"]
    else:
        events, finite = begun.events(), begun.column("num_finite")
    assert [(step, words[:len(text)]) for step, words in events] == [(3, text.encode())]
    assert set(finite) == {slots}


def test_the_time_left_after_a_resume_in_a_controller_phase(tmp_path):
    """Weight steps are still to come and none was timed: what is known is a lower bound."""
    run = Run(tmp_path / "run")
    assert run.search("--max-steps", 7).code == 0
    result = run.search(env={"ENAS_FAULT": "0:7:slow"})
    lines = re.findall(r"^step (\d+)  .*  (\S.*) left$", result.text, re.M)
    assert lines[0][0] == "8" and lines[0][1].startswith("at least "), result
    # Later both kinds of steps were timed.
    assert int(lines[-1][0]) > 16 and "at least" not in lines[-1][1], result


@pytest.mark.parametrize("keys, words", [
    ({"train.segment_length": 45, "data.markov.valid_tokens": 40}, ["train.segment_length = 45"]),
    ({"train.segment_length": 400}, ["train.segment_length = 400"]),
    ({"train.batch_size": 300}, ["lower train.slots or train.batch_size", "408 tokens"]),
    ({"train.evaluation_batch_size": 60}, ["train.evaluation_batch_size times train.evaluation_parts", "100 tokens"]),
    ({"train.test_batch_size": 30}, ["train.test_batch_size", "40 tokens"]),
])
def test_messages_of_a_training_name_its_keys(tmp_path, keys, words):
    result = enas_hpc("train", "--arch", "enas-ptb", "--config", CONFIG, "--run-dir", tmp_path / "run",
                      *sets({**TRAIN, **keys}))
    assert result.code == 65 and len(result.errors) == 1, result
    for word in words:
        assert word in result.errors[0], result
    assert not re.search(r"(weights|validation|controller)\.", result.errors[0]), result


def test_a_message_of_a_training_leaves_paths_alone(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["images"] = np.zeros((40, 8, 8, 1), np.uint8)
        file["labels"] = np.arange(40) % 4
    config = CONFIG.parent / "tiny_macro.toml"
    keys = {"data.source": "hdf5", "data.path": tmp_path / "weights.h5", "data.valid_size": 40}
    result = enas_hpc("train", "--arch", "enas-macro", "--config", config, "--run-dir", tmp_path / "run", *sets(keys))
    assert result.code == 65 and "weights.h5 has 40 training images" in result.text, result
