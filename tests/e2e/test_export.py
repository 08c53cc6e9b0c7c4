# SPDX-License-Identifier: Apache-2.0
"""What `export` writes gives the same in PyTorch: the test split, read here independently."""
import importlib.util
import json
import subprocess
import sys

import h5py
import numpy as np
import pytest
from search_run import SOURCE, enas_hpc

torch = pytest.importorskip("torch")
HERE = SOURCE / "tests" / "e2e"
WORDS = ["ape", "bee", "cat", "dog", "eel"]


def run(*arguments, ranks=0):
    result = enas_hpc(*arguments, ranks=ranks)
    assert result.code == 0, result
    return result


def exported(folder, arch, config, keys):
    """Trains, evaluates and exports; the module, and what the program itself measured."""
    sets = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
    run("train", "--arch", arch, "--config", HERE / config, "--run-dir", folder / "run", *sets)
    run("evaluate", "--run", folder / "run")
    out = folder / "out"
    run("export", "--run", folder / "run", "--to", "pytorch", out)
    assert {path.name for path in out.iterdir()} == {"architecture.json", "model.py",
                                                    "weights.safetensors"}
    alone = subprocess.run([sys.executable, "-B", "model.py"], cwd=out, capture_output=True,
                           text=True, timeout=120)
    assert alone.returncode == 0, alone
    spec = importlib.util.spec_from_file_location("model", out / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if importlib.util.find_spec("onnx"):
        made = subprocess.run([sys.executable, "-B", "model.py", "--onnx", folder / "model.onnx"],
                              cwd=out, capture_output=True, text=True, timeout=120)
        assert made.returncode == 0 and (folder / "model.onnx").stat().st_size > 0, made
    return module, json.loads((folder / "run" / "test.json").read_text())["metrics"]["test"]


@pytest.mark.parametrize("output_bias", ["false", "true"])
def test_recurrent(tmp_path, output_bias):
    rng = np.random.default_rng(1)
    for split, lines in (("train", 200), ("valid", 40), ("test", 30)):
        text = "\n".join(" ".join(rng.choice(WORDS, rng.integers(1, 6))) for _ in range(lines))
        (tmp_path / f"{split}.txt").write_text(text + "\n")
    module, measured = exported(tmp_path, "enas-ptb", "tiny.toml", {
        "data.source": "folder", "data.path": tmp_path, "train.epochs": 2, "train.hidden": 6,
        "train.segment_length": 8, "train.batch_size": 4, "train.evaluation_batch_size": 4,
        "train.output_bias": output_bias, "train.init_range": 0.5, "train.averaging": "none"})
    number = {word: i for i, word in enumerate(sorted([*WORDS, "<eos>"]))}
    tokens = [number[word] for line in (tmp_path / "test.txt").read_text().splitlines()
              for word in [*line.split(), "<eos>"]]
    column = torch.tensor(tokens).unsqueeze(1)
    with torch.inference_mode():
        logits, _ = module.load(tmp_path / "out" / "weights.safetensors")(column[:-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), column[1:].flatten())
    assert measured["tokens"] == len(tokens) - 1
    assert loss.item() == pytest.approx(measured["loss"], rel=1e-5)


@pytest.mark.parametrize("arch, config, keys", [
    ("layers", "tiny_macro.toml", {}),
    ("enas-micro", "tiny_micro.toml", {"train.layers": 2, "train.auxiliary_weight": 0.4, "train.cutout": 0}),
])
def test_images(tmp_path, arch, config, keys):
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 90)
    images = rng.integers(0, 200, (90, 9, 9, 3)).astype(np.uint8)
    images[np.arange(90), 3 * labels] += 50
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["images"], file["labels"] = images[:70], labels[:70]
        file["test_images"], file["test_labels"] = images[70:], labels[70:]
    if arch == "layers":  # every operation, and skips over both pool layers
        operations = ["conv_3x3", "sep_conv_5x5", "max_pool_3x3", "conv_5x5", "avg_pool_3x3",
                      "sep_conv_3x3"]
        skips = [[], ["stem"], [0], ["stem", 1], [], [0, 3]]
        arch = tmp_path / "layers.json"
        arch.write_text(json.dumps({
            "format": "enas_hpc architecture", "version": 1, "space": "macro",
            "layers": [{"operation": o, "skips": s} for o, s in zip(operations, skips)]}))
    module, measured = exported(tmp_path, arch, config, {
        "data.source": "hdf5", "data.path": tmp_path / "images.h5", "data.valid_size": 20,
        "train.epochs": 2, "train.filters": 4, "train.batch_size": 25, "train.slots": 2,
        "train.evaluation_batch_size": 7, "train.test_batch_size": 7, **keys})
    pixels = images / 255.0
    mean, deviation = pixels[:50].mean((0, 1, 2)), pixels[:50].std((0, 1, 2))
    batch = torch.tensor((pixels[70:] - mean) / deviation, dtype=torch.float32).permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = module.load(tmp_path / "out" / "weights.safetensors")(batch)
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels[70:]))
    assert measured["images"] == 20
    assert loss.item() == pytest.approx(measured["loss"], rel=1e-5)
    assert (logits.argmax(1).numpy() == labels[70:]).mean() == pytest.approx(measured["accuracy"])
