"""One gradient, split by the way it came."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.explain.naive import STEP, H, N, T, network, seeds_of, sigma, weights_of
from tests.oracles import assert_close


@pytest.mark.parametrize("name", NAMES)
def test_the_shares_add_up_to_the_whole(name):
    net, _ = network(name)
    seeds = seeds_of(net)
    found = tl.paths(net, *seeds)
    net.backward(*seeds)
    for weight, parameter in net.parameters.items():
        assert_close(sum(found.weights[weight].values()), parameter.grad)
    for state, shares in found.states.items():
        assert_close(sum(shares.values()), found.whole[state])
        assert shares["highway"].shape == (T, N, H)


def loop(weights, arrays, moved, open_gate):
    """The fused LSTM in complex steps; gates other than the open one pass no derivative."""
    xs, (c, h) = arrays[:T], arrays[T:]
    hs = []
    for t, x in enumerate(xs, start=1):
        z = x @ weights["W_x"].T + weights["b_x"] + h @ weights["W_h"].T + weights["b_h"]
        parts = {}
        for k, gate in enumerate("ifog"):
            pre = z[:, k * H : (k + 1) * H]
            parts[gate] = np.tanh(pre) if gate == "g" else sigma(pre)
            if gate != open_gate:
                parts[gate] = parts[gate].real
        c = parts["f"] * c + parts["i"] * parts["g"] + moved.get(("c", t), 0)
        h = parts["o"] * np.tanh(c) + moved.get(("h", t), 0)
        hs.append(h)
    return hs


def slope(arrays, weights, seeds, state, t, open_gate):
    result = np.zeros((N, H))
    for place in np.ndindex(N, H):
        step = np.zeros((N, H), complex)
        step[place] = 1j * STEP
        hs = loop(weights, arrays, {(state, t): step}, open_gate)
        result[place] = sum(np.sum(s * h) for s, h in zip(seeds, hs)).imag / STEP
    return result


@pytest.mark.parametrize("state", ["c", "h"])
def test_the_highway_is_the_gradient_when_every_gate_is_held_fixed(state):
    net, arrays = network()
    found = tl.paths(net, *seeds_of(net))
    for t in range(1, T + 1):
        expected = slope(arrays, weights_of(net), seeds_of(net), state, t, open_gate=None)
        assert_close(found.states[state]["highway"][t - 1], expected)


def test_the_first_gate_on_the_way_back_owns_the_path():
    # From h_T one step back, a path passes exactly one gate, so holding the others fixed is exact.
    net, arrays = network()
    seeds = [np.zeros((N, H))] * (T - 1) + [seeds_of(net)[T - 1]]
    found = tl.paths(net, *seeds, None, None)
    names = {"i": "in_gate", "f": "forget_gate", "o": "out_gate", "g": "in_transform"}
    for gate, name in names.items():
        expected = slope(arrays, weights_of(net), seeds, "h", T - 1, gate)
        assert_close(found.states["h"][name][T - 2], expected)


def test_families_are_the_gates_of_the_cell_and_tanh_of_c_is_none():
    assert set(tl.paths(*with_seeds("lstm_by_gate")).families) == {"highway", *"ifog"}
    assert set(tl.paths(*with_seeds("gru")).families) == {"highway", *"rzn"}
    assert tl.paths(*with_seeds("rnn")).families == ("highway", "h")


def with_seeds(name):
    net, _ = network(name)
    return net, *seeds_of(net)


def test_norms_have_a_line_for_each_family_and_one_for_the_whole():
    found = tl.paths(*with_seeds("lstm"))
    assert list(found.norms("c")) == [*found.families, "whole"]
    assert found.norms("c")["whole"][0] == pytest.approx(np.linalg.norm(found.whole["c"][0]))
    assert "highway" in found.svg("c")
