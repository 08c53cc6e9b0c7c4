# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the batch scripts share: start the program, pass signals on, requeue a run that can go on. Sourced by
# the scripts in the folder from which they were submitted. docs/slurm.md tells what happens when.

job_name=${SLURM_JOB_NAME:-slurm}
job_id=${SLURM_JOB_ID:-}
# The last task of an array has the array's own id, which would mean all of its tasks.
task_id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID:-}}
task_id=${task_id:-$job_id}
child=''     # the launcher, while it runs
signal=''    # the signal that the job was sent: USR1, or TERM once Slurm is ending it

say() { printf '%s: %s\n' "$job_name" "$1"; }
fail() { # MESSAGE [CODE]
  printf '%s: error: %s\n' "$job_name" "$1" >&2
  exit "${2:-66}"
}

# refuse_run_dir RULE ARGUMENT...: elsewhere than the script looks, no progress would be seen.
refuse_run_dir() {
  local argument
  for argument in "${@:2}"; do
    case $argument in
      --run-dir | --run-dir=* | run.dir=* | --set=run.dir=*)
        fail "$argument cannot be given here: $1" 64
        ;;
    esac
  done
}

# retry COMMAND...: three times before it is given up. slurmctld may be busy, or about to come back.
retry() {
  "$@" || { sleep 5 && "$@"; } || { sleep 5 && "$@"; }
}

# Site facts, defaults, and everything that the program takes from the environment.
prepare_job() {
  local site=${ENAS_SITE:-slurm/site.sh} restarts=${SLURM_RESTART_COUNT:-0} end
  [[ -z ${ENAS_SITE:-} || -r $site ]] || fail "ENAS_SITE names $site, which cannot be read"
  # shellcheck source=slurm/site.example.sh
  if [[ -r $site ]]; then . "$site"; fi
  ENAS_DEVICE=${ENAS_DEVICE:-cpu}
  ENAS_RUNS=${ENAS_RUNS:-runs}
  ENAS_HPC=${ENAS_HPC:-build/release/src/app/enas_hpc}
  [[ $ENAS_DEVICE =~ ^(cpu|gpu)$ ]] || fail "ENAS_DEVICE is '$ENAS_DEVICE', must be cpu or gpu ($site)" 64
  ENAS_MAX_TRIES=${ENAS_MAX_TRIES:-3}
  [[ $ENAS_MAX_TRIES =~ ^0*[1-9][0-9]{0,5}$ ]] ||
    fail "ENAS_MAX_TRIES is '$ENAS_MAX_TRIES', must be a number from 1 to 999999 ($site)" 64
  ENAS_MAX_TRIES=$((10#$ENAS_MAX_TRIES)) # decimal: bash takes 010 for 8
  [[ $restarts =~ ^[0-9]{1,9}$ ]] || restarts=0
  [[ -x $ENAS_HPC ]] || fail "there is no program at $ENAS_HPC (seen from $PWD): build it, or set ENAS_HPC in $site"
  [[ -n $job_id ]] || fail "this is a batch script: start it with sbatch" 64
  read -r -a launcher <<<"${ENAS_LAUNCHER:-srun --mpi=pmix --cpu-bind=cores}"
  command -v "${launcher[0]}" >/dev/null || fail "there is no ${launcher[0]}: set ENAS_LAUNCHER in $site"
  # Ranks end together; where one was killed, srun ends the others.
  export SLURM_KILL_BAD_EXIT=0 SLURM_WAIT=30
  export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
  # srun does not take it over from the job (since 22.05): ranks would be bound to one core each.
  export SRUN_CPUS_PER_TASK=$OMP_NUM_THREADS
  # Slurm sets it from 23.02 on.
  if [[ -z ${SLURM_JOB_END_TIME:-} ]] && end=$(squeue -h -j "$task_id" -o %e) && end=$(date -d "$end" +%s 2>/dev/null); then
    export SLURM_JOB_END_TIME=$end
  fi
  trap 'on_signal USR1' USR1
  trap 'on_signal TERM' TERM
  say "job $job_id, start $((10#$restarts + 1)), $SLURM_JOB_NODELIST, $(date '+%F %T')"
}

# need_files VARIABLE FOLDER FILE...: FOLDER must hold these, and VARIABLE of the site file is its place.
need_files() {
  local variable=$1 folder=$2 file
  for file in "${@:3}"; do
    [[ -r $folder/$file ]] || fail "$folder has no $file (seen from $PWD): set $variable in ${ENAS_SITE:-slurm/site.sh}"
  done
}

# USR1 is a checkpoint and the end for ranks under srun and mpirun alike; TERM would make mpirun kill them.
on_signal() {
  signal=$1
  [[ -z $child ]] || kill -USR1 "$child" 2>/dev/null
}

# launch ARGUMENT...: the program with these, on all ranks. Returns its exit code.
launch() {
  local code=0
  [[ -z $signal ]] || return 75 # between two programs; the first is done
  "${launcher[@]}" "$ENAS_HPC" "$@" </dev/null &
  child=$!
  # Each signal ends a wait, with a code above 128; bash keeps the program's own code for the next one.
  wait "$child"
  while kill -0 "$child" 2>/dev/null; do wait "$child"; done
  wait "$child"
  code=$?
  child=''
  return "$code"
}

# The steps of all searches and trainings in a run directory, added up.
steps_of() {
  find "$1" -name status.json -exec grep -ho '"step": *[0-9]*' {} + 2>/dev/null |
    awk '{ steps += $NF } END { print steps + 0 }'
}

# A job that was killed leaves its lock behind, and from another node nobody sees that the process is gone.
# Slurm knows. A lock of a host that is not of this cluster is not touched.
free_lock() {
  local lock=$1 job host hosts jobs
  job=$(sed -n 's/.*"job":"\([0-9]*\)".*/\1/p' "$lock")
  host=$(sed -n 's/.*"host":"\([^"]*\)".*/\1/p' "$lock")
  [[ -n $job && -n $host && $job != "$job_id" ]] || return 0
  hosts=$(retry sinfo -h -N -o %n | sed 's/\..*//') && jobs=$(retry squeue -h -t all -o '%A %T') || return 0
  grep -qx "${host%%.*}" <<<"$hosts" || return 0
  if grep -qE "^$job (RUNNING|COMPLETING|SUSPENDED|STOPPED|CONFIGURING|RESIZING|SIGNALING|STAGE_OUT)$" <<<"$jobs"; then
    return 0
  fi
  say "job $job is over: its lock on ${lock%/run.lock} is taken away"
  : >"$lock"
}

# finish RUN CODE: ends the job with CODE, unless the run can go on: then the job is requeued.
finish() {
  local run=$1 code=$2 tries state
  say "exit code $code at step $(steps_of "$run"), $(date '+%F %T')"
  if ((code == 0)); then
    rm -f "$run/requeues"
    exit 0
  fi
  # 75: stopped with a checkpoint. 79: a rank hung. 1 and above 128: a rank or mpirun was killed.
  ((code == 75 || code == 79 || code == 1 || code > 128)) || exit "$code"
  # A job that was cancelled just now would come back.
  if ! state=$(retry squeue -h -j "$task_id" -o %T); then
    say "squeue does not tell whether the job is cancelled: taken as running"
    state=RUNNING
  fi
  if [[ $state != RUNNING || $signal == TERM ]]; then stay "Slurm ends the job; submit it again to go on" "$code"; fi
  if is_stopped "$run"; then stay "stopped by the file STOP; submit it again to go on" "$code"; fi
  tries=$(count_try "$run")
  if ((tries >= ENAS_MAX_TRIES)); then
    stay "no step further in $tries starts (ENAS_MAX_TRIES): see $run/run.log" "$code"
  fi
  say "requeued, to go on from the newest checkpoint"
  retry scontrol requeue "$task_id" || stay "requeueing was refused; submit it again to go on" "$code"
  exit "$code" # Slurm ends this script at once
}

stay() { # MESSAGE CODE
  say "not requeued: $1"
  exit "$2"
}

# Whether the file STOP ended RUN: its newest stage says so, or none has come to see the file. The program takes
# away what it sees, or the next job would stop at once.
is_stopped() {
  local newest
  if [[ -e $1/STOP ]]; then
    rm -f "$1/STOP"
    return 0
  fi
  newest=$(find "$1" -maxdepth 4 -name status.json -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1)
  grep -qs '"reason": *"STOP file"' "${newest#* }"
}

# Prints how many starts of this job in a row have come no further. RUN/requeues holds: job, steps, that number.
count_try() {
  local job='' most=0 tries=0 steps
  steps=$(steps_of "$1")
  mkdir -p "$1"
  read -r job most tries 2>/dev/null <"$1/requeues"
  if [[ $job != "$job_id" ]]; then most=$steps_before tries=0; fi
  if ((steps > most)); then most=$steps tries=0; else tries=$((tries + 1)); fi
  printf '%s %s %s\n' "$job_id" "$most" "$tries" >"$1/requeues"
  printf '%s\n' "$tries"
}

# begin RUN: before the first program. Each stage of a run has a lock.
begin() {
  local locks lock
  steps_before=$(steps_of "$1")
  mapfile -t locks < <(find "$1" -name run.lock -size +0 2>/dev/null)
  for lock in "${locks[@]}"; do free_lock "$lock"; done
}
