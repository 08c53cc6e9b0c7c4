# SPDX-License-Identifier: Apache-2.0
"""The cluster that all tests share, or the reason why there is none."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from stage import STAND_IN, Stage

HERE = Path(__file__).parent
DAEMONS = ["slurmctld", "slurmd", "munged", "sbatch"]


def pytest_configure():
    """A test run that is ended from outside takes its daemons with it."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by SIGTERM", 128 + signal.SIGTERM))


def start_cluster(folder, *arguments):
    """SLURM_CONF of a running cluster of two nodes, while it is needed. Only its own daemons are ended."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in DAEMONS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (scripts/setup.sh installs them)")
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons need root")
    environment = {**os.environ, "PATH": path}
    try:
        subprocess.run([HERE / "cluster.sh", "start", folder, *arguments], check=True, timeout=180, env=environment)
        yield folder / "slurm.conf"
    finally:
        subprocess.run([HERE / "cluster.sh", "stop", folder], check=True, timeout=180, env=environment)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Large enough for every batch script."""
    yield from start_cluster(tmp_path_factory.mktemp("cluster"))


@pytest.fixture
def cluster_of_real_cores(tmp_path):
    """Ranks are bound to cores. Two cores a node."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("a mask of more than one core needs two cores")
    yield from start_cluster(tmp_path / "cluster", "2")


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


@pytest.fixture
def hasty(stage):
    """A stage on which nobody sleeps."""
    stage.executable("bin/sleep", STAND_IN)
    return stage
