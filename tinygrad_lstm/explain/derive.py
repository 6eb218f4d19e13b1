"""The textbook recurrences of backpropagation through time, read from a cell's own graph."""

from __future__ import annotations

from ..graph import Graph
from ..show import Equations, Symbols
from ..tensor import Tensor
from .columns import Written, formula, name_what_is_long, written
from .recurrence import Recurrence, State


def bptt_equations(cell: Graph) -> Equations:
    r"""The recurrences of backpropagation through time of any cell, as LaTeX.

    $\bar z = \partial L / \partial z$.  What step t+1 sends back to a state is written out with its
    time shifted: $\bar c_t = \dots + \bar c_{t+1} \odot f_{t+1}$.  Gradients of weights are sums
    over t.

    Args:
        cell: a Graph from (x, *state) to (*state), last output h, such as `CELLS["lstm"](3, 2)`.

    Raises:
        ArgumentError, GraphError: for what is no cell.
    """
    return Equations(tuple(Derivation(Recurrence(cell, "bptt_equations")).lines()))


class Derivation:
    """The equations of a recurrence, and the symbols in which they are written."""

    def __init__(self, steps: Recurrence) -> None:
        self.steps = steps
        self.nodes = [*steps.cell.nodes, *steps.backward]
        self.symbols = Symbols(steps.cell)
        name_what_is_long(self.nodes, self.symbols)
        self.now = written(self.nodes, self.symbols)

    def lines(self) -> list[str]:
        return [
            _heading("Forward, ", r"t = 1, \dots, T"),
            *self.forward(),
            _heading("Backward, ", r"t = T, \dots, 1"),
            r"& \bar{v} = \partial L / \partial v \text{ for every } v,"
            r" \quad L = \textstyle\sum_t L_t, \quad \bar{v}_{T+1} = 0",
            *self.backward(),
            _heading("Gradients of the weights and of the initial state"),
            *self.results(),
        ]

    def forward(self) -> list[str]:
        fed = set(self.steps.cell.inputs)
        return [
            f"{self.symbols[node]} &= {formula(node, self.now).text}"
            for node in self.steps.cell.nodes
            if node.op is not None and node not in fed and node in self.symbols
        ]

    def backward(self) -> list[str]:
        totals = {state.total: state for state in self.steps.states}
        lines = []
        for node in self.nodes[len(self.steps.cell.nodes) :]:
            if node in totals:
                lines.append(self.state(totals[node]))
            elif node in self.symbols and node.op is not None:
                lines.append(f"{self.symbols[node]} &= {formula(node, self.now).text}")
        if self.steps.x_bar is not None:
            x = self.steps.cell.inputs[0]
            lines.append(f"{self.symbols.adjoint(x)} &= {self.now[self.steps.x_bar].text}")
        return lines

    def state(self, state: State) -> str:
        """The gradient of a state: from its own step, from the loss, and from the next step."""
        parts = []
        if state is self.steps.states[-1]:
            symbol = self.symbols[state.now]
            parts.append(rf"\frac{{\partial L_t}}{{\partial {symbol}}}")
        if state.added is not None:
            parts.append(self.now[state.added].text)
        later = self.at("t+1")[state.sent].text
        if later != "0":
            parts.append(later)
        return f"{self.symbols.adjoint(state.now)} &= {_sum(parts)}"

    def results(self) -> list[str]:
        lines = []
        for _, parameter, bar in self.steps.weights:
            body = self.now[bar]
            text = f"({body.text})" if body.binds <= 1 else body.text
            lines.append(rf"{self.symbols.adjoint(parameter)} &= \sum_{{t=1}}^{{T}} {text}")
        first, symbols = self.at("1"), self.symbols.at("1")
        for state in self.steps.states:
            lines.append(f"{symbols.adjoint(state.before)} &= {first[state.sent].text}")
        return lines

    def inside(self, node: Tensor) -> str | None:
        """The equation of a node as far as its own step goes; None if a book would have none."""
        for state in self.steps.states:
            if node is state.total:
                added = state.added
                adjoint = self.symbols.adjoint(state.now)
                return f"{adjoint} += {self.now[added].text}" if added is not None else None
        for leaf, bar in self.steps.leaving:
            if node is bar:
                return f"{self.symbols.adjoint(leaf)} = {self.now[bar].text}"
        named = node in self.symbols and node.op is not None
        return f"{self.symbols[node]} = {formula(node, self.now).text}" if named else None

    def at(self, time: str) -> Written:
        return written(self.nodes, self.symbols.at(time))


def _heading(title: str, times: str = "") -> str:
    return rf"& \rule{{0pt}}{{2em}}\textbf{{{title}}} {times}".rstrip()


def _sum(parts: list[str]) -> str:
    return " + ".join(parts).replace("+ -", "- ") or "0"
