# SPDX-License-Identifier: Apache-2.0
"""Architectures in and out: shown, converted and listed by the real binary."""
import json
import os
import re
import subprocess

import pytest
from search_run import BINARY, SOURCE, Run, command_line, enas_hpc, environment

SHIPPED = SOURCE / "configs" / "architectures"
PTB = "0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1"
NAMES = sorted(path.stem for path in SHIPPED.glob("*.json"))


def arch(*arguments, code=0, stdin=None, ranks=0):
    """Standard output of `enas_hpc arch …`; the message where it should fail."""
    done = subprocess.run(command_line(ranks, "arch", *arguments), capture_output=True, text=True,
                          env=environment(), timeout=150,
                          **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}))
    assert done.returncode == code, done
    assert done.stderr.count("error:") == (1 if code else 0), done
    return done.stderr if code else done.stdout


def test_list():
    listed = json.loads(arch("list", "--json"))
    assert [entry["name"] for entry in listed] == NAMES
    lines = arch("list").splitlines()
    assert [line.split()[:2] for line in lines] == [[e["name"], e["space"]] for e in listed]


@pytest.mark.parametrize("arguments, parameters", [
    (["enas-ptb"], 22027104), (["enas-ptb", "--hidden", 200], 3040000),
    (["enas-ptb", "--hidden", 200, "--vocabulary", 1000], 1240000), (["enas-micro"], 3894372),
    (["enas-macro", "--filters", 64, "--released"], 18927552), (["enas-macro", "--filters", 80], 21504080),
])
def test_show_counts_parameters(arguments, parameters):
    shown = json.loads(arch("show", *arguments, "--json"))
    assert shown["parameters"] == parameters
    assert shown["architecture"] == json.loads((SHIPPED / f"{arguments[0]}.json").read_text())


def test_show_draws():
    text = arch("show", "enas-ptb")
    assert text.startswith("enas-ptb: recurrent cell of 12 nodes")
    assert "mean of the loose ends (*) 3 4 7 9 10 11" in text
    assert "22,027,104 parameters, 22,027,104 multiply-adds a token" in text
    dot = arch("show", "enas-micro", "--dot")
    assert dot.startswith('digraph "enas-micro" {\n') and dot.endswith("}\n") and '"normal 2"' in dot


def test_names_work_from_anywhere_and_files_too(tmp_path):
    native = (SHIPPED / "enas-ptb.json").read_text()
    result = enas_hpc("arch", "convert", "enas-ptb", "--to", "json", cwd=tmp_path)
    assert (result.code, result.out) == (0, native), result
    file = tmp_path / "cell.json"
    assert arch("convert", "-", "--from", "tf", "--space", "recurrent", "--name", "mine", "--to", "json",
                "--out", file, stdin=f"[{PTB[:20]}\n {PTB[20:]}]\n") == ""
    assert arch("convert", file, "--to", "tf") == PTB + "\n"
    assert arch("show", file).startswith("mine: ")
    assert arch("convert", "-", "--to", "tf", stdin=native) == PTB + "\n"
    assert arch("convert", file, "--to", "tf", ranks=2) == PTB + "\n"


def test_through_all_formats(tmp_path):
    file = tmp_path / "cell.txt"
    for form in ("enas_lm", "darts", "carpedm20"):
        file.write_text(arch("convert", "enas-ptb", "--to", form))
        assert arch("convert", file, "--from", form, "--to", "tf") == PTB + "\n"


def test_the_table_of_formats_names_those_without_a_cell_of_one_node():
    table = (SOURCE / "docs" / "formats.md").read_text().split("## Forms of other programs")[1]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*(?:recurrent|everything)[^|]*\|([^|]*)\|$", table, re.MULTILINE)
    assert [name for name, _ in rows] == ["json", "tf", "enas_lm", "darts", "carpedm20"]
    for name, not_carried in rows:
        says_no = "a cell of one node" in not_carried
        told = arch("convert", "-", "--from", "tf", "--space", "recurrent", "--to", name, stdin="0", code=65 * says_no)
        assert ("has no other node" in told) == says_no, name


def test_a_log_with_several_genotypes_pasted_with_no_break_blanks():
    def line(function):
        return f"10:51 genotype =\u00a0Genotype(recurrent=[('{function}',\u00a00)], concat=range(1, 2, 1))\n"
    log = "\ufeffepoch 1\n" + line("relu") + "epoch 2\n" + line("sigmoid") + "done\n"
    command = [BINARY, "arch", "convert", "-", "--from", "darts", "--to", "tf"]
    done = subprocess.run(command, capture_output=True, text=True, input=log, env=environment(), timeout=150)
    assert (done.returncode, done.stdout) == (0, "0 0 3\n"), done
    assert "warning: standard input has 2 genotypes; the last one is read, of line 4 (--nth" in done.stderr
    assert arch(*command[2:], "--nth", 1, stdin=log) == "0 0 1\n"
    assert "--nth is 3" in arch(*command[2:], "--nth", 3, stdin=log, code=65)


def test_the_best_of_a_search_can_be_shown(tmp_path):
    run = Run(tmp_path / "run", {"search.rounds": 1})
    assert run.search(ranks=0).code == 0
    best = json.loads((run.folder / "best.json").read_text())
    shown = json.loads(arch("show", run.folder / "best.json", "--json"))["architecture"]
    assert shown["nodes"] == best["architecture"]["nodes"]
    assert shown["origin"]["seed"] == best["seed"]
    assert shown["metrics"]["perplexity"] == best["perplexity"]
    tokens = arch("convert", run.folder / "best.json", "--to", "tf")
    assert [int(token) for token in tokens.split()] == best["tokens"]


def test_a_named_output_list_is_warned_of():
    done = subprocess.run([BINARY, "arch", "show", "darts-v2-recurrent"], capture_output=True, text=True,
                          env=environment(), timeout=150)
    assert done.returncode == 0
    assert "warning: the outputs of the recurrent cell are 1 2 3 4 5 6 7 8" in done.stderr


@pytest.mark.parametrize("code, arguments, said", [
    (66, ["show", "enas-ptp"], ["enas-ptp", "did you mean enas-ptb?"]),
    (66, ["convert", "no.txt", "--from", "tf", "--space", "macro", "--to", "json"], ["no.txt"]),
    (64, ["show", "enas-ptb", "--filters", "3"], ["--filters", "recurrent"]),
    (64, ["show", "enas-macro", "--layers", "3"], ["--layers", "macro"]),
    (64, ["show", "enas-ptb", "--hidden", "0"], ["--hidden"]),
    (64, ["show"], ["architecture"]),
    (64, [], ["subcommand"]),
    (64, ["convert", "enas-ptb", "--to", "onnx"], ["onnx"]),
    (64, ["convert", "enas-ptb"], ["--to"]),
    (64, ["show", "enas-ptb", "--nth", 1], ["--nth", "--from darts"]),
    (65, ["convert", "enas-macro", "--to", "darts"], ["macro", "no form in darts"]),
    (65, ["convert", "enas-ptb", "--space", "micro", "--to", "json"], ["--space says micro"]),
    (65, ["convert", SHIPPED / "enas-ptb.json", "--from", "tf", "--space", "recurrent", "--to", "json"],
     ["enas-ptb.json", "no token"]),
    (65, ["convert", "enas-ptb", "--name", "a\nb", "--to", "json"], ["--name", "control"]),
    (65, ["show", SHIPPED], ["plain file"]),
])
def test_messages(code, arguments, said):
    message = arch(*arguments, code=code)
    for part in said:
        assert part in message


def test_a_wrong_file_is_told_what_where_and_what_was_allowed(tmp_path):
    file = tmp_path / "cell.json"
    wrong = json.loads((SHIPPED / "enas-micro.json").read_text())
    wrong["normal"]["nodes"][2]["inputs"][1] = 9
    file.write_text(json.dumps(wrong))
    assert f"{file}: normal.nodes[2].inputs[1] is 9, but must be an earlier node: 0 to 3" in \
        arch("show", file, code=65)


def test_out_that_cannot_be_written(tmp_path):
    message = arch("convert", "enas-ptb", "--to", "tf", "--out", tmp_path / "no" / "file", code=73)
    assert str(tmp_path / "no") in message


def test_out_is_written_through(tmp_path):
    """Into a pipe with its reader, and through a link into a file that keeps its mode (tests of io have the rest)."""
    pipe, file, link = (tmp_path / name for name in ("pipe", "file", "link"))
    os.mkfifo(pipe)
    with subprocess.Popen(["timeout", "20", "cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        arch("convert", "enas-ptb", "--to", "tf", "--out", pipe)
        assert reader.communicate()[0] == PTB + "\n"
    assert pipe.is_fifo()
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    arch("convert", "enas-ptb", "--to", "tf", "--out", link)
    assert link.is_symlink() and file.read_text() == PTB + "\n" and file.stat().st_mode & 0o777 == 0o640
    stdout = tmp_path / "stdout"  # a link like /dev/stdout, whose loss would not matter
    stdout.symlink_to("/proc/self/fd/1")
    assert arch("convert", "enas-ptb", "--to", "tf", "--out", stdout) == PTB + "\n"
