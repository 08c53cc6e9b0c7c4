# SPDX-License-Identifier: Apache-2.0
"""Checkpoints, logs and rankings of real searches against a second implementation that was written from
the formulas: validation losses, log-probabilities and entropies."""
import functools

import numpy as np
import torch
from comparison import LOG_PROBABILITY, LOSS, relative


def scores(score, checkpoint, all_tokens, *more):
    """Losses and metrics of children."""
    return np.transpose([score(checkpoint.weights, tokens.tolist(), *more) for tokens in all_tokens])


def test_losses_of_a_ranking(search):
    """Children on the whole validation split with the shared weights of the last checkpoint."""
    ranking = search.ranking
    losses, metrics = scores(functools.partial(search.validate_whole, search.config), search.last, ranking["tokens"],
                             search.data)
    assert np.ptp(ranking["loss"]) > 50 * LOSS  # they are told apart
    assert relative(losses, ranking["loss"]) < LOSS
    assert relative(1 + metrics, 1 + ranking["metric"]) < LOSS  # an accuracy may be 0


def test_losses_of_validation_children(search):
    """Those that were logged at the end of a round, among them the best, with the weights of then."""
    best = []
    for step in search.log["rounds"]["step"]:
        rows = search.children(step=step, source=b"validation")
        checkpoint = search.checkpoint(step)
        losses, metrics = scores(functools.partial(search.validate, search.config), checkpoint, rows["tokens"],
                                 search.data, search.config["validation.batches"])
        assert relative(losses, rows["loss"]) < LOSS
        assert relative(1 + metrics, 1 + rows["metric"]) < LOSS
        best.append(min(metrics) if search.kind == "recurrent" else max(metrics))
    assert relative(best, search.log["rounds"]["best_metric"]) < LOSS


def test_log_probabilities_of_a_ranking(search):
    ranking = search.ranking
    ours = [search.score(search.last.theta, tokens).log_probability for tokens in ranking["tokens"]]
    assert np.ptp(ranking["log_probability"]) > 0.1
    assert relative(ours, ranking["log_probability"]) < LOG_PROBABILITY


def test_log_probabilities_of_logged_children(search):
    """Those whose digest of θ is the checkpoint's."""
    for step in search.log["rounds"]["step"]:
        checkpoint = search.checkpoint(step)
        rows = search.children(strategy_digest=checkpoint.strategy_digest, source=b"validation")
        assert len(rows["tokens"]) == search.config["validation.children"]
        assert set(rows["step"]) == {step}
        ours = [search.score(checkpoint.theta, tokens).log_probability for tokens in rows["tokens"]]
        assert relative(ours, rows["log_probability"]) < LOG_PROBABILITY


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
