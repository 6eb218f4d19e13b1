"""Cells that must equal other cells when their weights are related."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import D, H, T, built, cotangents, feed, gradients
from tests.oracles import assert_close


def set_weights(cell, **values):
    for name, value in values.items():
        assert cell.parameters[name].shape == value.shape
        cell.parameters[name].data = value


def weights(cell):
    return {name: p.data for name, p in cell.parameters.items()}


def assert_same_network(one, other):
    """Equal outputs, and equal gradients of inputs and first state, over T steps."""
    ours, theirs = tl.through_time(one, T), tl.through_time(other, T)
    arrays, seeds = feed(one), cotangents(ours)
    for a, b in zip(ours.forward(*arrays), theirs.forward(*arrays), strict=True):
        assert_close(a, b)
    for a, b in zip(ours.backward(*seeds), theirs.backward(*seeds), strict=True):
        assert_close(a, b)


def gate_by_gate(fused):
    """The weights of the fused cell cut into its gates i f o g; the two biases become one."""
    w, cut = weights(fused), {}
    for k, gate in enumerate("ifog"):
        rows = slice(k * H, (k + 1) * H)
        cut[f"W_x{gate}"], cut[f"W_h{gate}"] = w["W_x"][rows], w["W_h"][rows]
        cut[f"b_x{gate}"] = w["b_x"][rows] + w["b_h"][rows]
    return cut


def test_fused_lstm_equals_lstm_by_gate():
    fused, by_gate = built("lstm"), built("lstm_by_gate")
    set_weights(by_gate, **gate_by_gate(fused))
    assert_same_network(fused, by_gate)


def test_gradients_of_fused_weights_are_those_of_the_gates_on_top_of_each_other():
    fused, by_gate = built("lstm"), built("lstm_by_gate")
    set_weights(by_gate, **gate_by_gate(fused))
    for cell in (fused, by_gate):
        graph = tl.through_time(cell, T)
        gradients(graph, feed(cell), cotangents(graph))
    for letter in ("W_x", "W_h"):
        parts = [by_gate.parameters[letter + gate].grad for gate in "ifog"]
        assert_close(fused.parameters[letter].grad, np.concatenate(parts))
    bias = np.concatenate([by_gate.parameters[f"b_x{gate}"].grad for gate in "ifog"])
    assert_close(fused.parameters["b_x"].grad, bias)
    assert_close(fused.parameters["b_h"].grad, bias)


def test_cifg_is_an_lstm_whose_input_gate_is_one_minus_the_forget_gate():
    coupled, free = built("cifg"), built("lstm_by_gate")
    w = weights(coupled)
    negated = {f"{letter}i": -w[f"{letter}f"] for letter in ("W_x", "W_h", "b_x")}
    set_weights(free, **w, **negated)  # sigma(-a) = 1 - sigma(a)
    assert_same_network(coupled, free)


def test_peephole_without_peepholes_is_an_lstm():
    looking, blind = built("peephole"), built("lstm_by_gate")
    set_weights(blind, **{k: v for k, v in weights(looking).items() if not k.startswith("w_c")})
    set_weights(looking, **{f"w_c{gate}": np.zeros(H) for gate in "ifo"})
    assert_same_network(looking, blind)


def test_the_output_gate_of_a_peephole_cell_sees_the_new_state():
    cell = built("peephole")
    x, c_prev, h_prev = feed(cell, 1)
    w = weights(cell)

    def pre(k):
        return x @ w[f"W_x{k}"].T + w[f"b_x{k}"] + h_prev @ w[f"W_h{k}"].T

    def sigma(a):
        return 1 / (1 + np.exp(-a))

    i = sigma(pre("i") + w["w_ci"] * c_prev)
    f = sigma(pre("f") + w["w_cf"] * c_prev)
    c = f * c_prev + i * np.tanh(pre("g"))
    h = sigma(pre("o") + w["w_co"] * c) * np.tanh(c)
    for ours, theirs in zip(cell.forward(x, c_prev, h_prev), (c, h), strict=True):
        assert_close(ours, theirs)


def test_the_reset_gate_of_a_gru_acts_before_the_product_and_z_keeps_the_old():
    cell = built("gru")
    x, h_prev = feed(cell, 1)
    w = weights(cell)

    def pre(k, state):
        return x @ w[f"W_x{k}"].T + w[f"b_x{k}"] + state @ w[f"W_h{k}"].T

    r, z = (1 / (1 + np.exp(-pre(k, h_prev))) for k in "rz")
    n = np.tanh(pre("n", r * h_prev))
    assert_close(cell.forward(x, h_prev)[0], z * h_prev + (1 - z) * n)


def test_a_gru_whose_update_gate_is_open_keeps_its_state():
    cell = built("gru")
    cell.parameters["b_xz"].data = np.full(H, 800.0)
    x, h_prev = feed(cell, 1)
    np.testing.assert_array_equal(cell.forward(x, h_prev)[0], h_prev)


def test_the_posts_cell_has_its_fifteen_modules_and_three_inputs():
    cell = tl.cells.lstm(D, H)
    ops = [type(node.op).__name__ for node in cell.nodes if node.op is not None]
    assert len(cell.inputs) == 3 and len(ops) == 15
    assert {name: ops.count(name) for name in set(ops)} == {
        "Affine": 2, "CAdd": 2, "Narrow": 5, "Sigmoid": 1, "Tanh": 2, "CMul": 3,
    }  # fmt: skip


def test_a_one_unit_cell_worked_by_hand():
    cell = built("lstm", (1, 1))
    i, f, o, g = 0.5, 0.25, -0.5, 1.0
    set_weights(
        cell,
        W_x=np.array([[i], [f], [o], [g]]),
        W_h=np.zeros((4, 1)),
        b_x=np.zeros(4),
        b_h=np.zeros(4),
    )
    c, h = cell.forward(np.array([[2.0]]), np.array([[0.1]]), np.array([[0.0]]))
    # sigma(1) = 0.7310586, sigma(0.5) = 0.6224593, sigma(-1) = 0.2689414, tanh(2) = 0.9640276
    assert c.item() == pytest.approx(0.6224593 * 0.1 + 0.7310586 * 0.9640276, abs=1e-7)
    assert h.item() == pytest.approx(0.2689414 * np.tanh(c.item()), abs=1e-7)
