# SPDX-License-Identifier: Apache-2.0
"""Configurations of any kind over several ranks, and environments with nothing in them."""
import os
import re
import resource
import subprocess
import sys
import time

import pytest
from search_run import BINARY, CONFIG, LIMIT_S, SLACK, Run, command_line, enas_hpc, environment


def refused(result, codes, *said):
    assert result.code in codes, result
    assert result.text.count("error:") == 1, result
    for part in said:
        assert part in result.text, (part, result)


def fifo(path):
    os.mkfifo(path)


def processor_seconds():
    """Of all processes that were started here and have ended, with theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def text(content):
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize("make, codes, said", [
    (text(b"[run]\nseed = 1\nseed = 2\n"), [65], ":3:"),
    (text(b"[run]\nname = \"\xc3\x28\"\n"), [65], ":2:"),
    (text(b"\xef\xbb\xbf[run]\nseed = 1\n"), [65], "byte-order mark"),
    (text(b"[run]\nse\0ed = 1\n"), [65], "NUL"),
    (text(b"[" * 100_000), [65], ":1:"),
    (text(b"a." * 100_000 + b"a = 1\n"), [65], ":1:"),
    (text(b"[run]\nseed = 99999999999999999999\n"), [65], ":2:"),
    (text(b"[weights]\nlr = inf\n"), [65], "weights.lr"),
    (text(b"[run]\nseed = \"one\"\n"), [65], "run.seed"),
    (text(b""), [65], "data.path"),
    (text(os.urandom(10_000_000)), [65], ""),
    (fifo, [65, 66], "regular file"),
    (lambda path: path.symlink_to("/dev/zero"), [65, 66], "regular file"),
    (lambda path: path.symlink_to("nowhere"), [66], ""),
], ids=["duplicate", "not UTF-8", "BOM", "NUL", "brackets", "dots", "huge integer", "inf", "wrong type",
        "empty", "random", "pipe", "device", "dangling"])
def test_a_hostile_configuration(tmp_path, make, codes, said):
    """The name may be hostile, too."""
    path = tmp_path / "with space.toml"
    make(path)
    before, start = processor_seconds(), time.monotonic()
    result = enas_hpc("--config", path, "--run-dir", tmp_path / "run", ranks=2)
    used, took = processor_seconds() - before, time.monotonic() - start
    refused(result, codes, "with space.toml", said)
    # Demanded are 2 s. Mostly that is the start of mpirun and of two ranks, which the other work of a machine
    # stretches tenfold; it does not stretch the work itself.
    assert used <= 2 * SLACK and took <= 10 * SLACK, (used, took, result)
    assert not (tmp_path / "run").exists()


def test_a_configuration_that_may_not_be_read(tmp_path):
    path = tmp_path / "closed.toml"
    path.write_text(CONFIG.read_text())
    path.chmod(0)
    as_nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    try:
        done = subprocess.run([BINARY, "--config", path, "--run-dir", tmp_path / "run"], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, env=environment({"HOME": "/"}), **as_nobody)
    except PermissionError:
        pytest.skip("another user cannot start the program where it was built")
    if done.returncode == 126:
        pytest.skip("another user cannot start the program where it was built")
    assert done.returncode in (66, 77) and done.stderr.count("error:") == 1, done


def search_with_only(run, variables):
    """Not even HOME; Open MPI wants to find its own programs."""
    done = subprocess.run([*map(str, command_line(0, *run.arguments()))], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=LIMIT_S,
                          env={"PATH": os.environ["PATH"], "OMPI_ALLOW_RUN_AS_ROOT": "1",
                               "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **variables})
    assert done.returncode == 0, done
    return done.stdout + done.stderr


@pytest.mark.parametrize("variables", [{}, {"TZ": ":/dev/null"}, {"LANG": "xx"}], ids=["none", "zone", "language"])
def test_an_empty_environment(new_run, gold, variables):
    run = new_run()
    search_with_only(run, variables)
    assert run.state_hash() == gold.hash


@pytest.fixture(scope="module")
def turkish(tmp_path_factory):
    """The variables of a language in which a half is 0,5 and the small letter of I is ı, made for this test."""
    folder = tmp_path_factory.mktemp("locales")
    try:
        made = subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", folder / "tr_TR.UTF-8"],
                              capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("localedef is not installed")
    if not (folder / "tr_TR.UTF-8" / "LC_NUMERIC").exists():
        pytest.skip(f"localedef cannot make tr_TR: {made.stderr}")
    variables = {"LOCPATH": str(folder), "LC_ALL": "tr_TR.UTF-8"}
    program = "import locale; locale.setlocale(locale.LC_ALL, ''); print(f'{0.5:n}')"
    half = subprocess.run([sys.executable, "-c", program],
                          capture_output=True, text=True, env={**os.environ, **variables})
    assert half.stdout == "0,5\n", half
    return variables


def test_a_language_with_decimal_commas(new_run, gold, turkish):
    """Nothing that is read or written follows the language."""
    run = new_run()
    said = search_with_only(run, turkish)
    assert run.state_hash() == gold.hash
    assert (run.folder / "best.json").read_text() == (gold.run.folder / "best.json").read_text()
    assert not re.search(r"\d,\d", said), said


def test_an_ordinary_configuration(tmp_path):
    """The negative control: the file that the hostile ones are like is read."""
    path = tmp_path / "with space.toml"
    path.write_text(CONFIG.read_text())
    run = Run(tmp_path / "run", config=path)
    assert run.search("--max-steps", 1).code == 0
