# SPDX-License-Identifier: Apache-2.0
"""A save that is interrupted, refused or disturbed at any of its calls."""
import os
import shutil
import subprocess

import h5py
import pytest
from faulty_files import IO_FAULTS, faults, for_each, of_the_save, points_of
from search_run import LAST_STEP, assert_same_rows, command_line, enas_hpc, environment, wait_for

from enas_analysis import MissingFileError
from enas_analysis import Run as Reader

# The run that was stopped at step 14 goes on, and its save at step 16 is the one that is hit.
NEXT = 16


@pytest.fixture(scope="module")
def save(stopped_at_14, tmp_path_factory):
    """The points of that save: a log part, a checkpoint, the pointer, the pruning."""
    run = stopped_at_14.copy_to(tmp_path_factory.mktemp("points") / "run")
    run.keys = {"checkpoint.keep": 2}
    points = of_the_save(points_of(run, "--max-steps", NEXT), NEXT)
    calls = [point.call for point in points]
    assert {name: calls.count(name) for name in ("rename", "remove")} == {"rename": 3, "remove": 5}
    assert calls.count("fsync") == 6 and calls.count("write") == 5
    return points


@pytest.fixture
def another(stopped_at_14, tmp_path):
    """another(name) is a fresh copy of the stopped run."""
    def make(name):
        run = stopped_at_14.copy_to(tmp_path / str(name))
        run.keys = {"checkpoint.keep": 2}
        return run

    return make


def assert_equals_gold(run, gold):
    assert run.state_hash() == gold.hash
    assert run.steps() == list(range(LAST_STEP))
    assert_same_rows(run.log(), gold.log)
    assert run.names("*.tmp.*") == []


def test_negative_control(another, gold):
    """The library alone changes nothing."""
    run = another("quiet")
    result = run.search(ranks=0, env=faults(run, "kill", 0))
    assert result.code == 0 and "not written" not in result.text, result
    assert_equals_gold(run, gold)


def test_a_test_file_of_doctor_that_cannot_be_removed(tmp_path):
    """The report is printed all the same."""
    log, folder = tmp_path / "points", tmp_path / "run"
    env = {"LD_PRELOAD": IO_FAULTS, "FAULT_UNDER": str(folder), "FAULT_LOG": str(log)}
    assert enas_hpc("doctor", "--run-dir", folder, env=env).code == 0
    points = [line.split(" ", 2) for line in log.read_text().splitlines()]
    removal = next(number for number, call, path in points if call == "remove" and path.endswith(".h5"))
    result = enas_hpc("doctor", "--run-dir", folder, env={**env, "FAULT_MODE": "eio", "FAULT_AT": removal})
    assert result.code == 74 and len(result.errors) == 1, result
    assert "FAILED: cannot remove" in result.out and "Input/output error" in result.errors[0], result
    assert result.out.startswith("enas_hpc ") and "free space:" in result.out, result


# --- C1, L2


def test_killed_at_every_point_of_a_save(another, save, gold):
    def strike(point):
        run = another(point.number)
        result = run.search(ranks=0, env=faults(run, "kill", point.number))
        assert result.code == -9, result
        result = run.search(ranks=0)
        assert result.code == 0 and "cannot resume" not in result.text, result
        renamed = point.number > next(p.number for p in save if p.call == "rename" and
                                      p.path.endswith(f"step-{NEXT:08}.h5"))
        assert f"resumed from step {NEXT if renamed else 14} " in result.text, result
        assert_equals_gold(run, gold)

    for_each(save, strike)


@pytest.mark.long
def test_killed_at_every_point_of_a_run(another, gold, tmp_path):
    """From the first look at the directory to the release of its lock."""
    def strike(point):
        run = another(f"killed{point.number}")
        assert run.search(ranks=0, env=faults(run, "kill", point.number)).code == -9
        assert run.finish(ranks=0) == gold.hash
        assert_equals_gold(run, gold)

    for_each(points_of(another("counted")), strike)


# --- C2, C3


def strike_and_go_on(run, gold, mode, point):
    """One call fails; training goes on, and the next save makes up for it."""
    result = run.search(ranks=0, env=faults(run, mode, point.number))
    assert result.code == 0, result
    # What is pruned is only space.
    warnings = 0 if point.call == "remove" else 1
    assert result.err.count(f"warning: checkpoint at step {NEXT} was not written") == warnings, result
    assert result.err.count("was not written") == warnings, result
    assert_equals_gold(run, gold)


@pytest.mark.parametrize("mode", ["enospc", "eio"])
def test_a_failure_at_every_point_of_a_save(another, save, gold, mode):
    for_each(save, lambda point: strike_and_go_on(another(point.number), gold, mode, point))


@pytest.mark.parametrize("mode", ["eintr", "short"])
def test_every_call_interrupted_or_cut_short(another, gold, mode):
    run = another(mode)
    result = run.search(ranks=0, env=faults(run, mode, "every"))
    assert result.code == 0 and "not written" not in result.text, result
    assert_equals_gold(run, gold)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["eintr", "short"])
def test_one_call_interrupted_or_cut_short(another, save, gold, mode):
    def strike(point):
        run = another(point.number)
        result = run.search(ranks=0, env=faults(run, mode, point.number))
        assert result.code == 0 and "not written" not in result.text, result
        assert_equals_gold(run, gold)

    for_each(save, strike)


def test_a_disk_that_stays_full(another, save, gold):
    """From the k-th call on, for the first call of each file of a save."""
    def strike(point):
        run = another(point.number)
        result = run.search(ranks=0, env=faults(run, "enospc", point.number, 1_000_000))
        assert result.code == 74 and len(result.errors) == 1, result
        assert "resumes from step" in result.errors[0], result
        assert run.finish(ranks=0) == gold.hash
        assert_equals_gold(run, gold)

    for_each([point for point in save if point.call == "open" and ".tmp." in point.path], strike)


# --- C4


def test_a_small_file_system(another, gold, tmp_path):
    """A tmpfs with room for one more checkpoint. The run goes on elsewhere."""
    run, place = another("full"), tmp_path / "mounted"
    pages = sum(path.stat().st_size // 4096 + 1 for path in run.folder.rglob("*"))
    script = (f'mount -t tmpfs -o size={4 * pages + 200}k none "$1" || exit 200; '
              'cp -a "$2" "$1/run" || exit 201; shift 2; '
              '"$@"; code=$?; cp -a "$place/run" "$copy"; exit $code')
    place.mkdir()
    run.keys = {"checkpoint.keep": 100}
    inside, copy = run.copy_to(tmp_path / "unused"), tmp_path / "copy"
    inside.folder = place / "run"
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script, "bash", place, run.folder,
         *map(str, command_line(0, *inside.arguments()))],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=150,
        env=environment({"place": str(place), "copy": str(copy)}))
    if done.returncode in (1, 200) and not copy.exists():
        pytest.skip("mounting is not allowed here")
    assert done.returncode == 74, done
    assert done.stderr.count("error:") == 1 and "warning: checkpoint at step" in done.stderr, done.stderr
    again = another("again")
    shutil.rmtree(again.folder)
    shutil.copytree(copy, again.folder)
    assert again.names("*.tmp.*") == []
    assert again.finish(ranks=0) == gold.hash
    assert again.steps() == list(range(LAST_STEP))


# --- C6


# Renamed, which is one call: the program may be writing there.


def without_anything(folder):
    folder.rename(folder.with_name("gone"))


def without_checkpoints(folder):
    (folder / "checkpoints").rename(folder / "gone")


def file_instead_of_checkpoints(folder):
    without_checkpoints(folder)
    (folder / "checkpoints").write_text("mine")


def file_instead_of_everything(folder):
    without_anything(folder)
    folder.write_text("mine")


@pytest.mark.parametrize("damage", [without_anything, without_checkpoints, file_instead_of_checkpoints,
                                    file_instead_of_everything])
def test_a_directory_that_goes_away(new_run, damage):
    run = new_run()
    process = run.start(env={"ENAS_FAULT": "0:5:slow"})
    run.await_checkpoint(4)
    damage(run.folder)
    result = process.wait()
    assert result.code == 74, result
    assert "warning: checkpoint at step" in result.err and len(result.errors) == 1, result


# --- C14, L3


@pytest.mark.parametrize("locking", ["TRUE", "FALSE", "BEST_EFFORT"])
def test_file_locking_of_hdf5(another, gold, locking):
    run = another(locking)
    assert run.search(env={"HDF5_USE_FILE_LOCKING": locking}).code == 0
    assert_equals_gold(run, gold)


def test_readers_during_saves(new_run, gold):
    """Somebody holds files open while others are written, and reads whatever is there."""
    run = new_run({"search.rounds": 12, "checkpoint.every_steps": 1})
    process = run.start(ranks=0)
    run.await_checkpoint(0)
    held, reads = [], 0
    try:
        while process.process.poll() is None:
            paths = [*run.parts(), run.newest(), *run.checkpoints()[-2:]]
            rows = run.log() if run.parts() else {}
            for name, values in gold.log.items():
                if name.startswith("weight_steps/") and name in rows:
                    both = min(len(values), len(rows[name]))
                    assert rows[name][:both].tobytes() == values[:both].tobytes(), name
            held.append(h5py.File(paths[-1], "r"))
            held[-1].visit(lambda name: None)
            reads += len(paths)
            for file in held[:-3]:
                file.close()
    finally:
        result = process.wait()
        for file in held:
            file.close()
    assert result.code == 0 and "not written" not in result.text, result
    assert reads > 10
    assert run.steps() == list(range(12 * 9))


def read_as_users_do(run, gold):
    """The package of analysis/ on a run that is going on: its number of steps, None before the first part."""
    try:
        reader = Reader(run.folder)
    except MissingFileError as error:
        if "the first comes with the first checkpoint" not in str(error):
            raise
        return None
    steps = sorted([*reader.weight_steps["step"], *reader.controller_steps["step"]])
    assert steps == list(range(reader.log.end_step))
    loss = reader.weight_steps["loss"].to_numpy()
    both = min(len(loss), len(gold.log["weight_steps/loss"]))
    assert loss[:both].tobytes() == gold.log["weight_steps/loss"][:both].tobytes()
    assert (reader.best is None) == reader.rounds.empty
    assert reader.status["phase"] in ("weights", "controller", "finished") and reader.starts[0].step == 0
    return reader.log.end_step


@pytest.mark.filterwarnings("error:.*left out")
def test_the_analysis_package_during_saves(new_run, gold):
    """Never an exception, and always the beginning of the truth."""
    run = new_run({"search.rounds": 20, "checkpoint.every_steps": 1})
    process = run.start(ranks=0)
    try:
        wait_for((run.folder / "log").is_dir, "the folder of the log")
        seen = [read_as_users_do(run, gold)]
        while process.process.poll() is None:
            seen.append(read_as_users_do(run, gold))
    finally:
        result = process.wait()
    assert result.code == 0 and "not written" not in result.text, result
    seen = [steps for steps in seen if steps is not None]
    assert seen == sorted(seen) and len(set(seen)) > 3, seen
    assert read_as_users_do(run, gold) == 20 * 9


def test_a_run_log_that_cannot_be_opened(another, gold):
    run = another("log")
    (run.folder / "run.log").unlink()
    (run.folder / "run.log").mkdir()
    result = run.search(ranks=0)
    assert result.code == 74 and len(result.errors) == 1 and "run.log" in result.errors[0], result
    (run.folder / "run.log").rmdir()
    assert run.finish(ranks=0) == gold.hash


def test_the_library_counts_what_it_should(another):
    """A point that is never reached hits nothing; the first one is the probe of the directory."""
    run = another("first")
    result = run.search(ranks=0, env=faults(run, "eio", 1))
    assert result.code == 73 and len(result.errors) == 1 and str(run.folder) in result.errors[0], result
    assert wait_for(lambda: os.listdir(run.folder), "files")
    assert enas_hpc("state-hash", run.newest()).code == 0
