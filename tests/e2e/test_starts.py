# SPDX-License-Identifier: Apache-2.0
"""What a command can know at its start it says at its start: nothing is searched, trained or scored in vain."""
import json
import re

import h5py
import numpy as np
import pytest
from search_run import CONFIG, Run, enas_hpc, sets

MACRO = CONFIG.parent / "tiny_macro.toml"
TRAIN = {"train.epochs": 1, "train.slots": 2}
TEXT = {**TRAIN, "search.rounds": 1, "train.batch_size": 4, "train.segment_length": 8, "train.hidden": 8,
        "train.averaging": "none", "train.evaluation_batch_size": 2}
IMAGES = {**TRAIN, "search.rounds": 1, "train.batch_size": 8, "train.filters": 4, "train.evaluation_batch_size": 10,
          "train.test_batch_size": 3}


def write_images(file, with_test, blank=0):
    """160 images of 8x8; `blank` of the last ones, which are the validation split, are black."""
    pixels = np.random.default_rng(3).integers(0, 256, (160, 8, 8, 1), np.uint8)
    pixels[160 - blank:] = 0
    with h5py.File(file, "w") as out:
        out["images"], out["labels"] = pixels, np.arange(160) % 4
        if with_test:
            out["test_images"], out["test_labels"] = pixels[:20], np.arange(20) % 4


def of_file(file):
    return {**IMAGES, "data.source": "hdf5", "data.path": file, "data.valid_size": 40}


def pipeline(run, keys, *more, config=CONFIG, ranks=2):
    return enas_hpc("pipeline", "--config", config, "--run-dir", run, "--samples", 4, "--top", 2, *sets(keys), *more,
                    ranks=ranks)


def assert_refused(result, run, code, *words):
    assert result.code == code and len(result.errors) == 1, result
    for word in words:
        assert word in result.errors[0], result
    assert not list(run.rglob("step-*.h5")) and not (run / "run.log").exists()


@pytest.mark.parametrize("keys, words", [
    ({"train.batch_size": 300}, ["lower train.slots or train.batch_size"]),
    ({"train.segment_length": 45, "data.markov.valid_tokens": 40, "weights.segment_length": 4},
     ["train.segment_length = 45"]),
    ({"train.segment_length": 400}, ["train.segment_length = 400"]),
    ({"train.evaluation_batch_size": 60}, ["train.evaluation_batch_size times train.evaluation_parts"]),
    ({"train.test_batch_size": 30}, ["train.test_batch_size"]),
    ({"train.slots": 1}, ["2 ranks but train.slots = 1"]),
])
def test_a_pipeline_of_text_with_wrong_keys_of_its_training(tmp_path, keys, words):
    assert_refused(pipeline(tmp_path / "run", {**TEXT, **keys}), tmp_path / "run", 65, *words)


@pytest.mark.parametrize("keys, words", [
    ({"train.batch_size": 30}, ["train.slots = 2 batches of train.batch_size = 30"]),
    ({"train.cutout": 8}, ["train.cutout = 8"]),
    ({"train.released": "true"}, ["train.released", "avg_pool_3x3", "space.operations"]),
    ({"data.shapes.test_images": 0}, ["no test split", "data.shapes.test_images"]),
])
def test_a_pipeline_of_images_with_wrong_keys_of_its_training(tmp_path, keys, words):
    result = pipeline(tmp_path / "run", {**IMAGES, **keys}, config=MACRO)
    assert_refused(result, tmp_path / "run", 65, *words)


def test_a_precision_that_the_training_cannot_have(tmp_path):
    result = pipeline(tmp_path / "run", {**IMAGES, "train.precision": "bfloat16"}, "--device", "cpu", config=MACRO)
    assert_refused(result, tmp_path / "run", 65, 'train.precision = "bfloat16"')


def test_a_pipeline_of_data_without_a_test_split(tmp_path):
    """Its file is named, and what is to be added; added, the pipeline runs."""
    file = tmp_path / "images.h5"
    write_images(file, with_test=False)
    run = tmp_path / "run"
    assert_refused(pipeline(run, of_file(file), config=MACRO), run, 65, "/test_images", "/test_labels", str(file))
    write_images(file, with_test=True)
    result = pipeline(run, of_file(file), config=MACRO)
    assert result.code == 0 and len(json.loads((run / "pipeline.json").read_text())) == 2, result


@pytest.mark.parametrize("place, is_folder", [
    ("derived", False), ("train", False), ("train/top-2", False), ("random", False), ("seed-2", False),
    ("pipeline.json", True), ("seed-1/train/top-1/test.json", True)])
def test_a_pipeline_that_could_not_write(tmp_path, place, is_folder):
    run = tmp_path / "run"
    blocked = run / place
    blocked.parent.mkdir(parents=True)
    blocked.mkdir() if is_folder else blocked.touch()
    more = {"random": ["--with-baseline"], "seed-1": ["--seeds", "1,2"], "seed-2": ["--seeds", "1,2"]}
    result = pipeline(run, TEXT, *more.get(place.split("/")[0], []))
    # What stands in the run directory itself is told as not the run's own.
    assert_refused(result, run, 73, *((str(run), place) if blocked.parent == run and is_folder else (str(blocked),)))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A finished search of images with pools, not to be written into."""
    run = Run(tmp_path_factory.mktemp("searched") / "run", IMAGES, MACRO)
    run.finish()
    return run.folder


def test_a_derivation_that_could_not_write(searched):
    (searched / "derived").touch()
    result = enas_hpc("derive", "--run", searched, "--samples", 4, ranks=2)
    (searched / "derived").unlink()
    assert result.code == 73 and len(result.errors) == 1 and str(searched / "derived") in result.text, result
    assert "scoring on" not in result.text, result


def test_a_derivation_of_what_cannot_be_trained(searched):
    command = ["derive", "--run", searched, "--samples", 4, "--set", "train.released=true"]
    result = enas_hpc(*command, ranks=2)
    assert result.code == 65 and len(result.errors) == 1 and "train.released" in result.errors[0], result
    assert "scoring on" not in result.text, result


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished training on a file without a test split, and that file."""
    folder = tmp_path_factory.mktemp("trained")
    write_images(folder / "images.h5", with_test=False)
    command = ["train", "--arch", "enas-macro", "--config", MACRO, "--run-dir", folder / "run",
               *sets(of_file(folder / "images.h5"))]
    result = enas_hpc(*command, ranks=2)
    assert result.code == 0, result
    return folder, command, result


def test_a_training_says_what_its_evaluation_will_miss(trained):
    _, _, result = trained
    assert re.search(r"^warning: no test split.*/test_images", result.err, re.M), result


def test_only_a_test_split_may_be_added(trained):
    """evaluate takes the file; so do train and derive; other training or validation images are refused."""
    folder, command, _ = trained
    file, evaluate = folder / "images.h5", ["evaluate", "--run", folder / "run", "--json"]
    early = enas_hpc(*evaluate)
    assert early.code == 65 and len(early.errors) == 1 and "/test_images" in early.errors[0], early
    write_images(file, with_test=True, blank=1)
    other = enas_hpc(*evaluate, ranks=2)
    assert other.code == 65 and "the data are not those of the training" in other.text, other
    write_images(file, with_test=True)
    result = enas_hpc(*evaluate, ranks=2)
    assert result.code == 0 and json.loads(result.out)["metrics"]["test"]["images"] == 20, result
    again = enas_hpc(*command, ranks=2)
    assert again.code == 0 and "changed since the checkpoint: the data: a test split was added" in again.text, again


def test_an_evaluation_that_could_not_write(tmp_path):
    run = tmp_path / "run"
    assert enas_hpc("train", "--arch", "enas-ptb", "--config", CONFIG, "--run-dir", run, *sets(TEXT)).code == 0
    (run / "test.json").mkdir()
    result = enas_hpc("evaluate", "--run", run, "--again", ranks=2)
    assert result.code == 73 and len(result.errors) == 1 and "test.json" in result.errors[0], result
    assert "scoring the weights" not in result.text, result


def test_a_search_goes_on_when_a_test_split_was_added(tmp_path):
    """And its derivation: the pipeline that was refused for want of one takes the search that is there."""
    file, run = tmp_path / "images.h5", tmp_path / "run"
    write_images(file, with_test=False)
    assert Run(run, of_file(file), MACRO).search().code == 0
    write_images(file, with_test=True)
    result = pipeline(run, of_file(file), config=MACRO)
    assert result.code == 0, result
