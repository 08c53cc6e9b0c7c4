# SPDX-License-Identifier: Apache-2.0
"""Small searches of every space on data that both sides can read, with a checkpoint at every step; what
the second implementation makes of their children."""
import functools
import sys
from pathlib import Path

import h5py
import numpy as np
import torch

E2E = Path(__file__).parents[2] / "e2e"
sys.path.insert(0, str(E2E))

import controller  # noqa: E402
import images  # noqa: E402
import macro  # noqa: E402
import micro  # noqa: E402
import reader  # noqa: E402
import recurrent  # noqa: E402
from search_run import Run, enas_hpc  # noqa: E402

torch.set_num_threads(1)

NETWORKS = {"macro": macro.network, "micro": micro.network}
CONFIGS = {"recurrent": "tiny.toml", "macro": "tiny_macro.toml", "micro": "tiny_micro.toml"}
# Initial values far from zero, so that children and decisions differ by much more than a tolerance.
COMMON = {"search.rounds": 2, "checkpoint.every_steps": 1, "checkpoint.verify_after_write": "false",
          "controller.init_range": 0.7}
TEXT = {"data.source": "folder", "supernet.init_range": 0.8, "space.nodes": 5, "weights.clip_norm": 2.0,
        "weights.batch_size": 4, "supernet.drop_cell_input": 0.1, "supernet.drop_output": 0.1}
IMAGES = {"data.source": "hdf5", "data.valid_size": 21, "weights.batch_size": 4}
# The defaults of each space, and settings of which as many as possible differ from them.
VARIANTS = {
    "recurrent": TEXT,
    "recurrent, other": {
        **TEXT, "space.first_node": "tanh", "supernet.edge_weights": "per_edge",
        "supernet.cell_output": "all", "supernet.output_bias": "true",
        "controller.tie_embeddings": "true", "controller.temperature": 0.0,
        "controller.option_tanh_divisor": 2.0, "validation.batches": 0},
    "recurrent, norm": {**TEXT, "supernet.batch_norm": "true", "space.distance_penalty": 0.02},
    "macro": IMAGES,
    "macro, other": {
        **IMAGES, "space.layers": 6, "supernet.skip_merge": "concatenate", "data.limit_train": 40,
        "supernet.operation_order": "relu_conv_norm", "controller.skip_penalty": "released",
        "controller.temperature": 2.0, "validation.batches": 0},
    "micro": {**IMAGES, "supernet.cells": 3},
    "micro, other": {
        **IMAGES, "supernet.cells": 2, "supernet.reduction_inputs": "released",
        "space.operation_prior": "released", "controller.temperature": 2.0},
}


def write_text(folder):
    """Seventeen words, each followed by one of three; lines of five."""
    rng = np.random.default_rng(3)
    folder.mkdir()
    for split, lines in (("train", 80), ("valid", 32), ("test", 10)):
        words = [0]
        for step in rng.integers(0, 3, 5 * lines - 1):
            words.append((3 * words[-1] + step) % 17)
        text = "".join(f"word{word}" + (" " if place % 5 else "\n")
                       for place, word in enumerate(words, start=1))
        (folder / f"{split}.txt").write_text(text)


def write_images(path):
    """Noise with a bar at one of three heights. Halved twice, ten pixels become an odd number."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 71)
    pixels = rng.integers(0, 180, (71, 10, 10, 3)).astype(np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[3 * label:3 * label + 3] += 60
    with h5py.File(path, "w") as file:
        file["images"], file["labels"] = pixels, labels


class Search:
    """A finished search, derived from, and the functions that score its children independently."""

    def __init__(self, folder, kind, keys):
        self.kind = kind
        self.data_path = folder / ("text" if kind == "recurrent" else "images.h5")
        (write_text if kind == "recurrent" else write_images)(self.data_path)
        self.run = Run(folder / "run", {**COMMON, **keys, "data.path": self.data_path}, E2E / CONFIGS[kind])
        self.run.finish(ranks=0)
        result = enas_hpc("derive", "--run", self.run.folder, "--samples", 12, "--top", 1)
        assert result.code == 0, result
        self.last = reader.Checkpoint(self.run.newest())
        self.config = self.last.config
        self.ranking = reader.ranking(self.run.folder)
        self.log = {name: reader.table(self.run.folder, name)
                    for name in ("children", "weight_steps", "controller_steps", "rounds")}
        if kind == "recurrent":
            self.data = reader.Text(self.data_path)
            self.validate, self.validate_whole = recurrent.validate, recurrent.validate_whole
        else:
            self.data = reader.Images(self.data_path, self.config["data.valid_size"],
                                      self.config["data.limit_train"])
            self.validate = functools.partial(images.validate, NETWORKS[kind])
            self.validate_whole = functools.partial(images.validate_whole, NETWORKS[kind])

    def checkpoint(self, step):
        return reader.Checkpoint(self.run.checkpoint(step))

    def score(self, theta, tokens):
        return controller.Score(self.config, theta, tokens)

    def children(self, **wanted):
        """Rows of the log's table `children` in which every named column has the wanted value."""
        table = self.log["children"]
        rows = np.ones(len(table["step"]), bool)
        for column, value in wanted.items():
            rows &= table[column] == value
        return {column: values[rows] for column, values in table.items()}
