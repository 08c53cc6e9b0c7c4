# SPDX-License-Identifier: Apache-2.0
"""Ranks that die, are slow, see other things than the rest, or run out of memory."""
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from fault_checks import fault_at
from search_run import BINARY, LAST_STEP, assert_same_rows, enas_hpc_by_rank, environment, is_alive, kill, wait_for

NOT_SANITIZED = pytest.mark.skipif("ENAS_SANITIZED" in os.environ,
                                   reason="a sanitizer takes the signal and needs all addresses")
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def assert_resumes_to_gold(run, gold):
    assert run.finish() == gold.hash
    assert run.steps() == list(range(LAST_STEP))
    assert_same_rows(run.log(), gold.log)


def search_as(run, *ranks, arguments=(), env=None):
    return enas_hpc_by_rank(*ranks, arguments=run.arguments(*arguments), env=env)


def test_negative_control_of_unlike_ranks(new_run, gold):
    """Two ranks that are started one by one are like any two."""
    run = new_run()
    assert search_as(run, {}, {"cwd": "/", "env": {"SOMETHING": "else"}}).code == 0
    assert run.state_hash() == gold.hash


# --- R3, R4, R5, R6, R8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_signal_to_mpirun(new_run, gold, number):
    """Open MPI ends the ranks itself; the newest checkpoint holds."""
    run = new_run()
    process = run.start(env=fault_at(0, 5, "hang"))
    run.await_checkpoint(4)
    os.kill(process.mpirun(), number)
    assert process.wait().code not in (0, 124)
    assert_resumes_to_gold(run, gold)


@pytest.mark.parametrize("kind, code, said", [
    ("abort", 134, "Abort"), pytest.param("segv", 139, "Segmentation fault", marks=NOT_SANITIZED)])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_crashes(new_run, gold, kind, code, said, rank):
    run = new_run()
    process = run.start(env=fault_at(rank, 10, kind))
    ranks = process.ranks(2)
    wait_for(lambda: not is_alive(ranks[rank]), "the crash")
    result = process.wait_for_all(ranks, 5)
    assert result.code == code and f"exited on signal {code - 128} ({said}" in result.text, result
    assert_resumes_to_gold(run, gold)


def random_moments(count, seed):
    return [round(random.Random(f"{seed} {i}").uniform(0.5, 3.0), 3) for i in range(count)]


def start_drawn_out(run):
    """A run of several seconds, so that a random moment is somewhere inside of it."""
    return run.start(env=fault_at(1, 1, "slow_forever"))


@pytest.mark.long
@pytest.mark.parametrize("moment", random_moments(20, "kill"))
@pytest.mark.parametrize("rank", [0, 1])
def test_kill_of_a_rank_at_a_random_moment(new_run, gold, rank, moment):
    run = new_run()
    process = start_drawn_out(run)
    ranks = process.ranks(2)
    time.sleep(moment)
    kill(ranks[rank])
    assert process.wait_for_all(ranks, 5).code == 137
    assert_resumes_to_gold(run, gold)


@pytest.mark.long
@pytest.mark.parametrize("moment", random_moments(20, "usr1"))
def test_usr1_at_a_random_moment(new_run, gold, moment):
    """Before the handlers are there it ends the ranks; afterwards it is a stop."""
    run = new_run()
    process = start_drawn_out(run)
    run.await_checkpoint(0)
    time.sleep(moment)
    os.kill(process.mpirun(), signal.SIGUSR1)
    assert process.wait().code == 75
    assert_resumes_to_gold(run, gold)


@pytest.mark.long
@pytest.mark.parametrize("moment", random_moments(10, "mpirun"))
def test_kill_of_mpirun_at_a_random_moment(new_run, gold, moment):
    run = new_run()
    process = start_drawn_out(run)
    ranks = process.ranks(2)
    time.sleep(moment)
    kill(process.mpirun())
    process.wait_for_all(ranks, 5)
    assert_resumes_to_gold(run, gold)


# --- R10, R11


@pytest.mark.parametrize("slow", [0, 1, None])
def test_a_slow_rank(new_run, gold, slow):
    """It is named, and nothing else changes. Without one nothing is said."""
    run = new_run({"reliability.straggler_interval_s": 1, "reliability.straggler_factor": 20})
    result = run.search(env={} if slow is None else fault_at(slow, 0, "slow_forever"))
    assert result.code == 0, result
    named = re.findall(r"^warning: rank (\d) \(\S+\) is slow: [\d.]+ s a slot", result.err, re.MULTILINE)
    assert set(named) == (set() if slow is None else {str(slow)}), result
    assert run.state_hash() == gold.hash


def clock(skew, rate=1):
    assert FAKETIME is not None
    return {"env": {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"{skew:+d}s x{rate}", "FAKETIME_DONT_RESET": "1"}}


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
@pytest.mark.parametrize("skew, left_s, code", [(-3600, 32, 75), (3600, 600, 0)])
def test_clocks_that_disagree(new_run, gold, skew, left_s, code):
    """The clock of rank 0 alone says whether the batch job's end, less a margin of 30 s, has come."""
    run = new_run()
    result = search_as(run, clock(0), clock(skew), env={
        "SLURM_JOB_END_TIME": str(int(time.time()) + left_s), **fault_at(0, 5, "slow")})
    assert result.code == code, result
    assert ("stopped with a checkpoint (time limit)" in result.text) == (code == 75), result
    assert_resumes_to_gold(run, gold)


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
def test_a_clock_that_runs_faster(new_run, gold):
    run = new_run({"comm.timeout_s": 3000})
    result = search_as(run, clock(0), clock(0, 50), arguments=["--max-time", "00:00:02"],
                       env=fault_at(0, 5, "slow"))
    assert result.code == 75 and "(time limit)" in result.text, result
    assert_resumes_to_gold(run, gold)


# --- S3


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_stays_away_from_a_sum(new_run, gold, rank):
    run = new_run({"comm.timeout_s": 2})
    result = run.search(env=fault_at(rank, 10, "skip_sum"))
    assert result.code == 79, result
    assert re.search(r"rank \d made no progress .* at step 1\d", result.err), result
    assert_resumes_to_gold(run, gold)


# --- M1, P3: ranks that do not belong together


def stale_binary(folder):
    """This program, but of another revision: as if a node had not got the last installation."""
    version = subprocess.run([BINARY, "--version"], capture_output=True, text=True, env=environment()).stdout
    revision = re.search(r"revision ([\w.-]+)", version)[1].encode()
    content = Path(BINARY).read_bytes()
    assert revision in content
    copy = folder / "enas_hpc"
    copy.write_bytes(content.replace(revision, bytes(reversed(revision))))
    copy.chmod(0o755)
    return {"binary": copy}


def other_processor(_):
    return {"env": {"ATEN_CPU_CAPABILITY": "default"}}


@pytest.mark.parametrize("rank", [0, 1, 2])
@pytest.mark.parametrize("differ, what", [(stale_binary, "the program"),
                                          (other_processor, "the instruction set")])
def test_ranks_that_are_not_alike(new_run, tmp_path, differ, what, rank):
    run = new_run()
    ranks = [{} for _ in range(3)]
    ranks[rank] = differ(tmp_path)
    result = search_as(run, *ranks)
    assert result.code == 65 and len(result.errors) == 1, result
    said = rf"{what}.* on rank {rank} is not the same as on rank {rank == 0:d}"
    assert re.search(said, result.errors[0]), result
    assert run.checkpoints() == []


def test_the_smaller_group_differs(new_run):
    """Ranks 0 and 1 of five: neither is said to differ from the other."""
    other = {"env": {"ATEN_CPU_CAPABILITY": "default"}}
    result = search_as(new_run({"weights.slots": 5}), other, other, {}, {}, {})
    assert result.code == 65 and len(result.errors) == 1, result
    assert "the instruction set on rank 0 is not the same as on rank 2" in result.errors[0], result


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("arguments", [["--version"], ["state-hash", "nowhere"]])
def test_a_wrong_instruction_set_on_one_rank(rank, arguments):
    """The others hear of it, instead of waiting for that rank."""
    ranks = [{}, {}]
    ranks[rank] = {"env": {"ENAS_HPC_INSTRUCTION_SET": "avx512"}}
    result = enas_hpc_by_rank(*ranks, arguments=arguments)
    assert result.code == 65 and len(result.errors) == 1, result
    assert "ENAS_HPC_INSTRUCTION_SET is 'avx512'" in result.errors[0], result
    assert ("rank 1" in result.errors[0]) == (rank == 1), result


@pytest.mark.parametrize("item", ["the configuration", "the number of threads"])
def test_digests_that_are_not_alike(new_run, item):
    result = new_run().search(env={"ENAS_HANDSHAKE_FAULT": f"1:{item}"})
    assert result.code == 65 and len(result.errors) == 1, result
    assert f"{item} on rank 1 is not the same" in result.errors[0], result


@pytest.mark.parametrize("change, code", [
    (lambda text: text.replace("b", "a", 1), 65),
    (None, 66),
])
def test_a_rank_that_sees_another_file(new_run, tmp_path, change, code):
    text = "a b c\n" * 200
    for name in ("here", "there"):
        (tmp_path / name / "corpus").mkdir(parents=True)
        for split, part in (("train", text), ("valid", "a b\n" * 50), ("test", "a\n" * 50)):
            (tmp_path / name / "corpus" / f"{split}.txt").write_text(part)
    other = tmp_path / "there" / "corpus" / "train.txt"
    run = new_run({"data.source": "folder", "data.path": "corpus", "search.rounds": 1})
    places = [{"cwd": tmp_path / "here"}, {"cwd": tmp_path / "there"}]
    assert search_as(run, *places).code == 0  # the negative control: two folders, equal content
    shutil.rmtree(run.folder)
    if change is None:
        other.unlink()
    else:
        other.write_text(change(text))
    result = search_as(run, *places)
    assert result.code == code and len(result.errors) == 1, result
    said = "the data on rank 1 is not the same" if change else "train.txt"
    assert said in result.errors[0], result
    assert run.checkpoints() == []


# --- E4


def test_threads_of_a_resume(stopped, gold):
    """Those of the checkpoint are kept; others by option only, with a warning about the bits."""
    copy = stopped.copy_to(stopped.folder.parent / "copy")
    result = stopped.search("--set", "run.threads=2")
    assert result.code == 0, result
    assert "warning: run.threads is 2 but the checkpoint was written with 1" in result.err, result
    assert "will differ in their last bits" in result.err, result
    result = copy.search(env={"OMP_NUM_THREADS": "2"})
    assert result.code == 0 and "last bits" not in result.text, result
    assert "using 1 threads a rank as the checkpoint does" in result.text, result
    assert copy.state_hash() == gold.hash


# --- P5


@NOT_SANITIZED
@pytest.mark.parametrize("rank", [0, 1, None])
def test_a_rank_without_memory(new_run, rank):
    """Weights of some 150 MB where one rank may have 1 GB of addresses, LibTorch and NCCL included."""
    run = new_run({"supernet.hidden": 1200, "comm.timeout_s": 300})
    ranks = [{}, {}]
    if rank is not None:
        ranks[rank] = {"before": ["bash", "-c", 'ulimit -v 1000000; exec "$@"', "bash"]}
    result = search_as(run, *ranks, arguments=["--max-steps", "1"])
    if rank is None:
        assert result.code == 0, result
    else:
        assert result.code == 70, result
        assert len(result.errors) == 1 and "memory" in result.errors[0], result
