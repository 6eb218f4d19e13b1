r"""A sigmoid is a tanh whose halves cost nothing.

$\sigma(x) = \frac12 (1 + \tanh \frac x2)$.  The inner half moves into the weights, for
$c \, (a B + b) = a \, (c B) + c b$: it is paid once for all timesteps.  This holds for every number
c; a half costs no rounding in binary floating point.  Only where nothing else reads the sum or its
products, where B and b do not change with time, and where that is less to multiply.
"""

from __future__ import annotations

from ..program import Program
from ..tape import Tape
from ..terms import Term, is_number

CALL = 2000
"""A call costs about as much as computing so many entries."""


def scales(program: Program) -> Program:
    """Numbers that multiply a sum of products move into what does not change with time."""
    return program.rewritten(_Scales(program).rule)


class _Scales:
    def __init__(self, program: Program) -> None:
        self.times, self.users = program.times, program.users()
        self.roots = set(program.roots())
        self.image: dict[Term, Term] = {}

    def rule(self, tape: Tape, x: Term, args: list[Term]) -> Term | None:
        self.image.update(zip(x.args, args))
        if x.fn != "multiply" or not x.steps:
            return None
        for c, y in (x.args, x.args[::-1]):
            sum_in_time = y.steps and y.fn in ("add", "matmul") and y.shape == x.shape
            if is_number(c) and sum_in_time and self._movable(y) and self._pays(y):
                return self._moved(tape, _single(self.image[c]), y)
        return None

    def _movable(self, x: Term) -> bool:
        """Whether a factor of x can move into something that does not change with time."""
        if not x.steps:
            return True
        if len(self.users[x]) > 1 or x in self.roots:
            return False
        if x.fn == "matmul":
            return not x.args[1].steps
        return x.fn == "add" and all(map(self._movable, x.args))

    def _pays(self, x: Term) -> bool:
        """Whether halving the weights once costs less than halving x in every step."""
        weights = sum(p.args[1].size + 2 * CALL for p in _products(x))
        return self.times * x.steps * (x.size + CALL) > weights

    def _moved(self, tape: Tape, c: Term, x: Term) -> Term:
        """c x."""
        if not x.steps:
            return c * self.image[x]
        if x.fn == "matmul":
            return tape.matmul(self.image[x.args[0]], c * self.image[x.args[1]])
        return self._moved(tape, c, x.args[0]) + self._moved(tape, c, x.args[1])


def _products(x: Term) -> list[Term]:
    """The products in a sum, as far as they change with time."""
    if not x.steps:
        return []
    return [x] if x.fn == "matmul" else [p for a in x.args for p in _products(a)]


def _single(c: Term) -> Term:
    """A number that stood everywhere, once: it may meet arrays of other shapes now."""
    while c.fn == "broadcast_to":
        (c,) = c.args
    return c
