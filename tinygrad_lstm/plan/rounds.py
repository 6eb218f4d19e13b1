"""The calls of a step in stages: a program is run once, or once for each segment of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .emit import Call
    from .lower import Lowered


@dataclass
class Round:
    """A program's calls for segment k, the steps lo ... hi - 1, or those of what has no time.

    Attributes:
        before, after: what takes values over from elsewhere, and what hands them on.
    """

    calls: Sequence[Call]
    k: int = 0
    lo: int = 0
    hi: int = 0
    before: Sequence[Call] = ()
    after: Sequence[Call] = ()


@dataclass
class Stage:
    """What is done first, then round after round.

    Attributes:
        made: the program, if it is one; what it computes alike for all rounds belongs to `first`.
    """

    first: list[Call]
    made: Lowered | None = None
    rounds: list[Round] = field(default_factory=list)

    def calls(self) -> Iterator[Call]:
        """All calls, to be made one after the other."""
        yield from self.first
        for one in self.rounds:
            yield from (*one.before, *one.calls, *one.after)
