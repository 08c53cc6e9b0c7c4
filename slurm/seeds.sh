#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Search, derivation, training and test with several seeds, a job each, beside random choices at the same
# cost; then one report with mean and spread. From the login shell, without sbatch (1,2,3 when left out):
#   slurm/seeds.sh 1,2,3,4,5 [OPTION OF enas_hpc pipeline...]
#SBATCH --job-name=enas-seeds
#SBATCH --nodes=1 --ntasks=2 --cpus-per-task=8
#SBATCH --time=24:00:00 --signal=B:USR1@300 --requeue
#SBATCH --output=%x-%j.out --open-mode=append
if [[ -z ${SLURM_JOB_ID:-} ]]; then
  seeds=${1:-1,2,3}
  shift $(($# > 0))
  gpus=() gpu=()
  if [[ -n ${SBATCH_GPUS_PER_NODE:-} ]]; then gpus=(--gpus-per-node=2) gpu=(--gpus-per-node=1); fi
  jobs=$(sbatch --parsable --array="$seeds" "${gpus[@]}" --output=%x-%A-%a.out "$0" "$seeds" "$@") || exit
  echo "seeds $seeds: job array ${jobs%%;*}"
  exec sbatch --dependency="afterok:${jobs%%;*}" --kill-on-invalid-dep=yes \
    --ntasks=1 "${gpu[@]}" --time=00:30:00 --output=%x-report-%j.out "$0" "$seeds" "$@"
fi
cd "${SLURM_SUBMIT_DIR:-.}" || exit 66
. slurm/job.sh || {
  echo "error: submit this from the folder that holds slurm/" >&2
  exit 66
}

prepare_job
data=${ENAS_PTB:-data/ptb}
need_files ENAS_PTB "$data" ptb.train.txt ptb.valid.txt ptb.test.txt
seeds=${1:-1,2,3}
shift $(($# > 0))
# Training cuts its step in two as well, for two ranks.
pipeline=(pipeline --config configs/ptb.toml --set "data.path=$data" --set train.slots=2
  --set train.batch_size=32 --top 1 --with-baseline)
if [[ $ENAS_DEVICE == gpu ]]; then pipeline+=(--device cuda); fi
run=$ENAS_RUNS/$job_name
if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
  run+=/seed-$SLURM_ARRAY_TASK_ID
  pipeline+=(--seed "$SLURM_ARRAY_TASK_ID")
else
  # The report: whatever the array has done is read, and the table is printed.
  pipeline+=(--seeds "$seeds")
fi
begin "$run"
launch "${pipeline[@]}" --run-dir "$run" "$@"
finish "$run" $?
