"""Nodes as NumPy expressions, with the brackets they need and no others."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from ..errors import GraphError
from ..op import Op
from ..ops import Expand
from ..tensor import Tensor

_SIMPLE_POWER = re.compile(r"(?<![\w.)\]])([A-Za-z_]\w*) \*\* (-?\d+(?:\.\d+)?)(?![\w.])")
_BRACKETS = "only_brackets"


class _Bracketed(str):
    """An operand in brackets; those that nobody needs fall away when Python unparses it."""

    def __format__(self, spec: str) -> str:
        return "(" + self + ")"


class _Listed(list):
    def __format__(self, separator: str) -> str:
        return separator.join(self)


def spelled(node: Tensor, texts: dict[Tensor, str], call: str) -> str:
    """The node's op in NumPy around how its parents are spelled.

    Raises:
        GraphError: for an op without a spelling; the message says where to state it.
    """
    op = node.op
    if op is None:
        return constant(node)
    operands = [texts[parent] for parent in node.parents]
    if not op.numpy:
        kind = type(op).__name__
        error = GraphError(
            f"{call}: {kind} has no spelling in NumPy; state it in its class, beside `latex`: "
            f'numpy: ClassVar = "np.something({{0}})"\n  written at {node.where}'
        )
        error.node = node
        raise error
    if _broadcasts(op):
        operands = _without_expand(node, texts)
    axis, length = _axis_and_length(op, node.parents[0].shape)
    spots = {"all": _Listed(operands), "op": op, "axis": axis, "length": length}
    return plain(op.numpy.format(*map(_Bracketed, operands), **spots))


def reads_often(op: Op, k: int) -> bool:
    """Whether the spelling reads its k-th input several times, so that it needs a name."""
    return op.numpy.count(f"{{{k}}}") > 1


def is_cheap(op: Op) -> bool:
    """Whether to write the op again costs no more than to keep its value."""
    calculates = not op.numpy or "np." in op.numpy or "@" in op.numpy
    return type(op) is Expand or not calculates


def constant(node: Tensor) -> str:
    """A leaf that is neither fed nor trained, as a literal."""
    values = node.numpy()
    return repr(values.item()) if values.ndim == 0 else f"np.array({values.tolist()})"


def plain(text: str) -> str:
    """The expression without needless brackets, ones and zeros."""
    return unparsed(_Plainer().visit(ast.parse(text, mode="eval")))


def unparsed(tree: ast.AST) -> str:
    """Python's own text for the tree, with c**2 set close as formatters do."""
    text = ast.unparse(_Clearer().visit(tree)).replace(_BRACKETS, "")
    return _SIMPLE_POWER.sub(r"\1**\2", text)


def _axis_and_length(op: Op, shape: tuple) -> tuple[Any, Any]:
    axis = getattr(op, "axis", None)
    if not isinstance(axis, int):
        return axis, None
    return (-1 if axis == len(shape) - 1 else axis), shape[axis] if axis < len(shape) else None


def _broadcasts(op: Op) -> bool:
    """Whether NumPy broadcasts the op's inputs by itself: an op that wants them of one shape."""
    return type(op).shape is Op.shape


def _without_expand(node: Tensor, texts: dict[Tensor, str]) -> list[str]:
    full = [type(parent.op) is not Expand for parent in node.parents]
    if not any(full):
        return [texts[parent] for parent in node.parents]
    return [
        texts[parent if whole or parent.name else parent.parents[0]]
        for parent, whole in zip(node.parents, full)
    ]


class _Plainer(ast.NodeTransformer):
    """1 * x is x, x + 0 is x, -1 * x + 1 is 1 - x, and 2.0 is 2."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):  # a letter for a size, such as N
            return ast.Name(node.value, ast.Load())
        if isinstance(node.value, float) and node.value.is_integer() and abs(node.value) < 1e15:
            return ast.Constant(int(node.value))
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in ("inf", "nan"):
            return ast.parse(f"np.{node.id}", mode="eval").body
        return node

    def visit_Slice(self, node: ast.Slice) -> ast.AST:
        self.generic_visit(node)
        if node.step is not None and _value(node.step) == 1:
            node.step = None
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        left, right = node.left, node.right
        if isinstance(node.op, ast.Mult) and _value(left) == 1:
            return right
        if isinstance(node.op, ast.Mult) and _value(left) == -1:
            return ast.UnaryOp(ast.USub(), right)
        if isinstance(node.op, ast.Add):
            if _value(right) == 0:
                return left
            if isinstance(left, ast.UnaryOp) and not math.isnan(_value(right)):
                return ast.BinOp(right, ast.Sub(), left.operand)
            if isinstance(right, ast.UnaryOp) and isinstance(right.op, ast.USub):
                return ast.BinOp(left, ast.Sub(), right.operand)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = ast.unparse(node.func)
        usual = [("keepdims", False)] + [("axis", None)] * (not called.endswith(".reduce"))
        node.keywords = [
            k for k in node.keywords if (k.arg, getattr(k.value, "value", "")) not in usual
        ]
        for k in node.keywords:
            if k.arg == "axis" and isinstance(k.value, ast.Tuple) and len(k.value.elts) == 1:
                k.value = k.value.elts[0]
        if called == "np.moveaxis" and _value(node.args[1]) == _value(node.args[2]):
            return node.args[0]
        if called == "np.transpose":
            axes = ast.literal_eval(node.args[1])
            if axes == tuple(reversed(range(len(axes)))):
                return ast.Attribute(node.args[0], "T", ast.Load())
        return node


class _Clearer(ast.NodeTransformer):
    """(r * h) @ W keeps its brackets, though Python reads r * h @ W the same way."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult) and isinstance(node.left, ast.BinOp):
            if not isinstance(node.left.op, ast.MatMult | ast.Add | ast.Sub):
                node.left = ast.Call(ast.Name(_BRACKETS, ast.Load()), [node.left], [])
        return node


def _value(node: ast.AST) -> float:
    """The number that a literal is; NaN if it is none."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    return float(node.value) if number else math.nan  # type: ignore[union-attr]
