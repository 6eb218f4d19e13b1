"""What passes between the parts of a program that is computed in segments."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from ..device import Device
from ..program import Program, Root
from ..terms import Term
from .given import Every, Given
from .ranks import passed_on, ranks, segments_of, times_of

CROSSINGS = ("at", "whole", "total")
"""How what is outside of time reads timesteps."""


class Cut:
    """What the parts want of each other, and the arrays by which they hand it over.

    Attributes:
        times: the numbers of steps of the loops that are cut.
        bounds: for each of them from which to which step each segment goes.
        every: terms whose values of all timesteps are kept.
        single: values of single timesteps.
        totals: sums over all timesteps.
        handed: what is computed once, outside of time, and read by other parts.
        wanted: the same for each part that computes it.
        masks: random masks, drawn before everything else.
        states: where carries stand when a segment begins.
        windows: where values of one segment are put that come from elsewhere.
    """

    def __init__(self, program: Program, device: Device, keep_state: bool) -> None:
        self.program, self.device = program, device
        self.times = times_of(program)
        self.bounds = {T: segments_of(T) for T in self.times}
        self._make_every_next_a_step()
        self.terms = program.terms()
        self.rank = ranks(program, self.times)
        self.handed: dict[Term, Given] = {}
        self.wanted: dict[int, list[Term]] = defaultdict(list)
        self.masks = {x: Given(x, self.empty(x, x.steps)) for x in program.masks()}
        self.every = self._kept(keep_state)
        self.single: dict[Root, Given] = {
            (x, t): Given(x, self.empty(x)) for x, t in self._read() if x not in self.every
        }
        self.states: dict[Term, Given] = {}
        self.windows: list[tuple[Term, Any]] = []
        self.totals = {x: Given(x, self.empty(x)) for x in self.terms if self._crosses(x, "total")}

    def empty(self, x: Term, slots: int = 0) -> Any:
        """Memory for x, or for so many steps of it."""
        return self.device.empty((slots, *x.shape) if slots else x.shape, x.dtype)

    def _crosses(self, x: Term, *fns: str) -> bool:
        return x.fn in fns and x.args[0].steps in self.times

    def crosses(self, x: Term) -> bool:
        """Whether x reads timesteps from outside."""
        return self._crosses(x, *CROSSINGS)

    def _read(self) -> Iterable[Root]:
        """Which steps of which terms are read from outside of time, one by one."""
        found = [(x.args[0], x.how) for x in self.terms if self._crosses(x, "at")]
        roots = (*self.program.outputs, *self.program.grads.values())
        return dict.fromkeys([*found, *((x, t) for x, t in roots if x.steps in self.times)])

    def _kept(self, keep_state: bool) -> dict[Term, Every]:
        """Terms that are read as a whole, or at most timesteps, or by later phases in time.

        The states as well, if they are to be.
        """
        counts = Counter(x for x, _ in self._read())
        kept = {x for x, count in counts.items() if 2 * count > x.steps}
        kept |= {x.args[0] for x in self.terms if self._crosses(x, "whole")}
        carries = [c for c in self.terms if c.fn == "carry" and c.steps in self.times]
        if keep_state:
            kept |= {c.next for c in carries if c.how > 0 and c.next.fn != "carry"}
        first = {c.next: c for c in reversed(carries)}
        passed = passed_on(self.rank, self.times)
        kept |= {x.next if x.fn == "carry" and first[x.next] is x else x for x in passed}
        order = sorted(kept, key=lambda x: x.born)
        return {x: Every(x, self.empty(x, x.steps + 1), first.get(x)) for x in order}

    def state(self, c: Term) -> Given:
        """Where a carry stands when a segment begins; one segment after another needs it."""
        if c not in self.states:
            self.states[c] = Given(c, self.empty(c), changes=True)
        return self.states[c]

    def window(self, x: Term, slots: int) -> Any:
        """Memory for so many steps of x."""
        self.windows.append((x, self.empty(x, slots)))
        return self.windows[-1][1]

    def kept(self, x: Term) -> Every | None:
        """Where all timesteps of x lie, if they are kept; those of a carry lie with its next."""
        every = self.every.get(x)
        if every is None and x.fn == "carry":
            every = self.every.get(x.next)
            return every if every is not None and every.carry is x else None
        return every

    def hand(self, x: Term) -> Given:
        """The array in which x, computed outside of time or read out of it, is handed over."""
        if x in self.masks:
            return self.masks[x]
        if x in self.totals:
            return self.totals[x]
        if x not in self.handed:
            self.handed[x] = Given(x)
            if self.crosses(x):
                self.handed[x].array = self._steps(x)
            else:
                self.wanted[self.rank[x] - self.rank[x] % 2].append(x)
        return self.handed[x]

    def _steps(self, x: Term) -> Any:
        return self.every[x.args[0]].values if x.fn == "whole" else self.step(x.args[0], x.how)

    def step(self, x: Term, t: int) -> Any:
        """The array of one timestep."""
        return self.every[x].values[(t, ...)] if x in self.every else self.single[x, t].array

    def _make_every_next_a_step(self) -> None:
        """A carry may become what is the same in all steps; a segment hands over a step's value."""
        tape = self.program.tape
        for c in self.program.terms():
            if c.fn == "carry" and c.steps in self.times and c.steps != c.next.steps:
                v = c.next
                c.next = tape.make("copy", (v,), ("of", c.born), v.shape, v.dtype, c.steps)
