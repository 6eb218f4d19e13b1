"""`record`: one run forward and one backward, every step of both kept to be looked at."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError, GraphError
from ..graph import Graph
from ..tensor import Tensor
from .keeping import Summary
from .recorded import Contribution, RecordedStep
from .recorder import Recorder

__all__ = ["Contribution", "RecordedStep", "Recording", "Summary", "record"]

BUDGET = 64_000_000


def record(
    graph: Graph, *arrays: Any, seeds: Sequence[Any] | None = None, budget: int = BUDGET
) -> Recording:
    """Run the graph forward, then backward, and keep every step of both.

    Args:
        arrays: one for each input of the graph, as `graph.forward` takes them.
        seeds: dL/d(output) for each output, None counting as zeros; a single scalar output needs
            none.
        budget: how many bytes of arrays are kept whole; beyond it large arrays are summarised as
            shape, norm, min, max and mean, and `Recording.note` says so.

    Raises:
        ShapeError: if no seeds are given though the outputs are no single scalar.
    """
    if not isinstance(graph, Graph):
        raise ArgumentError(
            f"record takes a Graph, not {type(graph).__name__}; "
            "make one of a cell with through_time(cell, T)"
        )
    recorder = Recorder(graph, budget)
    return Recording(graph, recorder.run(arrays, seeds), recorder)


class Recording:
    """The steps of one run: `.steps`, `.at(t=3, node="f")`, and a page to step through them."""

    def __init__(self, graph: Graph, steps: Sequence[RecordedStep], made: Recorder) -> None:
        self.graph = graph
        self.steps = tuple(steps)
        self.wording = made.wording
        self.values = made.values
        self.planted = made.planted
        self.gradients = made.totals
        self.note = made.keeper.note

    def at(
        self, t: int | None = None, node: str | Tensor | None = None, phase: str | None = None
    ) -> RecordedStep:
        """The first step at this timestep, of this node, in this phase ("forward", "backward").

        A node is meant by its name ("f"), by its name in time ("f_3") or by itself.

        Raises:
            GraphError: if there is none; it names the nearest.
        """
        if phase not in (None, "forward", "backward"):
            raise ArgumentError(f"at: phase={phase!r}; there is 'forward' and 'backward'")
        for step in self.steps:
            here = (t is None or step.t == t) and (phase is None or step.phase == phase)
            if here and (node is None or _is_called(step, node)):
                return step
        asked = ", ".join(
            f"{k}={v!r}" for k, v in (("t", t), ("node", node), ("phase", phase)) if v is not None
        )
        raise GraphError(f"at({asked}): there is no such step; {self._nearest(t, node)}")

    def page(self) -> str:
        """The step-through page: one HTML text that needs nothing else, not even a network."""
        from ..show.page import stepper_page

        return stepper_page(self)

    def save(self, path: str | os.PathLike) -> None:
        """Write the page; a failure leaves an older file as it was."""
        from ..show.page import write_page

        write_page(self.page(), path)

    def widget(self) -> Any:
        """The page as a notebook widget whose `.step` Python can read and set.

        Raises:
            BackendError: if anywidget is not installed.
        """
        from ..show.page import widget

        return widget(self)

    def _repr_html_(self) -> str:
        from ..show.page import embedded

        return embedded(self.page())

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        forward = sum(step.phase == "forward" for step in self.steps)
        backward = len(self.steps) - forward
        name = self.graph.name or "graph"
        return f"Recording({name}: {forward} steps forward, {backward} backward; {self.note})"

    def _nearest(self, t: int | None, node: Any) -> str:
        times = [step.t for step in self.steps if step.t is not None]
        if t is not None and t not in times:
            return f"t goes from {min(times)} to {max(times)}" if times else "it has no timesteps"
        names = list(dict.fromkeys(step.name for step in self.steps if t in (None, step.t)))
        near = difflib.get_close_matches(str(node), names, 4, 0.3) or names[:8]
        return f"try one of {', '.join(near)}"


def _is_called(step: RecordedStep, node: str | Tensor) -> bool:
    if isinstance(node, Tensor):
        return step.node is node
    name = step.node.name or ""
    return node in (name, name.removeprefix("next_"), step.name)
