"""Arrays that pass from one part of a step to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..tape import Tape
from ..terms import Term


@dataclass(eq=False)
class Given:
    """An array that one part reads and another one fills.

    Attributes:
        changes: whether it is filled anew for every segment.
    """

    term: Term
    array: Any = None
    changes: bool = False

    def on(self, tape: Tape, steps: int = 0) -> Term:
        """The term that stands for it on the tape of the part that reads it."""
        x = tape.make("given", (), self, self.term.shape, self.term.dtype, steps)
        x.name = self.term.name
        return x


@dataclass(eq=False)
class Every:
    """All timesteps' values of a term, kept.

    Attributes:
        array: (T + 1, ...): before the first step stands what `carry` starts from.
        carry: the carry whose next it is, if there is one.
    """

    term: Term
    array: Any
    carry: Term | None = None

    @property
    def values(self) -> Any:
        """(T, ...)."""
        return self.array[1:]
