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


def loop(weights, arrays, into=None):
    """(h_t, c_t, gates) of every step; `into` adds to preactivations: {(gate, t): array}."""
    xs, (c, h) = arrays[:T], arrays[T:]
    seen = []
    for t, x in enumerate(xs, start=1):
        z = x @ weights["W_x"].T + weights["b_x"] + h @ weights["W_h"].T + weights["b_h"]
        gates = {}
        for k, gate in enumerate("ifog"):
            pre = z[:, k * H : (k + 1) * H] + (into or {}).get((gate, t), 0)
            gates[gate] = np.tanh(pre) if gate == "g" else sigma(pre)
        c = gates["f"] * c + gates["i"] * gates["g"]
        h = gates["o"] * np.tanh(c)
        seen.append((h, c, gates))
    return seen


def ride(seen, state, t, step):
    """What a step of c_t or h_t does to h_t ... h_T before it enters any gate."""
    moved, dc = {}, step if state == "c" else None
    for j in range(t, T + 1):
        _, c, gates = seen[j - 1]
        if state == "h":
            moved[j] = step if j == t else 0 * step
            continue
        dc = dc if j == t else gates["f"] * dc
        moved[j] = gates["o"] * (1 - np.tanh(c) ** 2) * dc
    return moved


def share(weights, arrays, seeds, state, t, gate):
    """The gradient of c_t or h_t along the ways whose next gate is this one (or along none)."""
    seen, result = loop(weights, arrays), np.zeros((N, H))
    for place in np.ndindex(N, H):
        step = np.zeros((N, H), complex)
        step[place] = 1j * STEP
        moved = ride(seen, state, t, step)
        if gate is None:
            result[place] = sum(np.sum(seeds[j - 1] * dh) for j, dh in moved.items()).imag / STEP
            continue
        k = "ifog".index(gate)
        W = weights["W_h"][k * H : (k + 1) * H]
        into = {(gate, j + 1): dh @ W.T for j, dh in moved.items()}
        hs = [h for h, _, _ in loop(weights, arrays, into)]
        result[place] = sum(np.sum(s * h) for s, h in zip(seeds, hs)).imag / STEP
    return result


@pytest.mark.parametrize("state", ["c", "h"])
@pytest.mark.parametrize("gate", [None, *"ifog"])
def test_shares_equal_complex_steps_that_enter_by_one_gate_only(state, gate):
    net, arrays = network()
    names = {"i": "in_gate", "f": "forget_gate", "o": "out_gate", "g": "in_transform"}
    found = tl.paths(net, *seeds_of(net)).states[state][names.get(gate, "highway")]
    for t in range(1, T + 1):
        assert_close(found[t - 1], share(weights_of(net), arrays, seeds_of(net), state, t, gate))


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
