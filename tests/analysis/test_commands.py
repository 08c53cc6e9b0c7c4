# SPDX-License-Identifier: Apache-2.0
"""The command line: what it says, its exit codes, and the verdicts behind them."""
import json
import os
import re
import shutil
import tomllib
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from conftest import HERE, RECURRENT, enas_hpc, search
from enas_analysis import AnalysisError, Run
from enas_analysis.collapse import verdict
from enas_analysis.commands import main
from enas_analysis.correlation import judge, read_pairs
from enas_analysis.film import frames_of
from enas_analysis.statistics import kendall_tau_b

TABLE = HERE.parents[1] / "configs" / "tables" / "recurrent_4.h5"


def run(capsys, *words):
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_entry_point_leads_to_main():
    project = tomllib.loads((HERE.parents[1] / "analysis" / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["enas-analyze"].split(":")
    assert getattr(import_module(module), function) is main
    assert project["version"] == import_module("enas_analysis").__version__


ODD_NAME = os.fsdecode(b"caf\xe9")


def test_a_run_in_a_folder_that_is_not_utf8_can_be_read(capsys, recurrent, tmp_path, monkeypatch):
    folder = tmp_path / ODD_NAME
    shutil.copytree(recurrent, folder)
    monkeypatch.chdir(folder)
    code, _, err = run(capsys, "report", ".", "--out", tmp_path / "report")
    assert code == 0, err
    assert "Search caf_xe9" in (tmp_path / "report" / "report.html").read_text("utf-8")
    (folder / "log" / ODD_NAME).touch()
    code, out, err = run(capsys, "validate", ".")
    assert "files looked at" in out, err


def test_errors_are_one_line_and_code_2(capsys, tmp_path):
    code, out, err = run(capsys, "report", tmp_path / "nosuch")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"enas-analyze: .*nosuch is not there.*\n", err)


def test_report(capsys, recurrent, tmp_path):
    code, out, _ = run(capsys, "report", recurrent, "--out", tmp_path / "r", "--top", 3)
    assert code == 0
    assert Path(out.strip()).read_text().startswith("<!doctype html>")


def test_draw_names_equal_stems_by_their_folder(capsys, recurrent, macro, tmp_path):
    code, _, _ = run(capsys, "draw", recurrent / "best.json", macro / "best.json", "--out", tmp_path, "--dpi", 50)
    assert code == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}-best.{ending}" for name in ("search", "macro") for ending in ("svg", "png")}


def test_film_shows_each_improvement(capsys, macro, tmp_path):
    frames = frames_of(Run(macro))
    metrics = [frame.metric for frame in frames]
    assert metrics == sorted(set(metrics))
    assert frames[-1].metric == Run(macro).best.metric
    code, out, _ = run(capsys, "film", macro, "--out", tmp_path / "f.gif", "--every-round")
    assert code == 0
    assert out.endswith(": 2 frames\n")
    with Image.open(tmp_path / "f.gif") as film:
        assert (film.format, getattr(film, "n_frames", 1)) == ("GIF", 2)


def test_correlate(capsys, derived, trainings, tmp_path):
    code, out, _ = run(capsys, "correlate", derived, trainings, "--out", tmp_path)
    assert code == 0
    assert "n = 4 is small" in out
    assert (tmp_path / "correlation.svg").stat().st_size > 1000
    pairs = read_pairs(derived / "derived" / "ranking.h5", [trainings])
    assert len(pairs.rows) == 4
    # The ranking's own scores, and the validation of test.json or of the best epoch.
    best = json.loads((trainings / "top-1" / "test.json").read_text())["metrics"]["validation"]["perplexity"]
    assert pairs.rows["alone"].iloc[0] == best
    assert pairs.rows["alone"].iloc[1] == Run(trainings / "top-2").epochs["validation_metric"].min()
    top = json.loads((derived / "derived" / "top-1.json").read_text())["metrics"]["perplexity"]
    assert pairs.rows["shared"].iloc[0] == pytest.approx(top)
    assert judge(pairs).full.tau == kendall_tau_b(pairs.rows["shared"], pairs.rows["alone"])
    assert f"tau-b {judge(pairs).full.tau:.3f}" in out


def test_correlate_with_a_table(capsys, tmp_path):
    """Uniform cells of a short search, each of which stands in the table."""
    keys = {"space.nodes": 4, "space.activations": '["relu","tanh","sigmoid"]', "search.rounds": 1}
    run_folder = search(tmp_path / "run", RECURRENT, keys)
    enas_hpc("derive", "--run", run_folder, "--samples", 30, "--uniform")
    ranking = run_folder / "derived" / "uniform" / "ranking.h5"
    pairs = read_pairs(ranking, [TABLE])
    with h5py.File(ranking) as file, h5py.File(TABLE) as table:
        assert len(pairs.rows) == file["children/tokens"].shape[0] > 20
        child, options = file["children/tokens"][0], list(table["options"][:])
        row = child.copy()
        row[[0, 2, 4, 6]] = [options.index([b"relu", b"tanh", b"sigmoid"][token]) for token in child[[0, 2, 4, 6]]]
        alone = np.exp(table["loss"][:].mean(axis=1)[(table["tokens"][:] == row).all(axis=1)])
        assert pairs.rows["shared"].isin([file["children/metric"][0]]).any()
    assert pairs.rows["alone"][pairs.rows["shared"] == pairs.rows["shared"].min()].item() == pytest.approx(alone.item())
    code, _, err = run(capsys, "correlate", ranking, RECURRENT)
    assert code == 2
    assert "cannot be read as a table of cells" in err


def test_correlate_needs_three(capsys, derived, trainings):
    code, _, err = run(capsys, "correlate", derived, trainings / "top-1", trainings / "top-2")
    assert code == 2
    assert "2 trainings" in err


def test_compare_ignores_clocks_and_parts(capsys, recurrent, tmp_path, seeds):
    twin = search(tmp_path / "twin")  # without the restart
    code, out, _ = run(capsys, "compare", recurrent, twin)
    assert code == 0, out
    assert "logs are the same but for clocks" in out
    code, out, _ = run(capsys, "compare", seeds[0], seeds[1])
    assert code == 1
    assert "run.seed: 1 | 2" in out
    assert "weight_steps: differs from step 0 on in" in out


def test_compare_finds_the_first_row_that_differs(capsys, recurrent, tmp_path):
    other = search(tmp_path / "other", RECURRENT, {"controller.lr": 0.5})
    code, out, _ = run(capsys, "compare", recurrent, other)
    assert code == 1
    # The first controller step learns with the other rate; the weights before it are the same.
    assert re.search(r"weight_steps: differs from step 9 on", out), out


@pytest.mark.parametrize("space", ["derived", "macro", "micro", "trainings"])
def test_validate_finds_nothing_wrong_in_what_the_program_wrote(capsys, space, request):
    folder = request.getfixturevalue(space)
    code, out, _ = run(capsys, "validate", folder / "top-1" if space == "trainings" else folder)
    assert code == 0, out
    assert out.endswith(" 0 problems\n")
    assert int(out.split()[0]) > 10


@pytest.mark.parametrize(("name", "damage", "said"), [
    ("checkpoints/step-00000027.h5", lambda c: c[:5000] + bytes([c[5000] ^ 1]) + c[5001:], "digest"),
    ("checkpoints/latest", lambda c: b"step-00000099.h5\n", "not there"),
    ("log/part-00000004-00000008.h5", lambda c: c[:-1], "no seal"),
    ("derived/ranking.h5", lambda c: c + b"x", "no seal"),
    ("derived/top-1.json", lambda c: c.replace(b'"space"', b'"spice"'), "space"),
    ("status.json", lambda c: c[:-3], "JSON"),
])
def test_validate_names_the_damaged_file(capsys, derived, copy, name, damage, said):
    folder = copy(derived)
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    code, out, _ = run(capsys, "validate", folder)
    assert code == 1
    assert out.endswith(" 1 problems\n")
    assert re.search(rf"{re.escape(name)}: .*{said}", out), out


def test_validate_finds_a_missing_part(capsys, recurrent, copy):
    folder = copy(recurrent)
    (folder / "log" / "part-00000004-00000008.h5").unlink()
    code, out, _ = run(capsys, "validate", folder)
    assert code == 1
    assert "begins at step 8, but the part before it ends at 4" in out


def test_collapse_of_a_young_controller(capsys, recurrent):
    code, out, _ = run(capsys, "collapse", recurrent)
    assert code == 0
    found = verdict(Run(recurrent))
    drawn = Run(recurrent).children.query("source != 'slot'")
    functions = np.array(drawn["tokens"].tolist())[:, ::2]
    assert found.n == len(drawn) == 45  # 9 steps of 4 rollouts, 3 rounds of 3
    assert found.share == pytest.approx(np.bincount(functions.ravel()).max() / functions.size)
    assert found.distinct == len(set(drawn["tokens"]))
    assert found.entropy == pytest.approx(Run(recurrent).rounds["entropy"].iloc[-1] / (3 * np.log(4) + np.log(2)))
    assert out.startswith("no: ")


@pytest.mark.parametrize(("option", "value", "said"), [
    ("--share", 0.2, "one option has more than 20 %"), ("--entropy", 0.999, "entropy is below 100 %"),
    ("--distinct", 1.1, "fewer than 110 %"),
])
def test_collapse_alarms_by_their_thresholds(capsys, recurrent, option, value, said):
    code, out, _ = run(capsys, "collapse", recurrent, option, value)
    assert code == 1
    assert said in out


def test_collapse_of_a_controller_that_was_driven_there(capsys, tmp_path):
    """A learning rate of 100 throws the policy to one side."""
    folder = search(tmp_path / "run", RECURRENT, {"controller.lr": 100.0, "controller.temperature": 0.1,
                                                  "controller.tanh_constant": 0.0, "search.rounds": 4})
    code, out, _ = run(capsys, "collapse", folder)
    assert code == 1, out
    assert "entropy is below" in out


def test_help_of_collapse_has_the_thresholds(capsys):
    assert main(["collapse", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(default in text for default in ("0.8", "0.2", "--share", "--entropy", "--distinct"))


def test_tail_of_a_finished_run(capsys, recurrent):
    code, out, _ = run(capsys, "tail", recurrent, "--last", 2)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("search in recurrent/3, seed 1")
    assert [line.split()[1] for line in lines if line.startswith("round")] == ["2", "3"]
    assert lines[-1] == "finished: finished at step 27"


def test_tail_tells_new_rounds_while_a_run_goes_on(tmp_path):
    """Between two looks the run goes on to its second round."""
    from enas_analysis.tail import follow

    folder = search(tmp_path / "run", RECURRENT, None, "--max-steps", 10)
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps({**status, "phase": "weights"}))
    looks = []

    def go_on(_):
        looks.append(1)
        search(folder)

    lines = list(follow(folder, 5, 1.0, False, go_on))
    assert [line.split()[1] for line in lines if line.startswith("round")] == ["1", "2", "3"]
    assert looks == [1]
    assert lines[-1].startswith("finished")


def test_run_without_rounds_is_told(capsys, tmp_path):
    folder = search(tmp_path / "run", RECURRENT, None, "--max-steps", 4)
    assert run(capsys, "report", folder, "--out", tmp_path / "r")[0] in (0, 2)
    with pytest.raises(AnalysisError, match="no rollouts"):
        verdict(Run(folder))
    assert main(["film", str(folder)]) == 2
