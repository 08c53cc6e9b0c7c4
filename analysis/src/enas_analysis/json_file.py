# SPDX-License-Identifier: Apache-2.0
"""JSON files that hold an object."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import DamagedFileError, MissingFileError


def read_object(path: Path) -> dict[str, Any]:
    """Raises MissingFileError or DamagedFileError when it cannot be read or holds something else."""
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise MissingFileError(f"{path} is not there") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path} is no JSON file: {error}") from None
    if not isinstance(content, dict):
        raise DamagedFileError(f"{path} is no JSON file of enas_hpc: it holds no object")
    return content


def read_test(path: Path) -> dict[str, Any]:
    """`metrics` of a test.json, its scores held against docs/formats.md. Raises like read_object."""
    metrics = read_object(path).get("metrics")
    if not isinstance(metrics, dict):
        raise DamagedFileError(f"{path} is no result of a training: it has no metrics")
    for split in ("validation", "test"):
        scores = metrics.get(split)
        if not isinstance(scores, dict) or not any(is_number(scores.get(name)) for name in ("accuracy", "perplexity")):
            raise DamagedFileError(f"{path} is no result of a training: it has no score of {split}")
    for name in ("epochs", "parameters"):
        if not is_number(metrics.get(name)):
            raise DamagedFileError(f"{path} is no result of a training: {name} is no number")
    return metrics


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
