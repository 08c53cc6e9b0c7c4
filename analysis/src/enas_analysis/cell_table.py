# SPDX-License-Identifier: Apache-2.0
"""Tables of cells that were all trained alone, which `evaluation.table` names."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .architecture import MOST_NODES, Network, TokenReader
from .errors import DamagedFileError, MissingFileError
from .sealed import text_of

FORMAT = "enas_hpc table"


def read_cell_table(path: Path) -> dict[Network, float]:
    """Validation perplexity of each cell: exp of its mean loss over trainings."""
    if not path.is_file():
        raise MissingFileError(f"{path} is no file: a table of cells is wanted")
    try:
        with h5py.File(path, "r") as file:
            if (found := text_of(file.attrs["format"])) != FORMAT:
                raise DamagedFileError(f"{path} is no table of cells: its format is {found!r}")
            options = [text_of(name) for name in file["options"][:]]
            tokens, loss = file["tokens"][:], file["loss"][:]
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFileError(f"{path} cannot be read as a table of cells: {error}") from None
    if fault := fault_of(options, tokens, loss):
        raise DamagedFileError(f"{path} cannot be read as a table of cells: {fault}")
    reader = TokenReader(decisions_of(tokens.shape[1]), options)
    return {reader.network(row): float(perplexity)
            for row, perplexity in zip(tokens, np.exp(loss.mean(axis=1)), strict=True)}


def fault_of(options: list[str], tokens: Any, loss: Any) -> str:
    """What is not as docs/formats.md says; empty when all is well."""
    if tokens.dtype.kind not in "iu" or tokens.ndim != 2 or not 1 <= tokens.shape[1] <= 2 * MOST_NODES:
        return "tokens must hold whole numbers, a row a cell"
    if loss.dtype.kind != "f" or loss.ndim != 2 or len(loss) != len(tokens) or not loss.shape[1]:
        return "loss must hold reals, a row a cell and a column a training"
    names = decisions_of(tokens.shape[1])
    most = [len(options) if "function" in name else int(name.split()[1]) for name in names]
    if not ((tokens >= 0) & (tokens < most)).all():
        return "tokens must be places in options, or earlier nodes"
    return ""


def decisions_of(num_tokens: int) -> list[str]:
    """Of a recurrent space: 2 N - 1 tokens for N nodes, or 2 N - 2 where the first function is fixed."""
    decisions = ["node 0 function"] if num_tokens % 2 else []
    for node in range(1, num_tokens // 2 + 1):
        decisions += [f"node {node} previous", f"node {node} function"]
    return decisions
