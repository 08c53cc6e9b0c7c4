# SPDX-License-Identifier: Apache-2.0
"""The controller walked along a child that is given: log-probability and entropy of every decision, from
the formulas of the three samplers (Pham et al. 2018 and the authors' code)."""
import torch


class Walk:
    """The state of one walk. Rows are vectors: a product is row @ matrix."""

    def __init__(self, config, theta):
        self.config, self.theta = config, theta
        self.hidden = self.memory = torch.zeros_like(theta["start_input"])
        self.input = theta["start_input"]
        self.anchors, self.keys = [], []
        # One a stored token, in the order of the tokens.
        self.log_probability, self.entropy = [], []
        # Divergence of the skips of a layer from their target, for each layer that has any.
        self.divergence = []

    def step(self):
        """An LSTM without biases: gates i, f, o, g of [input, hidden]."""
        gates = torch.cat([self.input, self.hidden], 1) @ self.theta["lstm"]
        i, f, o, g = gates.chunk(4, 1)
        self.memory = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * self.memory
        self.hidden = torch.sigmoid(o) * torch.tanh(self.memory)

    def bound(self, logits, divisor=1.0):
        """Temperature, then c·tanh."""
        temperature, constant = self.config["controller.temperature"], self.config["controller.tanh_constant"]
        logits = logits / temperature if temperature else logits
        return constant / divisor * torch.tanh(logits) if constant else logits

    def options(self, prior=0.0):
        """Logits of operations or functions."""
        if self.config["controller.tie_embeddings"]:
            logits = self.hidden @ self.theta["option_embedding"].T
        else:
            logits = self.hidden @ self.theta["option_weight"]
        logits = logits + self.theta.get("option_bias", 0)
        return (self.bound(logits, self.config["controller.option_tanh_divisor"]) + prior).flatten()

    def attention(self):
        """One number an anchor, not yet bounded."""
        query = self.hidden @ self.theta["attention_state"]
        return (torch.tanh(query + torch.cat(self.keys)) @ self.theta["attention_vector"]).flatten()

    def remember(self, anchor=None):
        """An anchor for later decisions: this state, or what is given; its key is of this state."""
        self.anchors.append(self.hidden if anchor is None else anchor)
        self.keys.append(self.hidden @ self.theta["attention_anchor"])

    def choose(self, logits, choice):
        """Scores one choice of a softmax."""
        logs = torch.log_softmax(logits, 0)
        self.log_probability.append(logs[choice])
        self.entropy.append(-(logs.exp() * logs).sum())

    def choose_option(self, choice, prior=0.0):
        self.step()
        self.choose(self.options(prior), choice)
        self.input = self.theta["option_embedding"][choice:choice + 1]


def walk_recurrent(config, theta, tokens):
    walk = Walk(config, theta)
    tokens = list(tokens)
    fixed = config["space.first_node"] == "tanh"
    if fixed:
        # No decision, no step, a zero anchor with a zero key.
        walk.anchors.append(torch.zeros_like(walk.hidden))
        walk.keys.append(torch.zeros_like(walk.hidden))
    for node in range(1 if fixed else 0, config["space.nodes"]):
        walk.step()
        if node > 0:
            distance = node - torch.arange(node, dtype=torch.float64)
            logits = walk.bound(walk.attention()) - config["space.distance_penalty"] * distance**2
            previous = tokens.pop(0)
            walk.choose(logits, previous)
            following = walk.anchors[previous] / (0.1 + node - previous)
        else:
            following = theta["start_input"]
        walk.remember()
        walk.input = following
        walk.choose_option(tokens.pop(0))
    assert not tokens
    return walk


def walk_macro(config, theta, tokens):
    walk = Walk(config, theta)
    tokens = list(tokens)
    for layer in range(config["space.layers"]):
        walk.choose_option(tokens.pop(0))
        walk.step()
        bits, tokens = torch.tensor(tokens[:layer], dtype=torch.float64), tokens[layer:]
        if layer > 0:
            choose_skips(walk, bits)
            walk.input = (bits @ torch.cat(walk.anchors) / (1 + bits.sum())).unsqueeze(0)
        else:
            walk.input = theta["start_input"]
        walk.remember()
    assert not tokens
    return walk


def choose_skips(walk, bits):
    """Each bit from a softmax over (-x, x); the divergence is of the probability that is used, or of the
    authors' sigmoid(x)."""
    x = walk.bound(walk.attention())
    taken = torch.sigmoid(2 * x)
    for place, bit in enumerate(bits.long().tolist()):
        walk.choose(torch.stack([-x[place], x[place]]), bit)
    p = torch.sigmoid(x) if walk.config["controller.skip_penalty"] == "released" else taken
    target = walk.config["controller.skip_target"]
    divergence = p * torch.log(p / target) + (1 - p) * torch.log((1 - p) / (1 - target))
    walk.divergence.append(divergence.sum())


def walk_micro(config, theta, tokens):
    walk = Walk(config, theta)
    nodes = config["space.nodes"]
    released = config["space.operation_prior"] == "released"
    separable = torch.tensor([name.startswith("sep_") for name in config["space.operations"]])
    half = 4 * (nodes - 2)
    for cell, own in enumerate((tokens[:half], tokens[half:])):
        prior = torch.where(separable, 0.25, -0.25).double() if released and cell == 0 else 0.0
        walk.anchors, walk.keys, walk.input = [], [], theta["start_input"]
        for _ in range(2):
            walk.step()
            walk.remember(torch.zeros_like(walk.hidden))
        for node in range(2, nodes):
            first, first_option, second, second_option = own[4 * (node - 2):4 * (node - 1)]
            for source in (first, second):
                walk.step()
                walk.choose(walk.bound(walk.attention()), source)
                walk.input = walk.anchors[source]
            for option in (first_option, second_option):
                walk.choose_option(option, prior)
            walk.step()
            walk.remember()
            walk.input = theta["start_input"]
            # Decided as input, input, operation, operation; stored in pairs.
            for scores in (walk.log_probability, walk.entropy):
                scores[-3], scores[-2] = scores[-2], scores[-3]
    return walk


WALKS = {"recurrent": walk_recurrent, "macro": walk_macro, "micro": walk_micro}


class Score:
    """What a controller makes of one child, in nats: tensors that carry gradients of θ."""

    def __init__(self, config, theta, tokens):
        walk = WALKS[config["space.kind"]](config, theta, [int(token) for token in tokens])
        self.log_probability = torch.stack(walk.log_probability).sum()
        self.entropies = torch.stack(walk.entropy)
        self.entropy = self.entropies.sum()
        # Summed over the bits of a layer, mean over the layers that have any.
        divergence = walk.divergence
        self.skip_penalty = torch.stack(divergence).mean() if divergence else torch.zeros(()).double()
