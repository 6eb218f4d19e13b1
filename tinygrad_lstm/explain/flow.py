"""How strongly each loss term pulls at each state: the gradient on its way back through time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import namespace, to_numpy
from ..checks import check_seeds
from ..errors import GraphError
from ..graph import Graph
from ..show.maps import time_map as map_as_svg
from ..show.plots import line_chart
from ..tensor import Tensor
from .figure import axes, finish, time_map
from .rows import gradients
from .timesteps import carried, check_run, reached, timestep


@dataclass(frozen=True)
class GradientFlow:
    r"""Norms $\lVert \partial L_r / \partial s_k \rVert_2$ of loss terms r, states s, timesteps k.

    Attributes:
        terms: names of the R loss terms.
        times: (R,) the timestep of each term; that of a term outside of time is the last it reads.
        norms: state -> (R, T), row r for one term alone, column k - 1 for s_k.
        total: state -> (T,), for the sum of all terms.
    """

    terms: tuple[str, ...]
    times: np.ndarray
    norms: Mapping[str, np.ndarray]
    total: Mapping[str, np.ndarray]

    def plot(self, ax: Any = None) -> Any:
        """The norms of the total gradient over t, a line for each state (matplotlib)."""
        ax = axes(
            ax,
            title="The gradient on its way back",
            x_label="timestep t",
            y_label="norm of dL/ds_t",
        )
        for state, norms in self.total.items():
            steps = np.arange(1, len(norms) + 1)
            ax.plot(steps[norms > 0], norms[norms > 0], marker="o", markersize=3, label=state)
        ax.set_yscale("log")
        return finish(ax)

    def plot_map(self, state: str, ax: Any = None) -> Any:
        """The map of every loss term over every timestep of one state (matplotlib)."""
        ax = axes(
            ax, title=f"How strongly the loss at t depends on {state} at k",
            x_label=f"{state} at timestep k", y_label="loss at timestep t",
        )  # fmt: skip
        time_map(ax, self.norms[state], f"norm of dL/d{state}_k")
        return ax

    def svg_map(self, state: str, characters: str = "") -> str:
        """The map of every loss term over every timestep of one state, as SVG text.

        Args:
            characters: what the timesteps read, one for each.
        """
        columns, read = self.norms[state].shape[1], ", and the character read there"
        read = read if characters else ""
        return map_as_svg(
            self.norms[state],
            title=f"How strongly the loss at t depends on {state} at k",
            row_label="loss at t",
            column_label=f"{state} at k = 1 ... {columns}" + read,
            characters=characters,
        )

    def svg(self) -> str:
        """The norms of the total gradient over t as SVG text."""
        return line_chart(
            {f"dL/d{s}_t": (range(1, len(v) + 1), v.tolist()) for s, v in self.total.items()},
            title="The gradient on its way back",
            x_label="timestep t",
            y_label="norm of the gradient",
            log=True,
        )


def gradient_flow(graph: Graph, *seeds: Any) -> GradientFlow:
    r"""The gradient of every loss term with respect to the states of every timestep, exactly.

    Each output is a loss term: $L_r = \langle \text{seed}_r, \text{output}_r \rangle$.  All terms
    take one backward pass if every node keeps the batch apart, else one pass each.

    Args:
        graph: an unrolled graph that was run forward; its `.grad` are left alone where possible.
        seeds: one for each output, None to leave it out.  Without any, the terms are the scalar
            outputs; in a graph without these, the sum of the entries of each h_t.

    Raises:
        GraphError: no value is carried from timestep to timestep, or no term is left.
    """
    check_run(graph, "gradient_flow")
    rows = loss_terms(graph, seeds)
    states = carried(graph)
    nodes = [node for state in states.values() for node in state.nodes]
    arrays = iter(gradients(graph, rows, nodes))
    norms, total = {}, {}
    for name, state in states.items():
        found = np.stack([to_numpy(next(arrays)) for _ in state.nodes], axis=1)
        norms[name] = _norm(found, 2)
        total[name] = _norm(found.sum(axis=0), 1)
    terms = tuple(_term(output, r) for r, (output, _) in enumerate(rows, start=1))
    times = np.array([max(reached(output), default=0) for output, _ in rows])
    return GradientFlow(terms, times, norms, total)


def loss_terms(graph: Graph, seeds: Sequence[Any]) -> list[tuple[Tensor, Any]]:
    """Pairs (output, seed array): those given, else scalars with 1, else the h_t with ones."""
    if seeds:
        arrays = check_seeds(graph.outputs, seeds, "gradient_flow")
        rows = [(y, seed) for y, seed in zip(graph.outputs, arrays) if seed is not None]
    else:
        first = graph.outputs[0]
        alike = [y for y in graph.outputs if y.shape == () or first.shape != ()]
        if first.shape != ():
            alike = [y for y in alike if _kind(y) == _kind(first)]
        rows = [(y, namespace(y.data).ones_like(y.data)) for y in dict.fromkeys(alike)]
    if not rows:
        raise GraphError("gradient_flow: every seed is None; give one for a loss term")
    return rows


def _kind(output: Tensor) -> tuple:
    """The same for h_1 ... h_T, and another for the states beside and below them."""
    return output.name, type(output.op), (output.scope or "").partition("/")[2]


def _term(output: Tensor, r: int) -> str:
    t = timestep(output)
    return (output.name or f"term {r}") + (f" at t={t}" if t else "")


def _norm(values: np.ndarray, lead: int) -> np.ndarray:
    """Norms over all axes but the leading ones."""
    return np.linalg.norm(values.reshape(*values.shape[:lead], -1), axis=-1)
