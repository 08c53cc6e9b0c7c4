#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# After a search: ranks 100 of its children, trains the best alone, and scores it on the test split. Give it
# the run directory (runs/enas-ptb when left out), and the search to wait for:
#   sbatch --dependency=afterok:JOBID slurm/train_best.sh [RUN [OPTION OF enas_hpc train...]]
# A step of a training has train.slots batches, one by default, and at most as many ranks.
#SBATCH --job-name=train-best
#SBATCH --nodes=1 --ntasks=1 --cpus-per-task=16
#SBATCH --time=12:00:00 --signal=B:USR1@300 --requeue
#SBATCH --output=%x-%j.out --open-mode=append
cd "${SLURM_SUBMIT_DIR:-.}" || exit 66
. slurm/job.sh || {
  echo "error: submit this from the folder that holds slurm/" >&2
  exit 66
}

refuse_run_dir "the training is kept in RUN/train/best, chosen by the first argument, RUN" "$@"
prepare_job
search=${1:-$ENAS_RUNS/enas-ptb}
shift $(($# > 0))
[[ -r $search/best.json ]] || fail "there is no search in $search (best.json): give its run directory"
run=$search/train/best
training=()
if [[ $ENAS_DEVICE == gpu ]]; then training+=(--device cuda); fi
begin "$run"
[[ -r $search/derived/best.json ]] || launch derive --run "$search" || finish "$run" $?
launch train --run "$search" "${training[@]}" "$@" || finish "$run" $?
[[ -r $run/test.json ]] || launch evaluate --run "$run"
finish "$run" $?
