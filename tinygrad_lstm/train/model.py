"""The character model: embedding, cell and output layer, unrolled over time as one Graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Graph
from ..layers import Embedding, Linear
from ..ops.functions import cross_entropy, softmax, stacked
from ..registry import find_cell
from ..tensor import Input
from ..unroll import stack, unroll, zero_state


@dataclass(frozen=True)
class Sizes:
    """What the model is made of: the cell as `find_cell` reads it, and how much of everything."""

    cell: str
    layers: int
    hidden_size: int
    embedding_size: int
    vocabulary_size: int

    @property
    def title(self) -> str:
        """The cell's name, without the file that it is in."""
        return self.cell.rpartition(":")[2]


def build_cell(sizes: Sizes) -> Graph:
    """The named cell, stacked if there are several layers; h of layer l is x of layer l + 1."""
    build, cells, width = find_cell(sizes.cell), [], sizes.embedding_size
    for _ in range(sizes.layers):
        cells.append(build(width, sizes.hidden_size))
        width = size_of_h(cells[-1])  # not hidden_size where a cell projects its h
    return cells[0] if sizes.layers == 1 else stack(cells)


def size_of_h(cell: Graph) -> int:
    """The number of features of the cell's h, its last output."""
    return cell.outputs[-1].axes[-1]


class CharModel:
    """Reads characters, keeps a state, and says how likely each next character is.

    Attributes:
        cell: from (x, *state) to (*state).
        reader: the same behind an embedding, from (k, *state) to (*state): a cell that reads class
            numbers k (N,).  Each timestep applies it once, so that all of a step has one scope.
        readout: from h (..., H) to logits (..., V).
    """

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.cell = build_cell(sizes)
        self.readout = Linear(size_of_h(self.cell), sizes.vocabulary_size, "y")
        k = Input("k", "N")
        states = [Input(s.name or "state", *s.axes) for s in self.cell.inputs[1:]]
        x = Embedding(sizes.vocabulary_size, sizes.embedding_size)(k)
        self.reader = Graph([k, *states], self.cell(x, *states), names={"x": x}, name="reader")

    def start(self, N: int) -> list[np.ndarray]:
        """The state before the first character: zeros."""
        return [s.numpy() for s in zero_state(self.cell, N)]

    def inputs(self, T: int) -> tuple[list[Input], list[Input]]:
        """Places for the characters k_1 ... k_T, each (N,), and for the state before them."""
        ids = [Input(f"k_{t}", "N") for t in range(1, T + 1)]
        return ids, [Input(s.name or "state", *s.axes) for s in self.reader.inputs[1:]]

    def network(self, T: int) -> Graph:
        """The graph that is trained: from k_1 ... k_T, targets (T, N) and state to loss and state.

        The loss is the mean over the characters, in nats.
        """
        ids, start = self.inputs(T)
        targets = Input("targets", T, "N")
        hs, end = unroll(self.reader, ids, start)
        logits = self.readout(stacked(hs))
        loss = cross_entropy(logits, targets)
        names = {"logits": logits, "loss": loss}
        return Graph([*ids, targets, *start], [loss, *end], names, name="the network")

    def predictor(self) -> Graph:
        """One step: from k and state to the next character's probabilities (N, V), and state."""
        (k,), start = self.inputs(1)
        end = self.reader(k, *start)
        return Graph([k, *start], [softmax(self.readout(end[-1])), *end], name="predictor")


def run_loss(network: Graph, ids: np.ndarray, targets: np.ndarray, state: Sequence[Any]):
    """Run the network forward: the loss as a number, and the state after the last step."""
    loss, *end = network.forward(*ids, targets, *state)
    return float(loss), end
