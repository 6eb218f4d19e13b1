"""Truncated backpropagation through time: what is cut off, and what that does to the gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import to_numpy
from ..checks import check_seeds
from ..errors import GraphError, ShapeError
from ..graph import Graph
from ..ops.flow import Detach
from ..show.plots import line_chart
from ..tensor import Parameter, Tensor
from .figure import axes, finish
from .ledger import find_parameter
from .timesteps import carried, last_step, reached, timestep

if TYPE_CHECKING:
    from ..show import Drawing

RED = {"color": "#b3001b", "edgecolor": "#b3001b", "fillcolor": "#fde2e4", "fontcolor": "#8a0015"}


@dataclass(frozen=True)
class Truncation:
    r"""The gradient of a weight when backpropagation stops after k steps.

    Attributes:
        name: of the weight.
        ks: (K,) how many steps back each gradient saw.
        gradients: (K, *shape), and the whole gradient `full` (*shape).
        cosine: (K,) between the truncated and the whole gradient; NaN where one is zero.
        error: (K,) $\lVert g_k - g \rVert / \lVert g \rVert$.
        carried: state -> (T - 1,) the norm of what the edge from s_t to step t + 1 carries in the
            whole backward pass: what a cut there takes away.  t = 1 first.
        graph: the uncut graph, to draw.
    """

    name: str
    ks: np.ndarray
    gradients: np.ndarray
    full: np.ndarray
    cosine: np.ndarray
    error: np.ndarray
    carried: Mapping[str, np.ndarray]
    graph: Graph

    def plot(self, ax: Any = None) -> Any:
        """Relative error and cosine against k (matplotlib)."""
        ax = axes(
            ax, title=f"Gradient of {self.name}, truncated after k steps",
            x_label="k", y_label="against the whole gradient",
        )  # fmt: skip
        ax.plot(self.ks, self.error, marker="o", label="relative error")
        ax.plot(self.ks, self.cosine, marker="s", label="cosine")
        return finish(ax)

    def svg(self) -> str:
        """Relative error and cosine against k as SVG text."""
        lines = {"relative error": self.error, "cosine": self.cosine}
        return line_chart(
            {name: (self.ks.tolist(), values.tolist()) for name, values in lines.items()},
            title=f"Gradient of {self.name}, truncated after k steps",
            x_label="k: how many steps back the gradient goes",
            y_label="against the whole gradient",
        )

    def draw(self, k: int) -> Drawing:
        """The network with the cuts of "every k steps" in red, and the norm that each one stops."""
        from ..show import draw

        network = cut(self.graph, _boundaries(last_step(self.graph), k))
        norms = {
            _place(node): norm
            for name, state in carried(self.graph).items()
            for node, norm in zip(state.nodes, self.carried[name])
        }
        notes = {
            node: {**RED, "description": f"stops {norms[_place(node.parents[0])]:.2g}"}
            for node in network.nodes
            if isinstance(node.op, Detach) and _place(node.parents[0]) in norms
        }
        return draw(network, weights="none", notes=notes, steps="all")


def truncation(
    graph: Graph, parameter: Parameter | str, *seeds: Any, k1: int | None = None
) -> Truncation:
    r"""Compare BPTT cut after k = 1 ... T steps with the whole gradient.

    Without `k1` the network is cut every k steps, counted from the end: windows that do not
    overlap.  With it, windows end at T, T - k1, T - 2 k1 ...; each goes k steps back from its end,
    for the loss terms of its last k1 steps only, so that no term counts twice.  `k1=1` lets every
    loss term look exactly k steps back; k < k1 would leave terms out and is not tried.  (Elsewhere
    the two are called k1 and k2.)

    Args:
        graph: an unrolled graph that was run forward.
        parameter: the weight, or its name in `graph.parameters`.
        seeds: as `graph.backward` takes them.

    Raises:
        ShapeError: k1 is not one of 1 ... T.
        GraphError: with k1, an output that reads several timesteps belongs to no single window.
    """
    name, weight = find_parameter(graph, parameter)
    arrays = check_seeds(graph.outputs, seeds or (None,), "truncation")
    T = last_step(graph)
    if k1 is not None and not 1 <= k1 <= T:
        raise ShapeError(f"truncation: k1 = {k1}; windows move by 1 ... {T} steps")
    edges, full = edge_norms(graph, arrays), _gradient(graph, weight, arrays)
    ks = np.arange(k1 or 1, T + 1)
    if k1 is None:
        cuts = [cut(graph, _boundaries(T, int(k))) for k in ks]
        found = np.stack([_gradient(network, weight, arrays) for network in cuts])
    else:
        found = _in_windows(graph, weight, _windows(graph, arrays, T, k1), ks)
    cosine, error = _compared(found.reshape(len(ks), -1), full.ravel())
    return Truncation(name, ks, found, full, cosine, error, edges, graph)


def cut(graph: Graph, after: Sequence[int]) -> Graph:
    """The same graph with `Detach` on every edge that leaves these timesteps for later ones.

    Values pass and gradients do not; parameters and inputs are shared with the uncut graph.
    """
    image: dict[Tensor, Tensor] = {}
    stopped: dict[Tensor, Tensor] = {}
    for node in graph.nodes:
        if node.op is None or node in graph.inputs:
            continue
        t, parents = timestep(node), []
        for parent in node.parents:
            s = timestep(parent)
            parent = image.get(parent, parent)
            if t is not None and s is not None and any(s <= b < t for b in after):
                if parent not in stopped:
                    stopped[parent] = Detach()(parent)
                    stopped[parent].where = node.where
                parent = stopped[parent]
            parents.append(parent)
        copy = node.again(node.op, tuple(parents), node.data, node.scope)
        copy.declared = node.declared
        image[node] = copy
    return Graph(graph.inputs, [image.get(y, y) for y in graph.outputs], name=graph.name)


def edge_norms(graph: Graph, seeds: Sequence[Any]) -> dict[str, np.ndarray]:
    """State -> (T - 1,) norms of the gradient on the edges from s_t into later steps."""
    states = carried(graph)
    sums: dict[Tensor, Any] = {node: 0.0 for s in states.values() for node in s.nodes}
    for step in graph.backward_steps(*seeds):
        for parent, sent in step.sent:
            if parent in sums and sent is not None and timestep(parent) != timestep(step.node):
                if timestep(step.node) is not None:
                    sums[parent] = sums[parent] + to_numpy(sent)
    return {
        name: np.array([np.linalg.norm(sums[node]) for node in state.nodes[:-1]])
        for name, state in states.items()
    }


def _boundaries(T: int, k: int) -> list[int]:
    return list(range(T - k, 0, -k))


def _gradient(graph: Graph, weight: Parameter, seeds: Sequence[Any]) -> np.ndarray:
    weight.grad = None
    if any(seed is not None for seed in seeds):  # to `backward`, no seed at all means 1
        graph.backward(*seeds, wrt=[weight])
    shape, dtype = weight.shape, to_numpy(weight.data).dtype
    return np.zeros(shape, dtype) if weight.grad is None else to_numpy(weight.grad).copy()


def _windows(graph: Graph, seeds: Sequence[Any], T: int, k1: int) -> list[tuple[int, list]]:
    """(last step, seeds of its own terms) of every window."""
    times = []
    for output in graph.outputs:
        steps = reached(output)
        if len(steps) > 1:
            raise GraphError(
                f"truncation: {output.title} reads timesteps {min(steps)} ... {max(steps)}, so it "
                "belongs to no single window; make one output per timestep, or leave k1 out"
            )
        times.append(max(steps, default=T))
    return [
        (end, [seed if end - k1 < t <= end else None for t, seed in zip(times, seeds)])
        for end in range(T, 0, -k1)
    ]


def _in_windows(graph: Graph, weight: Parameter, windows: list, ks: Any) -> np.ndarray:
    """For each k the sum over the windows, each going k steps back from its end."""
    networks = {border: cut(graph, [border]) for border in range(1, windows[0][0])}
    uncut = {end: _gradient(graph, weight, seeds) for end, seeds in windows}
    found = np.zeros((len(ks), *weight.shape), weight.dtype)
    for row, k in enumerate(ks):
        for end, seeds in windows:
            network = networks.get(end - int(k))
            found[row] += uncut[end] if network is None else _gradient(network, weight, seeds)
    return found


def _compared(found: np.ndarray, full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and relative error of each row."""
    size, sizes = np.linalg.norm(full), np.linalg.norm(found, axis=1)
    gap = np.linalg.norm(found - full, axis=1)
    return _ratio(found @ full, sizes * size), _ratio(gap, size)


def _place(node: Tensor) -> tuple:
    """What a node and its copy in a cut graph have in common."""
    return node.name, node.scope, type(node.op)


def _ratio(above: Any, below: Any) -> np.ndarray:
    """The quotient, NaN where the divisor is zero."""
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)
