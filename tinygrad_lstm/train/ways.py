"""Two ways to run the network over a window: node by node, or by a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ..graph import Graph
from ..plan import compile
from .model import run_loss
from .text import Window

Result = tuple[float, list[np.ndarray]]
"""The loss as a number, and the state after the last step."""


class Way(Protocol):
    """Runs windows; `grads` are those of the window that was learned last, by parameter name."""

    network: Graph

    @property
    def grads(self) -> Mapping[str, np.ndarray]: ...

    def learn(self, window: Window, state: Sequence[np.ndarray]) -> Result:
        """Forward and backward."""
        ...

    def read(self, window: Window, state: Sequence[np.ndarray]) -> Result:
        """Forward only."""
        ...


class Eager:
    """Node by node, forward and backward; every node keeps its value and its gradient."""

    def __init__(self, network: Graph) -> None:
        self.network = network

    @property
    def grads(self) -> dict[str, Any]:
        return {name: p.grad for name, p in self.network.parameters.items()}

    def read(self, window: Window, state: Sequence[np.ndarray]) -> Result:
        return run_loss(self.network, window.ids, window.targets, state)

    def learn(self, window: Window, state: Sequence[np.ndarray]) -> Result:
        loss, end = self.read(window, state)
        self.network.backward(1.0, *[None] * len(end))
        return loss, end


class Planned:
    """By plans of the same graph: one that also goes backward, one that does not."""

    def __init__(self, network: Graph, passes: Sequence[str] | None = None) -> None:
        self.network = network
        self.plan = compile(network, passes=passes)
        self.reader = compile(network, wrt=[], passes=passes)
        self.seeds = [np.array(1.0), *[None] * (len(network.outputs) - 1)]

    @property
    def grads(self) -> dict[str, np.ndarray]:
        return self.plan.grads

    def learn(self, window: Window, state: Sequence[np.ndarray]) -> Result:
        loss, *end = self.plan.step(*window.ids, window.targets, *state, seeds=self.seeds)
        return float(loss), kept(end)

    def read(self, window: Window, state: Sequence[np.ndarray]) -> Result:
        none = [None] * len(self.seeds)
        loss, *end = self.reader.step(*window.ids, window.targets, *state, seeds=none)
        return float(loss), kept(end)


def kept(views: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Copies of a plan's outputs, which its next step overwrites."""
    return [view.copy() for view in views]
