"""How a state depends on earlier states: Jacobians through time, against the gates that keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import to_numpy
from ..errors import GraphError, ShapeError
from ..graph import Graph
from ..show.plots import line_chart
from ..unroll import through_time, zero_state
from .figure import axes, finish
from .gates import keeping_gates
from .rows import gradients
from .timesteps import Carried, carried


@dataclass(frozen=True)
class Jacobians:
    r"""$\partial s_t / \partial s_k$ for every state s of a cell, t and k from 1 to T.

    These are total derivatives: $c_k$ acts on $c_t$ along the carry and through $h_k$ as well.

    Attributes:
        cell: its name.
        values: state -> (T, T, H, H): [t-1, k-1] is the matrix; 0 for k > t, I for k = t.
        singular: state -> (T, T, H): its singular values, the largest first.
        highway: state -> (T, T, H): the product of the keeping gates of steps k+1 ... t, which is
            the carry path alone; only states that have such a path.
    """

    cell: str
    values: Mapping[str, np.ndarray]
    singular: Mapping[str, np.ndarray]
    highway: Mapping[str, np.ndarray]

    def by_distance(self, state: str, unit: int = 0) -> np.ndarray:
        """The singular value number `unit` at distance t - k = 0 ... T-1, averaged over t: (T,)."""
        return _over_distance(self._known(self.singular, state)[:, :, unit])

    def highway_by_distance(self, state: str) -> np.ndarray:
        """The largest product of keeping gates at distance t - k, averaged over t: (T,)."""
        return _over_distance(self._known(self.highway, state).max(axis=2))

    def lines(self) -> dict[str, np.ndarray]:
        """Everything a plot shows: the largest and smallest singular value, and the gates."""
        found = {}
        for state, values in self.singular.items():
            found[f"{state}, largest"] = self.by_distance(state)
            found[f"{state}, smallest"] = self.by_distance(state, values.shape[2] - 1)
            if state in self.highway:
                found[f"gates on {state}"] = self.highway_by_distance(state)
        return found

    def plot(self, ax: Any = None) -> Any:
        """Singular values and gate products against t - k (matplotlib)."""
        ax = axes(
            ax, title=f"{self.cell}: how a state depends on earlier ones",
            x_label="distance t - k", y_label="singular value of ds_t/ds_k",
        )  # fmt: skip
        for name, values in self.lines().items():
            style = "--" if name.startswith("gates") else ":" if "smallest" in name else "-"
            distance = np.arange(len(values))
            ax.plot(distance[values > 0], values[values > 0], style, label=name)
        ax.set_yscale("log")
        return finish(ax)

    def svg(self) -> str:
        """Singular values and gate products against t - k as SVG text."""
        return line_chart(
            {name: (range(len(v)), v.tolist()) for name, v in self.lines().items()},
            title=f"{self.cell}: how a state depends on earlier ones",
            x_label="distance t - k",
            y_label="singular value of ds_t/ds_k",
            log=True,
        )

    def _known(self, table: Mapping[str, np.ndarray], state: str) -> np.ndarray:
        if state not in table:
            has = ", ".join(table) or "none"
            raise GraphError(f"{self.cell} has no {state!r} here; there is {has}")
        return table[state]


def jacobians(cell: Graph, xs: Any, state: Sequence[Any] | None = None) -> Jacobians:
    r"""Jacobians of every state with respect to itself at every earlier timestep, exactly.

    One backward pass for each t: the H unit seeds are H rows of a batch.

    Args:
        cell: from (x, *state) to (*state).
        xs: one sequence (T, D), T at least 2.
        state: arrays (H,) before the first step; zeros if left out.

    Raises:
        ShapeError: xs is no single sequence.
    """
    xs = np.asarray(xs)
    if xs.ndim != 2 or len(xs) < 2:
        raise ShapeError(f"jacobians: xs is one sequence (T, D) with T >= 2; this is {xs.shape}")
    start = [s.numpy() for s in zero_state(cell, 1)]
    if state is not None:
        start = [np.asarray(s)[None] for s in state]
    net = through_time(cell, len(xs))
    net.forward(*xs[:, None], *start)
    states = carried(net)
    values = {name: _values(net, s) for name, s in states.items()}
    singular = {name: np.linalg.svd(v, compute_uv=False) for name, v in values.items()}
    gates = {name: keeping_gates(s) for name, s in states.items()}
    highway = {n: _products(g, states[n]) for n, g in gates.items() if g is not None}
    return Jacobians(cell.name or "cell", values, singular, highway)


def _values(net: Graph, state: Carried) -> np.ndarray:
    T, H = len(state.nodes), state.nodes[0].shape[-1]
    values = np.zeros((T, T, H, H))
    for t, node in enumerate(state.nodes):
        rows = [(node, seed[None].astype(node.dtype)) for seed in np.eye(H)]
        found = gradients(net, rows, state.nodes[: t + 1])
        for k, matrix in enumerate(found):
            values[t, k] = to_numpy(matrix)[:, 0]
    return values


def _products(gates: Sequence[Any], state: Carried) -> np.ndarray:
    """[t-1, k-1] = the product of the gates of steps k+1 ... t."""
    T, H = len(gates), state.nodes[0].shape[-1]
    numbers = [np.full(H, g) if isinstance(g, float) else g.numpy()[0] for g in gates]
    product = np.zeros((T, T, H))
    for k in range(T):
        product[k, k] = 1.0
        for t in range(k + 1, T):
            product[t, k] = product[t - 1, k] * numbers[t]
    return product


def _over_distance(values: np.ndarray) -> np.ndarray:
    """The mean along each diagonal of a (T, T) map: entries of equal t - k."""
    return np.array([np.diagonal(values, -d).mean() for d in range(len(values))])
