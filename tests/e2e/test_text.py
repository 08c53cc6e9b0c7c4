# SPDX-License-Identifier: Apache-2.0
"""Text from files: read as Python reads it, and what makes its score mean little is said."""
import json
import random

import pytest
from search_run import CONFIG, Run, enas_hpc

WHITE_SPACE = [chr(code) for code in range(0x110000) if chr(code).isspace() and chr(code) not in "\r\n"]
LINE_ENDS = ["\n", "\r", "\r\n"]
# What looks like white space and is none comes last.
WORDS = ["a", "The", "naïve", "猫", "<unk>", "<eos>", "e\u0301", "\U0001f600", "\x1b", "\u200b", "\u180e", "\ufeff"]
NOT_UTF8 = [b"\xe9", b"\xc2", b"\xe3\x80", b"\xed\xa0\x80", b"\xc0\xa0", b"\xf4\x90\x80\x80", b"\xff", b"\x80"]
SPLITS = ("train", "valid", "test")


def odd_text(rng):
    """A random mixture of words, white space and line ends, and at times a byte-order mark in front."""
    pieces = rng.choices([*WORDS, *WHITE_SPACE, *LINE_ENDS * 3], k=rng.choice([400, 1000]))
    return ("\ufeff" * rng.choice([0, 1, 2]) + "".join(pieces)).encode()


def as_python_reads(path):
    """Its words and its lines."""
    with open(path, encoding="utf-8-sig") as file:
        lines = list(file)
    return [word for line in lines for word in line.split()], len(lines)


def dry_run(folder, *keys):
    keys = ("data.source=folder", f"data.path={folder}", "weights.slots=1", "weights.batch_size=1",
            "weights.segment_length=5", "controller.batch_size=1", "controller.segment_length=5",
            "validation.batch_size=1", *keys)
    return enas_hpc("--config", CONFIG, "--dry-run", *(part for key in keys for part in ("--set", key)))


def percent(share):
    return f"{100 * share:.1f}"


@pytest.mark.parametrize("seed", range(6))
def test_words_and_lines_are_those_of_python(tmp_path, seed):
    rng = random.Random(seed)
    for split in SPLITS:
        first_words = " ".join(WORDS).encode() + b"\n" if split == "train" else b"a\n"
        (tmp_path / f"{split}.txt").write_bytes(odd_text(rng) + b"\n" + first_words)
    read = {split: as_python_reads(tmp_path / f"{split}.txt") for split in SPLITS}
    known = set(read["train"][0])
    tokens = "/".join(str(len(words) + lines) for words, lines in read.values())
    unknown = "/".join(percent(sum(word not in known or word == "<unk>" for word in words) / len(words))
                       for words, _ in read.values())
    result = dry_run(tmp_path)
    assert result.code == 0, result
    assert f"{tokens} tokens, vocabulary {len(known | {'<eos>'})}, unknown words {unknown} %" in result.out, result


@pytest.mark.parametrize("seed", range(3))
def test_bytes_that_are_not_utf8_are_refused_where_python_refuses_them(tmp_path, seed):
    rng = random.Random(seed)
    for split in SPLITS:
        (tmp_path / f"{split}.txt").write_bytes(b"a <unk>\n")
    text = odd_text(rng).decode()
    at = rng.randrange(1, len(text))
    data = text[:at].encode() + rng.choice(NOT_UTF8) + text[at:].encode()
    (tmp_path / "valid.txt").write_bytes(data)
    with pytest.raises(UnicodeDecodeError) as refusal:
        as_python_reads(tmp_path / "valid.txt")
    start = refusal.value.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)  # utf-8-sig counts without it
    before = data[:start].decode().replace("\r\n", "\n").replace("\r", "\n")
    result = dry_run(tmp_path)
    assert result.code == 65 and len(result.errors) == 1, result
    place = f"valid.txt:{before.count(chr(10)) + 1}: the byte 0x{data[start]:02X} is not UTF-8"
    assert place in result.errors[0], (result, place)


def write_splits(folder, train, valid, test, name="{}.txt"):
    folder.mkdir(exist_ok=True)
    for split, line in zip(SPLITS, (train, valid, test)):
        (folder / name.format(split)).write_text((line + "\n") * 60)
    return folder


def test_text_whose_score_means_nothing(tmp_path):
    """Capitals in one split, and lines that end in <eos> already: a warning each, shares in status.json."""
    folder = write_splits(tmp_path / "text", "a b c d e <unk> <eos>", "A B C D e <eos>", "a b c d e <eos>")
    keys = {"data.source": "folder", "data.path": folder, "search.rounds": 1, "controller.batch_size": 2,
            "controller.segment_length": 5, "weights.segment_length": 5, "validation.batch_size": 2}
    run = Run(tmp_path / "run", keys)
    result = run.search()
    assert result.code == 0, result
    assert result.text.count("66.7 % of the validation split's words are <unk>") == 1, result
    assert "'A' (" in result.text and "valid.txt:1)" in result.text, result
    assert result.text.count("60 of the training split's 60 lines") == 1, result
    assert "what would be 100 shows as about" in result.text, result
    shares = json.loads((run.folder / "status.json").read_text())["unknown_words"]
    assert shares == pytest.approx({"train": 1 / 7, "validation": 4 / 6, "test": 0})
    with_prefix = dry_run(write_splits(folder, "a b", "a b", "a b", "other.{}.txt"), "data.prefix=other")
    assert with_prefix.code == 0 and "split's" not in with_prefix.text, with_prefix
    assert "text/other: 180/180/180 tokens" in with_prefix.out, with_prefix


def test_a_choice_of_files_is_asked_for(tmp_path):
    folder = write_splits(tmp_path, "a b", "a b", "a b", "one.{}.txt")
    write_splits(folder, "a b c", "a b c", "a b c", "two.{}.tokens")
    result = dry_run(folder)
    assert result.code == 65 and len(result.errors) == 1, result
    assert 'data.prefix ("one" or "two")' in result.errors[0], result
    assert "180/180/180 tokens" in dry_run(folder, "data.prefix=one").out
    assert "240/240/240 tokens" in dry_run(folder, "data.prefix=two").out
    result = dry_run(folder, "data.prefix=one", "data.source=markov")
    assert result.code == 65 and "data.prefix" in result.errors[0], result
