# SPDX-License-Identifier: Apache-2.0
"""Advice can be followed: what a message says to set is set, and the program goes further."""
import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from search_run import CONFIG, SOURCE, enas_hpc, sets

SECTIONS = ("data", "space", "supernet", "weights", "controller", "search", "validation", "train", "run", "checkpoint",
            "reliability", "comm")
MACRO, MICRO = (CONFIG.parent / f"tiny_{kind}.toml" for kind in ("macro", "micro"))


def check(keys, config):
    """A look at configuration and data, nothing written."""
    return enas_hpc("--dry-run", "--device", "cpu", "--config", config, *sets(keys))


def refusal(keys, config):
    result = check(keys, config)
    assert result.code in (64, 65), result
    return " ".join(result.text[result.text.index("error:"):].split())


# Keys that do not go together, what the message says of it, and the keys as it advises. An advice with "or" is a case
# each. A number that is advised is put in the place of {}.
TEXT = {"data.markov.valid_tokens": 60, "data.markov.train_tokens": 100}
CASES = {
    # Configuration alone.
    "branching": (CONFIG, {"data.markov.branching": 30},
                  r"data.markov.branching \(30\) must be at most data.markov.vocabulary \((20)\)",
                  {"data.markov.branching": "{}"}),
    "vocabulary": (CONFIG, {"data.markov.branching": 30},
                   r"\((30)\) must be at most data.markov.vocabulary", {"data.markov.vocabulary": "{}"}),
    "weights.lr_min": (CONFIG, {"weights.lr": 1.0, "weights.lr_min": 2.0},
                       r"weights.lr_min \(2\) must be at most weights.lr \((1)\)", {"weights.lr_min": "{}"}),
    "first_node": (CONFIG, {"space.nodes": 1, "space.first_node": '"tanh"'},
                   r"space.nodes must be at least (2)", {"space.nodes": "{}"}),
    "micro nodes": (MICRO, {"space.nodes": 2}, r"space.nodes must be at least (3)", {"space.nodes": "{}"}),
    "even filters": (MACRO, {"supernet.filters": 5, "space.layers": 3}, r"supernet.filters must be even",
                     {"supernet.filters": 6}),
    "operations": (MACRO, {"space.operations": '["identity"]'}, r'has only "(conv_3x3)"',
                   {"space.operations": '["{}"]'}),
    "kernels": (CONFIG, {"supernet.precision": '"bfloat16"', "supernet.kernels": '"eager"'},
                r"needs supernet.kernels = \"(fused)\"", {"supernet.kernels": '"{}"'}),
    "source": (CONFIG, {"data.source": '"shapes"'}, r'needs text: "folder" or "(markov)"', {"data.source": '"{}"'}),
    "image source": (MACRO, {"data.source": '"markov"'}, r'"hdf5" or "(shapes)"', {"data.source": '"{}"'}),
    "markov order": (CONFIG, {"data.markov.valid_tokens": 3, "data.markov.order": 3},
                     r"data.markov.order \(3\) must be below data.markov.valid_tokens \((3)\)",
                     {"data.markov.valid_tokens": 100}),
    # Texts that are too short for their columns.
    "slots": (CONFIG, {"weights.slots": 300, **TEXT}, r"enough for (50) columns of two.* lower weights.slots or",
              {"weights.slots": 5}),
    "batch_size": (CONFIG, {"weights.batch_size": 60, **TEXT}, r"lower .*or weights.batch_size",
                   {"weights.batch_size": 2}),
    "controller.batch_size": (CONFIG, {"controller.batch_size": 40, **TEXT},
                              r"valid split has 60 tokens, enough for 30 .* lower controller.batch_size",
                              {"controller.batch_size": 4}),
    "validation.batch_size": (CONFIG, {"validation.batch_size": 40, **TEXT}, r"lower validation.batch_size",
                              {"validation.batch_size": 4}),
    "segment_length": (CONFIG, {"weights.segment_length": 70}, r"set weights.segment_length to at most (\d+)",
                       {"weights.segment_length": "{}", "validation.batch_size": 1}),
    "random_length": (CONFIG, {"weights.random_length": "true", "weights.slots": 40},
                      r"weights.random_length = false and weights.segment_length to at most (\d+)",
                      {"weights.random_length": "false", "weights.segment_length": "{}"}),
    "random_length, slots": (CONFIG, {"weights.random_length": "true", "weights.slots": 40},
                             r"lower weights.batch_size or weights.slots", {"weights.slots": 4}),
    "controller.segment_length": (CONFIG, {"controller.segment_length": 30},
                                  r"set controller.segment_length to at most (\d+)",
                                  {"controller.segment_length": "{}"}),
    "reward columns": (CONFIG, {"controller.segment_length": 30}, r"or lower controller.batch_size",
                       {"controller.batch_size": 2}),
    "validation segment": (CONFIG, {"weights.segment_length": 40, "weights.slots": 1},
                           r"set weights.segment_length to at most (\d+) or lower validation.batch_size",
                           {"weights.segment_length": "{}"}),
    "validation columns": (CONFIG, {"weights.segment_length": 40, "weights.slots": 1},
                           r"or lower validation.batch_size", {"validation.batch_size": 1}),
    # Images.
    "images a step": (MACRO, {"weights.batch_size": 5000}, r"lower weights.slots or weights.batch_size",
                      {"weights.batch_size": 2}),
    "reward images": (MACRO, {"controller.batch_size": 5000}, r"set controller.batch_size to at most (\d+)",
                      {"controller.batch_size": "{}"}),
    "validation images": (MACRO, {"validation.batch_size": 5000}, r"set validation.batch_size to at most (\d+)",
                          {"validation.batch_size": "{}"}),
    "split": (MACRO, {"data.shuffle_split": "true"}, r'data.source = "shapes" has data.shapes.train_images',
              {"data.shuffle_split": "false"}),
    "pad": (MACRO, {"data.pad": 300}, r"data.pad \(300\) must be below data.shapes.size \((8)\)", {"data.pad": 7}),
}


@pytest.mark.parametrize("case", CASES)
def test_advice_is_followed(case):
    config, keys, said, advised = CASES[case]
    message = refusal(keys, config)
    found = re.search(said, message)
    assert found, message
    changed = {key: str(value).format(*found.groups()) for key, value in advised.items()}
    result = check({**keys, **changed}, config)
    assert result.code == 0, (changed, result)


def test_precision_of_the_cpu(tmp_path):
    """Seen where the device is known."""
    def search(precision):
        return enas_hpc("--config", MACRO, "--run-dir", tmp_path / "run", "--device", "cpu", "--max-steps", 1,
                        "--set", f"supernet.precision={precision}")

    refused = search("bfloat16")
    assert refused.code == 65 and "supernet.precision" in refused.text, refused
    assert 'set it to "float32"' in refused.text, refused
    assert search("float32").code == 0


def test_images_of_a_training_step(tmp_path):
    def train(batch_size):
        keys = {"train.batch_size": batch_size, "train.slots": 1, "train.filters": 4, "train.epochs": 1}
        return enas_hpc("train", "--arch", "enas-macro", "--config", MACRO, "--run-dir", tmp_path / "run",
                        "--max-steps", 1, *sets(keys))

    refused = train(51)
    assert refused.code == 65 and "lower train.slots or train.batch_size" in refused.text, refused
    assert train(25).code == 0


def test_threads_that_are_no_number(tmp_path):
    arguments = ["--config", CONFIG, "--run-dir", tmp_path / "run", "--max-steps", 1]
    refused = enas_hpc(*arguments, env={"OMP_NUM_THREADS": "many"})
    assert refused.code == 64 and "or set run.threads" in refused.text, refused
    assert enas_hpc(*arguments, *sets({"run.threads": 1}), env={"OMP_NUM_THREADS": "many"}).code == 0


def test_a_prefix_among_several(tmp_path):
    for name in ("one", "two"):
        for split in ("train", "valid", "test"):
            (tmp_path / f"{name}.{split}.txt").write_text("a b c d\n" * 60)
    keys = {"data.source": "folder", "data.path": tmp_path}
    assert "set data.prefix" in refusal(keys, CONFIG)
    assert check({**keys, "data.prefix": "one"}, CONFIG).code == 0


@pytest.mark.parametrize("keys", [{"weights.slots": 2}, {}], ids=["slots", "ranks"])
def test_more_ranks_than_slots(keys):
    def ranks(number, keys):
        return enas_hpc("--dry-run", "--config", CONFIG, *sets(keys), ranks=number)

    refused = ranks(2, {"weights.slots": 1})
    assert refused.code == 65 and "start at most 1 ranks or set weights.slots" in refused.text, refused
    assert ranks(2 if keys else 1, {"weights.slots": 1, **keys}).code == 0


def test_a_layer_that_the_released_network_cannot_build(tmp_path):
    layers = [{"operation": "max_pool_3x3"}, {"operation": "conv_3x3"}]
    (tmp_path / "pool.json").write_text(json.dumps(
        {"format": "enas_hpc architecture", "version": 1, "space": "macro", "layers": layers}))

    def train(released):
        keys = {"train.released": released, "train.epochs": 1, "train.slots": 1, "train.batch_size": 2,
                "train.filters": 4, "train.evaluation_batch_size": 8, "train.test_batch_size": 8}
        return enas_hpc("train", "--arch", tmp_path / "pool.json", "--config", MACRO, "--run-dir", tmp_path / "run",
                        "--max-steps", 1, *sets(keys))

    refused = train("true")
    assert refused.code == 65 and "set train.released to false" in refused.text, refused
    assert train("false").code == 0


# What is advised when a run goes wrong later: these keys have tests of their own, or the message is a warning.
ELSEWHERE = {"reliability.max_rollbacks", "checkpoint.max_failures", "weights.lr",
             "data.shapes"}  # the test split of the shapes: test_starts.py


def test_every_advice_is_followed_here():
    """A new text "set, raise or lower some.key" needs a case in this file."""
    advised = set()
    for path in (SOURCE / "src").rglob("*.cpp"):
        text = re.sub(r'"\s*"', "", path.read_text(encoding="utf-8"))  # literals over several lines
        advised |= set(re.findall(r"(?<!--)\b(?:set|raise|lower) ([a-z]+\.[a-z_]+)\b", text))
    advised = {key for key in advised if key.split(".")[0] in SECTIONS}
    assert len(advised) >= 10
    here = Path(__file__).read_text(encoding="utf-8")
    assert not {key for key in advised - ELSEWHERE if f'"{key}"' not in here}


# --- images in files


def images(path, labels):
    with h5py.File(path, "w") as file:
        file["images"] = np.random.default_rng(3).integers(0, 256, (len(labels), 8, 8, 1), dtype=np.uint8)
        file["labels"] = np.asarray(labels, dtype=np.int32)
    return {"data.source": '"hdf5"', "data.path": path, "data.pad": 1, "weights.slots": 1, "weights.batch_size": 2,
            "controller.batch_size": 4, "validation.batch_size": 4}


def test_a_batch_norm_of_a_single_pixel(tmp_path):
    """Two reductions leave one pixel of 4 × 4 images."""
    path = tmp_path / "small.h5"
    with h5py.File(path, "w") as file:
        file["images"] = np.random.default_rng(3).integers(0, 256, (80, 4, 4, 1), dtype=np.uint8)
        file["labels"] = np.arange(80, dtype=np.int32) % 4

    def train(batch_size):
        keys = {"data.source": "hdf5", "data.path": path, "data.valid_size": 20, "data.pad": 0, "data.cutout": 0,
                "train.batch_size": batch_size, "train.slots": 1, "train.filters": 4, "train.layers": 2,
                "train.cutout": 1}
        return enas_hpc("train", "--arch", "enas-micro", "--config", MICRO, "--run-dir", tmp_path / str(batch_size),
                        "--max-steps", 1, *sets(keys))

    refused = train(1)
    assert refused.code == 65 and "raise train.batch_size" in refused.text, refused
    assert train(2).code == 0


TEN = list(range(10)) * 16


@pytest.mark.parametrize(("labels", "keys", "advice"), [
    (sorted(TEN), {"data.valid_size": 40}, "set data.shuffle_split = true"),
    (TEN, {"data.valid_size": 40, "data.limit_train": 8}, "set data.limit_train = 0"),
    (sorted(TEN), {"data.valid_size": 40, "data.limit_train": 8},
     "set data.shuffle_split = true and data.limit_train = 0"),
    (TEN, {"data.valid_size": 155}, "set data.valid_size = 77"),
    (TEN, {"data.valid_size": 155, "data.limit_train": 1, "data.shuffle_split": "true"},
     "set data.limit_train = 0 and data.valid_size = 77"),
    ([*TEN, 10, *range(10)], {"data.valid_size": 8}, None),  # control: the single image is trained on
    ([*TEN, *range(5), 10, *range(5)], {"data.valid_size": 40}, "the data have to change|set data"),
    (list(range(1000)) * 2, {"data.valid_size": 500, "data.shuffle_split": "true"}, "the data have to change"),
    (sorted(list(range(1000)) * 2), {"data.valid_size": 500}, "the data have to change"),
])
def test_classes_that_are_not_trained_on(tmp_path, labels, keys, advice):
    keys = {**images(tmp_path / "images.h5", labels), **keys}
    if advice is None:
        assert check(keys, MACRO).code == 0
        return
    message = refusal(keys, MACRO)
    assert re.search(advice, message), message
    changes = re.findall(r"(data\.\w+) = (\w+)", message[message.index("; "):])
    if "have to change" in message:
        assert not changes, message
        return
    result = check({**keys, **dict(changes)}, MACRO)
    assert result.code == 0, (changes, result)
