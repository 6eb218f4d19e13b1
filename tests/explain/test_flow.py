"""The gradient of every loss term with respect to every timestep's states."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.explain.naive import D, H, N, T, gradient, loss, lstm, network, seeds_of, weights_of
from tests.oracles import assert_close
from tinygrad_lstm.explain import rows


@pytest.mark.parametrize("state", ["c", "h"])
def test_the_map_holds_the_norms_of_complex_step_gradients(state):
    net, arrays = network()
    seeds = seeds_of(net)
    flow = tl.gradient_flow(net, *seeds)
    expected, total = np.zeros((T, T)), np.zeros(T)
    for k in range(1, T + 1):

        def of(terms, k=k):
            return gradient(
                (N, H),
                lambda step: loss(lstm(weights_of(net), arrays, moved={(state, k): step}),
                                  seeds, terms),
            )  # fmt: skip

        found = [of([t]) for t in range(1, T + 1)]
        expected[:, k - 1] = [np.linalg.norm(g) for g in found]
        total[k - 1] = np.linalg.norm(sum(found))
    assert_close(flow.norms[state], expected)
    assert_close(flow.total[state], total)
    assert list(flow.times) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", NAMES)
def test_one_batched_pass_equals_a_pass_for_each_term(name, monkeypatch):
    net, _ = network(name)
    batched = tl.gradient_flow(net, *seeds_of(net))
    monkeypatch.setattr(rows, "_batch_letter", lambda asked: None)
    single = tl.gradient_flow(net, *seeds_of(net))
    for state in batched.norms:
        assert_close(batched.norms[state], single.norms[state], 1e-14)
        assert_close(batched.total[state], single.total[state], 1e-14)


def test_without_seeds_the_terms_are_the_sums_of_each_h():
    net, _ = network()
    ones = [np.ones((N, H))] * T + [None, None]
    assert_close(tl.gradient_flow(net).norms["c"], tl.gradient_flow(net, *ones).norms["c"])


def test_no_term_pulls_at_what_comes_after_it():
    net, _ = network("gru")
    norms = tl.gradient_flow(net).norms["h"]
    assert np.array_equal(norms > 0, np.tril(np.ones((T, T), bool)))


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_answers_in_one_pass(name, monkeypatch):
    net, _ = network(name)
    monkeypatch.setattr(rows, "_one_by_one", None)
    assert tl.gradient_flow(net).norms["h"].shape == (T, T)


def batch_norm_cell():
    """Rows meet in their mean, which the batch's letter does not survive."""
    x, h = tl.Input("x", "N", D), tl.Input("h_prev", "N", D)
    return tl.Graph([x, h], [tl.tanh(x + h - h.mean(axis=0, keepdims=True))])


def softmax_cell():
    """Rows meet in a softmax over them, which keeps the shape."""
    x, h = tl.Input("x", "N", D), tl.Input("h_prev", "N", D)
    return tl.Graph([x, h], [tl.tanh(x + tl.softmax(h, axis=0))])


def dropping_cell():
    """Another batch would draw another mask."""
    x, h = tl.Input("x", "N", D), tl.Input("h_prev", "N", D)
    return tl.Graph([x, h], [tl.tanh(x + tl.Dropout(0.5)(h))])


@pytest.mark.parametrize("build", [batch_norm_cell, softmax_cell, dropping_cell])
def test_rows_of_a_batch_that_meet_are_not_taken_for_separate(build, float64):
    net = tl.through_time(build(), 3)
    arrays = [np.random.default_rng(k).normal(size=(N, D)) for k in range(4)]
    net.forward(*arrays)
    seeds = [np.random.default_rng(9 + k).normal(size=(N, D)) for k in range(3)] + [None]
    flow = tl.gradient_flow(net, *seeds)
    net.backward(None, None, seeds[2], None)
    h1 = next(n for n in net.nodes if n is net.outputs[0])
    assert_close(flow.norms["h"][2, 0], np.linalg.norm(h1.grad))


def test_scalar_losses_of_a_model_take_a_pass_each(float64):
    readout = tl.Linear(H, 3, "y")
    cell, T = tl.CELLS["lstm"](D, H), 3
    xs = [tl.Input(f"x_{t}", "N", D) for t in range(1, T + 1)]
    state = [tl.Input("c_0", "N", H), tl.Input("h_0", "N", H)]
    targets = tl.Input("targets", "N")
    hs, _ = tl.unroll(cell, xs, state)
    net = tl.Graph([*xs, *state, targets], [tl.cross_entropy(readout(h), targets) for h in hs])
    arrays = [np.random.default_rng(k).normal(size=(2, n)) for k, n in enumerate((D, D, D, H, H))]
    net.forward(*arrays, np.array([0, 2]))
    flow = tl.gradient_flow(net)
    assert flow.norms["h"].shape == (3, 3) and list(flow.times) == [1, 2, 3]
    net.backward(1.0, 1.0, 1.0)
    c_1 = next(n for n in net.nodes if n.name == "next_c" and n.scope == "t=1")
    assert_close(flow.total["c"][0], np.linalg.norm(c_1.grad))


def test_gradients_of_the_weights_are_left_alone():
    net, _ = network()
    net.backward(*seeds_of(net))
    before = {name: p.grad.copy() for name, p in net.parameters.items()}
    tl.gradient_flow(net)
    assert all(np.array_equal(p.grad, before[name]) for name, p in net.parameters.items())


def test_states_of_stacked_cells_are_told_apart(float64):
    cell = tl.stack([tl.CELLS["lstm"](D, H), tl.CELLS["gru"](H, H)])
    net = tl.through_time(cell, 3)
    net.forward(*[np.ones((2, D))] * 3, *[np.ones((2, H))] * 3)
    flow = tl.gradient_flow(net)
    assert list(flow.norms) == ["c1", "h1", "h2"]
    assert flow.terms == ("h at t=1", "h at t=2", "h at t=3")


def test_without_seeds_only_the_upper_layer_makes_terms(float64):
    net = tl.through_time(tl.stack([tl.CELLS["gru"](D, H), tl.CELLS["gru"](H, H)]), 3)
    net.forward(*[np.ones((2, D))] * 3, *[np.ones((2, H))] * 2)
    assert list(tl.gradient_flow(net).times) == [1, 2, 3]


def test_a_single_step_carries_nothing():
    net, _ = network(steps=1)
    with pytest.raises(tl.GraphError, match="carries nothing from timestep to timestep"):
        tl.gradient_flow(net)


def test_seeds_that_are_all_none_are_no_loss():
    net, _ = network()
    with pytest.raises(tl.GraphError, match="every seed is None"):
        tl.gradient_flow(net, *[None] * (T + 2))


def test_a_graph_that_was_not_run_is_told_to_run():
    net = tl.through_time(tl.CELLS["rnn"](D, H), 2)
    for report in (tl.gradient_flow, tl.saliency, tl.truncation, tl.paths, tl.ledger):
        weight = ["W_h"] if report in (tl.truncation, tl.ledger) else []
        with pytest.raises(tl.GraphError, match=r"has no value yet; run .*forward"):
            report(net, *weight, *[None] * 3)
