r"""The gradient of a shared weight is one product, not one for each timestep.

$\sum_t g_t^\top x_t = G^\top X$, where $G$ and $X$ are the $g_t$ and $x_t$ of all steps, one below
the other, and both change with time.  The gradient of a bias is one sum over the rows of all steps,
$\sum_t \sum_n g_{tn}$; and since $\sum_t (u_t + v_t) = \sum_t u_t + \sum_t v_t$, a weight that is
used twice in each step has one such product for each use.
"""

from __future__ import annotations

from ..program import Program
from ..tape import Tape
from ..terms import Term


def products(program: Program) -> Program:
    """Totals over time of products and of sums become one call over the rows of all steps."""

    def rule(tape: Tape, x: Term, args: list[Term]) -> Term | None:
        if x.fn == "total" and x.how is None:
            return _total(tape, args[0])
        return None

    return program.rewritten(rule)


def _total(tape: Tape, y: Term) -> Term | None:
    """The sum of y over time as one call on all steps; None where y is no product and no sum."""
    if y.fn == "add" and all(a.shape == y.shape and a.steps for a in y.args):
        sides = [_total(tape, a) for a in y.args]
        if any(side is not None for side in sides):
            a, b = (tape.total(a, a.steps) if s is None else s for a, s in zip(y.args, sides))
            return a + b
    if y.fn == "matmul" and y.ndim == 2 and y.args[0].fn == "permute" and y.args[0].steps:
        (a,), b = y.args[0].args, y.args[1]
        if b.steps:
            return tape.make("contract", (a, b), None, y.shape, y.dtype, 0)
    if y.fn == "sum":
        return tape.make("total", y.args, y.how, y.shape, y.dtype, 0)
    return None
