"""PyTorch's own layers that compute what a cell of ours does, with its weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import cells


class Layer(NamedTuple):
    """A layer of torch.nn beside a cell of ours.

    Args:
        name: in torch.nn.
        gates: for each block of H rows in PyTorch's order, how the names of our parameters end
            (as in W_xi) and which block of those it is.
        biases: whether ours has b_h too; PyTorch's is zero where not.
    """

    name: str
    gates: tuple[tuple[str, int], ...]
    biases: bool


GRU = Layer("GRU", (("", 0), ("", 1), ("", 2)), biases=True)
LAYERS = {
    "lstm": Layer("LSTM", (("", 0), ("", 1), ("", 3), ("", 2)), biases=True),
    "lstm_by_gate": Layer("LSTM", (("i", 0), ("f", 0), ("g", 0), ("o", 0)), biases=False),
    "gru": GRU,
    "gru_of_torch": GRU,
    "rnn": Layer("RNN", (("", 0),), biases=False),
}
"""By the cell's name; a cell from a file has none, whatever it is called."""


class NoSuchLayer(Exception):
    """PyTorch has no layer of that cell."""


def like(p):
    """The layer of a problem's cell, with its weights.

    Raises:
        NoSuchLayer: for a cell that PyTorch does not have.
    """
    import torch

    name, count = cells.split(p.cell)
    if name not in LAYERS:
        raise NoSuchLayer("torch.nn has no such layer")
    xs = torch.from_numpy(p.xs)
    layer = getattr(torch.nn, LAYERS[name].name)(p.sizes.D, p.sizes.H, count, dtype=xs.dtype)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        for theirs, there, ours, here in places(p):
            getattr(layer, theirs)[there] = torch.from_numpy(p.weights[ours][here])
    return layer


def gradients(layer, p):
    """Those of the layer's weights, in the layout of ours."""
    found = {name: np.zeros_like(w) for name, w in p.weights.items()}
    for theirs, there, ours, here in places(p):
        found[ours][here] = getattr(layer, theirs).grad[there].cpu().numpy()
    return found


def places(p):
    """(parameter of PyTorch's, rows of it, parameter of ours, rows of it) that are the same."""
    name, count = cells.split(p.cell)
    kind, H = LAYERS[name], p.sizes.H
    pairs = [("weight_ih", "W_x"), ("weight_hh", "W_h"), ("bias_ih", "b_x")]
    for layer in range(count):
        scope = f"layer={layer + 1}/" if count > 1 else ""
        for theirs, ours in [*pairs, *[("bias_hh", "b_h")] * kind.biases]:
            for k, (gate, block) in enumerate(kind.gates):
                rows, own = (slice(n * H, n * H + H) for n in (k, block))
                yield f"{theirs}_l{layer}", rows, f"{scope}{ours}{gate}", own
