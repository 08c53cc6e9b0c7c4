# SPDX-License-Identifier: Apache-2.0
"""Trainings of a second or two, of shipped architectures."""
from search_run import CONFIG, Run

TRAINED = {"train.slots": 3, "train.momentum": 0.9, "reliability.digest_every": 1000, "checkpoint.every_steps": 2}
TRAININGS = {
    # Three steps an epoch; running averages.
    "micro": ("tiny_micro.toml", "enas-micro",
              {"train.epochs": 3, "train.batch_size": 5, "train.filters": 4, "train.layers": 2, "train.cutout": 2,
               "train.evaluation_batch_size": 10, "train.test_batch_size": 3}),
    # A learning rate so high that the mean of weights begins; carried states.
    "recurrent": ("tiny.toml", "enas-ptb",
                  {"train.epochs": 8, "train.batch_size": 4, "train.segment_length": 8, "train.hidden": 8,
                   "train.lr": 60.0, "train.init_range": 0.3, "train.momentum": 0, "train.activation_l2": 0,
                   "train.drop_output": 0, "train.drop_cell_input": 0, "train.averaging_patience": 1,
                   "train.evaluation_batch_size": 2, "train.evaluation_parts": 2}),
}


class Training(Run):
    """The training of a shipped architecture."""

    def __init__(self, folder, name):
        config, self.arch, keys = TRAININGS[name]
        super().__init__(folder, {**TRAINED, **keys}, CONFIG.with_name(config))

    def arguments(self, *more):
        return ["train", "--arch", self.arch, *super().arguments(*more)]
