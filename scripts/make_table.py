#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains every cell of a small recurrent space alone and writes what was reached as a table.

    scripts/make_table.py --config configs/tables/recurrent_4.toml \
        --out configs/tables/recurrent_4.h5 --seeds 3 --jobs 2

The configuration is one of `enas_hpc train`; its [space] says which cells there are. Finished
trainings are kept in a text file beside the table, so that a second start goes on. The format of
the table is described in docs/formats.md; searches on it have search.evaluation = "table".
"""
import argparse
import hashlib
import io
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np

FUNCTIONS = ["tanh", "relu", "identity", "sigmoid"]


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True, help="of the trainings (TOML)")
    parser.add_argument("--out", type=Path, required=True, help="the table (HDF5)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of a cell: seeds 1 to N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings at a time")
    parser.add_argument("--program", default=os.environ.get("ENAS_HPC", "enas_hpc"))
    return parser.parse_args()


def all_tokens(nodes, num_functions):
    """Every cell: function of node 0, then earlier node and function of the others, sorted."""
    choices = [range(num_functions)]
    for node in range(1, nodes):
        choices += [range(node), range(num_functions)]
    return list(itertools.product(*choices))


def architecture(tokens, functions):
    nodes = [{"node": 0, "function": functions[tokens[0]]}]
    for node in range(1, (len(tokens) + 1) // 2):
        previous, function = tokens[2 * node - 1 : 2 * node + 1]
        nodes.append({"node": node, "previous": previous, "function": functions[function]})
    return {"format": "enas_hpc architecture", "version": 1, "space": "recurrent", "nodes": nodes}


def train(program, config, functions, tokens, seed):
    """The best validation perplexity of one training, as a loss in nats."""
    folder = Path(tempfile.mkdtemp(prefix="enas-table-"))
    try:
        (folder / "cell.json").write_text(json.dumps(architecture(tokens, functions)))
        command = [program, "train", "--arch", folder / "cell.json", "--config", config]
        command += ["--seed", str(seed), "--run-dir", folder / "run", "--json"]
        done = subprocess.run(command, check=False, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
        if done.returncode != 0:
            raise RuntimeError(f"cell {tokens}, seed {seed}: exit {done.returncode}\n{done.stderr}")
        return math.log(json.loads(done.stdout.splitlines()[-1])["status"]["best"])
    finally:
        shutil.rmtree(folder)


class Finished:
    """Losses by (tokens, seed), one a line of a text file that starts with the configuration's digest."""

    def __init__(self, path, config):
        self.path = path
        self.losses = {}
        header = f"# {hashlib.sha256(config.read_bytes()).hexdigest()}"
        lines = path.read_text().splitlines() if path.exists() else []
        if lines and lines[0] != header:
            sys.exit(f"{path} belongs to another configuration: remove it to start anew")
        if not lines:
            path.write_text(header + "\n")
        for line in lines[1:]:
            tokens, seed, loss = line.split(",")
            self.losses[tuple(map(int, tokens.split())), int(seed)] = float(loss)

    def add(self, tokens, seed, loss):
        self.losses[tokens, seed] = loss
        with self.path.open("a") as file:
            file.write(f"{' '.join(map(str, tokens))},{seed},{loss!r}\n")


def train_all(line, functions, cells, finished):
    """Seed by seed, so that a table of fewer seeds is whole early."""
    waiting = [(cell, seed) for seed in range(1, line.seeds + 1) for cell in cells
               if (cell, seed) not in finished.losses]
    start = time.monotonic()

    def work(job):
        return *job, train(line.program, line.config, functions, *job)

    with ThreadPoolExecutor(line.jobs) as pool:
        for number, (cell, seed, loss) in enumerate(pool.map(work, waiting), 1):
            finished.add(cell, seed, loss)
            if number % 50 == 0 or number == len(waiting):
                seconds = time.monotonic() - start
                print(f"{number} of {len(waiting)} trainings, {seconds:.0f} s", flush=True)


def text(value):
    """Fixed-length UTF-8, which is all that the program reads."""
    encoded = np.char.encode(value, "utf-8")
    return encoded.astype(h5py.string_dtype("utf-8", encoded.itemsize))


def write(line, functions, cells, finished):
    loss = np.array([[finished.losses[cell, seed] for seed in range(1, line.seeds + 1)]
                     for cell in cells])
    version = subprocess.run([line.program, "--version"], capture_output=True, text=True,
                             check=True).stdout
    image = io.BytesIO()  # HDF5 cannot be written into a pipe
    with h5py.File(image, "w") as file:
        file.attrs["format"] = text("enas_hpc table")
        file.attrs["format_version"] = np.int64(2)
        file.attrs["space"] = text(f"recurrent/{(len(cells[0]) + 1) // 2}")
        file.attrs["metric"] = text("perplexity")
        file.attrs["configuration"] = text(line.config.read_text())
        file.attrs["program_version"] = text(re.search(r"enas_hpc (\S+)", version).group(1))
        file.attrs["instruction_set"] = text(re.search(r"instruction set: (\S+)", version).group(1))
        file["options"] = text(functions)
        columns = {
            "tokens": (np.array(cells, dtype=np.int32), "1", "the architecture"),
            "loss": (loss, "nats/token", "best validation loss of a training alone; a column a seed"),
            "seeds": (np.arange(1, line.seeds + 1), "1", "run.seed of the columns of loss"),
        }
        for name, (values, unit, description) in columns.items():
            column = file.create_dataset(name, data=values, chunks=values.shape, fletcher32=True)
            column.attrs["unit"] = text(unit)
            column.attrs["description"] = text(description)
    line.out.write_bytes(image.getvalue())
    return loss


def main():
    line = options()
    space = tomllib.loads(line.config.read_text()).get("space", {})
    functions = space.get("activations", FUNCTIONS)
    cells = all_tokens(space.get("nodes", 12), len(functions))
    if len(cells) > 10000:
        sys.exit(f"{len(cells)} cells are no small space: set space.nodes or space.activations")
    if line.out.suffix == ".csv":
        sys.exit(f"--out {line.out}: finished trainings are kept in a file of that name; take another ending")
    finished = Finished(line.out.with_suffix(".csv"), line.config)
    train_all(line, functions, cells, finished)
    loss = write(line, functions, cells, finished)
    truth = np.exp(loss.mean(axis=1))
    print(f"{line.out}: {len(cells)} cells, perplexity {truth.min():.3f} to {truth.max():.3f}")


if __name__ == "__main__":
    main()
