"""A graph as the equations it computes, in LaTeX and in its author's names."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from ..graph import as_graph
from .symbols import Symbols


class Equations(str):
    """LaTeX, one aligned equation a line; a notebook typesets it."""

    lines: tuple[str, ...]

    def __new__(cls, lines: tuple[str, ...]) -> Equations:
        body = " \\\\\n".join(lines)
        text = super().__new__(cls, f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}")
        text.lines = lines
        return text

    def _repr_latex_(self) -> str:
        return f"$$\n{self}\n$$"


class Operand(NamedTuple):
    """A piece of LaTeX and how tightly it holds together; see `Op.binds`."""

    text: str
    binds: float

    def __format__(self, needed: str) -> str:
        if needed == "base":  # of a superscript, of which LaTeX allows one
            braced = f"{{{self.text}}}" if "^" in self.text else self.text
            return f"({self.text})" if self.binds < 9 else braced
        loose = bool(needed) and self.binds < int(needed)
        return f"({self.text})" if loose else self.text


class _All(list):
    """All operands, joined by whatever stands after the colon of `{all:, }`."""

    def __format__(self, separator: str) -> str:
        return separator.join(operand.text for operand in self)


def equations(graph: Any) -> Equations:
    r"""The graph's equations as LaTeX, eldest first, one for each named node.

    A node without a name is written out where it is read; one that is read several times gets the
    name $u_1, u_2 \dots$  Vectors are columns here, as in books: $W x$, not $x W^\top$.
    """
    graph = as_graph(graph, "equations")
    symbols = Symbols(graph)
    fed = set(graph.inputs)
    uses = Counter(parent for node in graph.nodes if node not in fed for parent in node.parents)
    outputs = set(graph.outputs)
    written: dict[Any, Operand] = {}
    lines = []
    for node in graph.nodes:
        formula = None if node.op is None or node in fed else typeset(node.op, _read(node, written))
        shared = uses[node] > 1 and formula is not None and not _short(formula)
        if node not in symbols and (node in outputs or shared):
            symbols.name(node, "y" if node in outputs else "u")
        if node not in symbols:
            written[node] = formula or _constant(node)
            continue
        if formula is not None:
            lines.append(f"{symbols[node]} &= {formula.text}")
        written[node] = Operand(symbols[node], 9)
    return Equations(tuple(lines))


def typeset(op: Any, operands: list[Operand]) -> Operand:
    """The op's formula around its operands."""
    if op.latex == "{0}":
        return operands[0]
    latex = op.latex or rf"\operatorname{{{{{type(op).__name__}}}}}({{all:, }})"
    text = latex.format(*operands, all=_All(operands))
    return Operand(text.replace(" + -", " - "), op.binds)


def _read(node: Any, written: dict[Any, Operand]) -> list[Operand]:
    return [written[parent] for parent in node.parents]


def _short(formula: Operand) -> bool:
    return len(formula.text) <= 3


def _constant(node: Any) -> Operand:
    if node.data is not None and node.data.size == 1:
        value = node.numpy().item()
        return Operand(f"{value:g}", 9 if value >= 0 else 1)
    return Operand(r"\mathrm{const}", 9)
