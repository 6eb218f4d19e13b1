"""One step of a cell and one step back through it, as straight-line NumPy source."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable

from ..graph import Graph
from ..ops import CAdd, CSub
from ..tensor import Parameter, Tensor
from .derive import Derivation
from .identifiers import Identifiers, comment
from .layout import comment_lines, listed, statement
from .recurrence import Recurrence
from .spelling import is_cheap, reads_often, spelled

CALL = "bptt_source"
LONG = 60  # characters, from which on a part of a formula gets a line of its own


def bptt_source(cell: Graph) -> str:
    """NumPy source of one step of a cell and of one step back through it, to read and to run.

    It defines `step(x, *state, weights)`, which returns the new state and what to save, and
    `step_backward(*state_bars, saved, weights, grads)`, which adds to `grads` and returns the
    gradients of x and of the state before.  Arrays are (N, features); `weights` and `grads` are
    dicts with the keys of `cell.parameters`.

    Raises:
        ArgumentError, GraphError: for what is no cell, or an op that states no NumPy spelling.
    """
    return _Source(Recurrence(cell, CALL)).text()


class _Source:
    """Which values have a name, which of them are saved, and the functions that hold them."""

    def __init__(self, steps: Recurrence) -> None:
        self.steps, self.cell = steps, steps.cell
        self.derivation = Derivation(steps)
        self.nodes = [*steps.cell.nodes, *steps.backward]
        self.keys = {p: name for name, p in steps.cell.parameters.items()}
        self.names = Identifiers(n for x in self.cell.inputs for n in x.shape)
        self._name_everything()
        self.spelled: dict[Tensor, str] = {}
        self.texts: dict[Tensor, str] = {}
        summed = {p for n in self.nodes if isinstance(n.op, CAdd | CSub) for p in n.parents}
        for node in self.nodes:
            self.spelled[node] = "" if self._is_fed(node) else spelled(node, self.texts, CALL)
            most = LONG if node not in summed else 10 * LONG  # sums break well over lines
            if len(self.spelled[node]) > most and node not in self.names:
                self.names.describe(node)
            self.texts[node] = self.names.get(node, self.spelled[node])

    def text(self) -> str:
        return "\n\n\n".join([self.head(), self.step(), self.step_backward()]) + "\n"

    def head(self) -> str:
        bars = [self.names[state.seed] for state in self.steps.states]
        return "\n".join(
            [
                f'"""One step of {_word(self.cell.name)} and one step back through it.',
                "",
                "Rows are examples.  Backpropagation through time over T steps is this loop:",
                "",
                "    for t in reversed(range(T)):",
                f"        {bars[-1]} = {bars[-1]} + dL_dh[t]",
                f"        x_bar[t], {', '.join(bars)} = step_backward(",
                f"            {', '.join(bars)}, saved[t], weights, grads",
                "        )",
                '"""',
                "",
                "import numpy as np",
            ]
        )

    def step(self) -> str:
        body = self._statements(self.cell.nodes)
        state = [self.texts[s.now] for s in self.steps.states]
        saved = [self.names[node] for node in self._saved()]
        arguments = [*(self.names[node] for node in self.cell.inputs), "weights"]
        sizes = self._sizes(body, self.cell.inputs)
        return _function(
            listed("def step(", arguments, "):"),
            [*sizes, *self._weights(self.cell.nodes)],
            body,
            [
                listed("    saved = (", _as_tuple(saved), ")"),
                listed("    return (", _as_tuple(state), "), saved"),
            ],
        )

    def step_backward(self) -> str:
        body, gradients = self._statements(self.steps.backward), self._gradients()
        seeds = [state.seed for state in self.steps.states]
        saved = [self.names[node] for node in self._saved()]
        unpacked = [listed("    (", _as_tuple(saved), ") = saved")] if saved else []
        sent = [self.texts[bar] for _, bar in self.steps.leaving]
        sent = sent if self.steps.x_bar is not None else ["None", *sent]
        arguments = [*(self.names[seed] for seed in seeds), "saved", "weights", "grads"]
        sizes = self._sizes([*body, *gradients], seeds)
        return _function(
            listed("def step_backward(", arguments, "):"),
            [*unpacked, *sizes, *self._weights(self._read_backwards())],
            body,
            gradients,
            [f"    return {', '.join(sent)}"],
        )

    def _name_everything(self) -> None:
        """Inputs and weights first, so that they have the author's names as they are."""
        for node in self.cell.inputs:
            self.names.give(node, node.name or "x", node.scope)
        for parameter, key in self.keys.items():
            scope, _, name = key.rpartition("/")
            self.names.give(parameter, name, scope)
        for state in self.steps.states:
            self.names.give(state.seed, state.seed.name or "bar", state.seed.scope)
            self.names.share(state.total, self.names[state.seed])
        for leaf, bar in self.steps.leaving:
            if bar not in self.names and not bar.name:
                self.names.give(bar, f"{self.names[leaf]}_bar")
        kept = self._worth_keeping()
        for node in self.nodes:
            numbered = re.match(r"u_\{(\d+)", self.derivation.symbols.get(node))
            if numbered and not node.name:
                self.names.give(node, f"u{numbered[1]}")
            elif node.name and node not in self.names:
                self.names.give(node, node.name, node.scope)
            elif node in kept and node not in self.names:
                self.names.describe(node)

    def _worth_keeping(self) -> set[Tensor]:
        """What several lines read, or the backward pass reads, unless it is cheap to write anew."""
        backward = set(self.steps.backward)
        uses = Counter(parent for node in self.nodes for parent in node.parents)
        across = {p for node in backward for p in node.parents if p not in backward}
        often = {
            p
            for node in self.nodes
            for k, p in enumerate(node.parents)
            if node.op is not None and reads_often(node.op, k)
        }
        made = {n for n in self.nodes if n.op is not None and n not in self.cell.inputs}
        dear = {n for n in made if not is_cheap(n.op) and (uses[n] > 1 or n in across)}
        return dear | (often & made)

    def _is_fed(self, node: Tensor) -> bool:
        return node.op is None and (node in self.names or isinstance(node, Parameter))

    def _statements(self, nodes: Iterable[Tensor]) -> list[str]:
        """For each named node a comment with its equation, and the line that computes it."""
        lines = []
        for node in nodes:
            if node in self.names and not self._is_fed(node):
                equation = self.derivation.inside(node)
                if not equation and self.names[node] in self.names.numbered:
                    equation = f"{self.names[node]} = {self.derivation.now[node].text}"
                lines += comment_lines(comment(equation)) if equation else []
                lines.append(statement(f"{self.names[node]} =", self.spelled[node]))
        return lines

    def _gradients(self) -> list[str]:
        lines = []
        for key, parameter, bar in self.steps.weights:
            symbol, formula = self.derivation.symbols.adjoint(parameter), self.derivation.now[bar]
            lines += comment_lines(comment(f"{symbol} += {formula.text}"))
            lines.append(statement(f"grads[{_quoted(key)}] +=", self.texts[bar]))
        return lines

    def _read_backwards(self) -> list[Tensor]:
        """Named nodes of the cell that the backward pass reads, eldest first."""
        inside, found = set(self.steps.backward), set()
        waiting = [parent for node in inside for parent in node.parents]
        while waiting:
            node = waiting.pop()
            if node in inside or node in found:
                continue
            if node in self.names:
                found.add(node)
            else:
                waiting.extend(node.parents)
        return [node for node in self.cell.nodes if node in found]

    def _saved(self) -> list[Tensor]:
        return [node for node in self._read_backwards() if not isinstance(node, Parameter)]

    def _weights(self, nodes: Iterable[Tensor]) -> list[str]:
        parameters = [node for node in nodes if isinstance(node, Parameter)]
        return [f"    {self.names[p]} = weights[{_quoted(self.keys[p])}]" for p in parameters]

    def _sizes(self, body: list[str], fed: Iterable[Tensor]) -> list[str]:
        """N = x.shape[0] and the like, for every letter that the body reads."""
        code = "\n".join(line for line in body if not line.lstrip().startswith("#"))
        places = {
            n: f"    {n} = {self.names[node]}.shape[{axis}]"
            for node in fed
            for axis, n in enumerate(node.shape)
            if isinstance(n, str) and re.search(rf"\b{n}\b", code)
        }
        return list(places.values())


def _function(head: str, *sections: list[str]) -> str:
    """The sections that are not empty, with a blank line between two of them."""
    return head + "\n" + "\n\n".join("\n".join(lines) for lines in sections if lines)


def _as_tuple(items: list[str]) -> list[str]:
    return [f"{items[0]},"] if len(items) == 1 else items


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False)


def _word(name: str) -> str:
    return re.sub(r"[^\w ]", "", name) or "a cell"
