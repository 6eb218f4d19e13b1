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
        array: (T + 1, ...): beside the first step that `carry` takes stands what it starts from.
        carry: the carry whose next it is, if there is one.
    """

    term: Term
    array: Any
    carry: Term | None = None

    @property
    def back(self) -> bool:
        """Whether the carry runs back in time, so that its start stands behind the last step."""
        return self.carry is not None and self.carry.how < 0

    @property
    def start(self) -> Any:
        """The slot for what the carry starts from."""
        return self.array[(-1 if self.back else 0, ...)]

    @property
    def values(self) -> Any:
        """(T, ...)."""
        return self.of(self.array, self.term)

    def of(self, array: Any, x: Term) -> Any:
        """The values of x, the term or its carry, in the whole array or in a window of it."""
        return array[:-1] if self.back == (x is self.term) else array[1:]
