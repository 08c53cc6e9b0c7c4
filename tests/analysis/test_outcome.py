# SPDX-License-Identifier: Apache-2.0
"""How commands end: one line and an exit code, whatever is wrong, and never a traceback."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from conftest import HERE, RECURRENT, search
from enas_analysis import commands
from enas_analysis.commands import main
from files import change_parts


def program(*words, **options):
    """The command as a process of its own; `options` go to subprocess.run."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "analysis" / "src"), **options.pop("env", {})}
    return subprocess.run([*options.pop("before", ()), sys.executable, "-m", "enas_analysis", *words], env=environment,
                          timeout=120, check=False, **{"capture_output": True, **options})


def refused(capsys, *words):
    """The one line that a command ends with, and code 2."""
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert (code, out) == (2, ""), err
    assert re.fullmatch(r"enas-analyze: [^\n]+\n", err), err
    return err


@pytest.mark.parametrize(("command", "option", "said"), [
    ("report", "--top=-1", 'must be a whole number from 0 to 100, is "-1"'),
    ("report", "--top=1_0", 'is "1_0"'),
    ("report", "--top=" + "9" * 5000, "whole number"),
    ("draw", "--dpi=1", "from 20 to 1200"),
    ("film", "--seconds=nan", 'must be a number from 0.02 to 200, is "nan"'),
    ("film", "--seconds=1e400", "number"),
    ("film", "--out=x.mp4", 'must end in .gif, is "x.mp4"'),
    ("correlate", "--round=0", "number"),
    ("correlate", "--seed=-1", "whole number"),
    ("tail", "--last=-1", "whole number"),
    ("tail", "--interval=-inf", "number"),
    ("collapse", "--share=nan", "--share"),
    ("collapse", "--entropy=", "number"),
    ("collapse", "--nosuch", "--nosuch"),
    ("export", "--csv=x --tensorboard=y", "enas-analyze export --help"),
    ("nosuch", "", "nosuch"),
])
def test_options_are_refused_before_any_work(capsys, tmp_path, command, option, said):
    assert said in refused(capsys, command, tmp_path, *option.split())


@pytest.mark.parametrize("text", [
    "[" * 100_000, "9" * 5000, "[]", '"space": "recurrent", "nodes": []',
    '"space": "recurrent", "nodes": [{"function": 1}]', '"space": "macro", "layers": ["conv_3x3"]',
    '"space": "micro", "normal": {"nodes": [{"inputs": [0, 2]}]}',
    '"space": "recurrent", "nodes": [{"function": "tanh"}, {"function": "tanh", "previous": 1}]',
], ids=range(8))
def test_architectures_that_are_none(capsys, tmp_path, text):
    if text.startswith('"space"'):
        text = '{"format": "enas_hpc architecture", "version": 1, ' + text + "}"
    (tmp_path / "a.json").write_text(text)
    assert "a.json" in refused(capsys, "draw", tmp_path / "a.json", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_chain_of_a_thousand_nodes_is_drawn(capsys, tmp_path):
    nodes = [{"previous": max(0, i - 1), "function": "tanh"} for i in range(1000)]
    (tmp_path / "a.json").write_text(json.dumps(
        {"format": "enas_hpc architecture", "version": 1, "space": "recurrent", "nodes": nodes}))
    assert main(["draw", str(tmp_path / "a.json"), "--out", str(tmp_path), "--dpi", "1200"]) == 2
    assert re.search("would be 561 inches long .* at most 116 dots an inch", capsys.readouterr().err)
    assert main(["draw", str(tmp_path / "a.json"), "--out", str(tmp_path), "--dpi", "50"]) == 0
    assert (tmp_path / "a.svg").stat().st_size > 100_000


@pytest.mark.parametrize("content", [
    "[1]", '{"metrics": 5}', '{"metrics": {"validation": 3, "test": {}}}',
    '{"metrics": {"validation": {"perplexity": 3}, "test": {"perplexity": "x"}, "epochs": 1, "parameters": 1}}'])
def test_results_that_are_none(capsys, trainings, copy, tmp_path, content):
    folder = copy(trainings / "top-1")
    (folder / "test.json").write_text(content)
    assert "test.json" in refused(capsys, "report", folder, "--out", tmp_path / "report")


@pytest.mark.parametrize("shape", ["tokens", "places", "loss", "nothing"])
def test_tables_of_cells_that_are_none(capsys, derived, tmp_path, shape):
    with h5py.File(tmp_path / "table.h5", "w") as file:
        file.attrs["format"] = "enas_hpc table"
        file["options"] = [b"tanh", b"relu"]
        if shape != "nothing":
            file["tokens"] = [0, 1] if shape == "tokens" else [[0, 0, 7]] if shape == "places" else [[0, 0, 1]]
            file["loss"] = [1.0] if shape == "loss" else [[1.0]]
    assert "table of cells" in refused(capsys, "correlate", derived, tmp_path / "table.h5")


def test_a_run_log_that_was_edited(recurrent, copy, tmp_path):
    folder = copy(recurrent)
    log = re.sub(r"^(\d+)-\d\d-", r"\1-99-", (folder / "run.log").read_text(), flags=re.M)
    log += f"2026-01-01T00:00:00Z resumed from step {'9' * 50} written by np=1, now np=1\n"
    (folder / "run.log").write_text(log)
    assert main(["export", str(folder), "--tensorboard", str(tmp_path)]) == 0


def test_a_space_without_a_choice(capsys, tmp_path):
    """One function and two nodes: nothing to draw of the controller, and no verdict."""
    keys = {"space.nodes": 2, "space.activations": '["tanh"]', "search.rounds": 1}
    folder = search(tmp_path / "run", RECURRENT, keys)
    assert main(["report", str(folder), "--out", str(tmp_path / "report")]) == 0
    capsys.readouterr()
    assert "one architecture" in refused(capsys, "collapse", folder)


def test_a_network_of_one_layer(capsys, macro, tmp_path):
    folder = search(tmp_path / "run", HERE.parent / "e2e" / "tiny_macro.toml", {"space.layers": 1, "search.rounds": 1})
    assert main(["report", str(folder), "--out", str(tmp_path / "report")]) == 0


def test_values_beyond_float32_are_left_out_of_tensorboard(capsys, recurrent, copy, tmp_path):
    folder = copy(recurrent)
    change_parts(folder, lambda file: file["weight_steps/gradient_norm"].write_direct(
        file["weight_steps/gradient_norm"][:] * 1e300))
    assert main(["export", str(folder), "--tensorboard", str(tmp_path)]) == 0
    assert "float32) are left out: 18 of weight_steps/gradient_norm" in capsys.readouterr().err


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e300])
def test_a_report_of_a_run_that_diverged(recurrent, copy, tmp_path, value):
    def change(file):
        for table in ("weight_steps", "controller_steps", "children", "rounds"):
            for column in file[table].values():
                if column.dtype.kind == "f" and not column.attrs["clock"]:
                    column[...] = value

    folder = copy(recurrent)
    change_parts(folder, change)
    assert main(["report", str(folder), "--out", str(tmp_path)]) == 0


def test_a_reader_that_goes_away(recurrent):
    """`| head`: the exit code of a program that SIGPIPE ended, and no word."""
    read, write = os.pipe()
    os.close(read)
    done = program("validate", recurrent, stdout=write, stderr=subprocess.PIPE, capture_output=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_output_that_cannot_be_written(recurrent):
    with open("/dev/full", "wb") as full:
        done = program("validate", recurrent, stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 2
    assert done.stderr.decode() == "enas-analyze: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(recurrent, closed):
    done = program("validate", recurrent, before=["bash", "-c", f'exec "$@" {closed}', "-"])
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_that_knows_ascii_alone(recurrent, seeds):
    done = program("compare", seeds[0], seeds[2], env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert done.stderr == b""
    assert b"search.strategy" in done.stdout


def test_our_own_mistakes_are_told_as_such(capsys, monkeypatch, recurrent):
    def break_it(*_):
        raise RuntimeError("of the\ntest")

    monkeypatch.setattr(commands.validation, "problems", break_it)
    code = main(["validate", str(recurrent)])
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (70, "", 1)
    path = Path(re.search(r"a mistake in enas-analyze, please report it with the file (\S+)", err)[1])
    trace = path.read_text()
    path.unlink()
    assert "break_it" in trace
    assert "RuntimeError: of the" in trace


def test_an_error_of_several_lines_is_told_in_one(capsys, tmp_path):
    assert "a b is not there" in refused(capsys, "tail", tmp_path / "a\nb")


@pytest.mark.parametrize("name", [b"caf\xe9", "Zürich-搜索".encode(), b"line\nbreak"])
def test_run_directories_with_odd_names(recurrent, tmp_path, name):
    folder = os.fsencode(tmp_path) + b"/" + name
    os.mkdir(folder)
    run = folder + b"/run " + name
    subprocess.run([b"cp", b"-r", os.fsencode(recurrent), run], check=True)
    for words in (["report", run], ["validate", run], ["film", run], ["draw", run + b"/best.json", "--dpi", "40"]):
        done = program(*words, cwd=folder)
        assert (done.returncode, done.stderr) == (0, b""), (words, done)
    done = program("report", run, run + b"/")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1), done
    assert b"<!doctype html>" in Path(os.fsdecode(folder + b"/report/report.html")).read_bytes()
