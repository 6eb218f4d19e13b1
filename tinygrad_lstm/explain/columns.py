r"""Nodes as books write them: vectors are columns, $W x$, though arrays hold rows, $x W^\top$.

A sum over the examples of a batch goes without saying: what a book writes, it writes for one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..ops import MatMul, Permute, Pow, Reshape, Select, Sum, Transpose
from ..show import Operand, Symbols, typeset
from ..tensor import Input, Parameter, Tensor

_TURNED = (Permute, Transpose)
_LONG = 16  # glyphs, from which on what is read twice deserves a name


class Written(dict[Tensor, Operand]):
    """How each node reads where another one reads it; `batches` are the sizes of batch axes."""

    def __init__(self, nodes: Iterable[Tensor]) -> None:
        fed = [node for node in nodes if isinstance(node, Input)]
        self.batches = {1, *(node.shape[0] for node in fed if len(node.shape) == 2)}

    def has_rows(self, node: Tensor) -> bool:
        """Whether the node holds one row for each example."""
        matrix = isinstance(node, Parameter) or isinstance(node.op, _TURNED)
        return len(node.shape) == 2 and node.shape[0] in self.batches and not matrix


def written(nodes: list[Tensor], symbols: Symbols) -> Written:
    """The symbol of each node, or its formula where it has none."""
    texts = Written(nodes)
    for node in nodes:
        if node in symbols:
            texts[node] = Operand(symbols[node], 9)
        else:
            texts[node] = formula(node, texts) if node.op else _number(node)
    return texts


def name_what_is_long(nodes: list[Tensor], symbols: Symbols) -> None:
    """Nodes without a name that are read several times, and are long, become u."""
    uses = Counter(parent for node in nodes for parent in node.parents)
    texts = Written(nodes)
    for node in nodes:
        text = formula(node, texts) if node.op else None
        if node not in symbols and text and uses[node] > 1 and _glyphs(text.text) > _LONG:
            symbols.name(node, "u")
        texts[node] = Operand(symbols[node], 9) if node in symbols else text or _number(node)


def formula(node: Tensor, texts: Written) -> Operand:
    """The node's formula around how its parents read."""
    op, parents = node.op, node.parents
    operands = [texts[p] for p in parents]
    if isinstance(op, MatMul):
        return _matrix_product(parents, texts) or typeset(op, operands)
    if _changes_nothing_in_a_column(op, parents[0], node.shape, texts):
        return operands[0]
    if isinstance(op, Pow) and op.exponent == int(op.exponent):
        return _power(parents[0], operands[0], int(op.exponent))
    return typeset(op, operands)


def _matrix_product(parents: tuple[Tensor, ...], texts: Written) -> Operand | None:
    """Rows g times W are columns W^T g; rows g^T times rows x are the sum of all g x^T."""
    a, b = parents
    if isinstance(a.op, _TURNED) and texts.has_rows(a.parents[0]) and texts.has_rows(b):
        return _side_by_side(f"{texts[a.parents[0]]:4}", rf"{texts[b]:base}^\top")
    if texts.has_rows(a) and not texts.has_rows(b):
        turned = isinstance(b.op, _TURNED)
        matrix = f"{texts[b.parents[0]]:3}" if turned else rf"{texts[b]:base}^\top"
        return _side_by_side(matrix, f"{texts[a]:4}")
    return None


def _side_by_side(left: str, right: str) -> Operand:
    gap = r" \, " if r"\mathrm" in left + right else " "  # or words would run together
    return Operand(left + gap + right, 1.5)  # in brackets when an entry-wise product reads it


def _changes_nothing_in_a_column(op: Any, x: Tensor, new: tuple, texts: Written) -> bool:
    old = x.shape
    if isinstance(op, Sum):
        axes = range(len(old)) if op.axis is None else op.axis
        axes = (axes,) if isinstance(axes, int) else axes
        return all(old[k] == 1 or (k == 0 and texts.has_rows(x)) for k in axes)
    if isinstance(op, Reshape | Select):
        return [n for n in old if n != 1] == [n for n in new if n != 1]
    return False


def _power(base: Tensor, operand: Operand, exponent: int) -> Operand:
    r"""\tanh^2(c) rather than \tanh(c)^2."""
    power = f"^{exponent}" if 0 <= exponent < 10 else f"^{{{exponent}}}"
    function = re.match(r"(\\\w+\()\{0\}\)$", base.op.latex if base.op else "")
    if function and operand.text.startswith(function[1]):
        return Operand(operand.text.replace("(", f"{power}(", 1), 9)
    base_text = f"({operand.text})" if "^" in operand.text else f"{operand:base}"
    return Operand(base_text + power, 8)


def _number(node: Tensor) -> Operand:
    if node.data is not None and node.data.size == 1:
        value = node.numpy().item()
        return Operand(f"{value:g}", 9 if value >= 0 else 1)
    return Operand(r"\mathrm{const}", 9)


def _glyphs(latex: str) -> int:
    return len(re.sub(r"\\(mathrm|bar|odot)|[{}_^\s]", "", re.sub(r"\\[a-z]{4,}", "x", latex)))
