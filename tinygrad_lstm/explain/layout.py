"""Python statements on lines of a readable length, broken where formatters break them."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence

from .spelling import unparsed

WIDTH = 88
_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def statement(target: str, text: str) -> str:
    """`target text` in a function; what is too long is broken where it binds least."""
    line = f"    {target} {text}"
    if len(line) <= WIDTH:
        return line
    tree = ast.parse(text, mode="eval").body
    if isinstance(tree, ast.Call):
        return _call(f"    {target} ", tree)
    rows = [text] if len(text) + 8 <= WIDTH else _operands(tree)
    return "\n".join([f"    {target} (", *(f"        {row}" for row in rows), "    )"])


def _call(head: str, tree: ast.Call) -> str:
    """A call with its arguments on lines of their own; a list among them likewise if too long."""
    arguments = []
    for part in (*tree.args, *tree.keywords):
        text = unparsed(part)
        if isinstance(part, ast.List) and len(text) + 9 > WIDTH:
            text = "[\n" + "".join(f"            {unparsed(x)},\n" for x in part.elts) + "        ]"
        arguments.append(text)
    return listed(f"{head}{unparsed(tree.func)}(", arguments, ")")


def comment_lines(text: str) -> list[str]:
    """A comment in a function, as many lines as it takes."""
    return textwrap.wrap(
        text, WIDTH, initial_indent="    # ", subsequent_indent="    #     ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def listed(head: str, items: Sequence[str], tail: str) -> str:
    """Items between brackets: on one line, or all on the next, or each on one of its own."""
    line = f"{head}{', '.join(items)}{tail}"
    if len(line) <= WIDTH:
        return line
    margin = head[: len(head) - len(head.lstrip())]
    rows = [f"{margin}    {item}," for item in items]
    flat = len(margin) + 4 + len(", ".join(items)) <= WIDTH
    if flat and not head.endswith(" (") and "\n" not in "".join(items):
        rows = [f"{margin}    {', '.join(items)}"]
    return "\n".join([head, *rows, f"{margin}{tail}"])


def _operands(tree: ast.expr) -> list[str]:
    """The operands of a chain of sums (or of products), each after its operator."""
    level = (ast.Mult, ast.Div)
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub):
        level = (ast.Add, ast.Sub)
    rows = []
    while isinstance(tree, ast.BinOp) and isinstance(tree.op, level):
        rows.append(f"{_SIGNS[type(tree.op)]} {_bracketed(tree.right, level)}")
        tree = tree.left
    return [_bracketed(tree, level), *rows[::-1]]


def _bracketed(tree: ast.expr, level: tuple) -> str:
    """The operand, in brackets if it is a sum among factors, or the right side of a difference."""
    text = unparsed(tree)
    sums = isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Add, ast.Sub, *level))
    return f"({text})" if sums else text
