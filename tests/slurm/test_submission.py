# SPDX-License-Identifier: Apache-2.0
"""Slurm accepts every batch script as it is: without arguments, on CPU and GPU nodes."""
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
    with pytest.raises(AssertionError, match="Requested node configuration is not available|More processors"):
        site.call("sbatch", "--test-only", "--nodes=3", "slurm/enas_ptb.sh")
