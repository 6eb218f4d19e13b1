"""One gradient, split by the way it came: along the highway of the state, or through a gate."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import to_numpy
from ..checks import check_seeds
from ..graph import Graph
from ..show.plots import line_chart
from ..steps import called
from ..tensor import Parameter, Tensor
from .figure import axes, finish
from .gates import gate_nodes
from .timesteps import carried

HIGHWAY = "highway"
"""The family of paths that go through no gate."""

Family = dict[str, Any]  # name of a family -> its share of a gradient


@dataclass(frozen=True)
class Paths:
    r"""Shares of $\partial L / \partial s_k$; they add up to the whole.

    Attributes:
        families: "highway" and the gates, in the order in which the backward pass met them.
        states: state -> family -> (T, N, H), k = 1 first.
        whole: state -> (T, N, H), the gradient that `backward` finds.
        weights: weight -> family -> (*shape).
    """

    families: tuple[str, ...]
    states: Mapping[str, Mapping[str, np.ndarray]]
    whole: Mapping[str, np.ndarray]
    weights: Mapping[str, Mapping[str, np.ndarray]]

    def norms(self, state: str) -> dict[str, np.ndarray]:
        """Family -> (T,) norms of its share of the gradient of a state."""
        shares = {**self.states[state], "whole": self.whole[state]}
        return {f: np.linalg.norm(v.reshape(len(v), -1), axis=1) for f, v in shares.items()}

    def plot(self, state: str, ax: Any = None) -> Any:
        """The norm of every family's share over t (matplotlib)."""
        ax = axes(
            ax, title=f"Which way the gradient of {state}_t came",
            x_label="timestep t", y_label=f"norm of the share of dL/d{state}_t",
        )  # fmt: skip
        for family, norms in self.norms(state).items():
            t = np.arange(1, len(norms) + 1)
            style = "k--" if family == "whole" else "-"
            ax.plot(t[norms > 0], norms[norms > 0], style, label=family)
        ax.set_yscale("log")
        return finish(ax)

    def svg(self, state: str) -> str:
        """The norm of every family's share over t as SVG text."""
        return line_chart(
            {f: (range(1, len(v) + 1), v.tolist()) for f, v in self.norms(state).items()},
            title=f"Which way the gradient of {state}_t came",
            x_label="timestep t",
            y_label="norm of the share",
            log=True,
        )


def paths(graph: Graph, *seeds: Any) -> Paths:
    r"""Split the gradient of states and weights into families of paths, exactly.

    A path back from the loss belongs to the last gate that it goes through before it arrives, and
    to the highway if it goes through none.  For $h_t$ that is the textbook's sum over gates,
    $\bar h_t = W_{hi}^\top \bar z_i + W_{hf}^\top \bar z_f + \dots$; what arrives at $c_t$ may have
    ridden the highway since its last gate.  A backward rule is linear in the gradient that
    arrives, so the same rules carry each family's share on its own.

    Args:
        graph: an unrolled graph that was run forward.
        seeds: as `graph.backward` takes them.
    """
    arrays = check_seeds(graph.outputs, seeds or (None,), "paths")
    gates, states = gate_nodes(graph), carried(graph)
    kept = {node for state in states.values() for node in state.nodes}
    shares: dict[Tensor, Family] = {}
    for output, seed in zip(graph.outputs, arrays):
        if seed is not None:
            _add(shares, output, HIGHWAY, seed)
    for step in graph.backward_steps(*arrays):
        node = step.node
        arrived = shares[node] if node in kept else shares.pop(node)
        for family, g in _through(gates.get(node), arrived).items():
            inputs = [parent.data for parent in node.parents]
            for parent, sent in zip(node.parents, node.op.vjp(g, node.data, *inputs)):
                if sent is not None and (parent.op or isinstance(parent, Parameter)):
                    _add(shares, parent, family, called(sent))
    met = dict.fromkeys([HIGHWAY, *reversed(gates.values())])
    found = {name: [shares.get(n, {}) for n in s.nodes] for name, s in states.items()}
    return Paths(
        tuple(met),
        {name: {f: _stacked(s.nodes, found[name], f) for f in met} for name, s in states.items()},
        {n: np.stack([_or_zeros(k, k.grad) for k in s.nodes]) for n, s in states.items()},
        {n: {f: _or_zeros(p, shares.get(p, {}).get(f)) for f in met}
         for n, p in graph.parameters.items()},
    )  # fmt: skip


def _through(gate: str | None, arrived: Family) -> Family:
    """All that goes through a gate belongs to it from here on."""
    return arrived if gate is None else {gate: functools.reduce(operator.add, arrived.values())}


def _add(shares: dict[Tensor, Family], node: Tensor, family: str, sent: Any) -> None:
    mine = shares.setdefault(node, {})
    mine[family] = mine[family] + sent if family in mine else sent


def _stacked(nodes: Any, shares: list[Family], family: str) -> np.ndarray:
    return np.stack([_or_zeros(n, share.get(family)) for n, share in zip(nodes, shares)])


def _or_zeros(node: Tensor, array: Any) -> np.ndarray:
    return to_numpy(node.data) * 0 if array is None else to_numpy(array).copy()
