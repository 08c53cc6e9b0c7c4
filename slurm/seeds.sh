#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Search, derivation, training and test with several seeds, a job each, beside random choices at the same
# cost; then one report with mean and spread. From the login shell, without sbatch (1,2,3 when left out):
#   slurm/seeds.sh 1,2,3,4,5 [OPTION OF enas_hpc pipeline...]
# or 1-5, 0-8:4, 1-5%2 as sbatch --array takes them; the last lets two run at a time.
#SBATCH --job-name=enas-seeds
#SBATCH --nodes=1 --ntasks=2 --cpus-per-task=8
#SBATCH --time=24:00:00 --signal=B:USR1@300 --requeue
#SBATCH --output=%x-%j.out --open-mode=append
cd "${SLURM_SUBMIT_DIR:-.}" || exit 66
. slurm/job.sh || {
  echo "error: submit this from the folder that holds slurm/" >&2
  exit 66
}

# Prints the numbers of 1,2,5-9 or 0-8:4, one a line. Anything else is a failure, and a range without any.
numbers_of() {
  local range='[0-9]{1,6}(-[0-9]{1,6}(:0*[1-9][0-9]{0,5})?)?' list=${1%\%*} part first last step
  [[ $1 =~ ^$range(,$range)*(%[1-9][0-9]*)?$ ]] || return
  for part in ${list//,/ }; do
    IFS=-: read -r first last step <<<"$part"
    seq "$first" "${step:-1}" "${last:-$first}" | grep . || return
  done
}

refuse_run_dir "the run directory is ENAS_RUNS/JOBNAME, chosen by ENAS_RUNS and SBATCH_JOB_NAME" "$@"
wanted=${1:-1,2,3}
shift $(($# > 0))
seeds=$(numbers_of "$wanted") ||
  fail "the seeds are '$wanted', must be like 1,2,3 or 1-5 or 0-8:4, and may end like %2 (so many at a time)" 64
seeds=$(sort -nu <<<"$seeds" | paste -sd,)

if [[ -z ${SLURM_JOB_ID:-} ]]; then
  limit=${wanted#"${wanted%\%*}"}
  gpus=() gpu=()
  if [[ -n ${SBATCH_GPUS_PER_NODE:-} ]]; then gpus=(--gpus-per-node=2) gpu=(--gpus-per-node=1); fi
  jobs=$(sbatch --parsable --array="$seeds$limit" "${gpus[@]}" --output=%x-%A-%a.out "$0" "$seeds" "$@") || exit
  echo "seeds $seeds: job array ${jobs%%;*}"
  exec sbatch --dependency="afterany:${jobs%%;*}" \
    --ntasks=1 "${gpu[@]}" --time=00:30:00 --output=%x-report-%j.out "$0" "$seeds" "$@"
fi

prepare_job
data=${ENAS_PTB:-data/ptb}
need_files ENAS_PTB "$data" ptb.train.txt ptb.valid.txt ptb.test.txt
# Training cuts its step in two as well, for two ranks.
pipeline=(pipeline --config configs/ptb.toml --set "data.path=$data" --set train.slots=2
  --set train.batch_size=32 --top 1 --with-baseline)
if [[ $ENAS_DEVICE == gpu ]]; then pipeline+=(--device cuda); fi
run=$ENAS_RUNS/$job_name
if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
  run+=/seed-$SLURM_ARRAY_TASK_ID
  pipeline+=(--seed "$SLURM_ARRAY_TASK_ID")
  rm -f "$run/pipeline.json" # written when all is done; the report looks for it
else
  # The report: what the array has finished is read, and the table is printed. Nothing is trained.
  finished='' missing=''
  for seed in ${seeds//,/ }; do
    if [[ -s $run/seed-$seed/pipeline.json ]]; then finished+=,$seed; else missing+=" $seed"; fi
  done
  [[ -n $finished ]] || fail "no seed of $seeds is finished in $run: see the output of the job array"
  [[ -z $missing ]] || say "not finished, and not in the table: seed$missing"
  if [[ ${finished#,} == *,* ]]; then
    pipeline+=(--seeds "${finished#,}")
  else # one alone has no folder of its own below the run directory
    run+=/seed-${finished#,}
    pipeline+=(--seed "${finished#,}")
  fi
fi
begin "$run"
launch "${pipeline[@]}" --run-dir "$run" "$@"
finish "$run" $?
