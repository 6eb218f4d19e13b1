"""From a graph to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from ..errors import ArgumentError
from ..graph import Graph, as_graph
from ..tensor import Tensor
from ..wiring import asked_about
from .passes import chosen
from .plan import Options, Plan


def compile(
    graph: Graph,
    wrt: Iterable[Tensor] | None = None,
    passes: Iterable[str] | None = None,
    tf32: bool = False,
    kernels: str | None = None,
    checkpoint: str | None = None,
    autotune: bool = False,
) -> Plan:
    """A plan that computes what `graph.forward` and `graph.backward` do, as fast as can be.

    The program is made when `step` first sees the shapes of its arrays, and kept for them.

    Args:
        wrt: the leaves whose gradients are wanted; by default the parameters.
        passes: names out of `PASSES`; by default all of them.
        tf32: whether float32 products on a GPU may round their factors to 10 bits.
        kernels: "numba" for pointwise work in loops that numba compiles, instead of NumPy's calls;
            it takes some seconds more until the first step.
        checkpoint: what is kept of a long loop for the way back: by default all values that it
            needs; "sqrt" the states at some steps, "keep-state" those at all steps.  What lies
            between is computed again, segment by segment.
        autotune: whether to measure four arrangements of the products and of the gates' blocks, for
            the shapes that come, and keep the fastest.

    Raises:
        ArgumentError: for a pass that there is not, a wrt that is no list of the graph's leaves,
            kernels="numba" without numba, or another checkpoint.
    """
    graph = as_graph(graph, "compile")
    names = tuple(chosen(passes))
    options = Options(names, tf32, _there(kernels), _kept(checkpoint, names), autotune)
    return Plan(graph, _named(graph, wrt), options)


def _kept(checkpoint: str | None, passes: tuple[str, ...]) -> str | None:
    if checkpoint not in (None, "sqrt", "keep-state"):
        raise ArgumentError(
            f'compile: checkpoint is None, "sqrt" or "keep-state", not {checkpoint!r}'
        )
    if checkpoint and "roles" not in passes:
        raise ArgumentError('compile: checkpoint cuts loops, which only the pass "roles" finds')
    return checkpoint


def _there(kernels: str | None) -> str | None:
    if kernels not in (None, "numba"):
        raise ArgumentError(f'compile: kernels is None or "numba", not {kernels!r}')
    if kernels == "numba" and find_spec("numba") is None:
        raise ArgumentError(
            'compile: kernels="numba" needs numba: pip install "tinygrad-lstm[numba]"'
        )
    return kernels


def _named(graph: Graph, wrt: Any) -> dict[str, Tensor]:
    """The leaves asked about, by name: parameters as `graph.parameters` calls them."""
    names: dict[Tensor, str] = {p: name for name, p in graph.parameters.items()}
    if wrt is None:
        return dict(graph.parameters)
    if isinstance(wrt, Mapping):
        raise ArgumentError("compile: wrt is a list of tensors, such as graph.parameters.values()")
    named: dict[str, Tensor] = {}
    known = set(graph.nodes)
    for node in asked_about(wrt, "compile"):
        if node not in known or (node.op is not None and node not in graph.inputs):
            raise ArgumentError(f"compile: wrt names {node.title}, which is no leaf of this graph")
        name = names.get(node) or node.name or "leaf"
        k = 2
        while name in named:
            name, k = f"{name.split('#')[0]}#{k}", k + 1
        named[name] = node
    return named
