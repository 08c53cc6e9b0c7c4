# SPDX-License-Identifier: Apache-2.0
"""Places for a graph in layers: few crossings, straight edges, nothing under anything else."""
from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Node = Hashable


@dataclass
class Layered:
    """x of every node, and for every edge the x at which it passes each layer between its ends."""

    x: dict[Node, float]
    width: float
    routes: list[list[float]] = field(default_factory=list)


def place(ranks: dict[Node, int], edges: Sequence[tuple[Node, Node]], widths: dict[Node, float],
          gap: float = 0.18, lane: float = 0.16) -> Layered:
    """Long edges get a lane of their own in every layer that they pass."""
    layers: list[list[Node]] = [[] for _ in range(max(ranks.values()) + 1)]
    for node, rank in ranks.items():
        layers[rank].append(node)
    sizes, chains, links = dict(widths), list[list[Node]](), list[tuple[Node, Node]]()
    for number, (source, target) in enumerate(edges):
        lanes: list[Node] = [("lane", number, rank) for rank in range(ranks[source] + 1, ranks[target])]
        for item, rank in zip(lanes, range(ranks[source] + 1, ranks[target]), strict=True):
            layers[rank].append(item)
            sizes[item] = lane
        chains.append(lanes)
        path = [source, *lanes, target]
        links += pairwise(path)
    order(layers, links)
    x = coordinates(layers, links, sizes, gap)
    left = min(x[n] - sizes[n] / 2 for n in x)
    x = {node: value - left for node, value in x.items()}
    return Layered({n: x[n] for n in ranks}, max(x[n] + sizes[n] / 2 for n in x),
                   [[x[n] for n in chain] for chain in chains])


def neighbours(links: Sequence[tuple[Node, Node]]) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    """Of every node those above and those below."""
    above: dict[Node, list[Node]] = {}
    below: dict[Node, list[Node]] = {}
    for source, target in links:
        above.setdefault(target, []).append(source)
        below.setdefault(source, []).append(target)
    return above, below


def order(layers: list[list[Node]], links: Sequence[tuple[Node, Node]], sweeps: int = 12) -> None:
    """Sorts each layer by the mean place of its neighbours, down and up in turn; keeps the best order seen."""
    above, below = neighbours(links)
    best, fewest = [list(layer) for layer in layers], crossings(layers, links)
    for sweep in range(sweeps):
        down = sweep % 2 == 0
        for index in range(1, len(layers)) if down else range(len(layers) - 2, -1, -1):
            beside = {node: i for i, node in enumerate(layers[index - 1 if down else index + 1])}
            near = above if down else below
            place_of = {node: i for i, node in enumerate(layers[index])}
            layers[index].sort(key=lambda node, beside=beside, near=near, place_of=place_of: (  # type: ignore[misc]
                sum(beside[n] for n in near[node]) / len(near[node]) if node in near else place_of[node]))
        if (count := crossings(layers, links)) < fewest:
            best, fewest = [list(layer) for layer in layers], count
    layers[:] = best


def crossings(layers: list[list[Node]], links: Sequence[tuple[Node, Node]]) -> int:
    """How many pairs of links between neighbouring layers cross."""
    place_of = {node: (rank, i) for rank, layer in enumerate(layers) for i, node in enumerate(layer)}
    ends = [(place_of[s][0], place_of[s][1], place_of[t][1]) for s, t in links]
    return sum(a[0] == b[0] and (a[1] - b[1]) * (a[2] - b[2]) < 0
               for i, a in enumerate(ends) for b in ends[:i])


def coordinates(layers: list[list[Node]], links: Sequence[tuple[Node, Node]], sizes: dict[Node, float],
                gap: float, rounds: int = 40) -> dict[Node, float]:
    """Moves every node towards its neighbours as far as those beside it allow."""
    above, below = neighbours(links)
    x = {node: float(i) for layer in layers for i, node in enumerate(layer)}
    for turn in range(rounds):
        for layer in layers if turn % 2 == 0 else reversed(layers):
            wished = []
            for node in layer:
                near = above.get(node, []) + below.get(node, [])
                wished.append(sum(x[n] for n in near) / len(near) if near else x[node])
            distances = [(sizes[a] + sizes[b]) / 2 + gap for a, b in pairwise(layer)]
            x.update(zip(layer, apart(wished, distances), strict=True))
    return x


def apart(wished: Sequence[float], distances: Sequence[float]) -> list[float]:
    """The places nearest to the wished ones (least squares) that keep the distances: isotonic regression."""
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    blocks: list[tuple[float, int]] = []  # mean and number of places that move as one
    for wish, offset in zip(wished, offsets, strict=True):
        mean, count = wish - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, others = blocks.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        blocks.append((mean, count))
    flat = [mean for mean, count in blocks for _ in range(count)]
    return [place + offset for place, offset in zip(flat, offsets, strict=True)]
