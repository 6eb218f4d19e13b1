"""In which phase of a training step a term is computed, when loops are cut into segments of time.

    0, 2, 4 ...    what is computed once, from what earlier phases have come to
    1, 5, 9 ...    segments from the first to the last: loops that run forward
    3, 7, 11 ...   segments from the last to the first: loops that run back, and what they read

A loop that starts from another one's end, or reads its results as a whole or from behind, stands in
a later phase; so any number of loops, after and beside each other, are cut by one rule.
"""

from __future__ import annotations

import math
from itertools import pairwise

from ..program import Program
from ..terms import Term

WORTH = 4
"""Loops over fewer steps are left whole: there is nothing to gain, and most are there by chance."""
FORWARD, BACKWARD = 1, 3
"""The phases of segments, as remainders of 4."""


def times_of(program: Program) -> list[int]:
    """The numbers of steps of the loops that are cut, the longest first."""
    found = {x.steps for x in program.terms() if x.fn == "carry"}
    return sorted((T for T in found if T >= WORTH), reverse=True)


def ranks(program: Program, times: list[int]) -> dict[Term, int]:
    """For every term the first phase in which it can be computed."""
    rank = dict.fromkeys(program.terms(), 0)
    changed = True
    while changed:
        changed = False
        for x in rank:
            now = _rank(x, rank, times)
            changed |= now != rank[x]
            rank[x] = now
    return rank


def _rank(x: Term, rank: dict[Term, int], times: list[int]) -> int:
    inside = [a for a in reads(x) if a.steps in times]
    outside = max((rank[a] for a in reads(x) if a.steps not in times), default=0)
    latest = max((rank[a] for a in inside), default=0)
    if x.steps not in times:
        return max(outside, latest + 1 if inside else 0)
    if x.fn == "flip":  # the first segment of what is turned round is the last one of the other
        return latest + 4
    if x.fn == "carry":
        return _from(max(latest, outside + 1), FORWARD if x.how > 0 else BACKWARD)
    return max(latest, _from(outside + 1, BACKWARD) if outside else FORWARD)


def _from(rank: int, way: int) -> int:
    """The first phase from this one on that goes that way."""
    return rank + (way - rank) % 4


def reads(x: Term) -> tuple[Term, ...]:
    """What x is made from, in this step or, as a carry, in another one."""
    return x.args if x.next is None else (*x.args, x.next)


def passed_on(rank: dict[Term, int], times: list[int]) -> set[Term]:
    """The terms in time that later phases read from memory.

    Only loops that run forward are computed again, and only on a way back.
    """
    ways = _ways(rank, times)
    found: set[Term] = set()
    for x in (x for x in rank if x.steps in times):
        again = {1} if rank[x] % 4 == BACKWARD else set()
        for a in reads(x):
            if x.fn == "flip":
                found.add(a)
            elif rank[a] < rank[x] and ways[a] - again:
                found.add(_narrowest(a, ways))
    return found


def _ways(rank: dict[Term, int], times: list[int]) -> dict[Term, set[int]]:
    """For every term the ways (+1 or -1) of the loops in the same time that it comes from."""
    ways: dict[Term, set[int]] = {}
    for x in rank:
        inside = x.args if x.steps in times and x.fn != "flip" else ()
        ways[x] = {x.how} if x.fn == "carry" else {way for a in inside for way in ways[a]}
    return ways


def _narrowest(x: Term, ways: dict[Term, set[int]]) -> Term:
    """x, or a smaller term in time that x can be made from again without a loop."""
    best = x
    while x.fn != "carry":
        looped = {a for a in x.args if ways[a]}
        if len(looped) != 1:
            break
        (x,) = looped
        best = min(best, x, key=lambda a: a.size)
    return best


def segments_of(T: int) -> list[tuple[int, int]]:
    r"""The bounds of segments: all of one length if T has a divisor near $\sqrt T$.

    Rather shorter than longer, for a step in memory takes more than a state at a border.  Of two
    lengths the longer ones come first.
    """
    best = 0.8 * math.sqrt(T)
    even = [n for n in range(1, T + 1) if T % n == 0 and 0.75 * best <= n <= 1.5 * best]
    count = T // min(even, key=lambda n: abs(n - best)) if even else max(1, round(T / (best or 1)))
    size, longer = divmod(T, count)
    return list(pairwise(k * size + min(k, longer) for k in range(count + 1)))
