"""Graphs in double precision for a while: what a check needs, and leaves no trace of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..backend import namespace
from ..checks import is_real
from ..graph import Graph


@contextlib.contextmanager
def in_float64(graph: Graph) -> Iterator[Graph]:
    """Inside, the graph's leaves are float64; afterwards every node is as it was before."""
    before = [(node, node.data, node.adjoint) for node in graph.nodes]
    try:
        for node in graph.nodes:
            if node.op is None and node.data is not None and is_real(node.data):
                xp = namespace(node.data)
                node.data = xp.asarray(node.data, dtype=xp.float64, copy=True)
        yield graph
    finally:
        for node, data, adjoint in before:
            node.data, node.adjoint = data, adjoint
