"""What the terms of a plan are called: as their nodes, or by what they are made for."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .schedule import is_view
from .terms import POINTWISE, VIEWS, Term, is_number

if TYPE_CHECKING:
    from ..graph import Graph
    from .lower import Lowered
    from .variant import Variant


class Names:
    """Names of a program's terms; gradients are called dL/d of what they belong to.

    Args:
        part: one of the variant's programs; by default the one that it is made from.
    """

    def __init__(self, graph: Graph, variant: Variant, part: Lowered | None = None) -> None:
        self.graph, self.built = graph, variant.built
        self.program = variant.program if part is None else part.program
        self.users = self.program.users()
        self._weights = {p: name for name, p in graph.parameters.items()}
        self._grads: dict[Term, str] = {}
        for name, (x, _) in self.program.grads.items():
            self._grads.setdefault(memory_of(x), f"dL/d{name}")
        if part is None or not part.wanted:
            self._outputs = self._output_names()
        else:
            whole, results = Names(graph, variant), [x for x, _ in self.program.outputs]
            self._outputs = {memory_of(x): whole[y] for x, y in zip(results, part.wanted)}
        self._toward = self._targets()

    def own(self, x: Term) -> str | None:
        """The name of the node (or of the gradient of the node) whose value x is."""
        if x.fn == "parameter":
            return self.weight(x.how)
        if x.fn in ("inputs", "seeds", "seed"):
            return self._from_outside(x)
        if x.fn == "carry":
            return x.next.name or x.name
        return x.name or self._outputs.get(x) or self._grads.get(x)

    def weight(self, k: int) -> str:
        """The name of parameter number k."""
        p: Any = self.built.parameters[k]
        return self._weights.get(p) or p.name or f"weight_{k}"

    def _from_outside(self, x: Term) -> str:
        nodes = self.graph.inputs if x.fn == "inputs" else self.graph.outputs
        names = [nodes[k].name or "" for k in (x.how if x.fn != "seed" else (x.how,))]
        if x.fn != "inputs":
            return f"seed of {names[0] or 'the output'}"
        stems = {re.sub(r"_?\d*$", "", name) for name in names}
        return stems.pop() if len(stems) == 1 and "" not in stems else names[0] or "inputs"

    def _output_names(self) -> dict[Term, str]:
        found: dict[Term, str] = {}
        for k, (x, _) in enumerate(self.program.outputs):
            several = len(self.program.outputs) > 1
            found.setdefault(memory_of(x), f"output {k + 1}" if several else "output")
        return found

    def _targets(self) -> dict[Term, tuple[bool, int, Term]]:
        """For each term the nearest one with a name that is made from it, gradients last.

        As (whether it is a gradient, how far it is, itself).
        """
        found: dict[Term, tuple[bool, int, Term]] = {}
        terms = list(self.users)
        for x in (*reversed(terms), *reversed(terms)):  # twice, for carries come before their next
            own = self.own(x)
            if own is not None:
                found[x] = own.startswith("dL/d"), 0, x
                continue
            ways = [found[y] for y in self.users[x] if y in found]
            if ways:
                gradient, far, y = min(ways, key=lambda way: (*way[:2], way[2].born))
                found[x] = gradient, far + 1, y
        return found

    def __getitem__(self, x: Term) -> str:
        """The name, or that of the nearest term which x serves; else what x does."""
        there = self._toward.get(x)
        return str(self.own(there[2])) if there else word(x)

    def describe(self, x: Term) -> str:
        """The name; for a term without one what it is of named ones, such as tanh(next_c)."""
        own = self.own(x)
        if own is not None:
            return own
        if x.fn not in POINTWISE or not x.args:
            return f"{word(x)} for {self[x]}"
        parts = [self._operand(a) for a in x.args]
        if any(part is None for part in parts):
            return f"{x.fn} for {self[x]}"
        sign = SIGNS.get(x.fn)
        return f" {sign} ".join(parts) if sign else f"{x.fn}({', '.join(parts)})"  # type: ignore

    def _operand(self, a: Term) -> str | None:
        while a.fn in VIEWS and self.own(a) is None:
            a = a.args[0]
        if is_number(a) and a.fn == "const":
            return f"{a.how.item():g}"
        return self.own(a)

    def of(self, unit: Iterable[Term]) -> list[str]:
        """The names of all members, once each."""
        return adjoined(self[x] for x in unit)


def word(x: Term) -> str:
    """What a term's function is called; an op that is kept whole by its own name."""
    return type(x.how).__name__ if x.fn == "call" else WORDS.get(x.fn, str(x.fn))


def memory_of(x: Term) -> Term:
    """The term in whose memory x lies."""
    while is_view(x):
        x = x.next if x.fn == "carry" else x.args[0]
    return x


def adjoined(titles: Iterable[str]) -> list[str]:
    """Names once each; pieces of one array that adjoin as one piece."""
    found: list[str] = []
    for title in dict.fromkeys(titles):
        here, before = PIECE.fullmatch(title), PIECE.fullmatch(found[-1]) if found else None
        if here and before and here["stem"] == before["stem"] and here["s"] == before["e"]:
            found[-1] = f"{here['stem']}[{before['s']}:{here['e']}]"
        else:
            found.append(title)
    return found


SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
PIECE = re.compile(r"(?P<stem>.*)\[(?P<s>\d+):(?P<e>\d+)\]")

WORDS = {
    "carry": "start",
    "inputs": "gathering",
    "seeds": "gathering",
    "matmul": "product",
    "sumprod": "sum of products",
    "contract": "product over all steps",
    "total": "sum over all steps",
    "take": "lookup",
    "concat": "joining",
    "embed": "field of zeros",
}
"""Names of terms' functions in words, where they are not NumPy's."""


WRITTEN = {" * ": " times ", " + ": " plus ", " - ": " minus ", " / ": " by ", "0.5": "half"}


def identifier(name: str) -> str:
    """A name, or what describes a value, for Python: dL/dlayer=2/next_c is next_c_bar_2."""
    for sign, word in WRITTEN.items():
        name = name.replace(sign, word)
    name = re.sub(r"\b1 ", "one ", name)
    name = re.sub(r"\[\d+:\d+\]", "", name)
    name = re.sub(r"dL/d((?:\w+=\w+/)*)(\w+)", r"\1\2_bar", name)
    name = re.sub(r"\w+=(\w+)/(\w+)", r"\2_\1", name)
    word = re.sub(r"\W+", "_", name).strip("_")
    return word if word.isidentifier() and not keyword.iskeyword(word) else f"_{word}"
