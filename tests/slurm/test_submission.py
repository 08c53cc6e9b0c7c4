# SPDX-License-Identifier: Apache-2.0
"""Slurm accepts every batch script as it is, without arguments, on CPU and GPU nodes; ranks get their cores."""
import pytest
from batch import SOURCE, Site


@pytest.mark.parametrize("script", ["enas_ptb", "enas_cifar", "train_best", "seeds"])
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_each_script(cluster, tmp_path, script, device):
    site = Site(tmp_path / "site", cluster)
    example = SOURCE / "slurm" / "site.example.sh"
    site.call("bash", "-c", f"export ENAS_DEVICE={device}; . {example} && sbatch --test-only slurm/{script}.sh")


def test_an_impossible_wish_is_refused(cluster, tmp_path):
    """That --test-only looks at all."""
    site = Site(tmp_path / "site", cluster)
    with pytest.raises(AssertionError, match=r"Requested node configuration is not available|More processors"):
        site.call("sbatch", "--test-only", "--nodes=3", "slurm/enas_ptb.sh")


def test_each_rank_has_the_cores_that_were_asked_for(cluster_of_real_cores, tmp_path):
    """srun alone would bind it to one core; only the variable that the scripts export makes it two."""
    site = Site(tmp_path / "site", cluster_of_real_cores)
    (site.folder / "mask").write_text("#!/bin/bash\nawk '/Cpus_allowed_list/ { print $2 }' /proc/self/status\n")
    (site.folder / "mask").chmod(0o755)
    (site.folder / "masks.sh").write_text(
        "#!/bin/bash\n. slurm/job.sh\nprepare_job >/dev/null\nENAS_HPC=./mask\nlaunch >with\n"
        "unset SRUN_CPUS_PER_TASK\nlaunch >without\n")
    site.call("sbatch", "--wait", "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=2", "--output=masks.out",
              "masks.sh")
    cores = [[cores_of(mask) for mask in (site.folder / name).read_text().split()] for name in ("with", "without")]
    assert cores == [[2, 2], [1, 1]]


def cores_of(mask):
    """How many cores "0-1,4" has."""
    ends = [[int(end) for end in part.split("-")] for part in mask.split(",")]
    return sum(end[-1] - end[0] + 1 for end in ends)
