# SPDX-License-Identifier: Apache-2.0
"""CSV and TensorBoard files, read back by other means than those that wrote them."""
import struct

import numpy as np
import pandas as pd
import pytest

from enas_analysis import Run
from enas_analysis.commands import main
from enas_analysis.tensorboard import crc32c, varint


def slow_crc32c(data):
    """Bit by bit from the polynomial, highest bit first, reflected at both ends."""
    crc = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            top = (crc >> 31) ^ (byte >> bit & 1)
            crc = (crc << 1 & 0xFFFFFFFF) ^ (0x1EDC6F41 if top else 0)
    return int(f"{crc:032b}"[::-1], 2) ^ 0xFFFFFFFF


def unmasked(crc):
    rotated = (crc - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def frames(path):
    """The records of an event file, held against their checksums."""
    content, at = path.read_bytes(), 0
    while at < len(content):
        length, crc = struct.unpack_from("<QI", content, at)
        assert unmasked(crc) == slow_crc32c(content[at:at + 8])
        data = content[at + 12:at + 12 + length]
        assert unmasked(struct.unpack_from("<I", content, at + 12 + length)[0]) == slow_crc32c(data)
        yield data
        at += 16 + length


def fields(data):
    """{number: value} of a protocol buffer without repeated fields."""
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = number()
        kind = key & 7
        if kind == 0:
            found[key >> 3] = number()
        else:
            size = {1: 8, 5: 4}[kind] if kind != 2 else number()
            found[key >> 3] = data[at:at + size]
            at += size
    return found


def test_crc32c_of_the_check_string():
    assert crc32c(b"123456789") == slow_crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize(("value", "digits"), [(0, b"\x00"), (127, b"\x7f"), (300, b"\xac\x02")])
def test_varint(value, digits):
    assert varint(value) == digits


def test_tensorboard_holds_every_scalar(recurrent, tmp_path):
    assert main(["export", str(recurrent), "--tensorboard", str(tmp_path)]) == 0
    (path,) = tmp_path.iterdir()
    assert "tfevents" in path.name
    first, *events = [fields(data) for data in frames(path)]
    assert first[3] == b"brain.Event:2"
    scalars = {}
    for event in events:
        value = fields(fields(event[5])[1])
        tag = value[1].decode()
        scalars.setdefault(tag, []).append((event.get(2, 0), *struct.unpack("<f", value[2]),
                                            *struct.unpack("<d", event[1])))
    run = Run(recurrent)
    loss = run.weight_steps
    assert [step for step, _, _ in scalars["weight_steps/loss"]] == loss["step"].tolist()
    assert [v for _, v, _ in scalars["weight_steps/loss"]] == loss["loss"].astype(np.float32).tolist()
    assert len(scalars["rounds/best_so_far"]) == 3
    assert "rounds/decision_entropy.node 2 previous" in scalars
    assert "rounds/skip_rate" not in scalars  # NaN in this space
    times = [time for _, _, time in scalars["weight_steps/loss"]]
    assert times == sorted(times)
    assert times[0] == pytest.approx(run.starts[0].time.timestamp(), abs=60)


def test_csv_holds_the_tables(macro, tmp_path):
    assert main(["export", str(macro), "--csv", str(tmp_path)]) == 0
    run = Run(macro)
    assert {path.stem for path in tmp_path.iterdir()} == set(run.log.tables)
    for name in ("weight_steps", "controller_steps", "rounds"):
        read = pd.read_csv(tmp_path / f"{name}.csv", float_precision="round_trip")
        pd.testing.assert_frame_equal(read, run.table(name), check_exact=True, check_dtype=False)
    children = pd.read_csv(tmp_path / "children.csv")
    assert tuple(map(int, children["tokens"].iloc[-1].split())) == run.children["tokens"].iloc[-1]


def test_csv_of_a_training(trainings, tmp_path):
    assert main(["export", str(trainings / "top-1"), "--csv", str(tmp_path)]) == 0
    assert len(pd.read_csv(tmp_path / "epochs.csv")) == 3
