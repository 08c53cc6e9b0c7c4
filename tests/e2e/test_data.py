# SPDX-License-Identifier: Apache-2.0
"""Images from files: what docs/data.md says works, and what is damaged is named."""
import re
import shutil

import h5py
import numpy as np
import pytest
from search_run import SOURCE, Run, enas_hpc

DOCUMENT = (SOURCE / "docs" / "data.md").read_text()
CONFIG = SOURCE / "tests" / "e2e" / "tiny_macro.toml"
CIFAR_BYTES = 30_730_000


def dry_run(source, path, *sets):
    keys = (f"data.source={source}", f"data.path={path}", *sets)
    return enas_hpc("--config", CONFIG, "--dry-run", *(part for key in keys for part in ("--set", key)))


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """images.h5 as the document's example writes it."""
    folder = tmp_path_factory.mktemp("example")
    code = re.search(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line]) <= 11
    exec(code.replace('"images.h5"', repr(str(folder / "images.h5"))), {})
    return folder / "images.h5"


def test_the_example_of_the_document_is_searched(example, tmp_path):
    keys = {"data.source": "hdf5", "data.path": example, "data.valid_size": 300, "search.rounds": 1,
            "data.limit_train": 80}
    run = Run(tmp_path / "run", keys, CONFIG)
    result = run.search(ranks=2)
    assert result.code == 0, result
    assert "80/300/0 images 24×24×1, 3 classes" in result.text, result


def test_layouts_and_storage_are_the_same_images(example, tmp_path):
    """Channels first or last, mapped or compressed: the same search."""
    with h5py.File(example) as file:
        images, labels = file["images"][:], file["labels"][:]
    colours = np.concatenate([images, 255 - images, images // 2], axis=3)
    hashes = set()
    for name, data, options in (("last", colours, {}), ("first", colours.transpose(0, 3, 1, 2), {}),
                                ("packed", colours, {"compression": "gzip", "chunks": (100, 24, 24, 3)})):
        path = tmp_path / f"{name}.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("images", data=data, **options)
            file["labels"] = labels.astype(np.int32)
        keys = {"data.source": "hdf5", "data.path": path, "data.valid_size": 100, "data.limit_train": 16}
        run = Run(tmp_path / f"run-{name}", keys, CONFIG)
        assert run.search("--max-steps", 2, ranks=0).code == 0
        with h5py.File(run.newest(), "r") as file:
            hashes.add(str(file["weights/stem/conv"][:].tobytes()))
    assert len(hashes) == 1


def test_a_file_sorted_by_class(example, tmp_path):
    path = tmp_path / "sorted.h5"
    with h5py.File(example) as file, h5py.File(path, "w") as out:
        order = np.argsort(file["labels"][:], kind="stable")
        out["images"], out["labels"] = file["images"][:][order], file["labels"][:][order]
    result = dry_run("hdf5", path, "data.valid_size=200")
    assert result.code == 65 and "data.shuffle_split" in result.text, result
    assert len(result.errors) == 1, result
    assert dry_run("hdf5", path, "data.valid_size=200", "data.shuffle_split=true").code == 0


@pytest.mark.parametrize("change, words", [
    (lambda file: file.pop("labels"), "labels"),
    (lambda file: file["labels"].__setitem__(5, -1), "-1"),
    (lambda file: (file.pop("labels"), file.create_dataset("labels", data=np.zeros(7, int))), "7"),
    (lambda file: (file.pop("images"), file.create_dataset("images", data=np.zeros((1200, 4, 4, 3)))), "uint8"),
])
def test_a_damaged_file_is_named(example, tmp_path, change, words):
    path = tmp_path / "damaged.h5"
    shutil.copy(example, path)
    with h5py.File(path, "r+") as file:
        change(file)
    result = dry_run("hdf5", path, "data.valid_size=100")
    assert result.code == 65 and len(result.errors) == 1, result
    assert str(path) in result.errors[0] and words in result.errors[0], result


def write_cifar10(folder):
    """Six files of random records in the binary format."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    records = rng.integers(0, 256, (10_000, 3073), dtype=np.uint8)
    for name in [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]:
        records[:, 0] = rng.integers(0, 10, 10_000)
        records.tofile(folder / name)
        assert (folder / name).stat().st_size == CIFAR_BYTES


def test_cifar10_files_are_checked(tmp_path):
    folder = tmp_path / "cifar"
    write_cifar10(folder)
    sets = ("data.limit_train=64", "data.valid_size=5000")
    result = dry_run("cifar10", folder, *sets)
    assert result.code == 0 and "64/5000/10000 images 32×32×3, 10 classes" in result.text, result

    with open(folder / "data_batch_3.bin", "r+b") as file:
        file.seek(3073 * 17)
        file.write(bytes([10]))
    result = dry_run("cifar10", folder, *sets)
    assert result.code == 65 and len(result.errors) == 1, result
    for words in ("data_batch_3.bin", str(3073 * 17), "10"):
        assert words in result.errors[0], result

    with open(folder / "data_batch_2.bin", "r+b") as file:
        file.truncate(CIFAR_BYTES - 1)
    result = dry_run("cifar10", folder, *sets)
    assert result.code == 65 and "data_batch_2.bin" in result.errors[0], result
    assert f"{CIFAR_BYTES - 1}" in result.errors[0].replace(",", ""), result

    (folder / "data_batch_1.bin").unlink()
    result = dry_run("cifar10", folder, *sets)
    assert result.code == 66 and "data_batch_1.bin" in result.errors[0], result


def test_text_and_images_are_not_mixed():
    result = enas_hpc("--config", CONFIG, "--dry-run", "--set", "data.source=markov")
    assert result.code == 65 and len(result.errors) == 1, result
    assert "data.source" in result.errors[0] and "space.kind" in result.errors[0], result
