# SPDX-License-Identifier: Apache-2.0
"""Following a run: what is told, and how little is read for it."""
import json
import os
import shutil
import sys

import h5py
import pandas as pd
import pytest

from enas_analysis import DamagedFileError
from enas_analysis.tables import LogReader, log_parts, read_log
from enas_analysis.tail import follow
from files import changed, parts

MANY = 300
opened = []  # every file that this process opens


def note(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])


sys.addaudithook(note)


def opened_until_now():
    """Names of files of runs."""
    return sorted(os.path.basename(path) for path in opened if path.endswith((".h5", "run.log", "status.json")))


def make_parts(part, folder, numbers, seconds=1.0):
    """Parts of one round of 9 steps each, made of one that holds the end of a round."""
    def change(file):
        file.attrs["first_step"], file.attrs["end_step"] = 9 * number, 9 * number + 9
        for table in file.values():
            if isinstance(table, h5py.Group) and "step" in table:
                table["step"][...] = 9 * number
        file["rounds/round"][...] = number
        file["rounds/seconds"][...] = seconds

    for number in numbers:
        changed(part, change, folder / f"part-{9 * number:08}-{9 * number + 9:08}.h5")


def rounds_in(part):
    with h5py.File(part) as file:
        return len(file["rounds/round"])


@pytest.fixture
def one_round(recurrent):
    """A part that holds the end of one round."""
    return next(part for part in parts(recurrent) if rounds_in(part) == 1)


@pytest.fixture
def long_run(recurrent, one_round, tmp_path):
    """A run of many closed parts that goes on."""
    folder = tmp_path / "run"
    shutil.copytree(recurrent, folder, ignore=shutil.ignore_patterns("part-*", "checkpoints"))
    make_parts(one_round, folder / "log", range(MANY))
    set_phase(folder, "weights")
    return folder


def set_phase(folder, phase):
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps({**status, "phase": phase}))


def assert_same(log, folder):
    """As read by one who sees the log for the first time."""
    other = read_log(folder)
    assert (log.end_step, log.attributes, log.units, log.clocks, log.options, log.decisions) == (
        other.end_step, other.attributes, other.units, other.clocks, other.options, other.decisions)
    assert log.tables.keys() == other.tables.keys()
    for name, table in log.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name])


def rounds_of(lines):
    return [int(line.split()[1]) for line in lines if line.startswith("round")]


def test_a_part_is_read_once(long_run, one_round):
    """Each look after the first opens what is new, status.json and run.log, and nothing else."""
    looks = [lambda: None, lambda: make_parts(one_round, long_run / "log", [MANY]),
             lambda: set_phase(long_run, "finished")]
    seen = []

    def look(_):
        seen.append(opened_until_now())
        looks.pop(0)()
        opened.clear()

    opened.clear()
    lines = list(follow(long_run, 2, 1.0, False, look))
    seen.append(opened_until_now())
    assert rounds_of(lines) == [MANY - 1, MANY, MANY + 1]
    assert len(seen[0]) == MANY + 2
    assert seen[1] == ["run.log", "status.json"]
    assert seen[2] == [f"part-{9 * MANY:08}-{9 * MANY + 9:08}.h5", "run.log", "status.json"]
    assert seen[3] == ["run.log", "status.json"]


def test_a_resume_from_an_older_step_is_followed(recurrent, one_round, tmp_path):
    """Parts become *.stale and others take their place: one with the old name, one with a new one."""
    folder = tmp_path / "run"
    shutil.copytree(recurrent, folder, ignore=shutil.ignore_patterns("part-*", "checkpoints"))
    make_parts(one_round, folder / "log", range(6))
    set_phase(folder, "weights")
    reader = LogReader(folder / "log")

    def go_back(_=None):
        for part in parts(folder)[3:]:
            part.rename(f"{part}.stale")
        if _ is not None:
            assert_same(reader.read(), folder / "log")

    def do_again(_=None):
        make_parts(one_round, folder / "log", [3, 4], seconds=2.0)
        set_phase(folder, "finished")
        if _ is not None:
            assert_same(reader.read(), folder / "log")

    assert_same(reader.read(), folder / "log")
    looks = [go_back, do_again]
    lines = list(follow(folder, 9, 1.0, False, lambda seconds: looks.pop(0)(seconds)))
    assert rounds_of(lines) == [1, 2, 3, 4, 5, 6, 4, 5]
    assert "  went back to step 27" in lines


def test_a_part_that_is_replaced_is_read_again(recurrent, one_round, tmp_path):
    """By a file of the same name and size, or in place."""
    make_parts(one_round, tmp_path, range(4))
    reader = LogReader(tmp_path)
    assert reader.read().tables["rounds"]["seconds"].tolist() == [1.0] * 4
    make_parts(one_round, tmp_path / "..", [1], seconds=5.0)
    path = log_parts(tmp_path)[1]
    (tmp_path / ".." / path.name).rename(path)
    make_parts(one_round, tmp_path, [2], seconds=7.0)
    opened.clear()
    assert reader.read().tables["rounds"]["seconds"].tolist() == [1.0, 5.0, 7.0, 1.0]
    assert opened_until_now() == [path.name, log_parts(tmp_path)[2].name]
    assert_same(reader.read(), tmp_path)


def test_a_part_that_is_copied_while_it_is_read(recurrent, one_round, tmp_path):
    make_parts(one_round, tmp_path, range(3))
    reader, last = LogReader(tmp_path), log_parts(tmp_path)[2]
    whole = last.read_bytes()
    last.write_bytes(whole[:1000])
    with pytest.warns(UserWarning, match="no seal"):
        assert reader.read().end_step == 18
    last.write_bytes(whole)
    assert reader.read().end_step == 27


def test_a_part_whose_name_says_other_steps(recurrent, one_round, tmp_path):
    make_parts(one_round, tmp_path, range(2))
    log_parts(tmp_path)[1].rename(tmp_path / "part-00000009-99999999.h5")
    with pytest.raises(DamagedFileError, match="holds steps 9 to 18"):
        read_log(tmp_path)
