"""Which part of a training step a term belongs to, when time is cut into segments.

    BEFORE    what no timestep is needed for         FORWARD   the timesteps of a segment
    MIDDLE    what needs them all: a head, a loss    BACKWARD  the same timesteps, going back
    END       what needs the way back: gradients

Parts of even rank are computed once, those of odd rank once for each segment.
"""

from __future__ import annotations

import math
from itertools import pairwise

from ...errors import GraphError
from ..program import Program
from ..terms import Term

BEFORE, FORWARD, MIDDLE, BACKWARD, END = range(5)


def time_of(program: Program) -> int:
    """The number of steps of the longest loop; 0 if nothing is carried from step to step."""
    return max((x.steps for x in program.terms() if x.fn == "carry"), default=0)


def ranks(program: Program, T: int) -> dict[Term, int]:
    """For every term its part.

    Raises:
        GraphError: if a segment would need what only comes after later segments.
    """
    rank = dict.fromkeys(program.terms(), BEFORE)
    changed = True
    while changed:
        changed = False
        for x in rank:
            now = _rank(x, rank, T)
            if now != rank[x]:
                rank[x], changed = now, True
            _check(x, now, T)
    return rank


def _rank(x: Term, rank: dict[Term, int], T: int) -> int:
    needs = (*x.args, *([x.next] if x.next is not None else []))
    if x.steps != T:
        return max((rank[a] + (a.steps == T) for a in needs), default=BEFORE)
    first = BACKWARD if x.fn == "carry" and x.how < 0 else FORWARD
    return max([first, *(rank[a] + 1 - rank[a] % 2 for a in needs)])


def _check(x: Term, rank: int, T: int) -> None:
    if x.steps == T and x.fn == "flip":
        raise _uncut(T, "a part of the network goes through the sequence the other way round")
    if rank > END or (x.fn == "carry" and x.how > 0 and x.steps == T and rank > FORWARD):
        raise _uncut(T, "it begins with what comes out of another loop over as many steps")


def _uncut(T: int, why: str) -> GraphError:
    return GraphError(
        f"compile: the loop over {T} timesteps cannot be computed in segments: {why}; "
        "compile this graph without checkpoint"
    )


def segments_of(T: int) -> list[tuple[int, int]]:
    r"""The bounds of segments: all of one length if T has a divisor near $\sqrt T$.

    Rather shorter than longer, for a step in memory takes more than a state at a border.
    """
    best = 0.8 * math.sqrt(T)
    even = [n for n in range(1, T + 1) if T % n == 0 and 0.75 * best <= n <= 1.5 * best]
    count = T // min(even, key=lambda n: abs(n - best)) if even else max(1, round(T / (best or 1)))
    bounds = [T * k // count for k in range(count + 1)]
    return list(pairwise(bounds))
