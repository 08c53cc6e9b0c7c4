#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real two-node Slurm cluster on one machine for the tests: slurmctld, two slurmd and munge, on free ports,
# with everything they write under one folder. Needs root and Debian's slurm-wlm and munge.
#   cluster.sh start DIR [CORES]   starts it; nodes claim so many cores, 64 when left out
#   cluster.sh stop DIR            ends the daemons that start began
# Then: export SLURM_CONF=DIR/slurm.conf
# Partitions: low (the default; its jobs can be preempted, which requeues them) and high.
set -euo pipefail

# free_ports N: N different free ports, one a line.
free_ports() {
  python3 - "$1" <<'PYTHON'
import socket
import sys

sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for each in sockets:
    each.bind(("127.0.0.1", 0))
    print(each.getsockname()[1])
PYTHON
}

# background NAME COMMAND...: a daemon in a session of its own; its pid goes to DIR/run/NAME.pid.
background() {
  local name=$1
  shift
  setsid "$@" >"$dir/$name.out" 2>&1 </dev/null &
  echo $! >"$dir/run/$name.pid"
}

start_munge() {
  mkdir -m 755 "$dir/munge"
  (umask 077 && head -c 128 /dev/urandom >"$dir/munge/key")
  background munged munged --foreground --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" \
    --pid-file="$dir/munge/pid" --log-file="$dir/munged.log" --seed-file="$dir/munge/seed"
}

# Nodes claim cores and four GPUs that are not there, so that batch scripts fit as they are. Ranks are bound
# to cores where those are real.
write_configuration() {
  local host ports node cores=${1:-64} plugin=none
  # nproc takes a number of threads for the cores.
  if ((cores <= $(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc))); then plugin=affinity; fi
  host=$(hostname -s)
  mapfile -t ports < <(free_ports 3)
  cat >"$dir/slurm.conf" <<CONF
ClusterName=enas
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
SlurmUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.own
SlurmdPidFile=$dir/run/slurmd.%n.own
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/$plugin
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/jobs.log
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5,default_queue_depth=20
JobRequeue=1
KillWait=10
PreemptMode=REQUEUE
PreemptType=preempt/partition_prio
MpiDefault=none
GresTypes=gpu
ReturnToService=2
SlurmctldPort=${ports[0]}
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=$cores CoresPerSocket=$cores RealMemory=4000 Gres=gpu:4 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=$cores CoresPerSocket=$cores RealMemory=4000 Gres=gpu:4 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
CONF
  for node in n1 n2; do # each reads its own mpi.conf: the PMIx folders of the two would collide
    mkdir -p "$dir/$node/pmix"
    cp "$dir/slurm.conf" "$dir/$node/slurm.conf"
    echo "PMIxCliTmpDirBase=$dir/$node/pmix" >"$dir/$node/mpi.conf"
    printf 'Name=gpu File=%s\n' /dev/{null,zero,full,random} >"$dir/$node/gres.conf"
  done
  cp "$dir/n1/gres.conf" "$dir/gres.conf"
}

start() {
  local node
  mkdir -p "$dir"/{state,run} "$dir"/spool/{n1,n2}
  export SLURM_CONF=$dir/slurm.conf
  start_munge
  write_configuration "$@"
  background slurmctld slurmctld -D
  for node in n1 n2; do
    background "slurmd.$node" env SLURM_CONF="$dir/$node/slurm.conf" slurmd -D -f "$dir/$node/slurm.conf" -N "$node"
  done
  for _ in {1..240}; do
    if [[ $(sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l) == 2 ]]; then return 0; fi
    sleep 0.5
  done
  tail -n 20 "$dir"/*.out "$dir"/slurm*.log >&2 || true
  echo "cluster.sh: the nodes did not become idle; see $dir" >&2
  return 1
}

# The daemons' jobs first: slurmd leaves the steps that it began.
stop() {
  local name pid
  SLURM_CONF=$dir/slurm.conf timeout 10 scancel --state=RUNNING,PENDING --user=root 2>/dev/null || true
  for name in slurmd.n1 slurmd.n2 slurmctld munged; do
    [[ -f $dir/run/$name.pid ]] || continue
    pid=$(<"$dir/run/$name.pid")
    kill "$pid" 2>/dev/null || continue
    for _ in {1..50}; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
}

action=${1:-}
[[ $action =~ ^(start|stop)$ && -n ${2:-} ]] || {
  sed -n '3,8p' "$0"
  exit 64
}
dir=$(realpath -m "$2")
shift 2
"$action" "$@"
