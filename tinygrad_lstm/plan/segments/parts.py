"""The parts as programs: a term that another part computes is `given`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..program import Program, Root, again
from ..tape import Tape
from ..terms import Term, is_number
from .cut import Cut
from .given import Every, Given
from .ranks import reads

LEAVES = ("parameter", "leaf", "input", "seed", "const")
SAME = ("alias", "reshape", "permute", "getitem", "broadcast_to")
"""Views in the same time."""
ARRIVING = ("inputs", "seeds")
STREAMS = (*ARRIVING, "rows", "each", "draw", "flip")
"""What comes into a loop from outside of time."""


def is_at_hand(x: Term) -> bool:
    """Whether every part can have x for itself: a leaf, or a view of one."""
    return x.fn in LEAVES or (x.fn in SAME and is_at_hand(x.args[0]))


class Part:
    """What is computed once, outside of time.

    Attributes:
        roots: the terms that are wanted of it.
    """

    def __init__(
        self, cut: Cut, rank: int, roots: Sequence[Term], grads: Mapping[str, Root] | None = None
    ) -> None:
        self.cut, self.rank, self.roots, self.grads = cut, rank, list(roots), dict(grads or {})
        self.terms = self._reached()

    def _reached(self) -> list[Term]:
        seen: set[Term] = set()
        waiting = [*self.roots, *(x for x, _ in self.grads.values())]
        while waiting:
            x = waiting.pop()
            if x not in seen:
                seen.add(x)
                waiting.extend(self._reads(x))
        return sorted(seen, key=lambda x: x.born)

    def _reads(self, x: Term) -> tuple[Term, ...]:
        if self._is_given(x):
            self.cut.hand(x)
            return ()
        return reads(x)

    def _is_given(self, x: Term) -> bool:
        if x.steps in self.cut.times and x.fn == "each":
            return False
        elsewhere = x in self.cut.masks or self.cut.crosses(x) or self.cut.rank[x] != self.rank
        return elsewhere and not is_at_hand(x)

    def program(self, T: int = 0, times: int = 1) -> Program:
        """The part as a program, over T timesteps, for so many segments."""
        tape = Tape()
        new: dict[Term, Term] = {}
        for x in self.terms:
            new[x] = self._on(tape, x, [new[a] for a in x.args if a in new], T)
            new[x].name = new[x].name or x.name
        for x, y in new.items():
            if x.fn == y.fn == "carry":
                y.next = new[x.next]
        grads = {name: (new[x], t) for name, (x, t) in self.grads.items()}
        return Program(tape, [(new[x], 0) for x in self.roots], grads, [], times)

    def _on(self, tape: Tape, x: Term, args: list[Term], T: int) -> Term:
        return self.cut.hand(x).on(tape, x.steps) if self._is_given(x) else again(tape, x, args)


class PartOfTime(Part):
    """What is computed for every segment of the loops over T timesteps.

    Attributes:
        carries: what a segment begins with, and where it is put: what the segment before has come
            to, or for loops of an earlier phase, which are computed again, what was saved of them.
        arriving: for each length of segments what comes from outside, by what its term says.
        windows: for each length where the values of other streams are put.
    """

    def __init__(
        self, cut: Cut, rank: int, T: int, roots: Sequence[Term], saved: Sequence[Term]
    ) -> None:
        self.T = T
        self.carries: dict[Term, Given] = {}
        self.arriving: dict[int, dict[Any, Term]] = {}
        self.windows: dict[int, dict[Term, Any]] = {}
        super().__init__(cut, rank, [*roots, *saved])
        own = [c.next for c in self.carries if self.is_own(c)]
        self.roots = list(dict.fromkeys([*roots, *own]))

    def is_own(self, c: Term) -> bool:
        """Whether the carry runs here; if not it is computed again from what was saved of it."""
        return self.cut.rank[c] == self.rank

    def _reads(self, x: Term) -> tuple[Term, ...]:
        if self._is_stream(x):
            if x.fn == "carry":
                self._hand(x.args[0])
            elif x.fn == "rows":
                self.cut.hand(x.args[0])
            elif x.fn == "each" and not is_apart(x):
                self.cut.hand(x)
            return ()
        if x.fn == "carry":
            self.carries[x] = self.cut.state(x)
            self._hand(x.args[0])
            return (x.next,)
        return super()._reads(x)

    def _hand(self, start: Term) -> None:
        if not is_number(start):
            self.cut.hand(start)

    def _is_given(self, x: Term) -> bool:
        return x.steps != self.T and x not in self.roots and not is_at_hand(x)

    def _is_stream(self, x: Term) -> bool:
        return x.steps == self.T and (x.fn in STREAMS or self.kept(x) is not None)

    def kept(self, x: Term) -> Every | None:
        """Where x is read from, if an earlier phase has kept all of it."""
        every = self.cut.kept(x)
        return every if every is not None and self.cut.rank[every.term] < self.rank else None

    def _on(self, tape: Tape, x: Term, args: list[Term], T: int) -> Term:
        if x.fn in ARRIVING and x.steps == self.T:
            return self._arriving(tape, x, T)
        if self._is_stream(x):
            return self._window(x, T).on(tape, T)
        if x.fn == "carry":
            start = self.carries[x].on(tape)
            return tape.make("carry", (start,), x.how, x.shape, x.dtype, T)
        if x.fn == "total" and x in self.roots:
            return tape.total(args[0], T)
        if x.steps == self.T:
            return again(tape, x, args, T)
        return super()._on(tape, x, args, T)

    def _arriving(self, tape: Tape, x: Term, T: int) -> Term:
        """The first T steps of it; in other segments other steps are put in the same place."""
        there = self.arriving.setdefault(T, {})
        alike = there.setdefault((x.fn, x.how[:T]), x)
        if alike is not x or len(set(x.how[:T])) < T:  # the term would not tell which step it is
            return self._window(x, T).on(tape, T)
        return tape.make(x.fn, (), x.how[:T], x.shape, x.dtype, T)

    def _window(self, x: Term, T: int) -> Given:
        """What stands for a stream over T steps; its values before the first step lie there too."""
        there, every = self.windows.setdefault(T, {}), self.kept(x)
        if every is None:
            array = there[x] = self.cut.window(x, T)
            return Given(x, array)
        if every.term not in there:
            there[every.term] = self.cut.window(every.term, T + 1)
        array = there[every.term]
        return Given(x, every.of(array, x))


def is_apart(x: Term) -> bool:
    """Whether the steps of "each" are arrays from outside, or numbers."""
    return all(a.fn in ("input", "seed") or is_number(a) for a in x.args)
