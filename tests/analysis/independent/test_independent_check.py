# SPDX-License-Identifier: Apache-2.0
"""Checkpoints, logs and rankings of real searches against a second implementation that was written from
the formulas: validation losses, log-probabilities, entropies and the controller's gradient."""
import numpy as np
import pytest
import torch

LOSS = 1e-4  # relative
LOG_PROBABILITY = 1e-5  # relative


def relative(values, expected):
    """The largest relative difference."""
    values, expected = np.asarray(values, float), np.asarray(expected, float)
    assert values.shape == expected.shape and values.size > 0
    return np.max(np.abs(values / expected - 1))


def validation(search, checkpoint, all_tokens, batches=0):
    """Losses and metrics of children."""
    scores = [search.validate(search.config, checkpoint.weights, tokens.tolist(), search.data, batches)
              for tokens in all_tokens]
    return np.transpose(scores)


def test_losses_of_a_ranking(search):
    """Children on the whole validation split with the shared weights of the last checkpoint."""
    ranking = search.ranking
    losses, metrics = validation(search, search.last, ranking["tokens"])
    assert np.ptp(ranking["loss"]) > 100 * LOSS  # they are told apart
    assert relative(losses, ranking["loss"]) < LOSS
    assert relative(1 + metrics, 1 + ranking["metric"]) < LOSS  # an accuracy may be 0


def test_losses_of_validation_children(search):
    """Those that were logged at the end of a round, among them the best, with the weights of then."""
    best = []
    for step in search.log["rounds"]["step"]:
        rows = search.children(step=step, source=b"validation")
        checkpoint = search.checkpoint(step)
        losses, metrics = validation(search, checkpoint, rows["tokens"], search.config["validation.batches"])
        assert relative(losses, rows["loss"]) < LOSS
        assert relative(1 + metrics, 1 + rows["metric"]) < LOSS
        best.append(min(metrics) if search.kind == "recurrent" else max(metrics))
    assert relative(best, search.log["rounds"]["best_metric"]) < LOSS


def test_log_probabilities_of_a_ranking(search):
    ranking = search.ranking
    ours = [search.score(search.last.theta, tokens).log_probability for tokens in ranking["tokens"]]
    assert np.ptp(ranking["log_probability"]) > 0.1
    assert relative(ours, ranking["log_probability"]) < LOG_PROBABILITY


def test_children_of_equal_digest_have_equal_theta(search):
    """Rows of a step have the digest of the θ that is in the checkpoint of that step."""
    digests = {}
    for step in np.unique(search.log["children"]["step"]):
        proposed = search.children(step=step)
        now = set(proposed["strategy_digest"][proposed["source"] != b"slot"])
        assert len(now) <= 1
        for digest in now:
            digests.setdefault(digest, []).append(search.checkpoint(step).theta)
    assert len(digests) > search.config["controller.steps"]
    for first, *others in digests.values():
        for other in others:
            assert all(torch.equal(first[name], other[name]) for name in first)
    end = search.log["rounds"]["step"][0]
    digest = search.children(step=end, source=b"validation")["strategy_digest"][0]
    assert set(search.children(round=1, source=b"slot")["strategy_digest"]) == {digest}


def test_entropies_of_logged_children(search):
    """The mean over a round's validation children, decision by decision."""
    rounds = search.log["rounds"]
    for step, entropy, decisions in zip(rounds["step"], rounds["entropy"], rounds["decision_entropy"],
                                        strict=True):
        theta = search.checkpoint(step).theta
        children = search.children(step=step, source=b"validation")["tokens"]
        ours = torch.stack([search.score(theta, tokens).entropies for tokens in children]).mean(0)
        np.testing.assert_allclose(ours, decisions, rtol=LOG_PROBABILITY, atol=1e-7)
        assert relative(ours.sum(), entropy) < LOG_PROBABILITY


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


def test_controller_steps(search):
    """Log-probabilities and entropies of the logged rollouts, through all that is made of them."""
    table = search.log["controller_steps"]
    for row, step in enumerate(table["step"]):
        ours, _ = learn(search, step)
        for name, value in ours.items():
            assert value == pytest.approx(table[name][row], rel=LOG_PROBABILITY, abs=1e-6), (name, step)
        assert relative(ours["gradient_norm"], table["gradient_norm"][row]) < LOG_PROBABILITY
