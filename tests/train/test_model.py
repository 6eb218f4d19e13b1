"""The character model as one graph, against plain NumPy."""

import numpy as np
import pytest

from tinygrad_lstm import CELLS, ArgumentError
from tinygrad_lstm.train.model import CharModel, Sizes, run_loss

N, T, V = 3, 5, 7


def sizes(cell="lstm", layers=1):
    return Sizes(cell, layers, hidden_size=6, embedding_size=4, vocabulary_size=V)


def random_window(rng):
    return rng.integers(0, V, (T, N)), rng.integers(0, V, (T, N))


def lstm_loss_by_numpy(model, ids, targets):
    """The mean cross-entropy of an LSTM character model, gate order i f o g."""
    W = {name: p.data for name, p in model.network(1).parameters.items()}
    c = h = np.zeros((N, 6))
    nats = []
    for k, target in zip(ids, targets):
        pre = W["W_e"][k] @ W["W_x"].T + W["b_x"] + h @ W["W_h"].T + W["b_h"]
        i, f, o = (1 / (1 + np.exp(-pre[:, n * 6 : (n + 1) * 6])) for n in range(3))
        c = f * c + i * np.tanh(pre[:, 18:])
        h = o * np.tanh(c)
        scores = np.exp(h @ W["W_y"].T + W["b_y"])
        nats += list(-np.log(scores[range(N), target] / scores.sum(axis=1)))
    return np.mean(nats), c, h


def test_the_loss_equals_a_plain_loop(rng, float64):
    model = CharModel(sizes())
    ids, targets = random_window(rng)
    loss, (c, h) = run_loss(model.network(T), ids, targets, model.start(N))
    for got, expected in zip((loss, c, h), lstm_loss_by_numpy(model, ids, targets)):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_two_windows_with_carried_state_equal_one_long_window(rng, float64):
    model, state = CharModel(sizes()), None
    ids, targets = random_window(rng)
    whole, _ = run_loss(model.network(T), ids, targets, model.start(N))
    first, state = run_loss(model.network(2), ids[:2], targets[:2], model.start(N))
    second, _ = run_loss(model.network(3), ids[2:], targets[2:], state)
    np.testing.assert_allclose((2 * first + 3 * second) / 5, whole, rtol=1e-12)


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("layers", [1, 2])
def test_every_cell_trains_every_parameter(cell, layers, rng):
    model = CharModel(sizes(cell, layers))
    network = model.network(T)
    _, state = run_loss(network, *random_window(rng), model.start(N))
    network.backward(1.0, *[None] * len(state))
    assert all(np.abs(p.grad).max() > 0 for p in network.parameters.values())


def test_all_nodes_of_a_step_stand_in_its_scope():
    scopes = {node.scope for node in CharModel(sizes()).network(T).nodes if node.op is not None}
    assert scopes == {None, *(f"t={t}" for t in range(1, T + 1))}


def test_all_timesteps_read_the_same_parameters():
    model = CharModel(sizes())
    assert model.network(2).parameters == model.network(9).parameters


def test_the_predictor_gives_probabilities_of_the_next_character(rng):
    model = CharModel(sizes())
    probabilities, *state = model.predictor().forward(rng.integers(0, V, N), *model.start(N))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert len(state) == 2


def test_an_unknown_cell_lists_those_that_there_are():
    with pytest.raises(ArgumentError, match=r"no cell 'lstn'.*gru, lstm"):
        CharModel(sizes("lstn"))
