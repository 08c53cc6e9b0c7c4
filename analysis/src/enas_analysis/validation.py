# SPDX-License-Identifier: Apache-2.0
"""Holds every file of a run directory against docs/formats.md: seals, digests, schema, order."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .architecture import read_architecture
from .errors import AnalysisError, MissingFileError
from .json_file import read_object, read_test
from .ranking import read_ranking
from .sealed import open_sealed
from .tables import SEARCH_LOG, SEARCH_TABLES, TRAINING_LOG, TRAINING_TABLES, log_parts, part_steps

COLUMNS = {
    "weight_steps": "step round loss metric gradient_norm lr num_finite examples_per_s data_s forward_s backward_s "
                    "pack_s wait_s reduce_s update_s",
    "controller_steps": "step round reward baseline advantage entropy skip_penalty gradient_norm compute_s wait_s",
    "children": "step round source index tokens loss metric reward finite strategy_digest log_probability seconds",
    "rounds": "round step mean_metric best_metric best_so_far entropy decision_entropy option_histogram "
              "skip_rate seconds",
    "events": "step kind text",
    "training_steps": "step epoch loss metric gradient_norm lr num_finite examples_per_s data_s forward_s backward_s "
                      "pack_s wait_s reduce_s update_s",
    "epochs": "epoch step train_loss train_metric validation_loss validation_metric best_metric lr averaged seconds",
}
LOG_ATTRIBUTES = ("program_version", "git_revision", "first_step", "end_step", "metric", "higher_is_better",
                  "configuration")
CHECKPOINTS = ("enas_hpc checkpoint", "enas_hpc training checkpoint")


def problems(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file of the run with what is wrong with it; the text is empty where all is well."""
    if not folder.is_dir():
        raise MissingFileError(f"{folder} is not there or is no folder: a run directory is wanted")
    expected = 0
    parts = log_parts(folder / "log")
    for path in parts:
        first, end = part_steps(path) or (0, 0)
        if first != expected:
            yield path, f"begins at step {first}, but the part before it ends at {expected}"
        expected = end
        yield path, first_error(check_part, path)
    if not parts:
        yield folder / "log", "holds no closed part"
    checkpoints = sorted((folder / "checkpoints").glob("step-*.h5")) if (folder / "checkpoints").is_dir() else []
    for path in checkpoints:
        yield path, first_error(check_checkpoint, path)
    yield from check_latest(folder, checkpoints)
    for path in sorted(folder.glob("derived/**/ranking.h5")):
        yield path, first_error(read_ranking, path)
    for path in [folder / "best.json", folder / "architecture.json", *sorted(folder.glob("derived/**/*.json"))]:
        if path.exists():
            yield path, first_error(read_architecture, path)
    for name, read in (("status.json", read_object), ("test.json", read_test), ("pipeline.json", read_object)):
        if (folder / name).exists():
            yield folder / name, first_error(read, folder / name)


def first_error(check: Callable[[Path], object], path: Path) -> str:
    """What a check says or raises; checks that return something other than text were only to read the file."""
    try:
        said = check(path)
        return said if isinstance(said, str) else ""
    except AnalysisError as error:
        return str(error).removeprefix(f"{path} ")
    except Exception as error:  # whatever reading a file ends with is a fault of the file: that is what is asked here
        return f"cannot be read as its format says: {type(error).__name__}: {error}"


def check_part(path: Path) -> str:
    with open_sealed(path, SEARCH_LOG, TRAINING_LOG) as file:
        search = "weight_steps" in file
        names = SEARCH_TABLES if search else TRAINING_TABLES
        lacking = [name for name in LOG_ATTRIBUTES if name not in file.attrs]
        lacking += [name for name in names if name not in file]
        if lacking:
            return f"has no {', '.join(lacking)}"
        steps = part_steps(path)
        inside = (int(file.attrs["first_step"]), int(file.attrs["end_step"]))
        if steps != inside:
            return f"is named for steps {steps}, but says that it holds {inside}"
        faults = (check_table(file[name], name, inside) for name in names)
        return next((fault for fault in faults if fault), "")


def check_table(table: Any, name: str, steps: tuple[int, int]) -> str:
    """Columns, their attributes and lengths, and the order of steps. More columns than known are no fault."""
    lacking = [column for column in COLUMNS[name].split() if column not in table]
    if lacking:
        return f"{name} has no column {', '.join(lacking)}"
    lengths = {column: len(dataset) for column, dataset in table.items()}
    if len(set(lengths.values())) > 1:
        return f"{name} has columns of different lengths: {lengths}"
    for column, dataset in table.items():
        missing = [a for a in ("unit", "description", "clock") if a not in dataset.attrs]
        if missing:
            return f"{name}/{column} has no attribute {', '.join(missing)}"
    step = table["step"][:]
    if len(step) and (step.min() < steps[0] or step.max() > steps[1]):
        return f"{name} has steps {step.min()} to {step.max()}, outside of {steps[0]} to {steps[1]}"
    if (step[1:] < step[:-1]).any():
        return f"{name} is not in the order of steps"
    return ""


def check_checkpoint(path: Path) -> str:
    with open_sealed(path, *CHECKPOINTS) as file:
        lacking = [n for n in ("weights", "momentum", "slots", "progress", "best", "config") if n not in file]
        if lacking:
            return f"has no {', '.join(lacking)}"
        if not int(file.attrs.get("complete", 0)):
            return "is not marked complete"
        step = int(path.stem.removeprefix("step-"))
        if int(file.attrs["step"]) != step:
            return f"is named for step {step}, but holds step {int(file.attrs['step'])}"
    return ""


def check_latest(folder: Path, checkpoints: list[Path]) -> Iterator[tuple[Path, str]]:
    latest = folder / "checkpoints" / "latest"
    if latest.exists():
        name = latest.read_text("utf-8", "replace").strip()
        there = {path.name for path in checkpoints} | {path.stem for path in checkpoints}
        yield latest, "" if name in there else f'names "{name}", which is not there'
