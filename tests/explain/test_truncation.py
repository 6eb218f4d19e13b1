"""Truncated backpropagation through time against the whole."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.explain.naive import H, N, T, gradient, loss, lstm, network, seeds_of, weights_of
from tests.oracles import assert_close


def power(T=3, every=False):
    """x_t = w x_{t-1} with w = 0.2 and x_0 = 0.9, as a graph."""
    w, x = tl.Parameter(np.array(0.2), name="w"), tl.Input("x_prev")
    step, start = tl.Graph([x], [w * x]), tl.Input("x_0")
    xs = [start]
    for t in range(1, T + 1):
        xs += step(xs[-1], scope=f"t={t}")
    net = tl.Graph([start], xs[1:] if every else xs[-1:])
    net.forward(np.array(0.9))
    return net


@pytest.mark.parametrize("k1", [None, 1])
def test_a_power_of_w_loses_one_use_of_w_for_each_step_that_is_cut(k1):
    found = tl.truncation(power(), "w", np.array(1.0), k1=k1)
    np.testing.assert_allclose(found.gradients, [0.036, 0.072, 0.108], rtol=1e-13)
    np.testing.assert_allclose(found.error, [2 / 3, 1 / 3, 0], atol=1e-15)
    np.testing.assert_allclose(found.cosine, 1)
    np.testing.assert_allclose(found.full, 0.108)
    np.testing.assert_allclose(found.carried["x"], [0.04, 0.2])


@pytest.mark.parametrize(
    ("k1", "gradients"),
    [
        (1, [0.9 + 0.18 + 0.036, 0.9 + 0.36 + 0.072, 0.9 + 0.36 + 0.108]),
        (2, [0.9 + 0.18 + 0.072, 0.9 + 0.36 + 0.108]),
        (3, [0.9 + 0.36 + 0.108]),
        (None, [0.9 + 0.18 + 0.036, 0.9 + 0.18 + 0.072, 0.9 + 0.36 + 0.108]),
    ],
)
def test_windows_of_a_power_count_every_loss_term_once(k1, gradients):
    # dx_t/dw = t w^(t-1) x_0, in t equal parts; the losses are x_1, x_2 and x_3
    found = tl.truncation(power(every=True), "w", *[np.array(1.0)] * 3, k1=k1)
    np.testing.assert_allclose(found.gradients, gradients, rtol=1e-13)


@pytest.mark.parametrize("k1", [1, 2, 3])
@pytest.mark.parametrize("weight", ["W_h", "b_x"])
def test_windows_that_overlap_equal_complex_steps_through_a_loop_that_is_cut(k1, weight):
    net, arrays = network()
    seeds, own = seeds_of(net), weights_of(net)
    found = tl.truncation(net, weight, *seeds, k1=k1)
    assert list(found.ks) == list(range(k1, T + 1))
    for k, truncated in zip(found.ks, found.gradients):

        def moved(step, k=k):
            weights, total = {**own, weight: own[weight] + step}, 0
            for end in range(T, 0, -k1):
                seen = lstm(weights, arrays, real=[end - k])
                total += loss(seen, seeds, range(max(end - k1, 0) + 1, end + 1))
            return total

        assert_close(truncated, gradient(own[weight].shape, moved))


def test_cuts_every_k_steps_equal_complex_steps_through_a_loop_that_is_cut():
    net, arrays = network()
    seeds, own = seeds_of(net), weights_of(net)
    found = tl.truncation(net, "W_h", *seeds)
    for k, truncated in zip(found.ks, found.gradients):

        def moved(step, k=k):
            weights = {**own, "W_h": own["W_h"] + step}
            return loss(lstm(weights, arrays, real=range(T - k, 0, -k)), seeds)

        assert_close(truncated, gradient((4 * H, H), moved))


def test_what_an_edge_carries_is_the_gradient_that_later_steps_send():
    net, arrays = network()
    seeds = seeds_of(net)
    found = tl.truncation(net, "W_h", *seeds)
    for t in range(1, T):
        rest = arrays[t:T]

        def later(step, state, t=t, rest=rest):
            c, h = lstm(weights_of(net), arrays)[t - 1]
            c, h = (c + step, h) if state == "c" else (c, h + step)
            seen = lstm(weights_of(net), [*rest, c, h], steps=T - t)
            return loss(seen, seeds[t:], range(1, T - t + 1))

        for state in ("c", "h"):
            carried = gradient((N, H), lambda step, s=state, later=later: later(step, s))
            assert found.carried[state][t - 1] == pytest.approx(np.linalg.norm(carried), rel=1e-12)


def test_a_cut_graph_has_the_same_values_and_detach_nodes_where_it_was_cut():
    net, arrays = network()
    cut = tl.cut(net, [2])
    assert [type(n.op).__name__ for n in cut.nodes].count("Detach") == 2
    before = [y.copy() for y in net.forward(*arrays)]
    for a, b in zip(cut.forward(*arrays), before, strict=True):
        assert np.array_equal(a, b)
    assert cut.parameters["W_h"] is net.parameters["W_h"]


def test_cut_edges_are_drawn_in_red():
    net, _ = network()
    found = tl.truncation(net, "W_h", *seeds_of(net))
    svg = found.draw(2).svg
    assert svg.count("#fde2e4") == 4  # c and h, after t = 1 and t = 3
    assert svg.count('stroke="#b3001b" marker-end') == 8  # into and out of each Detach
    for state in ("c", "h"):
        assert all(f"stops {found.carried[state][t - 1]:.2g}<" in svg for t in (1, 3))
    assert "Detach" not in found.draw(T).svg


def test_a_weight_without_gradient_has_no_cosine():
    found = tl.truncation(power(), "w", np.array(0.0))
    assert np.isnan(found.cosine).all() and np.isnan(found.error).all()


def test_a_window_that_moves_further_than_the_text_is_refused():
    with pytest.raises(tl.ShapeError, match=r"k1 = 4; windows move by 1 \.\.\. 3 steps"):
        tl.truncation(power(), "w", np.array(1.0), k1=4)


def test_a_loss_over_several_steps_belongs_to_no_window():
    net = power(every=True)
    mean = tl.Graph(net.inputs, [tl.stacked(net.outputs).mean()])
    np.testing.assert_allclose(tl.truncation(mean, "w").full, 1.368 / 3)
    with pytest.raises(tl.GraphError, match=r"reads timesteps 1 \.\.\. 3"):
        tl.truncation(mean, "w", k1=1)
