#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds, searches a recurrent cell on two MPI ranks, trains the best one from scratch, does the
# same with random choices, and compares. Arguments go to the pipeline: scripts/demo.sh --seed 7
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

directory=runs/demo
binary=build/release/src/app/enas_hpc

for argument in "$@"; do
  if [[ $argument == --run-dir* || $argument == --config* ]]; then
    echo "demo: $argument cannot be given here; call $binary itself" >&2
    exit 64
  fi
done

# compare DIRECTORY: what the run directory holds, in plain words.
compare() {
  python3 - "$@" <<'PYTHON'
import json
import sys
from pathlib import Path


def load(directory, name):
    return json.loads(Path(directory, name).read_text(encoding="utf-8"))


def number(value):
    return f"{value:12.3f}" if isinstance(value, (int, float)) else f"{'-':>12}"


learned_dir = sys.argv[1]
random_dir = f"{learned_dir}/random"
best = load(learned_dir, "best.json")
status, random_status = load(learned_dir, "status.json"), load(random_dir, "status.json")
result, random_result = load(learned_dir, "pipeline.json")
if best["perplexity"] is None:
    sys.exit("demo: no cell got a finite score; look into run.log and raise the budget")

print(f"Best cell during the search with the learned controller (step {best['step']}):")
for line in best["text"].splitlines():
    print("  " + line)
print()
print("Perplexity            shared weights:               trained from scratch:")
print("                      mean of a round  best derived   validation        test")
for name, row, state in (("learned controller", result, status), ("random choices", random_result, random_status)):
    print(f"  {name:<20}{number(state.get('mean')):>15}{number(row['shared_weights_validation'])}"
          f"{number(row['validation']):>15}{number(row['test'])}")
on_text = status.get("limit_on_text")
if on_text is not None:
    print(f"  {'the source itself':<20}{number(status['limit']):>15}  {'(expected)':<10}"
          f"{number(on_text['validation']):>15}{number(on_text['test'])}  (on these texts)")

ours, theirs = result["test"], random_result["test"]
difference = (theirs - ours) / theirs
if abs(difference) < 0.01:
    verdict = "On the test split the two cells are equal to within 1 %: learning has bought nothing here."
elif difference > 0:
    verdict = f"On the test split the learned controller's cell is {100 * difference:.1f} % better than random's."
else:
    verdict = f"On the test split random's cell is {-100 * difference:.1f} % better than the learned controller's."
print(f"\n{verdict}")
print("That is one short run of each with one seed: it shows that the program works, not which strategy")
print("is better.")

print("\nFiles")
for directory in (learned_dir, random_dir):
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in Path(directory).iterdir())
    print(f"  {directory}: {'  '.join(names)}")
PYTHON
}

scripts/setup.sh --for demo
cmake --preset release
cmake --build --preset release --target enas_hpc

if (($(id -u) == 0)); then
  # Open MPI refuses to start as root unless both are set.
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
launch=(mpirun -np 2)
# Fewer than two cores: Open MPI wants to be told that this is meant.
"${launch[@]}" true </dev/null >/dev/null 2>&1 || launch+=(--oversubscribe)
SECONDS=0
rm -rf -- "$directory"
mkdir -p runs
printf '\n== Searching, deriving, training: the learned controller, then random choices -> %s\n' "$directory"
code=0
"${launch[@]}" "$binary" pipeline --config configs/demo.toml --run-dir "$directory" --samples 30 --top 1 \
  --with-baseline "$@" </dev/null || code=$?
if ((code)); then
  echo "demo: it stopped with exit code $code; see above and $directory/run.log" >&2
  exit "$code"
fi
printf '\n== Result after %d s\n' "$SECONDS"
compare "$directory"
