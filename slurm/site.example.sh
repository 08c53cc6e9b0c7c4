# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the batch scripts need to know about your cluster. Copy it to slurm/site.sh and change what differs;
# everything that is commented out here has the value shown. The jobs read the file by themselves. sbatch
# does not: where an account, a partition or GPUs have to be asked for, also read it once in your login shell,
#   . slurm/site.sh

# Asked for by sbatch, from its environment.
# export SBATCH_ACCOUNT=project
# export SBATCH_PARTITION=batch

# CPU or GPU nodes. With gpu a job asks for four GPUs a node, one for each rank of a search; seeds.sh and
# train_best.sh start fewer ranks (sbatch --gpus-per-node=1 slurm/train_best.sh RUN asks for no more).
export ENAS_DEVICE=${ENAS_DEVICE:-cpu}
if [[ $ENAS_DEVICE == gpu ]]; then export SBATCH_GPUS_PER_NODE=4; else unset SBATCH_GPUS_PER_NODE; fi

# The program, and the data (docs/data.md). Relative to the folder from which jobs are submitted.
# ENAS_HPC=build/release/src/app/enas_hpc
# ENAS_PTB=data/ptb
# ENAS_CIFAR=data/cifar-10-batches-bin
# Where run directories are made, one for each job name.
# ENAS_RUNS=runs

# How ranks are started. mpirun must have been built with support for Slurm.
# ENAS_LAUNCHER="srun --mpi=pmix --cpu-bind=cores"
# ENAS_LAUNCHER="mpirun --bind-to none"

# So many starts in a row that come no further end the requeueing. A decimal number from 1 on.
# ENAS_MAX_TRIES=3

# Only inside a job.
if [[ -n ${SLURM_JOB_ID:-} ]]; then
  : # module load openmpi hdf5

  # NCCL, on GPU nodes. The first is for runs whose bits must repeat, the others are for trouble.
  # export NCCL_ALGO=Ring                  # one order of summation: equal bits from run to run
  # export NCCL_DEBUG=WARN                 # INFO tells rings and transports
  # export NCCL_DEBUG_FILE=nccl.%h.%p      # a file a process in the place of stderr
  # export NCCL_SOCKET_IFNAME=^lo,docker0  # interfaces that must not be used
  # export NCCL_IB_HCA=mlx5_0,mlx5_1       # the InfiniBand adapters to use
fi
