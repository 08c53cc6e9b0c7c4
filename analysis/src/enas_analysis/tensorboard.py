# SPDX-License-Identifier: Apache-2.0
"""TensorBoard event files: frames of length, masked CRC32C and protocol buffers, written without TensorBoard."""
from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType

from .output import MARK, refuse_foreign


def crc_table() -> tuple[int, ...]:
    """CRC-32C (Castagnoli), reflected."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


TABLE = crc_table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked_crc(data: bytes) -> int:
    """As TFRecord stores it: rotated and shifted, so that a CRC of data with CRCs in it stays a good one."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    """Base 128, low digits first; negative numbers as 64-bit two's complement."""
    value &= (1 << 64) - 1
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def length_field(number: int, content: bytes) -> bytes:
    """A field of text, bytes or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def event(wall_time: float, step: int, payload: bytes) -> bytes:
    """tensorflow.Event: wall_time = 1 (double), step = 2 (int64), then file_version = 3 or summary = 5."""
    return varint(1 << 3 | 1) + struct.pack("<d", wall_time) + varint(2 << 3) + varint(step) + payload


def scalar(tag: str, value: float) -> bytes:
    """tensorflow.Summary with one value: tag = 1, simple_value = 2 (float)."""
    content = length_field(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value)
    return length_field(5, length_field(1, content))


def source() -> bytes:
    """tensorflow.Event: source_metadata = 10, whose writer = 1."""
    return length_field(10, length_field(1, MARK.encode()))


def frame(data: bytes) -> bytes:
    """length, its masked CRC, data, its masked CRC."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


class EventWriter:
    """One event file in a folder; TensorBoard finds it by its name."""

    def __init__(self, folder: Path, first_time: float) -> None:
        self.path = folder / f"events.out.tfevents.{int(first_time):010}.enas_hpc"
        first = frame(event(first_time, 0, length_field(3, b"brain.Event:2") + source()))
        refuse_foreign({self.path: first})
        folder.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("wb")
        self._file.write(first)

    def add_scalar(self, tag: str, value: float, step: int, wall_time: float) -> None:
        self._file.write(frame(event(wall_time, step, scalar(tag, value))))

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._file.close()
