# SPDX-License-Identifier: Apache-2.0
"""What the example configurations compute, to the bit: a change that is not meant to change a search keeps the
hashes of state_hashes.json. They hold for one kind of processor; on others ranks are compared with each other."""
import json
import re
from pathlib import Path

import pytest
from search_run import SOURCE, Run, enas_hpc

RECORDED = json.loads(Path(__file__).with_name("state_hashes.json").read_text())
STEP = 7

SHORT_TEXT = {"data.source": "markov", "data.markov.train_tokens": 6000, "data.markov.valid_tokens": 3000}
FEW_IMAGES = {"data.source": "shapes", "data.shapes.train_images": 24, "data.shapes.valid_images": 32,
              "data.shapes.test_images": 8, "weights.batch_size": 4, "controller.batch_size": 4,
              "controller.rollouts": 3, "validation.batch_size": 4, "validation.children": 2, "validation.batches": 1}
# What makes a round of each a few steps long, and its data its own.
SEARCHES = {"demo": {"data.markov.train_tokens": 4000},
            "demo_macro": {"data.shapes.train_images": 100},
            "demo_micro": {"data.shapes.train_images": 100},
            "tabular": {"evaluation.table": SOURCE / "configs/tables/recurrent_4.h5"},
            "ptb": SHORT_TEXT, "cifar": FEW_IMAGES, "cifar_micro": FEW_IMAGES}
LONG = ("ptb", "cifar", "cifar_micro", "train demo_macro")  # a minute and more
TRAINING = {"train.slots": 3, "train.batch_size": 4, "train.epochs": 2}
SHORT_TRAINING = {**TRAINING, "data.markov.train_tokens": 1500, "data.markov.valid_tokens": 400}
TRAINING_OF_FEW = {**TRAINING, "data.shapes.train_images": 24, "data.shapes.valid_images": 8}
TRAININGS = {"demo": ("enas-ptb", SHORT_TRAINING), "demo_macro": ("enas-macro", TRAINING_OF_FEW),
             "demo_micro": ("enas-micro", {**TRAINING_OF_FEW, "train.cutout": 4})}


def processor():
    """Libraries choose their kernels by vendor, family and model."""
    info = Path("/proc/cpuinfo").read_text()
    fields = [re.search(rf"^{name}\s*: (.*)$", info, re.MULTILINE) for name in ("vendor_id", "cpu family", "model")]
    return "-".join(field[1] for field in fields if field)


def with_marks(names, kind=""):
    return [pytest.param(name, marks=pytest.mark.long if kind + name in LONG else pytest.mark.everyday)
            for name in names]


def check(name, instructions, hashes):
    """Equal on any number of ranks, and as recorded for this processor."""
    assert len(set(hashes.values())) == 1, hashes
    present = hashes.popitem()[1]
    recorded = RECORDED.get(processor(), {}).get(instructions, {}).get(name)
    if recorded is None:
        pytest.skip(f"equal on all numbers of ranks; no hash is recorded for {processor()}/{instructions}: "
                    f'"{name}": "{present}"')
    assert present == recorded


def environment(instructions):
    return {"ENAS_HPC_INSTRUCTION_SET": "avx2"} if instructions == "avx2" else {}


@pytest.mark.parametrize("instructions, ranks", [("best", (1, 2, 3)), ("avx2", (1, 3))])
@pytest.mark.parametrize("name", with_marks(SEARCHES))
def test_search(tmp_path, name, instructions, ranks):
    hashes = {}
    for count in ranks:
        run = Run(tmp_path / str(count), {"weights.slots": 3, "controller.steps": 2, **SEARCHES[name]},
                  SOURCE / "configs" / f"{name}.toml")
        result = run.search("--max-steps", STEP, ranks=count, env=environment(instructions))
        assert result.code == 0, result
        hashes[count] = run.state_hash(STEP)
    check(name, instructions, hashes)


@pytest.mark.parametrize("instructions, ranks", [("best", (1, 2, 3)), ("avx2", (1,))])
@pytest.mark.parametrize("name", with_marks(TRAININGS, "train "))
def test_training(tmp_path, name, instructions, ranks):
    architecture, keys = TRAININGS[name]
    hashes = {}
    for count in ranks:
        run = Run(tmp_path / str(count), keys, SOURCE / "configs" / f"{name}.toml")
        arch = SOURCE / "configs/architectures" / f"{architecture}.json"
        result = enas_hpc("train", "--arch", arch, *run.arguments("--max-steps", 3), ranks=count,
                          env=environment(instructions))
        assert result.code == 0, result
        hashes[count] = run.state_hash(3)
    check(f"train {name}", instructions, hashes)
