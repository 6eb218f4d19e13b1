r"""A sigmoid is a tanh whose halves cost nothing.

$\sigma(x) = \frac12 (1 + \tanh \frac x2)$.  The inner half moves into the weights, for
$c \, (a B + b) = a \, (c B) + c b$: it is paid once for all timesteps.  This holds for every number
c; a half costs no rounding in binary floating point.
"""

from __future__ import annotations

from ..program import Program
from ..tape import Tape
from ..terms import Term, is_number

CALL = 2000
"""A call costs about as much as computing so many entries."""


def scales(program: Program) -> Program:
    """Numbers that multiply a sum of products move into what does not change with time."""
    users, roots = program.users(), set(program.roots())

    def alone(x: Term) -> bool:
        return len(users[x]) == 1 and x not in roots

    def movable(x: Term) -> bool:
        if not x.steps:
            return True
        if x.fn == "matmul":
            return alone(x) and not x.args[1].steps
        return x.fn == "add" and alone(x) and all(movable(a) for a in x.args)

    image: dict[Term, Term] = {}

    def moved(tape: Tape, c: Term, x: Term) -> Term:
        if x.steps and x.fn == "matmul":
            return tape.matmul(image[x.args[0]], c * image[x.args[1]])
        if x.steps:
            return moved(tape, c, x.args[0]) + moved(tape, c, x.args[1])
        return c * image[x]

    def pays(x: Term, y: Term) -> bool:
        """Whether halving the weights once costs less than halving x in every step."""
        inner = [a for a in _products(y) if a.steps]
        weights = sum(a.args[1].size + 2 * CALL for a in inner)
        return program.times * x.steps * (x.size + CALL) > weights

    def rule(tape: Tape, x: Term, args: list[Term]) -> Term | None:
        image.update(zip(x.args, args))
        if x.fn != "multiply" or not x.steps:
            return None
        for c, y in (x.args, x.args[::-1]):
            if is_number(c) and y.steps and y.fn in ("add", "matmul") and movable(y) and pays(x, y):
                return moved(tape, image[c], y)
        return None

    return program.rewritten(rule)


def _products(x: Term) -> list[Term]:
    """The products in a sum."""
    if x.fn == "matmul":
        return [x]
    return [p for a in x.args for p in _products(a)] if x.fn == "add" and x.steps else []
