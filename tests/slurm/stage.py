# SPDX-License-Identifier: Apache-2.0
"""One start of a batch script without Slurm: its commands are stand-ins, and so is the program."""
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[2]

# Records the call and prints what the test wrote for it. It fails as often as the test wants.
STAND_IN = """#!/bin/bash
name=$(basename "$0")
echo "$name $*" >>"$STAGE/calls"
fails=$(cat "$STAGE/$name.fails" 2>/dev/null)
if ((fails > 0)); then
  echo "$((fails - 1))" >"$STAGE/$name.fails"
  echo "slurm_load_jobs error: Socket timed out on send/recv operation" >&2
  exit 1
fi
cat "$STAGE/$name.out" 2>/dev/null || true
"""
# The program: it makes the steps that the test wants, says that it is ready, and ends with the code wanted.
PROGRAM = """#!/bin/bash
echo "program $*" >>"$STAGE/calls"
env >"$STAGE/environment"
run=$STAGE/elsewhere
while (($#)); do [[ $1 == --run-dir ]] && run=$2; shift; done
run+=/$(cat "$STAGE/stage" 2>/dev/null)
mkdir -p "$run"
printf '{\\n "step": %s,\\n "reason": "%s"\\n}\\n' "$(<"$STAGE/steps")" "$(cat "$STAGE/reason")" >"$run/status.json"
if [[ -e $STAGE/waits ]]; then
  trap 'sleep 1; exit "$(<"$STAGE/code")"' USR1
  trap 'exit 1' TERM
  touch "$STAGE/ready"
  while :; do sleep 0.05; done
fi
exit "$(<"$STAGE/code")"
"""


class Stage:
    """A folder with the scripts, data, and stand-ins; run() is one start of the job."""

    def __init__(self, folder):
        self.folder, self.run_dir = folder, folder / "runs" / "job"
        shutil.copytree(SOURCE / "slurm", folder / "slurm", ignore=shutil.ignore_patterns("site.sh"))
        (folder / "bin").mkdir()
        for name in ("squeue", "scontrol", "sinfo"):
            self.executable(f"bin/{name}", STAND_IN)
        self.executable("program", PROGRAM)
        self.executable("launcher", '#!/bin/bash\nexec "$@"\n')
        (folder / "data").mkdir()
        for split in ("train", "valid", "test"):
            (folder / "data" / f"ptb.{split}.txt").touch()
        self.write("slurm/site.sh", "ENAS_HPC=./program ENAS_PTB=data ENAS_LAUNCHER=./launcher\n")
        for name, text in {"squeue.out": "RUNNING", "steps": "10", "reason": "SIGUSR1", "code": "75"}.items():
            self.write(name, text)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def executable(self, name, text):
        self.write(name, text)
        (self.folder / name).chmod(0o755)

    def start(self, script="enas_ptb.sh", arguments=(), **env):
        (self.folder / "calls").unlink(missing_ok=True)
        if env.pop("login", False):
            job = {}
        else:
            job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "job", "SLURM_JOB_NODELIST": "n1",
                   "SLURM_CPUS_PER_TASK": "4", "SLURM_SUBMIT_DIR": str(self.folder)}
        env = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "STAGE": str(self.folder), **job, **env}
        return subprocess.Popen(["bash", self.folder / "slurm" / script, *arguments], env=env, text=True,
                                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def run(self, *arguments, **more):
        """Exit code and output of one start."""
        process = self.start(*arguments, **more)
        text = process.communicate(timeout=60)[0]
        return process.returncode, text

    def calls(self, name):
        if not (self.folder / "calls").exists():
            return []
        lines = (self.folder / "calls").read_text().splitlines()
        return [line for line in lines if line.split()[0] == name]

    def is_requeued(self):
        calls = self.calls("scontrol")
        assert calls in ([], ["scontrol requeue 7"]), calls
        return bool(calls)
