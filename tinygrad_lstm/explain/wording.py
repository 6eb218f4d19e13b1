"""What a step is called and what is said about it: names, formulas and sentences of a graph."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..show.equations import Operand, typeset
from ..show.symbols import Symbols, symbol
from ..steps import called
from ..tensor import Input, Parameter

LONGEST, LONGEST_OF_TWO = 28, 14
"""A node without a name is called by its formula, tanh(c_3), unless that is longer: u_1."""

ROWS = {"Affine": r"{0:3} {1:base}^\top", "MatMul": r"{0:3} {1:4}"}
"""Arrays hold one example a row, so what books write as W x is x W^T beside them."""
PLAIN = {"Affine": "{0:3} @ {1:9}.T", "MatMul": "{0:3} @ {1:4}", "Sum": "sum({0})"}
SPELLED = (
    (r"\operatorname", ""),
    (r"\textstyle\sum ", "sum "),
    (r"\odot", "*"),
    (r"^\top", ".T"),
    (r"\sigma", "sigmoid"),
    (r"\tfrac1N", "1/N"),
    (r"\ln", "log"),
    (r"\mathrm", ""),
    (r"\lvert ", "|"),
    (r" \rvert", "|"),
    (r"\, ", "* "),
    (r"\,", " "),
)
"""LaTeX of the derivative table as one would type it."""


class Formula(NamedTuple):
    """One expression twice: as LaTeX and as plain text."""

    latex: Operand
    plain: Operand


class Wording:
    """Names and formulas of one graph's nodes, in the words of its author."""

    def __init__(self, graph: Any) -> None:
        self.symbols = Symbols(graph)
        self.symbols.in_time &= not any(place(node.scope)[0] for node in graph.nodes)
        self.names: dict[Any, Formula] = {}
        self.formulas: dict[Any, Formula] = {}
        self._rules: dict[Any, tuple[Formula | None, ...]] = {}
        fed, anonymous = set(graph.inputs), Counter()
        for node in graph.nodes:
            made = node.op is not None and node not in fed
            if made:
                self.formulas[node] = formula(node.op, [self.names[p] for p in node.parents])
            if node in self.symbols:
                self.names[node] = self._named(node)
            elif made and _short(node, self.formulas[node]):
                self.names[node] = self.formulas[node]
            else:
                anonymous[node.scope] += 1
                self.names[node] = _letter(node, anonymous[node.scope])

    def name(self, node: Any) -> str:
        """The node in plain text: f_3, W_h, tanh(c_3)."""
        return self.names[node].plain.text

    def contributions(self, node: Any) -> tuple[Formula | None, ...]:
        """What the node's rule sends to each parent, as formulas; None where nothing flows.

        The rule itself is asked, with symbols in place of numbers.
        """
        key = (node.op, node.shape, tuple(p.shape for p in node.parents))
        if key not in self._rules:
            self._rules[key] = _rule(node)
        actual = [gradient_of(self.names[node]), self.names[node]]
        actual += [self.names[p] for p in node.parents]
        return tuple(
            rule and Formula(_filled(rule.latex, actual, 0), _filled(rule.plain, actual, 1))
            for rule in self._rules[key]
        )

    def _named(self, node: Any) -> Formula:
        return Formula(Operand(self.symbols[node], 9), Operand(self._plain(node), 9))

    def _plain(self, node: Any) -> str:
        t, layer = place(node.scope)
        if isinstance(node, Parameter):
            return printable(self.symbols.parameters.get(node, node.name or "W"))
        name = printable(node.name or "").removeprefix("next_")
        return f"{name}{layer or ''}" + (f"_{t}" if t is not None else "")


def printable(text: str) -> str:
    """One line without characters that cannot be seen."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:200])


def place(scope: str | None) -> tuple[int | None, int | None]:
    """Timestep and layer of a scope: "t=3/layer=2" is (3, 2)."""
    found: dict[str, int] = {}
    for part in (scope or "").split("/"):
        key, _, digits = part.partition("=")
        if digits.isdecimal():
            found[key] = int(digits)
    return found.get("t"), found.get("layer")


def formula(op: Any, operands: Sequence[Formula]) -> Formula:
    """The op around its operands."""
    marks = [Operand(chr(0xE000 + k), o.plain.binds) for k, o in enumerate(operands)]
    plain = typeset(_template(op, PLAIN), marks)
    text = plain.text if type(op).__name__ in (*PLAIN, "Embed") else spelled(plain.text)
    filled = re.sub("[\ue000-\uefff]", lambda m: operands[ord(m[0]) - 0xE000].plain.text, text)
    latex = typeset(_template(op, ROWS), [o.latex for o in operands])
    return Formula(latex, Operand(filled, plain.binds))


class _Rule(NamedTuple):
    latex: str
    binds: int


def _template(op: Any, own: dict[str, str]) -> Any:
    if own is PLAIN and type(op).__name__ == "Embed":
        return _Rule(f"{{0}} placed at {op.start} among zeros", 0)
    template = own.get(type(op).__name__)
    if template is None:
        return op
    return _Rule(f"{template} + {{2}}" if getattr(op, "bias", False) else template, op.binds)


def spelled(latex: str) -> str:
    """The LaTeX of the derivative table in characters that one can type.

    >>> spelled(r"\\sigma(x) \\odot \\frac{a}{b}")
    'sigmoid(x) * (a) / (b)'
    """
    text = re.sub(r"\\frac\{(.*)\}\{(.*)\}$", r"(\1) / (\2)", latex)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1) / (\2)", text)
    for command, word in SPELLED:
        text = text.replace(command, word)
    text = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", text)
    text = re.sub(r"\^\{([^{}]*)\}", r"^(\1)", text)
    return text.replace("\\", "").replace("{", "").replace("}", "")


def gradient_of(name: Formula) -> Formula:
    """dL/d(that node)."""
    latex = rf"\frac{{\partial L}}{{\partial {name.latex:9}}}"
    of = name.plain.text
    of = of if re.fullmatch(r"\w+", of) else f"({of})"
    return Formula(Operand(latex, 9), Operand(f"dL/d{of}", 9))


def _short(node: Any, made: Formula) -> bool:
    longest = LONGEST if len(node.parents) == 1 else LONGEST_OF_TWO
    return len(made.plain.text) <= longest


def _letter(node: Any, number: int) -> Formula:
    if node.op is None and node.data is not None and node.data.size == 1:
        value = f"{node.numpy().item():g}"
        return Formula(Operand(value, 9), Operand(value, 9))
    t, _ = place(node.scope)
    time = None if t is None else str(t)
    plain = f"u{number}" + (f"_{t}" if t is not None else "")
    return Formula(Operand(symbol(f"u_{number}", time), 9), Operand(plain, 9))


MARKS = "\uf000"
"""Private characters stand for g, y and the inputs while a rule is written down."""


def _rule(node: Any) -> tuple[Formula | None, ...]:
    """`Op.vjp` called on symbols: the same rule that gives the numbers."""
    shapes = [node.shape, node.shape, *(p.shape for p in node.parents)]
    given = [Input(chr(ord(MARKS) + k), *shape) for k, shape in enumerate(shapes)]
    try:
        sent = [called(s) for s in node.op.vjp(*given)]
    except Exception:  # a rule that needs numbers is described by its result alone
        return tuple(None for _ in node.parents)
    known = {leaf: Formula(*[Operand(leaf.name or "", 9)] * 2) for leaf in given}
    return tuple(None if s is None else _written(s, known) for s in sent)


def _written(node: Any, known: dict[Any, Formula]) -> Formula:
    if node not in known:
        parents = [_written(p, known) for p in node.parents]
        known[node] = formula(node.op, parents) if node.op else _letter(node, 0)
    return known[node]


def _filled(rule: Operand, actual: Sequence[Formula], side: int) -> Operand:
    """The rule with the names in the places of the marks."""

    def name(found: re.Match) -> str:
        text = format(actual[ord(found[1]) - ord(MARKS)][side], "9")
        if side or not found[2]:
            return text + found[2]
        braced = rf"\left({text}\right)" if text.startswith(r"\frac") else f"{{{text}}}"
        return braced + found[2]  # LaTeX allows one superscript at a time

    if rule.text in (chr(ord(MARKS) + k) for k in range(len(actual))):
        return actual[ord(rule.text) - ord(MARKS)][side]
    return Operand(re.sub("([\uf000-\uf0ff])(\\^?)", name, rule.text), rule.binds)
