# SPDX-License-Identifier: Apache-2.0
"""The micro network with shared weights (Pham et al. 2018, section 2.4, and the authors' search)."""
import torch
from images import batch_norm, convolution, pool, reduce


def cells_of(config, tokens):
    """Of the normal and of the reduction cell: [((input, operation), (input, operation))] from node 2 on."""
    operations = config["space.operations"]
    sides = [(source, operations[code]) for source, code in zip(tokens[0::2], tokens[1::2], strict=True)]
    nodes = list(zip(sides[0::2], sides[1::2], strict=True))
    half = config["space.nodes"] - 2
    return nodes[:half], nodes[half:]


def operate(weights, name, source, operation, x, epsilon):
    """Separable convolutions are (ReLU, depthwise, pointwise, batch norm) twice, weights by input."""
    if operation == "identity":
        return x
    if "pool" in operation:
        return pool(x, operation)
    for turn in (1, 2):
        own = f"{name}/{operation}/{source}/{turn}"
        x = convolution(torch.relu(x), weights[f"{own}/depthwise"], groups=x.shape[1])
        x = batch_norm(convolution(x, weights[f"{own}/pointwise"]), weights[f"{own}/norm"], epsilon)
    return x


def run_cell(config, weights, name, cell, inputs):
    """Nodes, then a 1x1 convolution of those that nobody reads, unread inputs included."""
    epsilon = config["supernet.norm_epsilon"]
    nodes = list(inputs)
    for number, sides in enumerate(cell, start=2):
        nodes.append(sum(
            operate(weights, f"{name}/node/{number}/{side}", source, operation, nodes[source], epsilon)
            for side, (source, operation) in zip("xy", sides, strict=True)))
    read = {source for sides in cell for source, _ in sides}
    loose = [node for node in range(len(nodes)) if node not in read]
    out = sum(convolution(torch.relu(nodes[node]), weights[f"{name}/out/{node}"]) for node in loose)
    return batch_norm(out, weights[f"{name}/out/norm"], epsilon)


def calibrate(weights, name, x, size, filters, epsilon):
    """Brings an input to the size and the channels of the cell."""
    if x.shape[2] != size:
        return reduce(torch.relu(x), weights, f"{name}/shrink", epsilon)
    if x.shape[1] != filters:
        x = convolution(torch.relu(x), weights[f"{name}/project"])
        return batch_norm(x, weights[f"{name}/project_norm"], epsilon)
    return x


def network(config, weights, tokens, x):
    """Features [N, C, h, w] before the mean over pixels."""
    epsilon, cells = config["supernet.norm_epsilon"], config["supernet.cells"]
    released = config["supernet.reduction_inputs"] == "released"
    filters = config["supernet.filters"]
    normal, reduction = cells_of(config, tokens)
    x = batch_norm(convolution(x, weights["stem/conv"]), weights["stem/norm"], epsilon)
    pair = [x, x]
    for number in range(cells + 2):
        name = f"cell/{number}"
        halves = number in (cells // 3, 2 * (cells // 3) + 1)
        if halves:
            filters *= 2
        if halves and released:
            pair = [pair[1], reduce(pair[1], weights, f"{name}/input/1/reduce", epsilon)]
        size = pair[1].shape[2]
        if halves and not released:
            first = pair[0]
            if first.shape[2] != size:
                first = reduce(torch.relu(first), weights, f"{name}/input/0/shrink", epsilon)
            inputs = [reduce(torch.relu(part), weights, f"{name}/input/{place}/reduce", epsilon)
                      for place, part in enumerate((first, pair[1]))]
        else:
            inputs = [calibrate(weights, f"{name}/input/{place}", part, size, filters, epsilon)
                      for place, part in enumerate(pair)]
        out = run_cell(config, weights, name, reduction if halves else normal, inputs)
        pair = [pair[1], out]
    return torch.relu(pair[1])
