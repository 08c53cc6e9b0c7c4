# SPDX-License-Identifier: Apache-2.0
"""Starts trainings and pipelines of the real binary: small ones, of each space."""
import json
from pathlib import Path

import h5py
import numpy as np
from search_run import CONFIG, Run, enas_hpc, sets

HERE = Path(__file__).parent
CONFIGS = {kind: HERE / f"tiny{'' if kind == 'recurrent' else '_' + kind}.toml"
           for kind in ("recurrent", "macro", "micro")}
# Two slots, a few epochs, networks of a few hundred weights.
TRAIN = {
    "recurrent": {"train.epochs": 6, "train.slots": 2, "train.batch_size": 4, "train.segment_length": 8,
                  "train.hidden": 8, "train.lr": 2.0, "train.evaluation_batch_size": 2,
                  "train.evaluation_parts": 2, "train.averaging_patience": 1, "train.drop_output": 0.2,
                  "train.drop_cell_input": 0.2},
    "macro": {"train.epochs": 2, "train.slots": 2, "train.batch_size": 8, "train.filters": 4,
              "train.evaluation_batch_size": 10, "train.test_batch_size": 3},
    "micro": {"train.epochs": 2, "train.slots": 2, "train.batch_size": 8, "train.filters": 4,
              "train.layers": 2, "train.evaluation_batch_size": 10, "train.test_batch_size": 3,
              "train.cutout": 2},
}


class Training:
    """The training of one architecture in a run directory."""

    def __init__(self, folder, arch, kind="recurrent", keys=None):
        self.folder, self.arch, self.kind = Path(folder), arch, kind
        self.keys = {**TRAIN[kind], "checkpoint.every_steps": 5, **(keys or {})}
        self.run = Run(self.folder)

    def arguments(self, *more):
        return ["train", "--arch", self.arch, "--config", CONFIGS[self.kind], "--run-dir", self.folder,
                *sets(self.keys), *more]

    def train(self, *more, ranks=2, env=None):
        return enas_hpc(*self.arguments(*more), ranks=ranks, env=env)

    def finish(self, ranks=2):
        result = self.train(ranks=ranks)
        assert result.code == 0, result
        status = json.loads((self.folder / "status.json").read_text())
        assert status["phase"] == "finished", status
        return self.run.state_hash()

    def epochs(self):
        columns = {}
        for path in self.run.parts():
            with h5py.File(path, "r") as part:
                for name, column in part["epochs"].items():
                    if column.attrs["clock"] == 0:
                        columns.setdefault(name, []).append(column[:])
        return {name: np.concatenate(pieces) for name, pieces in columns.items()}


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def pipeline(folder, *more, ranks=2, env=None, config=CONFIG):
    return enas_hpc("pipeline", "--config", config, "--run-dir", folder, "--samples", 6, "--top", 2,
                    *sets({**TRAIN["recurrent"], "train.epochs": 2}), *more, ranks=ranks, env=env)
