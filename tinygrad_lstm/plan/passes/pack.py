r"""Calls that differ only in their arrays become one call on arrays that lie side by side.

$[a B_1 \mid a B_2] = a [B_1 \mid B_2]$: products with a common left side are one product;
$a_1 B_1 + a_2 B_2 = [a_1 \mid a_2] [B_1 ; B_2]$: a sum of products is one product, too.  So the
results of a group lie in one array, block after block, (4, T, N, H); pointwise calls join likewise.
So do lookups of the same rows, and the sums of rows that are their gradients.
"""

from __future__ import annotations

from itertools import groupby

from ..program import Program
from ..schedule import Unit, makes_memory
from ..terms import POINTWISE, Term, is_number
from .sums import siblings, sides_in_one_piece, sums_of_products


def pack(program: Program) -> tuple[Program, list[Unit]]:
    """Sums of products as one term; right sides in one piece; and the groups that go together."""
    program = sides_in_one_piece(sums_of_products(program))
    return program, _Groups(program).found


class _Groups:
    """Which terms lie side by side: products first, then what is computed from them alike."""

    def __init__(self, program: Program) -> None:
        self.users = program.users()
        self.found: list[Unit] = []
        self.at: dict[Term, tuple[int, int]] = {}
        done: set[Term] = set()
        for x in self.users:
            if x.fn == "matmul" and x.steps and x not in done and not x.args[1].steps:
                alike = siblings(x, self.users)
                done.update(alike)
                self._add(alike)
                self._add([y.args[1] for y in alike])
        for x in self.users:
            if x.fn == "sumprod":
                half = len(x.args) // 2
                self._add(list(x.args[:half]))
                self._add(list(x.args[half:]))
        self._spread()
        self._lookups()
        self._contracts()

    def _add(self, terms: list[Term]) -> bool:
        free = all(makes_memory(x) and x not in self.at for x in terms)
        like = {(x.shape, x.dtype, x.steps) for x in terms}
        if len(set(terms)) < 2 or len(set(terms)) < len(terms) or not free or len(like) > 1:
            return False
        for k, x in enumerate(terms):
            self.at[x] = (len(self.found), k)
        self.found.append(tuple(terms))
        return True

    def _spread(self) -> None:
        """Pointwise calls on members of one group, each on its own member, are a group."""
        k = 0
        while k < len(self.found):
            for run in self._runs(self.found[k]):
                if self._add(run):
                    self._outside(run)
            k += 1

    def _runs(self, group: Unit) -> list[list[Term]]:
        """Users of consecutive members that do the same."""
        kinds: dict[tuple, dict[int, Term]] = {}
        for k, member in enumerate(group):
            for y in self.users[member]:
                if y.fn in POINTWISE and y not in self.at and y.shape == member.shape:
                    kinds.setdefault((y.fn, str(y.how), self._signature(y, member, k)), {})[k] = y
        runs: list[list[Term]] = []
        for (_, _, signature), found in kinds.items():
            if signature is None:
                continue
            run: list[Term] = []
            for k in range(len(group) + 1):
                if k in found:
                    run.append(found[k])
                elif run:
                    runs.append(run)
                    run = []
        return runs

    def _signature(self, y: Term, member: Term, k: int) -> tuple | None:
        """How y's arguments lie relative to its member; None where they cannot be joined."""
        result = []
        for a in y.args:
            if a is member:
                result.append("member")
            elif is_number(a):
                result.append("number")
            elif a in self.at:
                result.append((self.at[a][0], self.at[a][1] - k))
            elif not a.steps:
                result.append("outside")
            elif a.fn == "take":
                result.append(("rows", a.args[1]))
            else:
                return None
        return tuple(result)

    def _outside(self, run: list[Term]) -> None:
        """What they read from outside of time, or look up there, lies side by side as well."""
        for k in range(len(run[0].args)):
            args = [x.args[k] for x in run]
            made = all(makes_memory(a) and (not a.steps or a.fn == "take") for a in args)
            if not made or not self._add(args):
                continue
            for _, part in groupby(args, key=lambda a: a.fn):
                alike = list(part)
                if alike[0].fn in POINTWISE or alike[0].fn == "take":
                    self._outside(alike)

    def _lookups(self) -> None:
        """Lookups of the same rows, where no product said in which order their results lie."""
        same: dict[tuple, list[Term]] = {}
        for x in self.users:
            if x.fn == "take" and x.steps and not x.args[0].steps and x not in self.at:
                same.setdefault((x.args[1], x.shape, x.dtype), []).append(x)
        for takes in same.values():
            if self._add(takes):
                self._outside(takes)
        self._spread()

    def _contracts(self) -> None:
        """Products and sums over all steps of the members of a group."""
        kinds: dict[tuple, list[tuple[int, Term]]] = {}
        for x in self.users:
            g = x.args[0].args[0] if x.fn == "scatter" and x.args[0].fn == "whole" else None
            g = x.args[0] if x.fn in ("contract", "total") else g
            if g is not None and g in self.at:
                number, k = self.at[g]
                kinds.setdefault((x.fn, x.how, number, *x.args[1:]), []).append((k, x))
        for found in kinds.values():
            terms = [x for _, x in sorted(found, key=lambda pair: pair[0])]
            if len(terms) > 1:
                self.found.append(tuple(terms))
