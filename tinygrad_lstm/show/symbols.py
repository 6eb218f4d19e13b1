"""From an author's names to LaTeX: h_prev is h_{t-1}, W_xi is W_{xi}, f at t=3 is f_3."""

from __future__ import annotations

import re
from copy import copy
from typing import Any

from ..listing import parameter_names
from ..tensor import Parameter

_GREEK = set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
_ESCAPES = {
    "\\": r"\backslash ",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\sim ",
    "^": r"\wedge ",
    "<": r"\lt ",
    ">": r"\gt ",
    " ": r"\ ",
}


class Symbols:
    """The symbol of every node of one graph.

    In a graph with an input called "..._prev" everything but the parameters is a function of time
    and carries the subscript t.  A node in the scope "t=3" carries 3, one in "layer=2" a
    superscript (2).
    """

    def __init__(self, graph: Any) -> None:
        names = {node.name or "" for node in graph.nodes}
        self.in_time = any(name.endswith(("_prev", "_prev_bar")) for name in names)
        self.now = "t"
        self.parameters = {p: name for name, p in parameter_names(graph.nodes).items()}
        self._given: dict[Any, tuple[str, int]] = {}

    def at(self, now: str) -> Symbols:
        """The same symbols, read at another time such as "t+1"."""
        later = copy(self)
        later.now = now
        return later

    def name(self, node: Any, letter: str) -> None:
        """Call an anonymous node by a letter and its number among those of that letter."""
        count = sum(other == letter for other, _ in self._given.values()) + 1
        self._given[node] = letter, count

    def __contains__(self, node: Any) -> bool:
        return bool(node.name) or node in self._given or node in self.parameters

    def __getitem__(self, node: Any) -> str:
        """The LaTeX symbol of a node that has one."""
        return self._symbol(node, "")

    def get(self, node: Any) -> str:
        """The symbol, or nothing if there is none."""
        return self[node] if node in self else ""

    def adjoint(self, node: Any) -> str:
        r"""The symbol of the gradient of a node that has a symbol: \bar{c}_t for c_t."""
        return self._symbol(node, "_bar")

    def _symbol(self, node: Any, bar: str) -> str:
        if node in self._given:
            letter, count = self._given[node]
            head = rf"\bar{{{letter}}}" if bar else letter
            return f"{head}_{{{count},{self.now}}}" if self.in_time else f"{head}_{{{count}}}"
        if isinstance(node, Parameter):
            scope, _, name = self.parameters.get(node, node.name or "W").rpartition("/")
            twin = re.fullmatch(r"(.+)#(\d+)", name)
            name, number = twin.groups() if twin else (name, None)
            return symbol(name + bar, number, _depth(scope))
        steps = re.findall(r"(?:^|/)t=(\d+)", node.scope or "")
        time = steps[-1] if steps else self.now if self.in_time else None
        return symbol(node.name + bar, time, _depth(node.scope))


def symbol(name: str, time: str | None = None, depth: str | None = None) -> str:
    """One name as LaTeX, with its subscripts, its time and its layer.

    >>> symbol("h_prev", "t"), symbol("W_xi"), symbol("next_c", "t"), symbol("in_gate", "3")
    ('h_{t-1}', 'W_{xi}', 'c_t', '\\\\mathrm{in\\\\_gate}_{3}')
    """
    bar = seed = False
    while True:
        if name.endswith("_bar"):
            bar, name = True, name.removesuffix("_bar")
        elif name.endswith("_seed"):
            bar, seed, name = True, True, name.removesuffix("_seed")
        else:
            break
    if name.endswith("_prev"):
        name = name.removesuffix("_prev")
        time = before(time or "t")
    elif name.startswith("next_"):
        name = name.removeprefix("next_")
    head, sub = _head_and_sub(name)
    layered = re.fullmatch(r"([A-Za-z])(\d+)", head)
    if layered and depth is None:
        head, depth = layered.groups()
    if sub.isdigit() and time in ("t", "t+1"):
        time = None
    subscript = ",".join(part for part in (sub, time) if part)
    above = [f"({depth})"] * bool(depth) + [r"\mathrm{in}"] * seed
    over = "bar" if len(head) == 1 or head in _GREEK else "overline"
    text = rf"\{over}{{{_word(head)}}}" if bar else _word(head)
    if above:
        text += f"^{{{','.join(above)}}}"
    if subscript:
        text += "_t" if subscript == "t" else f"_{{{subscript}}}"
    return text


def before(time: str) -> str:
    """One step earlier: t-1 for t, t for t+1, 2 for 3."""
    return str(int(time) - 1) if time.isdigit() else {"t": "t-1", "t+1": "t"}[time]


def _head_and_sub(name: str) -> tuple[str, str]:
    head, _, sub = name.partition("_")
    if sub and (len(head) == 1 or head in _GREEK or re.fullmatch(r"[A-Za-z]\d", head)):
        return head, rf"\mathrm{{{escape(sub)}}}" if len(sub) > 3 else escape(sub)
    return name, ""


def _word(head: str) -> str:
    if len(head) == 1 and head.isalnum():
        return head
    return f"\\{head}" if head in _GREEK else rf"\mathrm{{{escape(head)}}}"


def escape(text: str) -> str:
    """Any text as harmless LaTeX."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:200])
    return "".join(_ESCAPES.get(c, c) for c in shown)


def _depth(scope: str | None) -> str | None:
    layers = re.findall(r"(?:^|/)layer=(\d+)", scope or "")
    return ",".join(layers) or None
