# SPDX-License-Identifier: Apache-2.0
"""Runs made by the program itself, once a session; tests copy what they want to change."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "analysis" / "src"))
CONFIGS = HERE.parent / "e2e"
RECURRENT, MACRO, MICRO = (CONFIGS / f"tiny{kind}.toml" for kind in ("", "_macro", "_micro"))
TRAIN = {"train.epochs": 3, "train.slots": 2, "train.batch_size": 4, "train.segment_length": 8, "train.hidden": 8,
         "train.lr": 2.0, "train.evaluation_batch_size": 2, "train.evaluation_parts": 2}


def enas_hpc(*words):
    """The bare program, on one rank."""
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                   "OMP_NUM_THREADS": "1"}
    assert "ENAS_HPC" in os.environ, "ENAS_HPC must name the program's binary"
    done = subprocess.run([os.environ["ENAS_HPC"], *map(str, words)], stdin=subprocess.DEVNULL, env=environment,
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sets(keys):
    return [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]


def search(folder, config=RECURRENT, keys=None, *more):
    enas_hpc("--config", config, "--run-dir", folder, *sets(keys or {}), *more)
    return folder


@pytest.fixture(scope="session")
def recurrent(tmp_path_factory):
    """Three rounds of a recurrent search that was stopped at step 14 and resumed."""
    folder = tmp_path_factory.mktemp("recurrent") / "search"
    search(folder, RECURRENT, None, "--max-steps", 14)
    return search(folder)


@pytest.fixture(scope="session")
def macro(tmp_path_factory):
    return search(tmp_path_factory.mktemp("macro") / "macro", MACRO)


@pytest.fixture(scope="session")
def micro(tmp_path_factory):
    return search(tmp_path_factory.mktemp("micro") / "micro", MICRO)


@pytest.fixture(scope="session")
def seeds(tmp_path_factory):
    """Two seeds of each strategy, one round."""
    top = tmp_path_factory.mktemp("seeds")
    return [search(top / f"{strategy}-{seed}", RECURRENT,
                   {"run.seed": seed, "search.strategy": f'"{strategy}"', "search.rounds": 1})
            for strategy in ("reinforce", "random") for seed in (1, 2)]


@pytest.fixture(scope="session")
def derived(recurrent, tmp_path_factory):
    """A copy of the search with a ranking of its children."""
    folder = tmp_path_factory.mktemp("derived") / "search"
    shutil.copytree(recurrent, folder)
    enas_hpc("derive", "--run", folder, "--samples", 12, "--top", 4)
    return folder


@pytest.fixture(scope="session")
def trainings(derived, tmp_path_factory):
    """A folder with the trainings of the four best; the first was evaluated."""
    top = tmp_path_factory.mktemp("trainings")
    for i in range(1, 5):
        enas_hpc("train", "--arch", derived / "derived" / f"top-{i}.json", "--config", RECURRENT,
                 "--run-dir", top / f"top-{i}", *sets(TRAIN))
    enas_hpc("evaluate", "--run", top / "top-1")
    return top


@pytest.fixture
def copy(tmp_path):
    """copy(run) is a run directory of the test's own."""
    def make(folder):
        return Path(shutil.copytree(folder, tmp_path / "copy"))
    return make
