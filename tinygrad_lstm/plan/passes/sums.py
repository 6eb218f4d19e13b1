"""What the pass `pack` does to the program itself: sums of products, and sides that lie right."""

from __future__ import annotations

from ..program import Program
from ..schedule import is_view
from ..tape import Tape
from ..terms import Term


def sums_of_products(program: Program) -> Program:
    r"""$a_1 B_1 + a_2 B_2 + r$ becomes one term for the products, and what is added to it."""
    return program.rewritten(_Sums(program).rule)


def sides_in_one_piece(program: Program) -> Program:
    """A matrix that every step reads lies in one piece, rows first, as products like it best."""
    read = _read_in_steps(program)

    def rule(tape: Tape, x: Term, args: list[Term]) -> Term | None:
        if x.fn not in ("matmul", "sumprod") or not x.steps:
            return None
        new = [
            tape.make("copy", (b,), None, b.shape, b.dtype, 0)
            if not b.steps and is_view(b) and (_turned(b) if x.fn == "sumprod" else read.get(a))
            else b
            for a, b in zip(x.args, args)
        ]
        return None if new == args else tape.make(x.fn, new, x.how, x.shape, x.dtype, x.steps)

    return program.rewritten(rule)


def siblings(x: Term, users: dict[Term, list[Term]]) -> list[Term]:
    """The products that share x's left side and could be one with it."""
    left = x.args[0]
    return [
        y
        for y in users[left]
        if y.fn == "matmul" and y.args[0] is left and not y.args[1].steps and y.shape == x.shape
    ]


class _Sums:
    def __init__(self, program: Program) -> None:
        self.users, self.roots = program.users(), set(program.roots())
        self.image: dict[Term, Term] = {}

    def rule(self, tape: Tape, x: Term, args: list[Term]) -> Term | None:
        self.image.update(zip(x.args, args))
        if x.fn != "add" or (self._alone(x) and self.users[x][0].fn == "add"):
            return None
        parts = self._parts(x)
        products = [a for a in parts if self._joins(a, x)]
        if not self._pays(products):
            return None
        sides = [a.args[0] for a in products] + [a.args[1] for a in products]
        total = tape.make("sumprod", [self.image[a] for a in sides], None, x.shape, x.dtype)
        for a in parts:
            if a not in products:
                total = self.image[a] + total
        return total

    def _alone(self, x: Term) -> bool:
        """Whether only one call reads x."""
        return len(self.users[x]) == 1 and x not in self.roots

    def _parts(self, x: Term) -> list[Term]:
        """What is added up to x, as far as nothing else reads a sum on the way."""
        found = []
        for a in x.args:
            deeper = a.fn == "add" and self._alone(a) and a.shape == x.shape
            found += self._parts(a) if deeper else [a]
        return found

    def _joins(self, p: Term, x: Term) -> bool:
        """Whether p is a product of each step with a matrix of all, as large as the sum."""
        plain = p.fn == "matmul" and p.ndim == 2 and p.shape == x.shape
        return plain and p.steps > 0 and not p.args[1].steps and self._alone(p)

    def _pays(self, products: list[Term]) -> bool:
        """Whether the left sides are alike, and none meets more matrices than there are of them.

        One that does is the left side of one product with those matrices, which saves more.
        """
        if len(products) < 2 or len({p.args[0].shape for p in products}) > 1:
            return False
        met = [sum(y.fn == "matmul" for y in self.users[p.args[0]]) for p in products]
        return max(met) <= len(products)


def _read_in_steps(program: Program) -> dict[Term, bool]:
    """For each right side of products in time whether it is to be copied into one piece."""
    users = program.users()
    read: dict[Term, bool] = {}
    for x in users:
        if x.fn == "matmul" and x.steps and not x.args[1].steps:
            read[x.args[1]] = read.get(x.args[1], False) or _scattered(x, users)
    return read


def _scattered(x: Term, users: dict[Term, list[Term]]) -> bool:
    """Whether the right sides of x and its siblings do not lie as one product can read them."""
    rights = [y.args[1] for y in siblings(x, users)]
    views = all(map(is_view, rights))
    if views and x.ndim == 2 and x.shape[0] == 1:
        return False  # a row times a matrix takes it as it lies
    return not views or any(map(_turned, rights))


def _turned(x: Term) -> bool:
    """Whether x is a view whose rows do not lie in one piece."""
    while is_view(x) and x.fn != "carry":
        if x.fn in ("permute", "broadcast_to"):
            return True
        (x,) = x.args
    return False
