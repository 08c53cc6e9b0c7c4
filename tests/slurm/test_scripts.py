# SPDX-License-Identifier: Apache-2.0
"""What the batch scripts refuse, and what they give to Slurm and to the program, without Slurm (stage.py)."""
import pytest
from stage import SOURCE, STAND_IN

SCRIPTS = ["enas_ptb.sh", "enas_cifar.sh", "train_best.sh", "seeds.sh"]


@pytest.mark.parametrize(("site", "code", "message"), [
    ("ENAS_HPC=./nothing", 66, "there is no program at ./nothing"),
    ("ENAS_HPC=./program ENAS_PTB=elsewhere", 66, "elsewhere has no ptb.train.txt"),
    ("ENAS_HPC=./program ENAS_PTB=data ENAS_DEVICE=tpu", 64, "ENAS_DEVICE is 'tpu', must be cpu or gpu"),
    ("ENAS_HPC=./program ENAS_PTB=data ENAS_LAUNCHER=aprun", 66, "there is no aprun")])
def test_what_is_missing_is_named(stage, site, code, message):
    stage.write("slurm/site.sh", site + "\n")
    ended, text = stage.run()
    assert (ended, text.count("error: ")) == (code, 1), text
    assert message in text


def test_gpu_nodes_by_one_variable(stage):
    stage.run(ENAS_DEVICE="gpu")
    (call,) = stage.calls("program")
    assert call.startswith("program --config configs/ptb_cluster.toml --device cuda ")


@pytest.mark.parametrize(("script", "login", "chosen_by"), [
    ("enas_ptb.sh", False, "ENAS_RUNS and sbatch --job-name"),
    ("enas_cifar.sh", False, "ENAS_RUNS and sbatch --job-name"), ("train_best.sh", False, "the first argument"),
    ("seeds.sh", False, "ENAS_RUNS and SBATCH_JOB_NAME"), ("seeds.sh", True, "ENAS_RUNS and SBATCH_JOB_NAME")])
@pytest.mark.parametrize("arguments", [["--run-dir", "x"], ["--run-dir=x"], ["run.dir=x"], ["--set=run.dir=x"]])
def test_another_run_directory_is_refused(stage, script, login, chosen_by, arguments):
    stage.executable("bin/sbatch", STAND_IN)
    first = {"train_best.sh": ["runs/job"], "seeds.sh": ["1,2"]}.get(script, [])
    stage.run_dir.mkdir(parents=True)
    (stage.run_dir / "best.json").touch()
    code, text = stage.run(script=script, arguments=[*first, "--set", *arguments], login=login)
    assert code == 64, text
    assert f"{arguments[0]} cannot be given here" in text
    assert chosen_by in text
    assert text.count("error: ") == 1
    assert not (stage.folder / "calls").exists()


@pytest.mark.parametrize("script", SCRIPTS)
def test_submitted_from_elsewhere(stage, script, tmp_path):
    code, text = stage.run(script=script, SLURM_SUBMIT_DIR=str(stage.folder / "data"))
    assert code == 66
    assert "submit this from the folder that holds slurm/" in text


def test_train_best_goes_from_ranking_to_test(stage):
    search, best = stage.run_dir, stage.run_dir / "train" / "best"
    code, text = stage.run(script="train_best.sh", arguments=[str(search)])
    assert code == 66
    assert "there is no search in" in text
    search.mkdir(parents=True)
    (search / "best.json").touch()
    stage.write("code", "0")
    code, text = stage.run(script="train_best.sh", arguments=[str(search), "--max-time", "60"])
    assert code == 0, text
    assert stage.calls("program") == [f"program derive --run {search}", f"program train --run {search} --max-time 60",
                                      f"program evaluate --run {best}"]


@pytest.mark.parametrize(("seeds", "array", "listed"), [
    ([], "1,2,3", "1,2,3"), (["4"], "4", "4"), (["1-3"], "1,2,3", "1,2,3"), (["1-5%2"], "1,2,3,4,5%2", "1,2,3,4,5"),
    (["0-8:4,3"], "0,3,4,8", "0,3,4,8"), (["08-011"], "8,9,10,11", "8,9,10,11"), (["2,1,2"], "1,2", "1,2")])
def test_seeds_are_submitted_as_an_array_and_a_report(stage, seeds, array, listed):
    """The report comes after all of them, whatever became of them."""
    stage.executable("bin/sbatch", STAND_IN)
    stage.write("sbatch.out", "11;cluster\n")
    code, text = stage.run(script="seeds.sh", arguments=[*seeds, *(["--samples", "9"] if seeds else [])], login=True)
    assert code == 0, text
    jobs, report = stage.calls("sbatch")
    rest = f"{stage.folder / 'slurm' / 'seeds.sh'} {listed}" + (" --samples 9" if seeds else "")
    assert f" --array={array} " in jobs
    assert jobs.endswith(rest)
    assert " --dependency=afterany:11 " in report
    assert report.endswith(rest)


@pytest.mark.parametrize("seeds", ["one", "1;2", "1, 2", "1,,2", "5-1", "1,9-8", "1-5:0", "1-5%", "1:3", "-1", "--top"])
def test_seeds_that_are_none_are_refused(stage, seeds):
    stage.executable("bin/sbatch", STAND_IN)
    code, text = stage.run(script="seeds.sh", arguments=[seeds, "--samples", "9"], login=True)
    assert (code, text.count("error: ")) == (64, 1), text
    assert f"the seeds are '{seeds}', must be like" in text
    assert not (stage.folder / "calls").exists()


def finish_seeds(stage, *seeds):
    for seed in seeds:
        (stage.run_dir / f"seed-{seed}").mkdir(parents=True)
        (stage.run_dir / f"seed-{seed}" / "pipeline.json").write_text("[]\n")


def test_a_seed_is_a_task_of_the_array(stage):
    finish_seeds(stage, 5)
    stage.run(script="seeds.sh", arguments=["4,5", "--samples", "9"], SLURM_ARRAY_TASK_ID="5")
    (call,) = stage.calls("program")
    assert call.endswith(" --seed 5 --run-dir runs/job/seed-5 --samples 9"), call
    assert not (stage.run_dir / "seed-5" / "pipeline.json").exists()  # of an earlier job


@pytest.mark.parametrize(("wanted", "finished", "given", "missing"), [
    ("4,5", [4, 5], "--seeds 4,5 --run-dir runs/job", None),
    ("4-6", [4, 6], "--seeds 4,6 --run-dir runs/job", "seed 5\n"),
    ("4-6", [6], "--seed 6 --run-dir runs/job/seed-6", "seed 4 5\n"),
    ("4", [4], "--seed 4 --run-dir runs/job/seed-4", None)])
def test_the_report_trains_nothing(stage, wanted, finished, given, missing):
    finish_seeds(stage, *finished)
    stage.write("code", "0")
    code, text = stage.run(script="seeds.sh", arguments=[wanted, "--samples", "9"])
    assert code == 0, text
    (call,) = stage.calls("program")
    assert call.endswith(f" {given} --samples 9"), call
    assert f"not finished, and not in the table: {missing}" in text if missing else "not finished" not in text


def test_a_report_of_nothing_fails(stage):
    (stage.run_dir / "seed-4").mkdir(parents=True)
    code, text = stage.run(script="seeds.sh", arguments=["4,5"])
    assert (code, stage.calls("program")) == (66, []), text
    assert "no seed of 4,5 is finished in runs/job" in text


def test_the_last_task_of_an_array_is_requeued_alone(stage):
    """Its job id is that of the whole array."""
    stage.run(script="seeds.sh", arguments=["4,5"], SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID="5")
    assert stage.calls("scontrol") == ["scontrol requeue 7_5"]
    assert all("-j 7_5" in call for call in stage.calls("squeue") if "-j" in call)


def test_the_site_example_is_what_the_scripts_do_anyway(stage):
    """Every assignment that is commented out there must name a variable that the scripts read."""
    example = (SOURCE / "slurm" / "site.example.sh").read_text()
    scripts = "".join((SOURCE / "slurm" / name).read_text() for name in ["job.sh", *SCRIPTS])
    names = {line.split("=")[0].removeprefix("# ") for line in example.splitlines() if line.startswith("# ENAS_")}
    assert len(names) >= 6
    for name in names:
        assert f"${{{name}:-" in scripts, name
