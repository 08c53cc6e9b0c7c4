# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that are damaged, foreign, missing, or cannot be written; directories in use."""
import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from search_run import (BINARY, CONFIG, LAST_STEP, Run, assert_same_rows, enas_hpc, environment,
                        wait_for)

# Of the run that was stopped at step 14.
NEWEST = "step-00000014.h5"
BEFORE = "step-00000012.h5"


def assert_resumes_to_gold(run, gold, result, step):
    assert result.code == 0, result
    assert f"resumed from step {step}" in result.text, result
    assert run.state_hash() == gold.hash
    assert run.steps() == list(range(LAST_STEP))
    assert_same_rows(run.log(), gold.log)


# --- damage


def flip_bit(path, place):
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 16
    path.write_bytes(data)


def truncate(path, size):
    os.truncate(path, size if size >= 0 else path.stat().st_size + size)


def make_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [
    pytest.param(lambda path: flip_bit(path, 0.0), id="bit of the first byte"),
    pytest.param(lambda path: flip_bit(path, 0.5), id="bit in the middle"),
    pytest.param(lambda path: truncate(path, -1), id="one byte short"),
    pytest.param(lambda path: truncate(path, 0), id="empty"),
    pytest.param(lambda path: path.write_text("not a checkpoint\n" * 100), id="text"),
    pytest.param(make_folder, id="folder"),
])
def test_a_damaged_checkpoint_is_passed_over(stopped, gold, damage):
    damage(stopped.newest())
    result = stopped.search()
    assert result.err.count("cannot resume from") == 1, result
    assert NEWEST in result.err, result
    assert_resumes_to_gold(stopped, gold, result, 12)
    assert stopped.names("*.bad") == [NEWEST + ".bad"]


def test_every_bit_counts(stopped):
    """state-hash reads the file as resuming does; every byte of it is covered."""
    path = stopped.newest()
    whole = path.read_bytes()
    for place in (0.001, 0.1, 0.3, 0.7, 0.9, 0.9997, 1.0):
        flip_bit(path, place)
        result = enas_hpc("state-hash", path)
        assert result.code == 65 and len(result.errors) == 1, (place, result)
        path.write_bytes(whole)
    assert enas_hpc("state-hash", path).code == 0


def test_a_log_part_is_no_checkpoint(stopped, gold):
    shutil.copy(stopped.parts()[0], stopped.newest())
    result = stopped.search()
    assert "is an enas_hpc log; wanted is an enas_hpc checkpoint" in result.err, result
    assert_resumes_to_gold(stopped, gold, result, 12)


def test_all_damaged(stopped):
    names = [path.name for path in stopped.checkpoints()]
    for path in stopped.checkpoints():
        truncate(path, 100)
    for _ in range(2):  # nor does the next job of a batch script start anew by itself
        result = stopped.search()
        assert result.code == 65, result
        assert len(result.errors) == 1, result
        assert "--resume never" in result.text, result
        assert all(name in result.text for name in names), result
    assert stopped.search("--resume", "never").code == 0
    assert stopped.newest_step() == LAST_STEP
    kept = {name.split(".h5")[0] for name in stopped.names("step-*.h5.*")}
    assert kept == {name.removesuffix(".h5") for name in names}


def test_a_damaged_checkpoint_that_was_named(stopped):
    truncate(stopped.newest(), 1000)
    result = stopped.search("--resume", stopped.newest())
    assert result.code == 65, result
    assert len(result.errors) == 1 and NEWEST in result.text, result
    assert stopped.newest().name == NEWEST


@pytest.mark.parametrize("content", [None, "step-00099999.h5\n", "", "\0garbage"])
def test_latest_is_only_a_hint(stopped, gold, content):
    latest = stopped.folder / "checkpoints" / "latest"
    assert latest.read_text() == NEWEST + "\n"
    latest.unlink()
    if content is not None:
        latest.write_text(content)
    result = stopped.search()
    assert_resumes_to_gold(stopped, gold, result, 14)
    assert latest.read_text() == f"step-{LAST_STEP:08}.h5\n"


def test_temporary_files_are_no_checkpoints(stopped, gold):
    folder = stopped.folder / "checkpoints"
    (folder / "step-00000016.h5.tmp.4711").write_bytes(stopped.newest().read_bytes())
    (stopped.folder / "log" / "part-00000014-00000016.h5.tmp.4711").write_text("torn")
    (folder / "notes.txt").write_text("mine")
    result = stopped.search()
    assert_resumes_to_gold(stopped, gold, result, 14)
    assert stopped.names("*.tmp.*") == []
    assert stopped.names("notes.txt") == ["notes.txt"]


# --- configurations that do not fit


def test_a_configuration_that_disagrees(stopped):
    config = (stopped.folder / "config.toml").read_text()
    other = Run(stopped.folder, {"supernet.hidden": 16, "weights.lr": 1.5, "search.rounds": 5})
    result = other.search()
    assert result.code == 65, result
    assert len(result.errors) == 1, result
    assert "supernet.hidden: 8 in the checkpoint, 16 now" in result.text, result
    assert "weights.lr: 5.0 in the checkpoint, 1.5 now" in result.text, result
    assert "rounds" not in result.text, result
    assert stopped.names("*.bad") == [] and stopped.names("*.stale") == []
    assert stopped.newest().name == NEWEST
    assert (stopped.folder / "config.toml").read_text() == config


def test_other_data_disagree(stopped):
    result = Run(stopped.folder, {"data.markov.seed": 2}).search()
    assert result.code == 65 and "data" in result.errors[0] + result.text, result
    assert "digest" in result.text, result


def test_force_resume(stopped, gold):
    forced = Run(stopped.folder, {"weights.lr": 1.5})
    result = forced.search("--force-resume")
    assert result.code == 0, result
    assert "warning: --force-resume: weights.lr: 5.0 in the checkpoint, 1.5 now" in result.err, result
    assert forced.steps() == list(range(LAST_STEP))
    assert forced.state_hash() != gold.hash


def test_force_resume_cannot_change_shapes(stopped):
    result = Run(stopped.folder, {"supernet.hidden": 16}).search("--force-resume")
    assert result.code == 65, result
    assert len(result.errors) == 1, result


def test_harmless_keys_may_change(stopped, gold):
    other = Run(stopped.folder, {"run.log_interval_s": 3, "checkpoint.every_steps": 7,
                                 "comm.timeout_s": 99, "reliability.digest_every": 1})
    result = other.search()
    assert_resumes_to_gold(stopped, gold, result, 14)
    assert "warning" not in result.text.replace("warning: 2 threads share", ""), result


# --- directories


def test_two_runs_in_one_directory(new_run, gold):
    run = new_run()
    first = run.start(ranks=0, env={"ENAS_FAULT": "0:5:slow"})
    run.await_checkpoint(4)
    second = run.search()
    assert second.code == 73, second
    assert len(second.errors) == 1 and f"process {first.process.pid}" in second.errors[0], second
    result = first.wait()
    assert result.code == 0, result
    assert run.state_hash() == gold.hash


def test_a_lock_of_a_dead_process_is_taken_over(stopped, gold):
    lock = f'{{"host":"{os.uname().nodename}","pid":4194303,"job":"","since":"2020-01-01T00:00:00Z"}}\n'
    (stopped.folder / "run.lock").write_text(lock)
    assert_resumes_to_gold(stopped, gold, stopped.search(), 14)


def test_a_lock_of_another_machine_is_respected(stopped):
    (stopped.folder / "run.lock").write_text(
        '{"host":"elsewhere.example","pid":7,"job":"123","since":"2020-01-01T00:00:00Z"}\n')
    result = stopped.search()
    assert result.code == 73, result
    assert "elsewhere.example" in result.errors[0] and "123" in result.errors[0], result


@pytest.mark.parametrize("ranks", [0, 2])
def test_a_file_where_the_directory_should_be(tmp_path, ranks):
    path = tmp_path / "file"
    path.write_text("mine")
    result = Run(path).search(ranks=ranks)
    assert result.code == 73, result
    assert len(result.errors) == 1 and str(path) in result.errors[0], result
    assert path.read_text() == "mine"


def test_a_directory_without_permission():
    """As nobody when the tests run as root, who may write everywhere."""
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        shutil.copy(CONFIG, place)
        closed = Path(place) / "closed"
        closed.mkdir(mode=0o555)

        def run_here(*arguments):
            return subprocess.run([BINARY, *arguments], cwd=place, capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, env=environment({"HOME": place}), **nobody)

        try:
            can_start = run_here("--version").returncode == 0
        except PermissionError:
            can_start = False
        if not can_start:
            pytest.skip("another user cannot start the program where it was built")
        result = run_here("--config", CONFIG.name, "--run-dir", closed / "run")
        assert result.returncode == 77, result
        assert result.stderr.count("error:") == 1 and str(closed) in result.stderr, result


# --- writes that fail


def limit_file_size(pid, size):
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def start_with_full_disk(run):
    """A single process that can write nothing any more from step 5 on."""
    process = run.start(ranks=0, env={"ENAS_FAULT": "0:5:slow"})
    run.await_checkpoint(4)
    limit_file_size(process.process.pid, 40_000)  # holds the messages, but no log part and no checkpoint
    return process


def test_a_full_disk_at_the_end(new_run, gold):
    run = new_run()
    result = start_with_full_disk(run).wait()
    assert result.code == 74, result
    assert len(result.errors) == 1 and "resumes from step 4" in result.errors[0], result
    assert "round 3/3 done" in result.text, result
    assert run.newest_step() == 4
    assert run.names("*.tmp.*") == []
    assert run.finish() == gold.hash
    assert_same_rows(run.log(), gold.log)


def test_too_many_failed_writes(new_run, gold):
    run = new_run({"checkpoint.max_failures": 2})
    result = start_with_full_disk(run).wait()
    assert result.code == 74, result
    assert result.err.count("warning: checkpoint at step") == 2, result
    assert "checkpoint.max_failures" in result.errors[-1], result
    assert "round 1/3" in result.text and "round 3/3" not in result.text, result
    assert run.finish() == gold.hash
    assert_same_rows(run.log(), gold.log)


def test_a_disk_that_is_full_for_a_while(new_run, gold):
    """Training goes on, the old checkpoint stays, and no row is lost."""
    run = new_run({"search.rounds": 40, "checkpoint.max_failures": 1000})
    process = start_with_full_disk(run)
    wait_for(lambda: "was not written" in process.files[1].read_text(), "a warning")
    limit_file_size(process.process.pid, resource.RLIM_INFINITY)
    result = process.wait()
    assert result.code == 0, result
    last = run.newest_step()
    assert run.steps() == list(range(last))
    log = run.log()
    for name, values in gold.log.items():
        if name.startswith("weight_steps/"):
            assert log[name][:len(values)].tobytes() == values.tobytes(), name


def test_a_pointer_that_cannot_be_written(stopped, gold):
    """The last file of a save fails: what the save wrote before is not half believed later."""
    latest = stopped.folder / "checkpoints" / "latest"
    latest.unlink()
    latest.mkdir()
    result = stopped.search("--max-steps", 20)
    assert result.code in (0, 74) and "warning" in result.err, result
    latest.rmdir()
    assert stopped.finish() == gold.hash
    assert_same_rows(stopped.log(), gold.log)


def test_only_the_newest_are_kept(new_run, gold):
    run = new_run({"checkpoint.keep": 2})
    assert run.finish() == gold.hash
    assert [path.name for path in run.checkpoints()] == ["step-00000024.h5", "step-00000027.h5"]
    assert_same_rows(run.log(), gold.log)
