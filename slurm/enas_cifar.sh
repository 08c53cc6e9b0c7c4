#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A search for a whole network on CIFAR-10; with ENAS_CONFIG=configs/cifar_micro.toml for cells:
#   sbatch slurm/enas_cifar.sh [OPTION OF enas_hpc...]
#SBATCH --job-name=enas-cifar
#SBATCH --nodes=2 --ntasks-per-node=4 --cpus-per-task=4
#SBATCH --time=08:00:00 --signal=B:USR1@300 --requeue
#SBATCH --output=%x-%j.out --open-mode=append
cd "${SLURM_SUBMIT_DIR:-.}" || exit 66
. slurm/job.sh || {
  echo "error: submit this from the folder that holds slurm/" >&2
  exit 66
}

refuse_run_dir "the run directory is ENAS_RUNS/JOBNAME, chosen by ENAS_RUNS and sbatch --job-name" "$@"
prepare_job
data=${ENAS_CIFAR:-data/cifar-10-batches-bin}
need_files ENAS_CIFAR "$data" data_batch_{1..5}.bin test_batch.bin
run=$ENAS_RUNS/$job_name
search=(--config "${ENAS_CONFIG:-configs/cifar.toml}")
if [[ $ENAS_DEVICE == gpu ]]; then search+=(--device cuda); fi
begin "$run"
launch "${search[@]}" --set "data.path=$data" --run-dir "$run" "$@"
finish "$run" $?
