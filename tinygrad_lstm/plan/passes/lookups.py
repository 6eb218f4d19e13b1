r"""A one-hot input is a row of the table, not a product.

With $e_k$ the one-hot row of number $k$: $e_k B = B_k$, and where $E$ is a table,
$E_k W = (E W)_k$ and $E_k + b = (E + b)_k$: one small product for the whole vocabulary, and then a
row for each position.  Backward $\sum_n g_n^\top E_{k_n} = S^\top E$ with $S$ the $g_n$ added up at
their rows, and the gradient of the table is $S W^\top$.  Only for tables that do not change with
time, and products with a table only where it has no more rows than there are positions.  Numbers
of rows that there are not are refused, where a one-hot row would be zero.
"""

from __future__ import annotations

from ...ops.loss import OneHot
from ..program import Program
from ..tape import Tape
from ..terms import Term


def lookups(program: Program) -> Program:
    """Products with looked-up rows become lookups of products, where the table is the smaller."""

    def rule(tape: Tape, x: Term, args: list[Term]) -> Term | None:
        if x.fn == "matmul":
            return _forward(tape, *args)
        if x.fn == "add":
            return _bias(tape, x, args)
        if x.fn == "contract":
            return _weight(tape, *args)
        if x.fn == "total" and x.how is None and args[0].fn == "scatter":
            g, ids = args[0].args
            return _table(tape, g, ids, x.shape[0])
        return None

    return program.rewritten(rule)


def _is_one_hot(x: Term) -> bool:
    return x.fn == "call" and type(x.how) is OneHot and x.args[0].dtype.kind in "iu"


def _small(rows: Term, table: Term) -> bool:
    """Whether a table that stays the same has no more rows than are looked up in all steps."""
    return not table.steps and table.ndim == 2 and table.shape[0] <= rows.size * max(rows.steps, 1)


def _forward(tape: Tape, a: Term, B: Term) -> Term | None:
    """e_k B, or table[ids] B."""
    if _is_one_hot(a) and not B.steps and B.ndim == 2:
        return tape.take(B, a.args[0])
    if a.fn == "take" and not B.steps and B.ndim == 2 and _small(a.args[1], a.args[0]):
        return tape.take(tape.matmul(a.args[0], B), a.args[1])
    return None


def _bias(tape: Tape, x: Term, args: list[Term]) -> Term | None:
    """x = table[ids] + b, the same row b for all positions."""
    for a, b in (args, args[::-1]):
        row = b.shape[-1:] == (b.size,) and a.shape == x.shape and not b.steps
        if a.fn == "take" and row and _small(a.args[1], a.args[0]):
            return tape.take(a.args[0] + tape.reshape(b, b.shape[-1:]), a.args[1])
    return None


def _weight(tape: Tape, g: Term, x: Term) -> Term | None:
    """contract(g, table[ids]) = S^T table; that with one-hot rows is S^T itself."""
    if _is_one_hot(x) and g.ndim == 2:
        return tape.swap(_sums(tape, g, x.args[0], x.shape[-1]))
    if x.fn == "take" and _small(x.args[1], x.args[0]) and g.ndim == 2:
        S = _sums(tape, g, x.args[1], x.args[0].shape[0])
        return tape.matmul(tape.swap(S), x.args[0])
    return None


def _table(tape: Tape, g: Term, ids: Term, count: int) -> Term:
    """total(scatter(g B, ids)) = S B, and the same for each part of a sum."""
    if g.fn == "matmul" and not g.args[1].steps and g.args[0].steps and g.ndim == 2:
        return tape.matmul(_sums(tape, g.args[0], ids, count), g.args[1])
    if g.fn == "add" and all(a.shape == g.shape and a.steps for a in g.args):
        a, b = (_table(tape, a, ids, count) for a in g.args)
        return a + b
    return _sums(tape, g, ids, count)


def _sums(tape: Tape, g: Term, ids: Term, count: int) -> Term:
    """S: for each row of the table the sum of the g of all steps that looked it up."""
    return tape.scatter(tape.whole(g), tape.whole(ids), count)
