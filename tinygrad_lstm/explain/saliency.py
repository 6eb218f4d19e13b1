"""Which inputs an output depends on: for a character model, a map over the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import to_numpy
from ..checks import check_seeds
from ..errors import GraphError
from ..graph import Graph
from ..ops.linear import Lookup
from ..show.canvas import visible
from ..show.maps import time_map as map_as_svg
from ..tensor import Tensor
from .figure import axes, time_map
from .rows import gradients
from .timesteps import carried, check_run, timestep


@dataclass(frozen=True)
class Saliency:
    r"""$\lVert \partial \langle \text{seed}_t, y_t \rangle / \partial x_k \rVert_2$.

    Attributes:
        norms: (R, T), a row for each output, a column for each timestep's input.
        times: (R,) the timestep of each output.
        text: the characters read, or "".
    """

    norms: np.ndarray
    times: np.ndarray
    text: str

    def plot(self, ax: Any = None) -> Any:
        """The map, its axes labelled with the text (matplotlib)."""
        ax = axes(
            ax, title="What each output depends on",
            x_label="input read at timestep k", y_label="output at timestep t",
        )  # fmt: skip
        time_map(ax, self.norms, "norm of dy_t/dx_k")
        if self.text:
            ticks = range(1, len(self.text) + 1)
            ax.set_xticks(ticks, [visible(c) for c in self.text], family="monospace")
            ax.set_yticks(range(1, len(self.times) + 1), [self._read(t) for t in self.times])
        return ax

    def svg(self) -> str:
        """The map over the text as SVG text."""
        return map_as_svg(
            self.norms,
            title="What each output depends on",
            row_label="output",
            column_label="input read at timestep k",
            characters=self.text,
        )

    def _read(self, t: int) -> str:
        return visible(self.text[t - 1]) if 0 < t <= len(self.text) else ""


def saliency(graph: Graph, *seeds: Any, text: str = "") -> Saliency:
    r"""How strongly each timestep's output depends on each timestep's input, exactly.

    The input is $x_k$ itself, or, where numbers of characters are read, the row that the embedding
    looks up for it: a class number cannot move a little, its vector can.

    Args:
        graph: an unrolled graph that was run forward.
        seeds: one for each output, None to leave it out.  Without any, every output that stands in
            a timestep counts with its largest entry: what the model thinks most likely.
        text: the characters that were read, one for each timestep.

    Raises:
        GraphError: no output stands in a timestep, or `text` has another length than T.
    """
    check_run(graph, "saliency")
    columns = step_inputs(graph)
    if text and len(text) != len(columns):
        raise GraphError(f"saliency: {len(text)} characters for {len(columns)} timesteps")
    if seeds:
        arrays = check_seeds(graph.outputs, seeds, "saliency")
        rows = [(y, seed) for y, seed in zip(graph.outputs, arrays) if seed is not None]
    else:
        timed = dict.fromkeys(y for y in graph.outputs if timestep(y) is not None)
        rows = [(y, _largest_entry(y)) for y in timed]
    if not rows:
        raise GraphError("saliency: no output stands in a timestep; give seeds for the outputs")
    found = gradients(graph, rows, columns)
    flat = [to_numpy(g).reshape(len(rows), -1) for g in found]
    norms = np.stack([np.linalg.norm(g, axis=1) for g in flat], axis=1)
    times = np.array([timestep(y) or len(columns) for y, _ in rows])
    return Saliency(norms, times, text)


def step_inputs(graph: Graph) -> list[Tensor]:
    """x_1 ... x_T: what comes from outside into each timestep, as numbers that can move."""
    starts = {state.start for state in carried(graph).values()}
    outside = {node for node in graph.inputs if node not in starts}
    found: dict[int, Tensor] = {}
    for node in graph.nodes:
        t = timestep(node)
        for parent in node.parents if t is not None and node.op else ():
            if parent in outside and to_numpy(parent.data).dtype.kind == "f":
                found.setdefault(t, parent)  # type: ignore[arg-type]
            elif parent in outside and isinstance(node.op, Lookup):
                found.setdefault(t, node)  # type: ignore[arg-type]
    if not found:
        raise GraphError(f"{graph.name or 'the graph'} reads no input in its timesteps")
    return [found[t] for t in sorted(found)]


def _largest_entry(output: Tensor) -> np.ndarray:
    """Ones where each row of the output is largest, zeros elsewhere."""
    values = to_numpy(output.data)
    if values.ndim == 0:
        return np.ones_like(values)
    seed = np.zeros_like(values)
    np.put_along_axis(seed, values.argmax(axis=-1, keepdims=True), 1.0, axis=-1)
    return seed
