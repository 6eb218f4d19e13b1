"""What is computed one after another when loops are cut: the stages of a step, and their rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..emit import Call
    from ..lower import Lowered


@dataclass
class Round:
    """A program's calls for one segment, the steps lo ... hi - 1, or those of what has no time.

    Attributes:
        before, after: what takes values over from elsewhere, and what hands them on.
    """

    calls: Sequence[Call]
    lo: int = 0
    hi: int = 0
    before: Sequence[Call] = ()
    after: Sequence[Call] = ()


@dataclass
class Stage:
    """First what is done once, then a program for one segment after another."""

    first: list[Call]
    made: Lowered | None = None
    rounds: list[Round] = field(default_factory=list)

    def calls(self) -> Iterator[Call]:
        """All calls, to be made one after the other."""
        yield from self.first
        for one in self.rounds:
            yield from (*one.before, *one.calls, *one.after)
