# SPDX-License-Identifier: Apache-2.0
"""The recurrent cell with shared weights, from its formulas (Pham et al. 2018, highway form):

    value, gate = split(s_j W_{l,j});  s_l = s_j + sigmoid(gate) ⊗ (f_l(value) - s_j)

Node 0 reads [x_t; h_{t-1}] and carries h_{t-1}; the mean of the nodes that nobody reads is the output
and the next state; the output layer is the embedding."""
import math

import torch
import torch.nn.functional as functional

FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "identity": lambda x: x, "sigmoid": torch.sigmoid}


class Cell:
    """A child: the function of every node, the node before it, and the nodes that make the output."""

    def __init__(self, config, tokens):
        names = config["space.activations"]
        self.fixed = fixed = config["space.first_node"] == "tanh"
        rest = list(tokens) if fixed else list(tokens[1:])
        self.functions = ["tanh" if fixed else names[tokens[0]], *(names[f] for f in rest[1::2])]
        self.previous = [None, *rest[0::2]]
        nodes = range(len(self.functions))
        if config["supernet.cell_output"] == "all":
            self.outputs = [node for node in nodes if not (fixed and node == 0)]
        else:
            self.outputs = [node for node in nodes if node not in self.previous]
        self.per_edge = config["supernet.edge_weights"] == "per_edge"

    def matrix(self, weights, node):
        function, previous = self.functions[node], self.previous[node]
        if node == 0:
            return weights["first" if self.per_edge and not self.fixed else f"first/{function}"]
        return weights[f"edge/{node}/{previous}" + ("" if self.per_edge else f"/{function}")]

    def step(self, weights, x, state):
        """The output for one time step of all columns."""
        values = []
        for node, function in enumerate(self.functions):
            source = state if node == 0 else values[self.previous[node]]
            read = torch.cat([x, state], 1) if node == 0 else source
            value, gate = (read @ self.matrix(weights, node)).chunk(2, 1)
            values.append(source + torch.sigmoid(gate) * (FUNCTIONS[function](value) - source))
        output = torch.stack([values[node] for node in self.outputs]).mean(0)
        return batch_norm(weights, output) if "norm/scale" in weights else output


def batch_norm(weights, output):
    """With the statistics of this time step, epsilon 1."""
    variance, mean = torch.var_mean(output, 0, correction=0)
    normalised = (output - mean) / torch.sqrt(variance + 1.0) * weights["norm/scale"]
    return normalised + weights.get("norm/offset", 0)


def run_segment(cell, weights, words, targets, state):
    """(nats summed over steps and columns, outputs [T, B, H]) of words [T, B], from a state [B, H]."""
    nats, outputs = 0.0, []
    for now, target in zip(words, targets, strict=True):
        state = cell.step(weights, weights["embedding"][now], state)
        logits = state @ weights["embedding"].T + weights.get("output/bias", 0)
        nats = nats + functional.cross_entropy(logits, target, reduction="sum")
        outputs.append(state)
    return nats, torch.stack(outputs)


def columns_of(words, count):
    """Words as [time, column]: equal pieces side by side, what is left over dropped."""
    rows = len(words) // count
    return words[:rows * count].view(count, rows).T


def validate(config, weights, tokens, text, segments=0):
    """(mean nats a token, perplexity) of the first `segments` segments, 0 for all whole ones, with the
    state carried from zero."""
    length = config["weights.segment_length"]
    words = columns_of(text.valid, config["validation.batch_size"])
    steps = (segments or (len(words) - 1) // length) * length
    state = torch.zeros(words.shape[1], config["supernet.hidden"], dtype=torch.float64)
    nats, _ = run_segment(Cell(config, tokens), weights, words[:steps], words[1:steps + 1], state)
    loss = nats.item() / (steps * words.shape[1])
    return loss, math.exp(loss)


def validate_whole(config, weights, tokens, text):
    """(mean nats a token, perplexity) of every token but the first. Columns follow each other in the text, and the
    first ones are a step longer where the tokens do not divide; that step is theirs alone."""
    count = config["validation.batch_size"]
    words, targets = (torch.tensor_split(part, count) for part in (text.valid[:-1], text.valid[1:]))
    rows, longer = len(words[-1]), sum(len(column) > len(words[-1]) for column in words)
    cell, nats = Cell(config, tokens), 0.0
    state = torch.zeros(count, config["supernet.hidden"], dtype=torch.float64)
    for steps, columns in ((slice(rows), count), (slice(rows, rows + 1), longer)):
        if columns:
            segment = [torch.stack([column[steps] for column in part[:columns]], 1) for part in (words, targets)]
            loss, outputs = run_segment(cell, weights, *segment, state[:columns])
            nats, state = nats + loss.item(), outputs[-1]
    loss = nats / (len(text.valid) - 1)
    return loss, math.exp(loss)
