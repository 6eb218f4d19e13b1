"""Reverse-mode differentiation of terms, by the same rules: every op's `vjp`.

A loop is differentiated once.  The gradient of a carry is what the step before receives, so it is a
carry itself, running back in time; a gradient that goes to what all steps read is a total over
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..steps import called, miscounted
from .build import Builder, Each, Link, Loop, Made
from .terms import Term


def gradients(
    built: Builder, seeds: Sequence[Term | None], wrt: Sequence[Term]
) -> dict[Term, Term]:
    """For each of `wrt` that a seed reaches the term of its gradient."""
    dead: set[Term] = set()  # carries that no gradient goes through
    while True:
        reverse = _Reverse(built, wanted_terms(built, wrt), dead)
        for node, seed in zip(built.graph.outputs, seeds):
            if seed is not None:
                reverse.send(built.value(node), seed)
        found = reverse.run()
        if not found:
            return {x: reverse.adjoint[x] for x in wrt if x in reverse.adjoint}
        dead |= found


def wanted_terms(built: Builder, wrt: Iterable[Term]) -> set[Term]:
    """The terms through which gradients must pass to reach `wrt`."""
    wanted, before = set(wrt), -1
    while len(wanted) != before:
        before = len(wanted)
        for entry in built.record:
            if isinstance(entry, Made) and any(_base(a) in wanted for a in entry.args):
                wanted.add(entry.y)
            elif isinstance(entry, Each) and any(_base(a) in wanted for a in entry.xs):
                wanted.add(entry.x)
            elif isinstance(entry, Loop):
                for link in entry.links:
                    for start, carry in zip(link.starts, link.carries):
                        if _base(start) in wanted or carry.next in wanted:
                            wanted.add(carry)
    return wanted


def _base(x: Term) -> Term:
    return x.args[0] if x.fn == "at" else x


class _Reverse:
    def __init__(self, built: Builder, wanted: set[Term], dead: set[Term]) -> None:
        self.tape, self.record = built.tape, built.record
        self.wanted, self.dead = wanted, dead
        self.adjoint: dict[Term, Term] = {}
        self.single: dict[Term, dict[int, list[Term]]] = {}
        self.back: dict[Term, Term] = {}

    def send(self, x: Term, g: Term, steps: int = 0) -> None:
        """One more contribution to the gradient of x; a term outside time gets the total."""
        if _base(x) not in self.wanted:
            return
        if steps and not x.steps:
            g = self.tape.total(g, steps)
        if x.fn == "at":
            self.single.setdefault(x.args[0], {}).setdefault(x.how, []).append(g)
            return
        self.adjoint[x] = self.adjoint[x] + g if x in self.adjoint else g

    def run(self) -> set[Term]:
        """Youngest first; returns carries that turned out to receive nothing."""
        silent: set[Term] = set()
        for entry in reversed(self.record):
            if isinstance(entry, Made):
                self._op(entry)
            elif isinstance(entry, Each):
                self._each(entry)
            elif entry.ends:
                self._open(entry)
            else:
                silent |= self._close(entry)
        return silent

    def _op(self, made: Made) -> None:
        g = self.adjoint.get(made.y)
        if g is None:
            return
        if g.name is None and made.y.name is not None:
            g.name = f"dL/d{made.y.name}"
        sent = made.op.vjp(g, made.y, *made.args)
        if type(sent) is not tuple or len(sent) != len(made.args):
            raise miscounted(made.node, made.op, sent)
        for x, contribution in zip(made.args, sent):
            if contribution is not None and _base(x) in self.wanted:
                self.send(x, self.tape.term(called(contribution), x), made.y.steps)

    def _each(self, entry: Each) -> None:
        g = self.adjoint.get(entry.x)
        if g is None:
            return
        if entry.x.fn == "rows":
            self.send(entry.x.args[0], self.tape.whole(self._in_time(g, entry.x.steps)))
        elif entry.x.fn == "flip":
            self.send(entry.x.args[0], self.tape.flip(g))
        else:
            for t, x in enumerate(entry.xs):
                self.send(x, self.tape.at(g, t))

    def _in_time(self, g: Term, T: int) -> Term:
        return g if g.steps else self.tape.make("each", (g,) * T, None, g.shape, g.dtype, T)

    def _open(self, loop: Loop) -> None:
        """Where a loop ends, its way back begins: with what came from outside, and new carries."""
        carried = {link.carries[0].next: link for link in loop.links if self._lives(link)}
        starts = {}
        for v in dict.fromkeys(loop.terms):
            if v in self.single:
                starts[v] = self._gather(v, loop.T, v in carried)
        for link in filter(self._lives, loop.links):
            for carry in link.carries:
                if carry in self.dead or carry.next not in self.wanted:
                    continue
                start = starts.pop(carry.next, None)
                if start is None:
                    start = self.tape.filled(0, carry.shape, carry.dtype)
                back = self.tape.make("carry", (start,), -1, carry.shape, carry.dtype, loop.T)
                self.back[carry] = back
                self.send(carry.next, back, loop.T)

    def _lives(self, link: Link) -> bool:
        first = link.carries[0]
        return first not in self.dead and first.next in self.wanted and first in self.wanted

    def _gather(self, v: Term, T: int, carried: bool) -> Term | None:
        """Gradients of single steps: into the sum over all steps, or (the last) into a carry."""
        parts, start = self.single.pop(v), None
        if carried and T - 1 in parts:
            kept = len(parts) == T
            last = parts[T - 1][1:] if kept else parts.pop(T - 1)
            parts.update({T - 1: parts[T - 1][:1]} if kept else {})
            start = self._sum(last) if last else None
        if parts:
            zero = self.tape.filled(0, v.shape, v.dtype)
            self.send(v, self.tape.each([self._sum(parts.get(t, [zero])) for t in range(T)]))
        return start

    def _sum(self, terms: list[Term]) -> Term:
        total = terms[0]
        for g in terms[1:]:
            total = total + g
        return total

    def _close(self, loop: Loop) -> set[Term]:
        """Where a loop begins: what the first step passes on goes to the states before it."""
        silent = set()
        for link in loop.links:
            for start, carry in zip(link.starts, link.carries):
                back, g = self.back.get(carry), self.adjoint.get(carry)
                if back is not None:
                    if g is None:
                        silent.add(carry)
                    else:
                        back.next = self._in_time(g, loop.T)
                if g is not None:
                    self.send(start, self.tape.at(g, 0))
        return silent
