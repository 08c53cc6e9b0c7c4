# SPDX-License-Identifier: Apache-2.0
"""Small mistakes, made on purpose in our implementation, are seen by the comparison."""
import recurrent
import torch
from comparison import LOG_PROBABILITY, LOSS, relative
from controller import Score


def losses(search, config=None, weights=None, change_tokens=list):
    return [search.validate_whole({**search.config, **(config or {})}, weights or search.last.weights,
                                  change_tokens(tokens.tolist()), search.data)[0]
            for tokens in search.ranking["tokens"]]


def log_probabilities(search, config=None, theta=None, change_tokens=list):
    return [Score({**search.config, **(config or {})}, theta or search.last.theta,
                  change_tokens(tokens.tolist())).log_probability
            for tokens in search.ranking["tokens"]]


def noisy(tensors):
    """Every number off by about 1 %."""
    generator = torch.Generator().manual_seed(1)
    return {name: value * (1 + 0.01 * torch.randn(value.shape, generator=generator, dtype=torch.float64))
            for name, value in tensors.items()}


def assert_seen(values, expected, tolerance):
    assert relative(values, expected) > tolerance


def test_weights_that_are_off_by_a_percent(search):
    assert_seen(losses(search, weights=noisy(search.last.weights)), search.ranking["loss"], LOSS)


def test_another_option(search):
    """The function of the last node, or the operation of the first layer or node."""
    place = {"recurrent": -1, "macro": 0, "micro": 1}[search.kind]
    names = search.config["space.activations" if search.kind == "recurrent" else "space.operations"]

    def change(tokens):
        tokens[place] = (tokens[place] + 1) % len(names)
        return tokens

    assert_seen(losses(search, change_tokens=change), search.ranking["loss"], LOSS)
    assert_seen(log_probabilities(search, change_tokens=change), search.ranking["log_probability"],
                LOG_PROBABILITY)


def test_an_output_or_a_skip_that_is_left_out(search, monkeypatch):
    weights, change = search.last.weights, list
    if search.kind == "recurrent":
        right = recurrent.Cell.step

        def wrong(cell, *arguments):
            cell.outputs = cell.outputs[-1:]
            return right(cell, *arguments)

        monkeypatch.setattr(recurrent.Cell, "step", wrong)
    elif search.kind == "macro":
        def change(tokens):
            tokens[-1] = 1 - tokens[-1]
            return tokens
    else:
        # Unread inputs of a cell are no loose ends.
        weights = {name: torch.zeros_like(value) if name.endswith(("out/0", "out/1")) else value
                   for name, value in weights.items()}
    assert_seen(losses(search, weights=weights, change_tokens=change), search.ranking["loss"], LOSS)


def test_text_or_images_cut_elsewhere(search):
    """Other columns of text; other images that share their statistics."""
    wrong = {"validation.batch_size": search.config["validation.batch_size"] // 2}
    assert_seen(losses(search, config=wrong), search.ranking["loss"], LOSS)


def test_another_epsilon(search):
    if search.kind != "recurrent":
        wrong = {"supernet.norm_epsilon": 0.01}
        assert_seen(losses(search, config=wrong), search.ranking["loss"], LOSS)


def test_theta_that_is_off_by_a_percent(search):
    assert_seen(log_probabilities(search, theta=noisy(search.last.theta)), search.ranking["log_probability"],
                LOG_PROBABILITY)


def test_gates_in_another_order(search):
    theta = {**search.last.theta}
    i, f, o, g = theta["lstm"].chunk(4, 1)
    theta["lstm"] = torch.cat([i, f, g, o], 1)
    assert_seen(log_probabilities(search, theta=theta), search.ranking["log_probability"], LOG_PROBABILITY)


def test_keys_and_queries_exchanged(search):
    theta = {**search.last.theta, "attention_anchor": search.last.theta["attention_state"],
             "attention_state": search.last.theta["attention_anchor"]}
    assert_seen(log_probabilities(search, theta=theta), search.ranking["log_probability"], LOG_PROBABILITY)


def test_another_bound(search):
    wrong = {"controller.tanh_constant": 1.01 * search.config["controller.tanh_constant"]}
    assert_seen(log_probabilities(search, config=wrong), search.ranking["log_probability"], LOG_PROBABILITY)
