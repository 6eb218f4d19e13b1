"""tinygrad_lstm: the graph run node by node, and the plans compiled from it."""

from __future__ import annotations

from . import cells


def eager(p):
    """The unrolled graph, built once and run again."""
    graph, arguments, seeds = _network(p)
    weights = graph.parameters

    def step():
        graph.forward(*arguments)
        graph.backward(*seeds, wrt=weights.values())

    return step, lambda: {n: w.grad for n, w in weights.items()}


def plan(p):
    """The same graph, compiled."""
    return _compiled(p)


def plan_numba(p):
    """The plan with its element-wise work in kernels that numba makes."""
    import numba  # noqa: F401  (where it is missing, this is what the row says)

    return _compiled(p, kernels="numba")


def _compiled(p, **options):
    from tinygrad_lstm import compile

    graph, arguments, seeds = _network(p)
    compiled = compile(graph, **options)

    def step():
        compiled.step(*arguments, seeds=seeds)

    return step, lambda: {n: compiled.grads[n] for n in graph.parameters}


def _network(p):
    """The cell through time with the weights of the problem, its arguments and its seeds."""
    from tinygrad_lstm import default_dtype, through_time

    with default_dtype(p.xs.dtype.name):
        cell = cells.build(p.cell, p.sizes.D, p.sizes.H)
    for name, data in p.weights.items():
        cell.parameters[name].data = data
    graph = through_time(cell, p.sizes.T)
    return graph, [*p.xs, *p.state], [*p.gs, *(None for _ in p.state)]
