# SPDX-License-Identifier: Apache-2.0
"""The batch scripts on a real two-node Slurm: limits, requeueing, preemption, cancelling."""
import json
import re

import pytest
from batch import LAUNCHERS, Site, wait_for

REQUEUED = "requeued, to go on from the newest checkpoint"

both = pytest.mark.parametrize("launcher", LAUNCHERS)


@pytest.fixture
def site(cluster, tmp_path, request):
    made = Site(tmp_path / "site", cluster, request.node.callspec.params.get("launcher", "srun")
                if hasattr(request.node, "callspec") else "srun")
    yield made
    for number in made.call("squeue", "-h", "-o", "%A").split():
        made.call("scancel", number, check=False)
    wait_for(lambda: made.call("squeue", "-h") == "", "the last jobs to end")


def finish(site, job, restarts):
    """Lets the requeued job make some more steps, and holds its end against a run that was never stopped."""
    assert job.show()["Restarts"] == str(restarts)
    site.stop_at(site.step() + 11)
    job.release()
    while job.await_next() != "COMPLETED":  # a slow machine may take more than one more start
        job.release()
    assert job.show()["ExitCode"] == "0:0", job.output()
    assert_gold(site)


def assert_gold(site):
    step = site.step()
    assert site.state_hash() == site.gold(step)
    assert site.status()["step"] == step


@both
def test_both_nodes_work_and_the_end_is_that_of_one_process(site, launcher):
    site.stop_at(20)
    job = site.submit("--ntasks-per-node=2")
    shown = job.await_state("COMPLETED")
    assert (shown["NodeList"], shown["NumNodes"], shown["Restarts"]) == ("n[1-2]", "2", "0")
    assert "4 ranks, 1 threads each" in job.output()
    assert re.search(rf"^Slurm job {job.number}, (3 h 5\d|4 h 00) min left$", job.output(), re.MULTILINE), job.output()
    assert_gold(site)


def test_ranks_are_spread_over_the_nodes(site):
    (site.folder / "spread.sh").write_text(
        "#!/bin/bash\n. slurm/job.sh\nprepare_job\nlaunch doctor --json >doctor.json\n"
        "srun bash -c 'echo $SLURM_PROCID $SLURMD_NODENAME' | sort >nodes\n")
    site.call("sbatch", "--wait", "--nodes=2", "--ntasks-per-node=2", "--cpus-per-task=3", "--output=spread.out",
              "spread.sh")
    assert (site.folder / "nodes").read_text().splitlines() == ["0 n1", "1 n1", "2 n2", "3 n2"]
    assert len(json.loads((site.folder / "doctor.json").read_text())["ranks"]) == 4


@both
def test_time_limit(site, launcher):
    """USR1 before the limit, a checkpoint, a requeued job, and the bits of a run that was never stopped."""
    job = site.submit("--time=2", "--signal=B:USR1@60")
    job.await_requeued()
    # Under mpirun another rank may see it first.
    assert site.status()["reason"] in ("SIGUSR1", "a signal to another rank"), job.output()
    assert "exit code 75" in job.output()
    finish(site, job, restarts=1)
    log = (site.run / "run.log").read_text()
    assert f"Slurm job {job.number} (restart 1), " in log
    assert "resumed from step" in log


@both
def test_end_of_the_job_without_a_signal(site, launcher):
    """The program itself watches the end of the job."""
    job = site.submit("--time=2", "--signal=B:USR1@0")
    job.await_requeued()
    assert site.status()["reason"] == "time limit", job.output()
    finish(site, job, restarts=1)


@both
def test_preemption(site, launcher):
    """A job of a higher partition takes the nodes. mpirun loses its daemons then; its ranks may go back a few steps."""
    job = site.submit()
    job.await_steps(20)
    site.call("sbatch", "--wait", "-p", "high", "--nodes=2", "--exclusive", "--output=high.out", "--wrap", "true")
    job.await_requeued()
    status, step = site.status(), site.step()
    if launcher == "srun":
        assert (status["phase"], status["step"]) == ("stopped", step), job.output()
        assert status["reason"] in ("SIGTERM", "a signal to another rank")
        assert "exit code 75" in job.output()
    else:
        assert f"{REQUEUED}\n" in job.output()
        assert "exit code 75" not in job.output()
    finish(site, job, restarts=1)
    assert f"resumed from step {step}" in (site.run / "run.log").read_text()


def test_preemption_by_the_users_signal(site, cluster):
    """With preempt_send_user_signal mpirun's ranks write a checkpoint too."""
    (site.folder / "launch").write_text((site.folder / "launch").read_text().replace(
        LAUNCHERS["srun"], LAUNCHERS["mpirun"]))
    before = cluster.read_text()
    cluster.write_text(before + "SlurmctldParameters=preempt_send_user_signal\n")
    site.call("scontrol", "reconfigure")
    try:
        job = site.submit()
        job.await_steps(20)
        site.call("sbatch", "--wait", "-p", "high", "--nodes=2", "--exclusive", "--output=high.out", "--wrap", "true")
        job.await_requeued()
    finally:
        cluster.write_text(before)
        site.call("scontrol", "reconfigure")
    assert site.status()["reason"] in ("SIGUSR1", "a signal to another rank"), job.output()
    finish(site, job, restarts=1)


@both
def test_cancel_leaves_a_run_that_goes_on(site, launcher):
    job = site.submit()
    job.await_steps(20)
    job.cancel()
    shown = job.await_state("CANCELLED")
    assert shown["Restarts"] == "0", job.output()
    wait_for(lambda: site.call("squeue", "-h") == "", "the job to be gone")
    assert job.show()["JobState"] == "CANCELLED"
    again = site.submit("--hold")
    site.stop_at(site.step() + 11)
    site.call("scontrol", "release", again.number)
    again.await_state("COMPLETED")
    assert_gold(site)


@both
def test_a_killed_rank_goes_on_from_the_newest_checkpoint(site, launcher):
    job = site.submit(env={"ENAS_FAULT": "1:25:kill"})
    job.await_requeued()
    assert site.step() == 20, job.output()
    # The same rank would be killed at the same step again.
    site.keys["checkpoint.every_steps"] = 20
    (site.folder / "slurm" / "site.sh").open("a").write("unset ENAS_FAULT\n")
    finish(site, job, restarts=1)


def test_a_job_that_comes_no_further_stops(site):
    """Killed in step 5 of each start, before its first checkpoint."""
    job = site.submit(env={"ENAS_FAULT": "1:5:kill"})
    for restarts in (1, 2):
        job.await_requeued(restarts)
        job.release()
    shown = job.await_state("FAILED")
    assert shown["Restarts"] == "2", job.output()
    assert "not requeued: no step further in 3 starts" in job.output()
    assert site.step() == 0


def test_requeueing_may_be_forbidden(site):
    job = site.submit("--time=1", "--signal=B:USR1@20", "--no-requeue")
    shown = job.await_state("FAILED")
    assert shown["ExitCode"] == "75:0"
    assert "requeueing was refused; submit it again to go on" in job.output()


def test_train_best_waits_for_the_search_and_scores_it(site):
    site.stop_at(20)
    search = site.submit("--hold")
    (site.folder / "slurm" / "site.sh").open("a").write("[[ $SLURM_JOB_NAME != train-best ]] || : >more\n")
    number = site.call("sbatch", "--parsable", f"--dependency=afterok:{search.number}", "--cpus-per-task=1",
                       "slurm/train_best.sh", "runs/enas-ptb", "--set", "train.epochs=1", "--set", "train.hidden=8",
                       "--set", "train.batch_size=4", "--set", "train.evaluation_batch_size=2")
    site.call("scontrol", "release", search.number)
    wait_for(lambda: "JobState=COMPLETED" in site.call("scontrol", "show", "job", number), "the training to end")
    test = json.loads((site.run / "train" / "best" / "test.json").read_text())
    assert test["metrics"]["test"]["perplexity"] > 1.0


def test_seeds_end_in_a_table(site):
    """Also where one of them failed."""
    keys = {**site.keys, "search.rounds": 1, "train.epochs": 1, "train.hidden": 8, "train.batch_size": 4,
            "train.evaluation_batch_size": 2, "weights.slots": 2}
    arguments = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
    site.environment.update({"SBATCH_CPUS_PER_TASK": "1"})
    (site.folder / "slurm" / "site.sh").open("a").write("[[ ${SLURM_ARRAY_TASK_ID:-} != 3 ]] || ENAS_PTB=nowhere\n")
    site.call("slurm/seeds.sh", "1-3%2", "--samples", "4", *arguments)
    wait_for(lambda: list(site.folder.glob("enas-seeds-report-*.out")), "the report")
    wait_for(lambda: site.call("squeue", "-h") == "", "the jobs to end")
    (report,) = site.folder.glob("enas-seeds-report-*.out")
    text = report.read_text()
    assert "not finished, and not in the table: seed 3\n" in text
    assert re.findall(r"^(\w+): test .*\(n = 2\)$", text, re.MULTILINE) == ["random", "reinforce"], text
    assert not (site.folder / "runs" / "enas-seeds" / "seed-3").exists()
