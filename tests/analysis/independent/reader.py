# SPDX-License-Identifier: Apache-2.0
"""What a run left behind and what it learned from, read without the program: docs/formats.md and
docs/data.md."""
import functools
import tomllib
from pathlib import Path

import h5py
import numpy as np
import torch


class Checkpoint:
    """One checkpoint: its step, the configuration by key, ω and θ by name in float64."""

    def __init__(self, path):
        self.path = path
        with h5py.File(path, "r") as file:
            self.step = int(file.attrs["step"])
            pairs = zip(file["config/keys"][:], file["config/values"][:], strict=True)
            self.config = {key.decode(): tomllib.loads(f"x = {value.decode()}")["x"] for key, value in pairs}
            self.strategy_digest = bytes(file["strategy"].attrs["digest"])
            self.theta = tensors(file["strategy/parameters"])
            self.first_moment = tensors(file["strategy/first_moment"])
            self.second_moment = tensors(file["strategy/second_moment"])
            self.adam_steps = int(file["strategy/adam_steps"][0])
            self.baseline = float(file["strategy/baseline"][0])
            self.has_baseline = bool(file["strategy/has_baseline"][0])
            self.states = torch.from_numpy(file["slots/state"][()]).double()
            self.progress = dict(file["progress"].attrs)

    @functools.cached_property
    def weights(self):
        with h5py.File(self.path, "r") as file:
            return tensors(file["weights"])

    @functools.cached_property
    def momentum(self):
        with h5py.File(self.path, "r") as file:
            return tensors(file["momentum"])


def tensors(group):
    """{"edge/1/0/tanh": tensor} of all datasets below a group."""
    found = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = torch.from_numpy(item[()]).double()

    group.visititems(take)
    return found


def table(run_dir, name):
    """A table of the log as {column: values}, all parts together."""
    columns = {}
    for path in sorted(Path(run_dir).glob("log/part-*.h5")):
        with h5py.File(path, "r") as part:
            for column, values in part[name].items():
                columns.setdefault(column, []).append(values[:])
    return {column: np.concatenate(pieces) for column, pieces in columns.items()}


def ranking(run_dir):
    with h5py.File(Path(run_dir) / "derived" / "ranking.h5", "r") as file:
        return {name: values[:] for name, values in file["children"].items()}


class Text:
    """The text as numbers. Words are numbered in sorted order; a line ends with <eos>."""

    def __init__(self, folder):
        words = {split: self.words(folder / f"{split}.txt") for split in ("train", "valid", "test")}
        vocabulary = sorted(set(words["train"]))
        number = {word: place for place, word in enumerate(vocabulary)}
        self.train, self.valid = (torch.tensor([number[word] for word in words[split]])
                                  for split in ("train", "valid"))

    @staticmethod
    def words(path):
        return [word for line in path.read_text().splitlines() for word in (*line.split(), "<eos>")]


class Images:
    """Images [N, C, H, W] and labels. The last of the file are the validation split, the first
    `limit_train` of the others, or all, the training split, whose mean and standard deviation normalise
    every channel."""

    def __init__(self, path, valid_size, limit_train=0):
        with h5py.File(path, "r") as file:
            images = torch.from_numpy(file["images"][:]).double().permute(0, 3, 1, 2) / 255
            labels = torch.from_numpy(file["labels"][:])
        train = images[:-valid_size][:limit_train or None]
        deviation, mean = torch.std_mean(train, (0, 2, 3), correction=0, keepdim=True)
        self.train = (train - mean) / deviation
        self.train_labels = labels[:len(train)]
        self.valid = (images[-valid_size:] - mean) / deviation
        self.labels = labels[-valid_size:]
