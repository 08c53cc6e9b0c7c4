# SPDX-License-Identifier: Apache-2.0
"""Wrong input and odd environments: one clear message over all ranks, the right code, no hang."""
import os
import subprocess

import pytest
from search_run import BINARY, CONFIG, Run, command_line, enas_hpc, environment


def refused(result, code, *said):
    """Exactly one rank says exactly one error that holds all of `said`."""
    assert result.code == code, result
    assert result.text.count("error:") == 1, result
    message = result.text[result.text.index("error:"):]
    for part in said:
        assert part in message, (part, result)
    assert "terminate called" not in result.text, result
    return True


def write(path, text):
    path.write_text(text)
    return path


def corpus(folder, train="a b c\n" * 200, valid="a b\n" * 50, test="a\n" * 50):
    folder.mkdir()
    for name, text in (("train", train), ("valid", valid), ("test", test)):
        if text is not None:
            (folder / f"{name}.txt").write_text(text)
    return {"data.source": "folder", "data.path": folder}


# --- configurations


def test_missing_configuration(tmp_path):
    refused(enas_hpc("--config", tmp_path / "none.toml", ranks=2), 66, "none.toml")


def test_no_configuration_named():
    refused(enas_hpc(ranks=2), 64, "--config")


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--max-steps", "-1"], ["--max-time", "soon"],
                                       ["--device", "abacus"], ["--set"], ["--set", "novalue"]])
def test_wrong_command_line(arguments):
    result = enas_hpc("--config", CONFIG, *arguments, ranks=2)
    refused(result, 64)


def test_unknown_keys_are_named_with_their_place(tmp_path):
    config = write(tmp_path / "bad.toml",
                   CONFIG.read_text().replace("batch_size = 2", "batch_sise = 2") + "\n[colour]\nred = 1\n")
    line = config.read_text().splitlines().index("batch_sise = 2") + 1
    result = enas_hpc("--config", config, ranks=2)
    refused(result, 65, "batch_sise", "batch_size", f"{config}:{line}:1", "colour")


def test_all_problems_at_once(tmp_path):
    result = Run(tmp_path / "run", {"weights.lr": -1, "space.nodes": "many",
                                    "controller.steps": 0}).search()
    refused(result, 65, "weights.lr", "space.nodes", "controller.steps")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["[run\n", "run = 1 = 2\n", "\0\1\2", "a." * 100000 + "a = 1\n",
                                  "[" * 100000, "[run]\nseed = 1e400\n", "[run]\nseed = nan\n",
                                  "[run]\nseed = 1\nseed = 2\n", "\xff\xfe"])
def test_hostile_configuration(tmp_path, text):
    config = tmp_path / "bad.toml"
    config.write_bytes(text.encode("latin-1"))
    refused(enas_hpc("--config", config, ranks=0), 65, "bad.toml")


def test_a_folder_as_configuration(tmp_path):
    result = enas_hpc("--config", tmp_path, ranks=2)
    assert refused(result, result.code, str(tmp_path)) and result.code in (65, 66), result


# --- data and device


def test_missing_data_folder(tmp_path):
    run = Run(tmp_path / "run", {"data.source": "folder", "data.path": tmp_path / "nowhere"})
    refused(run.search(), 66, "nowhere", "data.path")
    refused(run.search("--dry-run"), 66, "nowhere")


def test_no_data_folder_named(tmp_path):
    refused(Run(tmp_path / "run", {"data.source": "folder"}).search(), 65, "data.path")


@pytest.mark.parametrize("split, text, code, said", [
    ("valid", None, 66, "valid.txt"),
    ("valid", "", 65, "valid.txt"),
    ("test", " \n\n", 65, "test.txt"),
    ("valid", "a b\nzebra\n", 65, "valid.txt:2"),
    ("train", "a b c\n", 65, "train"),  # too short for one segment
    ("valid", "a b\n", 65, "valid"),
])
def test_bad_split(tmp_path, split, text, code, said):
    run = Run(tmp_path / "run", corpus(tmp_path / "corpus", **{split: text}))
    refused(run.search(), code, said)


def test_good_folder(tmp_path):
    """The negative control of the tests above."""
    run = Run(tmp_path / "run", {**corpus(tmp_path / "corpus"), "search.rounds": 1})
    result = run.search()
    assert result.code == 0, result


def test_device_cuda(tmp_path):
    """The tests run on machines without a GPU too: there, asking for one is refused before anything is
    written, and "auto" is the CPU."""
    if os.path.exists("/dev/nvidiactl"):
        pytest.skip("there is a GPU")
    result = Run(tmp_path / "run").search("--device", "cuda")
    refused(result, 66, "--device cuda", "--device cpu")
    assert not (tmp_path / "run").exists()
    result = Run(tmp_path / "auto").search("--device", "auto", "--max-steps", "1")
    assert result.code == 0 and "device: CPU" in result.text, result


def test_precision_of_gpus(tmp_path):
    images = Run(tmp_path / "images", {"supernet.precision": "bfloat16"}, config=CONFIG.parent / "tiny_macro.toml")
    refused(images.search("--device", "cpu"), 65, "bfloat16", "supernet.precision")
    text = Run(tmp_path / "text", {"supernet.precision": "tf32"}).search("--device", "cpu", "--max-steps", "1")
    assert text.code == 0 and "float32" in text.text, text


def test_subcommands_refuse_what_is_not_there(tmp_path):
    refused(enas_hpc("state-hash", tmp_path / "no.h5", ranks=2), 66, "no.h5")
    refused(enas_hpc("sample", "--run", tmp_path / "no", ranks=2), 66, str(tmp_path / "no"))
    refused(enas_hpc("config", "--check", tmp_path / "no.toml", ranks=2), 66, "no.toml")
    refused(enas_hpc("config", "--explain", "weights.lrr"), 64, "did you mean weights.lr?")
    refused(enas_hpc("state-hash", write(tmp_path / "text.h5", "text")), 65, "text.h5")


# --- environments

SHORT = {"search.rounds": 1}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """State hash of the short run."""
    run = Run(tmp_path_factory.mktemp("short") / "run", SHORT)
    assert run.search(ranks=0).code == 0
    return run.state_hash()


def in_shell(run, redirections, ranks):
    command = command_line(ranks, *run.arguments())
    return subprocess.run(["bash", "-c", f'exec "$@" {redirections}', "bash", *map(str, command)],
                          env=environment(), timeout=150).returncode


@pytest.mark.parametrize("redirections, ranks", [
    # Not under mpirun, which takes what it reads from a closed stream's number for signals.
    ("<&- >&-", 0), ("<&- >&- 2>&-", 0),
    ("</dev/null >/dev/full 2>/dev/full", 0), ("</dev/null >/dev/full 2>/dev/full", 2),
])
def test_streams_that_are_closed_or_full(new_run, expected, redirections, ranks):
    run = new_run(SHORT)
    assert in_shell(run, redirections, ranks) == 0
    assert run.state_hash() == expected
    assert "done (finished)" in (run.folder / "run.log").read_text()


def test_a_reader_that_goes_away(new_run, expected):
    run = new_run(SHORT)
    read, write_end = os.pipe()
    os.close(read)
    done = subprocess.run([BINARY, *map(str, run.arguments())], stdin=subprocess.DEVNULL,
                          stdout=write_end, stderr=write_end, env=environment(), timeout=150)
    os.close(write_end)
    assert done.returncode == 0
    assert run.state_hash() == expected


@pytest.mark.parametrize("variables", [{"LC_ALL": "tr_TR.UTF-8"}, {"LC_ALL": "nonsense", "TZ": "nonsense"},
                                       {"HOME": "/nonexistent", "TERM": "dumb"}])
def test_odd_variables(new_run, expected, variables):
    run = new_run(SHORT)
    result = run.search(env=variables)
    assert result.code == 0, result
    assert run.state_hash() == expected


@pytest.mark.parametrize("name", ["with spaces", "Zürich-搜索", "quote'\"$(x)", "n" * 200])
def test_odd_paths(tmp_path, expected, name):
    folder = tmp_path / name
    folder.mkdir()
    config = write(folder / f"{name}.toml", CONFIG.read_text())
    result = enas_hpc("--config", config, "--set", "search.rounds=1", ranks=2, cwd=folder)
    assert result.code == 0, result
    run = Run(folder / "runs" / name)
    assert run.state_hash() == expected


@pytest.mark.parametrize("arguments, code, words", [
    (["--config", CONFIG, "--run-dir", ""], 64, "must not be empty"),
    (["arch", "convert", "enas-ptb", "--from", "json", "--to", "tf", "--out", ""], 64, "must not be empty"),
    (["--config", CONFIG, "--seed", " 5"], 64, 'is " 5"'),
    (["derive", "--run", CONFIG], 65, "is no checkpoint; a run directory"),
])
def test_what_is_not_meant_is_told(arguments, code, words):
    result = enas_hpc(*arguments)
    assert result.code == code and words in result.text and len(result.errors) == 1, result


def test_a_key_after_set_may_have_blanks_around_it():
    result = enas_hpc("--config", CONFIG, "--dry-run", "--set", " weights.slots = 2 ")
    assert result.code == 0, result


def test_trainings_below_a_folder_are_named(tmp_path):
    run = tmp_path / "run" / "train" / "top-1"
    done = enas_hpc("train", "--arch", "enas-ptb", "--config", CONFIG, "--run-dir", run, "--max-steps", 1,
                    "--set", "train.epochs=1", "--set", "train.hidden=8", "--set", "train.batch_size=4",
                    "--set", "train.segment_length=8", "--set", "train.evaluation_batch_size=2")
    assert done.code == 0, done
    for folder in (run.parent, run.parents[1]):
        result = enas_hpc("evaluate", "--run", folder)
        assert result.code == 66 and f"holds no checkpoint; there are some in: {run}" in result.text, result
