"""Cells whose states differ in size: a projected h, and a state that is one number."""

import numpy as np
import pytest

from tests.train.test_probe import probe_of
from tinygrad_lstm import CELLS, Graph, Input, Linear, Parameter, sigmoid, tanh
from tinygrad_lstm.train.pictures import gate_heatmap, state_heatmap


def projected(input_size, hidden_size):
    """h is a projection of the hidden units to 2 numbers."""
    x, c_prev = Input("x", "N", input_size), Input("c_prev", "N", hidden_size)
    h_prev = Input("h_prev", "N", 2)
    f = sigmoid(Linear(input_size, hidden_size, "x")(x) + Linear(2, hidden_size, "h")(h_prev))
    c = f * c_prev + (1 - f) * tanh(Linear(input_size, hidden_size, "g")(x))
    h = Linear(hidden_size, 2, "p")(c)
    return Graph([x, c_prev, h_prev], [c, h], names=locals())


def averaging(input_size, hidden_size):
    """m is one number, a running mean of the hidden units."""
    x, m_prev = Input("x", "N", input_size), Input("m_prev", "N", 1)
    h_prev = Input("h_prev", "N", hidden_size)
    rate = sigmoid(Parameter([[0.3]], name="rate"))
    r = tanh(Linear(input_size, hidden_size, "x")(x) + Linear(hidden_size, hidden_size)(h_prev))
    m = rate * m_prev + (1 - rate) * r.mean(axis=1, keepdims=True)
    h = r * (1 + m)
    return Graph([x, m_prev, h_prev], [m, h], names=locals())


@pytest.mark.parametrize("cell", [projected, averaging])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_cell_with_states_of_different_sizes_is_trained_and_pictured(monkeypatch, cell, layers):
    monkeypatch.setitem(CELLS, cell.__name__, cell)
    model, _, probe = probe_of(cell.__name__, layers)
    probe.graph.backward(*[None] * (len(probe.graph.outputs) - 1), np.float32(1))
    weights = probe.graph.parameters.values()
    assert all(np.abs(p.grad).max() > 0 for p in weights)
    assert [s.shape[1] for s in model.start(1)] == [n.axes[1] for n in model.cell.outputs]
    for picture in (gate_heatmap(probe), state_heatmap(probe)):
        assert picture.startswith("<svg") and "unit 0" in picture
