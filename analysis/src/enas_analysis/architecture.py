# SPDX-License-Identifier: Apache-2.0
"""Architectures by name, from JSON files and from the tokens of a log."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import AnalysisError, DamagedFileError, NewerFormatError
from .json_file import read_object

FORMATS = ("enas_hpc architecture", "enas_hpc best")
MOST_NODES = 1000


@dataclass(frozen=True)
class Recurrent:
    """A recurrent cell: the function of each node, and the node that each reads (None for node 0)."""

    functions: tuple[str, ...]
    previous: tuple[int | None, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Macro:
    """A convolutional network: the operation of each layer, and its skips (-1 is the stem)."""

    operations: tuple[str, ...]
    skips: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Cell:
    """A convolutional cell: node i + 2 adds operations[i] of inputs[i]; 0 and 1 are the two cells before."""

    inputs: tuple[tuple[int, int], ...]
    operations: tuple[tuple[str, str], ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Micro:
    """A network of normal and reduction cells."""

    normal: Cell
    reduction: Cell


Network = Recurrent | Macro | Micro


@dataclass(frozen=True)
class Architecture:
    """A network with what its file says about it."""

    network: Network
    name: str = ""
    metrics: dict[str, Any] = field(default_factory=dict, compare=False)
    origin: dict[str, Any] = field(default_factory=dict, compare=False)


def read_architecture(path: str | Path) -> Architecture:
    """An architecture file, or best.json of a run."""
    path = Path(path)
    json_object = read_object(path)
    if json_object.get("format") not in FORMATS:
        raise DamagedFileError(f"{path} is no architecture: its format must be one of: {', '.join(FORMATS)}")
    version = json_object.get("version", json_object.get("format_version", 1))
    if version != 1:
        raise NewerFormatError(f"{path} has version {version} of the format; this package reads version 1")
    try:
        return architecture_of(json_object)
    except KeyError as error:
        raise DamagedFileError(f"{path} is no complete architecture: it has no {error}") from None
    except (IndexError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFileError(f"{path} is no complete architecture: {error}") from None


def architecture_of(json_object: dict[str, Any]) -> Architecture:
    """From the JSON of an architecture file or of best.json."""
    if json_object["format"] == "enas_hpc best":
        metric = json_object["metric"]
        origin: dict[str, Any] = {key: json_object[key] for key in ("step", "strategy", "seed") if key in json_object}
        return Architecture(network_of(json_object["architecture"]), "", {metric: json_object[metric]}, origin)
    return Architecture(network_of(json_object), text_in(json_object.get("name", "")),
                        json_object.get("metrics", {}), json_object.get("origin", {}))


def network_of(json_object: dict[str, Any]) -> Network:
    """Of the three spaces. Raises ValueError, KeyError or TypeError where something is missing or impossible."""
    space = json_object["space"]
    if space == "recurrent":
        nodes = nodes_in(json_object["nodes"])
        previous = tuple(number_in(node["previous"], 0, i - 1) if i else None for i, node in enumerate(nodes))
        outputs = listed_outputs(json_object, len(nodes)) or loose_ends(
            len(nodes), [p for p in previous if p is not None])
        return Recurrent(tuple(text_in(node["function"]) for node in nodes), previous, outputs)
    if space == "macro":
        layers = nodes_in(json_object["layers"])
        skips = tuple(tuple(-1 if s == "stem" else number_in(s, -1, i - 2) for s in layer.get("skips", []))
                      for i, layer in enumerate(layers))
        return Macro(tuple(text_in(layer["operation"]) for layer in layers), skips)
    if space == "micro":
        return Micro(cell_of(json_object["normal"]), cell_of(json_object["reduction"]))
    raise ValueError(f'space "{space}"')


def cell_of(json_object: dict[str, Any]) -> Cell:
    nodes = nodes_in(json_object["nodes"])
    inputs = tuple((number_in(node["inputs"][0], 0, i + 1), number_in(node["inputs"][1], 0, i + 1))
                   for i, node in enumerate(nodes))
    operations = tuple((text_in(node["operations"][0]), text_in(node["operations"][1])) for node in nodes)
    outputs = listed_outputs(json_object, len(nodes) + 2) or loose_ends(
        len(nodes) + 2, [i for pair in inputs for i in pair])
    return Cell(inputs, operations, outputs)


def listed_outputs(json_object: dict[str, Any], count: int) -> tuple[int, ...] | None:
    outputs = json_object.get("outputs", "loose_ends")
    return None if outputs == "loose_ends" else tuple(number_in(i, 0, count - 1) for i in outputs)


def nodes_in(value: Any) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_NODES:
        raise ValueError(f"a list of 1 to {MOST_NODES} nodes or layers is wanted")
    return value


def number_in(value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{value!r:.40} is not a number from {least} to {most}")
    return value


def text_in(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is no text")
    return value


def loose_ends(num_nodes: int, read: Sequence[int]) -> tuple[int, ...]:
    """The nodes that nobody reads."""
    return tuple(sorted(set(range(num_nodes)) - set(read)))


class TokenReader:
    """Makes networks of tokens, by the names of the decisions that stand in every log."""

    def __init__(self, decisions: Sequence[str], options: Sequence[str]) -> None:
        self.decisions, self.options = tuple(decisions), tuple(options)
        kinds: dict[str, Callable[[dict[str, int]], Network]] = {
            "node": self._recurrent, "laye": self._macro, "norm": self._micro}
        if not decisions or decisions[0][:4] not in kinds:
            raise AnalysisError(f"the log's decisions are of no known space: {', '.join(decisions[:3])}")
        self._make = kinds[decisions[0][:4]]

    def network(self, tokens: Sequence[int]) -> Network:
        return self._make(dict(zip(self.decisions, tokens, strict=True)))

    def num_choices(self, decision: str) -> int:
        """Between how many choices a decision is."""
        if re.search(r"function|operation", decision):
            return len(self.options)
        numbers = [int(number) for number in re.findall(r"\d+", decision)]
        return 2 if "skip" in decision else numbers[0]

    def is_option(self, decision: str) -> bool:
        """Whether the decision takes one of the options (and not an input or a skip)."""
        return "function" in decision or "operation" in decision

    def _recurrent(self, token: dict[str, int]) -> Recurrent:
        size = 1 + max(int(name.split()[1]) for name in token)
        functions = tuple(self.options[token[f"node {i} function"]] if f"node {i} function" in token else "tanh"
                          for i in range(size))
        previous = [token[f"node {i} previous"] for i in range(1, size)]
        return Recurrent(functions, (None, *previous), loose_ends(size, previous))

    def _macro(self, token: dict[str, int]) -> Macro:
        size = 1 + max(int(name.split()[1]) for name in token)
        skips = tuple(tuple(j - 1 for j in range(i) if token[f"layer {i} skip {j}"]) for i in range(size))
        return Macro(tuple(self.options[token[f"layer {i} operation"]] for i in range(size)), skips)

    def _micro(self, token: dict[str, int]) -> Micro:
        return Micro(self._cell(token, "normal"), self._cell(token, "reduction"))

    def _cell(self, token: dict[str, int], cell: str) -> Cell:
        size = 1 + max(int(name.split()[2]) for name in token if name.startswith(cell))
        names = [f"{cell} node {i}" for i in range(2, size)]
        inputs = tuple((token[f"{n} input 1"], token[f"{n} input 2"]) for n in names)
        operations = tuple((self.options[token[f"{n} operation 1"]], self.options[token[f"{n} operation 2"]])
                           for n in names)
        return Cell(inputs, operations, loose_ends(size, [i for pair in inputs for i in pair]))


def in_words(network: Network) -> str:
    """One line, as the program writes it."""
    if isinstance(network, Recurrent):
        nodes = zip(network.functions, network.previous, strict=True)
        words = [f"{i}:{f}" + ("" if p is None else f"({p})") for i, (f, p) in enumerate(nodes)]
        return " ".join(words) + " | mean " + " ".join(map(str, network.outputs))
    if isinstance(network, Macro):
        return " ".join(f"{i}:{op}" + ("+" + ",".join(str(s + 1) for s in skips) if skips else "")
                        for i, (op, skips) in enumerate(zip(network.operations, network.skips, strict=True)))
    return f"normal {cell_in_words(network.normal)}; reduction {cell_in_words(network.reduction)}"


def cell_in_words(cell: Cell) -> str:
    nodes = zip(cell.inputs, cell.operations, strict=True)
    words = [f"{i}:" + "+".join(f"{op}({x})" for x, op in zip(*node, strict=True))
             for i, node in enumerate(nodes, start=2)]
    return " ".join(words) + " | concat " + " ".join(map(str, cell.outputs))
