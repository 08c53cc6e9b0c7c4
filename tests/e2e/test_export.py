# SPDX-License-Identifier: Apache-2.0
"""What `export` writes can be used alone: it gives the scores of `evaluate` from the user's own files."""
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
WORDS = ["ape", "bee", "cat", "d\u00f4g", "eel"]
FILES = {"architecture.json", "export.json", "model.py", "weights.safetensors"}


def run(*arguments, ranks=0):
    result = enas_hpc(*arguments, ranks=ranks)
    assert result.code == 0, result
    return result


def model_py(folder, *arguments):
    """Starts model.py in another folder than its own, where no other file of the run is found."""
    return subprocess.run([sys.executable, "-B", folder / "model.py", *arguments], cwd="/", capture_output=True,
                          text=True, timeout=120)


def exported(folder, arch, config, keys):
    """Trains, evaluates and exports; the module, and what the program itself measured."""
    sets = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
    run("train", "--arch", arch, "--config", HERE / config, "--run-dir", folder / "run", *sets)
    run("evaluate", "--run", folder / "run")
    out = folder / "out"
    run("export", "--run", folder / "run", "--to", "pytorch", out)
    alone = model_py(out)
    assert alone.returncode == 0, alone
    spec = importlib.util.spec_from_file_location("model", out / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if importlib.util.find_spec("onnx"):
        made = model_py(out, "--onnx", folder / "model.onnx")
        assert made.returncode == 0 and (folder / "model.onnx").stat().st_size > 0, made
    return module, json.loads((folder / "run" / "test.json").read_text())["metrics"]["test"]


def assert_scores(out, file, measured):
    """model.py --score gives what evaluate gave, to the accuracy of float32."""
    done = model_py(out, "--score", file)
    assert done.returncode == 0, done
    score = json.loads(done.stdout)
    assert score.keys() == measured.keys()
    assert score == pytest.approx(measured, rel=1e-5)


def write_texts(folder, words):
    """Three splits; words that the training split lacks are left in the test split alone."""
    rng = np.random.default_rng(1)
    for split, lines in (("train", 200), ("valid", 40), ("test", 30)):
        chosen = words if split == "test" else WORDS
        text = "".join(" ".join(rng.choice(chosen, rng.integers(1, 6))) + "\n" for _ in range(lines))
        (folder / f"{split}.txt").write_text(text)


TEXT_KEYS = {"data.source": "folder", "train.epochs": 2, "train.hidden": 6, "train.segment_length": 8,
             "train.batch_size": 4, "train.evaluation_batch_size": 4, "train.init_range": 0.5,
             "train.averaging": "none"}


@pytest.mark.parametrize("output_bias, columns", [("false", 1), ("true", 3)])
def test_recurrent(tmp_path, output_bias, columns):
    write_texts(tmp_path, WORDS)
    module, measured = exported(tmp_path, "enas-ptb", "tiny.toml", {
        **TEXT_KEYS, "data.path": tmp_path, "train.output_bias": output_bias, "train.test_batch_size": columns})
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {*FILES, "vocabulary.txt"}
    words = sorted([*WORDS, "<eos>"], key=str.encode)
    assert (out / "vocabulary.txt").read_text("utf-8").splitlines() == words
    number = {word: i for i, word in enumerate(words)}
    tokens = [number[word] for line in (tmp_path / "test.txt").read_text().splitlines()
              for word in [*line.split(), "<eos>"]]
    length = len(tokens) // columns
    batch = torch.tensor(tokens[:columns * length]).reshape(columns, length).t()
    with torch.inference_mode():
        logits, _ = module.load(out / "weights.safetensors")(batch[:-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[1:].flatten())
    assert measured["tokens"] == columns * (length - 1)
    assert loss.item() == pytest.approx(measured["loss"], rel=1e-5)
    assert_scores(out, tmp_path / "test.txt", measured)


def test_text_with_unknown_words_and_line_ends_of_windows(tmp_path):
    write_texts(tmp_path, [*WORDS, "fox"])
    (tmp_path / "train.txt").write_text((tmp_path / "train.txt").read_text() + "ape <unk> bee\n")
    test = (tmp_path / "test.txt").read_text()
    (tmp_path / "test.txt").write_bytes(b"\xef\xbb\xbf" + test.replace("\n", "\r\n").removesuffix("\r\n").encode())
    _, measured = exported(tmp_path, "enas-ptb", "tiny.toml", {**TEXT_KEYS, "data.path": tmp_path})
    assert_scores(tmp_path / "out", tmp_path / "test.txt", measured)


def test_text_of_the_user(tmp_path):
    """Words, lines and marks as Python reads them; messages for what cannot be scored."""
    write_texts(tmp_path, WORDS)
    module, _ = exported(tmp_path, "enas-ptb", "tiny.toml", {**TEXT_KEYS, "data.path": tmp_path})
    file = tmp_path / "mine.txt"
    file.write_bytes("\ufeffape\u3000bee\r\rd\u00f4g\x1fcat\r\neel".encode())
    words = "ape bee <eos> <eos> d\u00f4g cat <eos> eel <eos>".split()
    numbers = module.read_vocabulary()
    assert module.read_tokens(file).tolist() == [numbers[word] for word in words]
    for content, said in (("ape\nape fox\n", "mine.txt:2: 'fox' is no word of the network"), ("", "has 0 tokens")):
        file.write_text(content)
        done = model_py(tmp_path / "out", "--score", file)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done
    done = model_py(tmp_path / "out", "--score", tmp_path / "none.txt")
    assert done.returncode == 1 and "none.txt" in done.stderr and "Traceback" not in done.stderr, done


def test_files_of_an_export_that_were_changed(tmp_path):
    """The words are those of the weights, whatever became of the copy in vocabulary.txt."""
    write_texts(tmp_path, WORDS)
    _, measured = exported(tmp_path, "enas-ptb", "tiny.toml", {**TEXT_KEYS, "data.path": tmp_path})
    out = tmp_path / "out"
    words = (out / "vocabulary.txt").read_text("utf-8").splitlines()
    (out / "vocabulary.txt").write_text("\r\n".join(reversed(words)), "utf-8")
    assert_scores(out, tmp_path / "test.txt", measured)
    weights = (out / "weights.safetensors").read_bytes()
    for length in (4, 100, len(weights) - 4):
        (out / "weights.safetensors").write_bytes(weights[:length])
        done = model_py(out, "--score", tmp_path / "test.txt")
        assert done.returncode == 1 and "is cut off" in done.stderr and "Traceback" not in done.stderr, done


def write_images(file, images, labels, layout=None):
    order = (0, 3, 1, 2) if layout == "NCHW" else (0, 1, 2, 3)
    with h5py.File(file, "w") as target:
        target["images"], target["labels"] = images[:70].transpose(order), labels[:70]
        target["test_images"], target["test_labels"] = images[70:].transpose(order), labels[70:]
        if layout:
            target["images"].attrs["layout"] = layout


@pytest.mark.parametrize("arch, config, layout, keys", [
    ("layers", "tiny_macro.toml", "NCHW", {}),
    ("enas-micro", "tiny_micro.toml", None, {"train.layers": 2, "train.auxiliary_weight": 0.4, "train.cutout": 0}),
])
def test_images(tmp_path, arch, config, layout, keys):
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 90)
    images = rng.integers(0, 200, (90, 9, 9, 3)).astype(np.uint8)
    images[np.arange(90), 3 * labels] += 50
    images[..., 2] = 7  # a channel that is constant is only shifted
    write_images(tmp_path / "images.h5", images, labels, layout)
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
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == FILES
    pixels = images / 255.0
    mean, deviation = pixels[:50].mean((0, 1, 2)), pixels[:50].std((0, 1, 2))
    deviation[2] = 1.0
    batch = torch.tensor((pixels[70:] - mean) / deviation, dtype=torch.float32).permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = module.load(out / "weights.safetensors")(batch)
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels[70:]))
    assert measured["images"] == 20
    assert loss.item() == pytest.approx(measured["loss"], rel=1e-5)
    assert (logits.argmax(1).numpy() == labels[70:]).mean() == pytest.approx(measured["accuracy"])
    data = json.loads((out / "export.json").read_text())["data"]
    assert data["num_classes"] == module.CLASSES == 3
    assert data["mean"] == pytest.approx(mean)
    assert module.MEAN == pytest.approx(mean) and module.STANDARD_DEVIATION == pytest.approx(deviation)
    assert_scores(out, tmp_path / "images.h5", measured)

    # A file of the user's own, in the other layout and without a test part.
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["images"] = images[70:] if layout == "NCHW" else images[70:].transpose(0, 3, 1, 2)
        file["labels"] = labels[70:]
    assert_scores(out, tmp_path / "mine.h5", measured)
    with h5py.File(tmp_path / "mine.h5", "r+") as file:
        file["labels"][3] = 3
    done = model_py(out, "--score", tmp_path / "mine.h5")
    assert done.returncode == 1 and "from 0 to 2" in done.stderr and "Traceback" not in done.stderr, done
    done = model_py(out, "--score", out / "model.py")
    assert done.returncode == 1 and "no HDF5 file" in done.stderr and "Traceback" not in done.stderr, done


def test_files_that_no_export_wrote_stay(tmp_path):
    """All of them are named at once, and nothing is written; what an export wrote is replaced."""
    keys = {"train.epochs": 1, "train.slots": 2, "train.batch_size": 4, "train.segment_length": 8, "train.hidden": 6,
            "train.evaluation_batch_size": 2}
    for seed in (1, 2):
        sets = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
        run("train", "--arch", "enas-ptb", "--config", HERE / "tiny.toml", "--run-dir", tmp_path / f"run-{seed}",
            "--seed", seed, *sets)
    out = tmp_path / "out"
    out.mkdir()

    def export(seed):
        return enas_hpc("export", "--run", tmp_path / f"run-{seed}", "--to", "pytorch", out)

    def contents():
        return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}

    def refused(*names):
        before = contents()
        result = export(2)
        assert result.code == 73 and f": {', '.join(names)};" in result.text, result
        assert contents() == before

    (out / "model.py").write_text("mine")
    (out / "architecture.json").write_text("{}")
    (out / "notes").write_text("not in the way")
    refused("model.py", "architecture.json")
    (out / "model.py").unlink()
    (out / "architecture.json").unlink()
    (out / "export.json").write_text("[]")
    refused("export.json")
    (out / "export.json").unlink()

    assert export(1).code == 0
    first = (out / "weights.safetensors").read_bytes()
    (out / "weights.safetensors").chmod(0o640)
    assert export(2).code == 0
    assert (out / "weights.safetensors").read_bytes() != first
    assert (out / "weights.safetensors").stat().st_mode & 0o777 == 0o640
    assert (out / "notes").read_text() == "not in the way"
    (out / "model.py").write_text((out / "model.py").read_text() + "# changed by hand\n")
    refused("model.py")
    (out / "model.py").unlink()
    (out / "vocabulary.txt").unlink()
    (out / "vocabulary.txt").mkdir()
    refused("vocabulary.txt")
