"""Outputs of our cells against the reference evaluator of the ONNX standard."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import H, T, built, feed
from tests.oracles import assert_close

onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
reference = pytest.importorskip("onnx.reference", reason="ONNX is not installed")


def stacked(cell, letter, gates, count=None):
    """(1, gates * H, ...): one gate on top of the other, in ONNX's order; missing biases are 0."""
    names = [f"{letter}{gate}" for gate in gates]
    parts = [
        cell.parameters[n].data if n in cell.parameters else np.zeros(count or H) for n in names
    ]
    return np.concatenate(parts)[None]


def by_onnx(operator, named, outputs, **attributes):
    """Run one operator; `named` maps its inputs, "" for those left out."""
    feeds = {k: v for k, v in named.items() if v is not None}
    node = onnx.helper.make_node(
        operator, [k if v is not None else "" for k, v in named.items()], outputs, **attributes
    )
    double = onnx.TensorProto.DOUBLE
    graph = onnx.helper.make_graph(
        [node],
        operator,
        [onnx.helper.make_tensor_value_info(k, double, v.shape) for k, v in feeds.items()],
        [onnx.helper.make_tensor_value_info(k, double, None) for k in outputs],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)])
    return reference.ReferenceEvaluator(model).run(None, feeds)


def onnx_inputs(cell, gates, arrays):
    xs, state = np.stack(arrays[:T]), arrays[T:]
    biases = np.concatenate([stacked(cell, "b_x", gates), stacked(cell, "b_h", gates)], 1)
    named = {
        "X": xs,
        "W": stacked(cell, "W_x", gates),
        "R": stacked(cell, "W_h", gates),
        "B": biases,
        "lens": None,
        "h0": state[-1][None],
    }
    return named | ({"c0": state[0][None]} if len(state) == 2 else {})


@pytest.mark.parametrize("name", ["lstm_by_gate", "peephole"])
def test_lstms_equal_those_of_onnx(name):
    cell = built(name)
    arrays = feed(cell)
    named = onnx_inputs(cell, "iofg", arrays)
    if name == "peephole":
        named["P"] = stacked(cell, "w_c", "iof")
    hs, h, c = by_onnx("LSTM", named, ["Y", "Y_h", "Y_c"], hidden_size=H)
    ours = tl.through_time(cell, T).forward(*arrays)
    assert_close(np.stack(ours[:T]), hs[:, 0])
    assert_close(ours[-2], c[0])
    assert_close(ours[-1], h[0])


def test_the_gru_equals_that_of_onnx_with_the_reset_before():
    cell = built("gru")
    arrays = feed(cell)
    named = onnx_inputs(cell, "zrn", arrays)
    hs, h = by_onnx("GRU", named, ["Y", "Y_h"], hidden_size=H, linear_before_reset=0)
    ours = tl.through_time(cell, T).forward(*arrays)
    assert_close(np.stack(ours[:T]), hs[:, 0])
    assert_close(ours[-1], h[0])


def test_the_rnn_equals_that_of_onnx():
    cell = built("rnn")
    arrays = feed(cell)
    hs, h = by_onnx("RNN", onnx_inputs(cell, [""], arrays), ["Y", "Y_h"], hidden_size=H)
    ours = tl.through_time(cell, T).forward(*arrays)
    assert_close(np.stack(ours[:T]), hs[:, 0])
    assert_close(ours[-1], h[0])
