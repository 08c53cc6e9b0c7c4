#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds, searches a recurrent cell on two MPI ranks, does the same with random choices, and
# compares. Arguments go to both searches: scripts/demo.sh --seed 7
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

learned=runs/demo
random=runs/demo-random
binary=build/release/src/app/enas_hpc

for argument in "$@"; do
  if [[ $argument == --run-dir* || $argument == --config* ]]; then
    echo "demo: $argument cannot be given here; call $binary itself" >&2
    exit 64
  fi
done

# search DIRECTORY ARGUMENTS...: one search from its beginning.
search() {
  local directory=$1 code=0
  shift
  rm -rf -- "$directory"
  mkdir -p runs
  "${launch[@]}" "$binary" --config configs/demo.toml --run-dir "$directory" "$@" </dev/null || code=$?
  if ((code)); then
    echo "demo: the search stopped with exit code $code; see above and $directory/run.log" >&2
    exit "$code"
  fi
}

# compare LEARNED RANDOM: what both run directories hold, in plain words.
compare() {
  python3 - "$@" <<'PYTHON'
import json
import sys
from pathlib import Path


def load(directory, name):
    return json.loads(Path(directory, name).read_text(encoding="utf-8"))


def number(value):
    return f"{value:12.3f}" if isinstance(value, (int, float)) else f"{'-':>12}"


learned_dir, random_dir = sys.argv[1:]
best, random_best = load(learned_dir, "best.json"), load(random_dir, "best.json")
status, random_status = load(learned_dir, "status.json"), load(random_dir, "status.json")
ours, theirs = best["perplexity"], random_best["perplexity"]
if ours is None or theirs is None:
    sys.exit("demo: no cell got a finite score; look into run.log and raise the budget")

print(f"Best cell of the learned controller (step {best['step']}):")
for line in best["text"].splitlines():
    print("  " + line)
print()
print("Validation perplexity   best child  mean of a round")
for name, found, state in (("learned controller", ours, status),
                           ("random choices", theirs, random_status)):
    print(f"  {name:<20}{number(found)}{number(state.get('mean')):>17}")
floor = status.get("limit")
if floor is not None:
    print(f"  {'floor of the source':<20}{number(floor)}   (known exactly; no model is expected below it)")

difference = (theirs - ours) / theirs
if abs(difference) < 0.01:
    verdict = "The two best cells are equal to within 1 %: learning has bought nothing here."
elif difference > 0:
    verdict = f"The learned controller's best cell is {100 * difference:.1f} % better than random's."
else:
    verdict = f"Random's best cell is {-100 * difference:.1f} % better than the learned controller's."
print(f"\n{verdict}")
print("That is one short run of each with one seed, by shared weights: it shows that the search works,")
print("not which strategy is better.")

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
printf '\n== Searching with the learned controller -> %s\n' "$learned"
search "$learned" "$@"
printf '\n== The same budget with random choices -> %s\n' "$random"
search "$random" --set search.strategy=random "$@"
printf '\n== Result after %d s\n' "$SECONDS"
compare "$learned" "$random"
