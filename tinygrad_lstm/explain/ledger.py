"""The gradient of a shared weight, timestep by timestep and gate by gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import to_numpy
from ..errors import GraphError
from ..graph import Graph
from ..show.canvas import visible
from ..show.plots import Panel, largest, line_chart, small_multiples
from ..tensor import Parameter
from .figure import axes, finish
from .gates import blocks
from .timesteps import last_step, timestep

SIDE = 24
"""How many rows and columns of a weight a picture shows."""


@dataclass(frozen=True)
class Ledger:
    r"""What each timestep adds to $\bar W = \sum_t \bar W_t$.

    Attributes:
        name: of the weight.
        times: (R,) the timestep of each row of `arrivals`; 0 stands for outside of time.
        arrivals: (R, *shape) the contributions as backward sent them: the last timestep first.
            Added up in this order they are `grad`, bit for bit in float64.
        parts: (T, *shape) the same by timestep, t = 1 first.
        outside: (*shape) what came from nodes outside of time; zeros in an unrolled cell.
        grad: (*shape) what `backward` put into `.grad`.
        gates: gate -> index of its rows, such as {"f": (slice(4, 8),)}.
    """

    name: str
    times: np.ndarray
    arrivals: np.ndarray
    parts: np.ndarray
    outside: np.ndarray
    grad: np.ndarray
    gates: Mapping[str, tuple]

    @property
    def title(self) -> str:
        """The weight's name in words: layer=2/W_h is W_h of layer 2."""
        layer, _, name = self.name.rpartition("/")
        return f"{name} of {layer.replace('=', ' ')}" if layer else name

    @property
    def difference(self) -> float:
        """The largest |sum of the parts - grad|, as a share of the largest |grad|."""
        total = np.sum(self.parts, axis=0, dtype="float64") + self.outside
        return float(np.abs(total - self.grad).max() / max(np.abs(self.grad).max(), 1e-300))

    @property
    def shown(self) -> tuple[int, ...]:
        """How many rows and columns of the weight a picture shows."""
        return tuple(min(size, SIDE) for size in np.atleast_2d(self.grad).shape)

    def gate(self, name: str) -> np.ndarray:
        """The rows of one gate over time: (T, rows of the gate, ...)."""
        if name not in self.gates:
            raise GraphError(f"{self.name} has no gate {name!r}; it has {', '.join(self.gates)}")
        return self.parts[(slice(None), *self.gates[name])]

    @property
    def norms(self) -> dict[str, np.ndarray]:
        """Gate -> the norm (T,) of its rows in each timestep; {"all": ...} if there is no gate."""
        rows = {g: self.gate(g) for g in self.gates} or {"all": self.parts}
        return {g: np.linalg.norm(v.reshape(len(v), -1), axis=1) for g, v in rows.items()}

    def plot(self, ax: Any = None) -> Any:
        """The norm of each timestep's contribution, a line for each gate (matplotlib)."""
        ax = axes(
            ax, title=f"Gradient of {self.title}, timestep by timestep",
            x_label="timestep t", y_label="norm of the contribution",
        )  # fmt: skip
        for gate, norms in self.norms.items():
            ax.plot(range(1, len(norms) + 1), norms, marker="o", markersize=3, label=gate)
        return finish(ax)

    def svg_gates(self, characters: str = "") -> str:
        """The norm of each timestep's contribution, a line for each gate, as SVG text."""
        steps, read = range(1, len(self.parts) + 1), ", and the character it reads"
        return line_chart(
            {gate: (steps, norms.tolist()) for gate, norms in self.norms.items()},
            title=f"What each timestep adds to the gradient of {self.title}, gate by gate",
            x_label=f"timestep t = 1 ... {len(steps)}" + (read if characters else ""),
            y_label="norm of the contribution",
            characters=characters,
        )

    def svg(self, characters: str = "") -> str:
        """One small matrix for each timestep and their sum, in one scale, as SVG text.

        Of a large weight only the rows and columns with the largest gradients are `shown`.

        Args:
            characters: what the timesteps read, one for each.
        """
        block = _strongest(np.atleast_2d(self.grad))
        matrices = [np.atleast_2d(part) for part in (*self.parts, np.sum(self.parts, axis=0))]
        heads = [f"t = {t}" for t in range(1, len(self.parts) + 1)]
        heads = [f"{h}, reads {visible(c)}" for h, c in zip(heads, characters)] or heads
        panels = [
            Panel(head, matrix[block], f"norm {np.linalg.norm(matrix):.2g}")
            for head, matrix in zip([*heads, "sum over t"], matrices)
        ]
        title = f"The gradient of {self.title}, timestep by timestep"
        return small_multiples(
            panels, title=title, limit=largest([p.values for p in panels]), across=5
        )


def ledger(graph: Graph, parameter: Parameter | str, *seeds: Any) -> Ledger:
    r"""Split the gradient of a shared weight by timestep and gate, in one backward pass.

    Args:
        graph: an unrolled graph that was run forward.
        parameter: the weight, or its name in `graph.parameters`.
        seeds: as `graph.backward` takes them.

    Raises:
        GraphError: the graph has no such parameter.
    """
    name, weight = find_parameter(graph, parameter)
    times, arrivals = [], []
    for step in graph.backward_steps(*seeds, wrt=[weight]):
        for node, sent in step.sent if weight in step.node.parents else ():
            if node is weight and sent is not None:
                times.append(timestep(step.node) or 0)
                arrivals.append(to_numpy(sent))
    T = last_step(graph)
    shape, dtype = weight.shape, to_numpy(weight.data).dtype
    parts = np.zeros((T + 1, *shape), dtype)
    for t, part in zip(times, arrivals):
        parts[t] += part
    grad = np.zeros(shape, dtype) if weight.grad is None else to_numpy(weight.grad).copy()
    entered = np.stack(arrivals) if arrivals else np.zeros((0, *shape), dtype)
    gates = blocks(graph, weight)
    return Ledger(name, np.array(times, int), entered, parts[1:], parts[0], grad, gates)


def find_parameter(graph: Graph, parameter: Parameter | str) -> tuple[str, Parameter]:
    """The name and the weight, whichever of them was given."""
    for name, weight in graph.parameters.items():
        if parameter is weight or (isinstance(parameter, str) and parameter == name):
            return name, weight
    wanted = parameter if isinstance(parameter, str) else parameter.title
    names = ", ".join(graph.parameters)
    raise GraphError(f"{graph.name or 'the graph'} has no parameter {wanted}; it has {names}")


def _strongest(matrix: np.ndarray) -> tuple:
    """The rows and columns with the largest sums of magnitudes, in ascending order."""
    strength = np.abs(matrix)
    rows = np.sort(np.argsort(-strength.sum(axis=1), kind="stable")[:SIDE])
    columns = np.sort(np.argsort(-strength.sum(axis=0), kind="stable")[:SIDE])
    return np.ix_(rows, columns)
