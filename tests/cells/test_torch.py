"""Outputs and all gradients against PyTorch: vectors it once computed, and live if it is there."""

import json

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells import make_torch_vectors
from tests.cells.networks import D, H, N, T, built, draws
from tests.oracles import assert_close

RECORDED = json.loads(make_torch_vectors.PATH.read_text())


def arrays(tree):
    return {k: np.array(v) for k, v in tree.items()}


def our_order(rows):
    """PyTorch's gates i f g o as ours, i f o g."""
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([i, f, o, g])


def our_weights(name, theirs):
    """PyTorch's weights (or their gradients) under our names."""
    ordered = our_order if name == "lstm" else np.asarray
    w = {"W_x": ordered(theirs["weight_ih_l0"]), "W_h": ordered(theirs["weight_hh_l0"])}
    b_x, b_h = ordered(theirs["bias_ih_l0"]), ordered(theirs["bias_hh_l0"])
    return w | {"b_x": b_x, "b_h": b_h}


def check(name, leaves, seeds, outputs, grads):
    """One network of ours, fed with PyTorch's numbers."""
    steps, _, size = leaves["x"].shape
    cell = built(name, (size, leaves["h0"].shape[-1]))
    weights = our_weights(name, leaves)
    if name == "rnn":  # ours has one bias
        weights["b_x"] = weights["b_x"] + weights.pop("b_h")
    assert set(weights) == set(cell.parameters)
    for k, p in cell.parameters.items():
        p.data = weights[k]
    graph = tl.through_time(cell, steps)
    state = ["c", "h"] if name == "lstm" else ["h"]
    ours = graph.forward(*leaves["x"], *(leaves[f"{s}0"][0] for s in state))
    assert_close(np.stack(ours[:steps]), outputs["hs"])
    for y, s in zip(ours[steps:], state, strict=True):
        assert_close(y, outputs[s][0])
    found = graph.backward(*seeds["hs"], *(seeds[s][0] for s in state))
    assert_close(np.stack(found[:steps]), grads["x"])
    for g, s in zip(found[steps:], state, strict=True):
        assert_close(g, grads[f"{s}0"][0])
    expected = our_weights(name, grads)
    for k, p in cell.parameters.items():
        assert_close(p.grad, expected[k])


@pytest.mark.parametrize("name", ["lstm", "rnn"])
def test_outputs_and_gradients_equal_the_recorded_ones_of_pytorch(name):
    vectors = RECORDED[name]
    check(name, *(arrays(vectors[part]) for part in ("leaves", "seeds", "outputs", "grads")))


@pytest.mark.torch
@pytest.mark.parametrize("name", ["lstm", "rnn"])
def test_outputs_and_gradients_equal_those_of_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layer = {"lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}[name](D, H, dtype=torch.float64)
    leaves = {"x": torch.tensor(draws(1, T, N, D), requires_grad=True)}
    for k, s in enumerate(["h0", "c0"][: 1 + (name == "lstm")]):
        leaves[s] = torch.tensor(draws(2 + k, 1, N, H), requires_grad=True)
    hs, end = layer(leaves["x"], tuple(leaves.values())[1:] if name == "lstm" else leaves["h0"])
    outputs = {"hs": hs} | (dict(zip("hc", end)) if name == "lstm" else {"h": end})
    seeds = {k: draws(5 + n, *y.shape) for n, (k, y) in enumerate(outputs.items())}
    sum((y * torch.tensor(seeds[k])).sum() for k, y in outputs.items()).backward()
    leaves |= dict(layer.named_parameters())
    grads = {k: v.grad.numpy() for k, v in leaves.items()}
    leaves, outputs = ({k: v.detach().numpy() for k, v in d.items()} for d in (leaves, outputs))
    check(name, leaves, seeds, outputs, grads)
