# SPDX-License-Identifier: Apache-2.0
"""The cluster that all tests share, or the reason why there is none."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DAEMONS = ["slurmctld", "slurmd", "munged", "sbatch"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """SLURM_CONF of a running cluster of two nodes. Only its own daemons are ended."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in DAEMONS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (scripts/setup.sh --for slurm)")
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons need root")
    folder = tmp_path_factory.mktemp("cluster")
    environment = {**os.environ, "PATH": path}
    try:
        subprocess.run([HERE / "cluster.sh", "start", folder], check=True, timeout=60, env=environment)
        yield folder / "slurm.conf"
    finally:
        subprocess.run([HERE / "cluster.sh", "stop", folder], check=True, timeout=60, env=environment)
