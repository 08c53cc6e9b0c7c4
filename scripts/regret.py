#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares strategies on a table over many seeds: regret against the number of samples.

    scripts/regret.py --config configs/tabular.toml --seeds 100 --out runs/regret

A sample is a child that was scored for a reward; the simple regret after n samples is the lowest
perplexity among them, less the lowest of the table. Writes regret.csv (where each run became better),
regret.svg and regret.png, and prints a table. Needs what the package in analysis/ needs.
"""
import argparse
import csv
import io
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis" / "src"))
from enas_analysis import AnalysisError  # noqa: E402
from enas_analysis.output import refuse_foreign, write_files  # noqa: E402
from enas_analysis.style import both_files  # noqa: E402

COLUMNS = ["strategy", "seed", "sample", "regret"]
COLOURS = {"reinforce": "#0072b2", "random": "#d55e00"}  # told apart by everyone


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True, help="with space.kind = \"tabular\"")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is written")
    parser.add_argument("--seeds", type=int, default=100, help="seeds 1 to N")
    parser.add_argument("--first-seed", type=int, default=1, help="or from this one on")
    parser.add_argument("--strategies", nargs="+", default=["reinforce", "random"])
    parser.add_argument("--set", action="append", default=[], help="passed on to the program")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="searches at a time")
    parser.add_argument("--program", default=os.environ.get("ENAS_HPC", "enas_hpc"))
    return parser.parse_args()


def search(line, strategy, seed):
    """Perplexities of a search's rollouts, in their order."""
    folder = Path(tempfile.mkdtemp(prefix="enas-regret-"))
    sets = [part for key in [f"search.strategy={strategy}", *line.set] for part in ("--set", key)]
    try:
        done = subprocess.run([line.program, "--config", line.config, "--seed", str(seed),
                               "--run-dir", folder / "run", *sets], check=False, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
        if done.returncode != 0:
            raise RuntimeError(f"{strategy}, seed {seed}: exit {done.returncode}\n{done.stderr}")
        metrics = []
        for path in sorted((folder / "run" / "log").glob("part-*.h5")):
            with h5py.File(path) as part:
                children = part["children"]
                metrics.append(children["metric"][:][children["source"][:] == b"rollout"])
        return np.concatenate(metrics)
    finally:
        shutil.rmtree(folder)


def regrets_of(line, strategy, best):
    """[seed, sample]: lowest perplexity so far, less the table's."""
    seeds = range(line.first_seed, line.first_seed + line.seeds)
    with ThreadPoolExecutor(line.jobs) as pool:
        metrics = list(pool.map(lambda seed: search(line, strategy, seed), seeds))
    return np.minimum.accumulate(np.array(metrics), axis=1) - best


def table_of(line, regrets):
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for strategy, runs in regrets.items():
        for seed, run in enumerate(runs, line.first_seed):
            better = np.flatnonzero(np.diff(run, prepend=np.inf))
            rows.writerows([strategy, seed, i + 1, f"{run[i]:.6g}"] for i in better)
    return text.getvalue().encode()


def picture_of(regrets):
    figure = Figure(figsize=(10, 4), layout="constrained")
    curve, share = figure.subplots(1, 2)
    for strategy, runs in regrets.items():
        colour = COLOURS.get(strategy)
        samples = np.arange(1, runs.shape[1] + 1)
        low, median, high = np.percentile(runs, [25, 50, 75], axis=0)
        curve.fill_between(samples, low, high, step="post", color=colour, alpha=0.2, linewidth=0)
        curve.step(samples, median, where="post", color=colour, label=strategy)
        share.step(samples, 100 * is_best(runs).mean(axis=0), where="post", color=colour,
                   label=strategy)
    curve.set_yscale("symlog", linthresh=0.1)  # logarithmic, but with a place for 0
    curve.set(xscale="log", xlabel="samples", ylim=(0, None), ylabel="simple regret (perplexity)",
              title="median and quartiles")
    share.set(xscale="log", xlabel="samples", ylabel="runs that have found the best cell (%)",
              ylim=(0, 100), title=f"{len(runs)} seeds each")
    curve.yaxis.set_major_formatter("{x:g}")
    for axes in (curve, share):
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return figure


def is_best(regret):
    """Equal but for the rounding of exp() in two libraries."""
    return regret < 1e-9


def main():
    line = options()
    table, picture = line.out / "regret.csv", line.out / "regret"
    refuse_foreign({table: ",".join(COLUMNS).encode(), picture.with_suffix(".svg"): b"",
                    picture.with_suffix(".png"): b""})
    with h5py.File(tomllib.loads(line.config.read_text())["space"]["table"]) as cells:
        best = np.exp(cells["loss"][:].mean(axis=1).min())
    regrets = {strategy: regrets_of(line, strategy, best) for strategy in line.strategies}
    write_files({table: table_of(line, regrets), **both_files(picture_of(regrets), picture, 150)})
    print("strategy    runs  samples         final regret   median  found the best")
    for strategy, runs in regrets.items():
        final = runs[:, -1]
        spread = f"{final.mean():.4f} ± {final.std(ddof=1):.4f}"
        print(f"{strategy:10} {len(runs):5} {runs.shape[1]:8} {spread:>20} {np.median(final):8.4f}"
              f" {is_best(final).sum():15}")


if __name__ == "__main__":
    try:
        main()
    except AnalysisError as error:
        sys.exit(str(error))
