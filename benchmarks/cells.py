"""Which cells can be measured, and what they look like from outside."""

from __future__ import annotations

from typing import NamedTuple

from tinygrad_lstm import Parameter, cells, stack
from tinygrad_lstm.registry import find_cell

NAMED = ("lstm", "gru", "tide")
"""Those of the whole table; `gru` is PyTorch's form, which the package does not have."""


def build(name, D, H):
    """A cell as `find_cell` reads it, or one of the benchmark's own; "rnn*2" is two layers of it.

    Raises:
        ArgumentError: when there is no such cell.
        ValueError: for a number of layers that is none.
    """
    from . import users_cells

    own = {"gru": users_cells.gru_of_torch, "gru_of_cho": cells.gru, "tide": users_cells.tide}
    name, layers = split(name)
    make = own.get(name) or find_cell(name)
    built = [make(D, H)]
    for _ in range(layers - 1):
        built.append(make(built[-1].outputs[-1].axes[-1], H))
    return stack(built) if layers > 1 else built[0]


def split(name):
    """("rnn", 2) for "rnn*2", and ("rnn", 1) for "rnn"."""
    name, _, layers = name.partition("*")
    return name, int(layers or 1)


class Product(NamedTuple):
    r"""$y = x W^\top$: of all timesteps at once, or of each where x waits for an earlier y.

    Attributes:
        outputs, columns: the shape of W, or of all weights together that the same x meets.
        waits: whether x waits.
        wanted: whether the gradient of x is.
    """

    outputs: int
    columns: int
    waits: bool
    wanted: bool

    @property
    def flops(self):
        """Of a row, forward and backward."""
        return 2 * self.outputs * self.columns * (3 if self.wanted else 2)


def products(graph):
    """The products with weights that a step of the cell cannot avoid."""
    found = {}
    after = successors(graph)
    for node in graph.nodes:
        for x, W in zip(node.parents, node.parents[1:2]):
            if type(node.op).__name__ in ("Affine", "MatMul") and isinstance(W, Parameter):
                size = W.data.size // x.axes[-1]
                waits = x in after[node]
                before = found.get(x, Product(0, x.axes[-1], waits, x not in graph.inputs[:1]))
                found[x] = before._replace(outputs=before.outputs + size)
    return tuple(found.values())


def successors(graph):
    """node -> all that depend on it, in the same timestep or in a later one."""
    reads = {node: set() for node in graph.nodes}
    for node in graph.nodes:
        for parent in node.parents:
            reads[parent].add(node)
    for end, start in zip(graph.outputs, graph.inputs[1:]):
        reads[end].add(start)
    return {node: _reached(node, reads) for node in graph.nodes}


def _reached(node, reads):
    found, waiting = set(), [node]
    while waiting:
        for after in reads[waiting.pop()] - found:
            found.add(after)
            waiting.append(after)
    return found
