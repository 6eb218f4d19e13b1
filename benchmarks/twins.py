"""A cell in the arrays of another library: by hand where somebody wrote it, else op by op."""

from __future__ import annotations

from . import by_hand, cells


def through_time(step, w, xs, state):
    """h_1 ... h_T as a list, of a cell (weights, x, state) -> state."""
    hs = []
    for x in xs:
        state = step(w, x, state)
        hs.append(state[-1])
    return hs


def twin(lib, p):
    """One timestep as a function (weights, x, state) -> state.

    Args:
        lib: `sigmoid`, `tanh` and, for a cell that nobody has written by hand, a whole namespace
            of arrays, with `stop` for a cut.
        p: the problem.
    """
    if p.cell in by_hand.CELLS:
        return lambda w, x, state: by_hand.CELLS[p.cell](lib, w, x, state)
    return from_graph(lib, p)


def from_graph(lib, p):
    """The ops of the cell's graph, one after the other, called with another library's arrays."""
    graph = cells.build(p.cell, p.sizes.D, p.sizes.H)
    names = {parameter: name for name, parameter in graph.parameters.items()}
    places = {node: k for k, node in enumerate(graph.nodes)}
    leaves = [(k, names[node]) for node, k in places.items() if node in names]
    fixed = {k: node.data for node, k in places.items() if fixed_number(node, graph, names)}
    fixed = {k: lib.asarray(number.astype(p.xs.dtype)) for k, number in fixed.items()}
    calls = [
        (k, call(lib, node.op.bind({"N": p.sizes.N})), [places[parent] for parent in node.parents])
        for node, k in places.items()
        if node.op is not None
    ]
    given, ends = [places[n] for n in graph.inputs], [places[n] for n in graph.outputs]

    def step(w, x, state):
        values = dict(zip(given, (x, *state)))
        values |= {k: w[name] for k, name in leaves} | fixed
        for k, function, arguments in calls:
            values[k] = function(*[values[a] for a in arguments])
        return tuple(values[k] for k in ends)

    return step


def fixed_number(node, graph, names):
    """Whether the node is neither computed nor fed nor learned."""
    return node.op is None and node not in names and node not in graph.inputs


def call(lib, op):
    """What the op is in that library: its own rule, but for what libraries have ready-made.

    Raises:
        NotImplementedError: for what is drawn at random, for gradients could not be compared.
    """
    if not op.repeatable:
        raise NotImplementedError(f"{type(op).__name__} draws at random, so nothing is comparable")
    ready = {"Sigmoid": "sigmoid", "Tanh": "tanh", "ReLU": "relu", "Detach": "stop"}
    name = ready.get(type(op).__name__)
    return getattr(lib, name) if name else lambda *inputs: op.forward(lib, *inputs)
