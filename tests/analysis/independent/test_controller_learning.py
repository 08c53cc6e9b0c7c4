# SPDX-License-Identifier: Apache-2.0
"""The controller's steps from the log-probabilities and entropies of the logged rollouts: what the log
says of a step, the gradient, and θ after it."""
import numpy as np
import pytest
import torch
from comparison import GRADIENT, LOG_PROBABILITY, relative


def learn(search, step):
    """The controller step at a checkpoint: what is logged of it, and the gradient of θ by name.

    The loss of a child is -log p (R - b), b moved child by child before each is used, plus the divergence
    of its skips; R has the entropy bonus, which has no gradient."""
    config, checkpoint = search.config, search.checkpoint(step)
    theta = {name: value.requires_grad_() for name, value in checkpoint.theta.items()}
    rows = search.children(step=step, source=b"rollout")
    decay = config["controller.baseline_decay"]
    baseline = checkpoint.baseline if checkpoint.has_baseline else None
    columns = {"reward": [], "advantage": [], "entropy": [], "skip_penalty": []}
    losses = []
    for tokens, reward in zip(rows["tokens"], rows["reward"], strict=True):
        score = search.score(theta, tokens)
        reward += config["controller.entropy_weight"] * score.entropy.item()
        baseline = reward if baseline is None else decay * baseline + (1 - decay) * reward
        penalty = config.get("controller.skip_weight", 0) * score.skip_penalty
        losses.append(penalty - score.log_probability * (reward - baseline))
        for name, value in zip(columns, (reward, reward - baseline, score.entropy.item(),
                                         score.skip_penalty.item()), strict=True):
            columns[name].append(value)
    torch.stack(losses).mean().backward()
    gradient = {name: torch.zeros_like(value) if value.grad is None else value.grad
                for name, value in theta.items()}
    norm = torch.sqrt(sum((part**2).sum() for part in gradient.values())).item()
    logged = {name: np.mean(values) for name, values in columns.items()}
    return {**logged, "baseline": baseline, "gradient_norm": norm}, gradient


def test_what_is_logged_of_a_step(search):
    table = search.log["controller_steps"]
    for row, step in enumerate(table["step"]):
        ours, _ = learn(search, step)
        for name, value in ours.items():
            assert value == pytest.approx(table[name][row], rel=LOG_PROBABILITY, abs=1e-6), (name, step)
        assert relative(ours["gradient_norm"], table["gradient_norm"][row]) < LOG_PROBABILITY


def test_gradients_and_updates(search):
    """Adam's first moment takes up the gradient; θ moves by the moments (Kingma & Ba 2015)."""
    config = search.config
    beta1, beta2 = config["controller.adam_beta1"], config["controller.adam_beta2"]
    for step in search.log["controller_steps"]["step"]:
        before, after = search.checkpoint(step), search.checkpoint(step + 1)
        _, gradient = learn(search, step)
        assert after.adam_steps == before.adam_steps + 1
        for name, part in gradient.items():
            first = beta1 * before.first_moment[name] + (1 - beta1) * part
            second = beta2 * before.second_moment[name] + (1 - beta2) * part**2
            size = after.first_moment[name].norm() + 1e-9
            assert (first - after.first_moment[name]).norm() < GRADIENT * size, (name, step)
            torch.testing.assert_close(second, after.second_moment[name], rtol=1e-4, atol=1e-12)
            mean = after.first_moment[name] / (1 - beta1**after.adam_steps)
            root = torch.sqrt(after.second_moment[name] / (1 - beta2**after.adam_steps))
            moved = config["controller.lr"] * mean / (root + config["controller.adam_epsilon"])
            torch.testing.assert_close(before.theta[name] - moved, after.theta[name],
                                       rtol=1.2e-7, atol=2e-7)  # what float32 can hold
