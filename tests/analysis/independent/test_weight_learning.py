# SPDX-License-Identifier: Apache-2.0
"""Weight steps of searches without anything random but the children: loss, gradient of the shared
weights, and the weights after the step."""
import math

import pytest
import torch
import torch.nn.functional as functional
from comparison import LOSS, relative
from images import classify
from recurrent import Cell, columns_of, run_segment
from searches import IMAGES, NETWORKS, TEXT, Search

COMMON = {"search.rounds": 3, "controller.steps": 1, "weights.momentum": 0.9, "weights.weight_decay": 0.01}
DROPOUTS = ("word", "input", "cell_input", "state", "output")
# One slot that has the whole training split: the order of its images does not matter.
WHOLE = {**COMMON, **IMAGES, "data.limit_train": 32, "data.pad": 0, "data.flip": "false", "data.cutout": 0,
         "supernet.drop_features": 0.0, "weights.slots": 1, "weights.batch_size": 32,
         "weights.clip_norm": 0.5}
KEYS = {
    "recurrent": {**COMMON, **TEXT, "supernet.activation_l2": 0.5, "weights.clip_norm": 0.1,
                  **{f"supernet.drop_{name}": 0.0 for name in DROPOUTS}},
    "macro": WHOLE,
    "micro": {**WHOLE, "supernet.cells": 3},
}


@pytest.fixture(scope="module", params=KEYS)
def search(request, tmp_path_factory):
    return Search(tmp_path_factory.mktemp("weights"), request.param, KEYS[request.param])


def text_loss(search, checkpoint, weights, tokens, slot):
    """Of a slot's columns, with the state that it carries since the round began: mean nats, and the
    regularised loss."""
    config, state = search.config, checkpoint.states[slot]
    state = state if checkpoint.progress["index"] > 0 else torch.zeros_like(state)
    batch, length = len(state), config["weights.segment_length"]
    words = columns_of(search.data.train, batch * config["weights.slots"])[:, slot * batch:(slot + 1) * batch]
    begin = checkpoint.progress["index"] * length
    words = words[begin:begin + length + 1]
    nats, outputs = run_segment(Cell(config, tokens), weights, words[:-1], words[1:], state)
    loss = nats / (length * batch)
    slowness = config["supernet.slowness"] * (outputs[1:] - outputs[:-1]).square().mean()
    return loss, loss + slowness + config["supernet.activation_l2"] * outputs.square().mean()


def image_loss(search, checkpoint, weights, tokens, slot):
    logits = classify(NETWORKS[search.kind], search.config, weights, tokens, search.data.train)
    loss = functional.cross_entropy(logits, search.data.train_labels)
    return loss, loss


def gradients(search, checkpoint):
    """(mean loss of the slots, mean gradient of every weight that a child touches)."""
    rows = search.children(step=checkpoint.step, source=b"slot")
    decay = search.config["weights.weight_decay"]
    total, losses = {}, []
    for slot, tokens in zip(rows["index"], rows["tokens"].tolist(), strict=True):
        weights = {name: value.clone().requires_grad_() for name, value in checkpoint.weights.items()}
        compute = text_loss if search.kind == "recurrent" else image_loss
        loss, objective = compute(search, checkpoint, weights, tokens, slot)
        objective.backward()
        losses.append(loss.item())
        for name, weight in weights.items():
            if weight.grad is not None:
                decayed = 0.0 if name.endswith("norm") else decay * weight.detach()
                total[name] = total.get(name, 0) + (weight.grad + decayed) / len(rows["index"])
    return sum(losses) / len(losses), total


def learning_rate(config, round_):
    """Constant, or along a cosine in its first period."""
    if config["weights.lr_schedule"] == "decay":
        return config["weights.lr"]
    low, high = config["weights.lr_min"], config["weights.lr"]
    return low + (high - low) / 2 * (1 + math.cos(math.pi * round_ / config["weights.lr_restart_rounds"]))


def test_weight_steps(search):
    """Clipped by the global norm; Nesterov momentum of the weights that were touched, no others."""
    config, table = search.config, search.log["weight_steps"]
    for row, step in enumerate(table["step"]):
        before, after = search.checkpoint(step), search.checkpoint(step + 1)
        loss, gradient = gradients(search, before)
        assert relative(loss, table["loss"][row]) < LOSS, step
        norm = torch.sqrt(sum(part.square().sum() for part in gradient.values())).item()
        assert relative(norm, table["gradient_norm"][row]) < LOSS, step
        clip, momentum = min(1.0, config["weights.clip_norm"] / norm), config["weights.momentum"]
        rate = learning_rate(config, table["round"][row])
        assert relative(rate, table["lr"][row]) < LOSS
        missed = moved = 0.0
        for name, weight in before.weights.items():
            change = torch.zeros_like(weight)
            if name in gradient:
                part = clip * gradient[name]
                velocity = momentum * before.momentum[name] + part
                change = rate * (part + momentum * velocity)
                torch.testing.assert_close(velocity, after.momentum[name], rtol=LOSS, atol=1e-6)
            else:
                assert torch.equal(weight, after.weights[name]), (name, step)
            missed += (weight - change - after.weights[name]).square().sum().item()
            moved += change.square().sum().item()
        assert math.sqrt(missed) < LOSS * math.sqrt(moved), step
