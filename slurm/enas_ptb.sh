#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A search for a recurrent cell on Penn Treebank:
#   sbatch slurm/enas_ptb.sh [OPTION OF enas_hpc...]
#SBATCH --job-name=enas-ptb
#SBATCH --nodes=2 --ntasks-per-node=4 --cpus-per-task=4
#SBATCH --time=04:00:00 --signal=B:USR1@180 --requeue
#SBATCH --output=%x-%j.out --open-mode=append
cd "${SLURM_SUBMIT_DIR:-.}" || exit 66
. slurm/job.sh || {
  echo "error: submit this from the folder that holds slurm/" >&2
  exit 66
}

refuse_run_dir "the run directory is ENAS_RUNS/JOBNAME, chosen by ENAS_RUNS and sbatch --job-name" "$@"
prepare_job
data=${ENAS_PTB:-data/ptb}
need_files ENAS_PTB "$data" ptb.train.txt ptb.valid.txt ptb.test.txt
run=$ENAS_RUNS/$job_name
if [[ $ENAS_DEVICE == gpu ]]; then
  search=(--config configs/ptb_cluster.toml --device cuda)
else
  # The 64 columns of a step as eight children with eight each: one for every rank.
  search=(--config configs/ptb.toml --set weights.slots=8 --set weights.batch_size=8)
fi
begin "$run"
launch "${search[@]}" --set "data.path=$data" --run-dir "$run" "$@"
finish "$run" $?
