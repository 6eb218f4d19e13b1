r"""Random masks drawn on the device: the same numbers as NumPy draws for the graph, and no copies.

The state of NumPy's generator PCG64 is $s_{n+1} = a s_n + c \bmod 2^{128}$, so
$s_n = a^n s_0 + c\,(a^{n-1} + \dots + a + 1)$: every entry of a mask finds its own state.  A step
begins by handing over five whole numbers, which a captured graph reads anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ops.flow import KeepMask
from ..settings import LOCAL, stream
from .kernel_text import HELPERS, KernelText

if TYPE_CHECKING:
    from .capture import Call

FACTOR = 0x2360ED051FC65DA44385DF649FCCF645
"""a, as in the definition of PCG64."""
LONGEST = 48
"""A step draws less than 2^48 numbers."""
WORD = (1 << 64) - 1


def jumps() -> list[tuple[int, int]]:
    r"""$(a^n, a^{n-1} + \dots + 1)$ for n = 1, 2, 4, ...: what takes a state n numbers further."""
    found = [(FACTOR, 1)]
    while len(found) < LONGEST:
        power, total = found[-1]
        found.append((power * power % (1 << 128), (power * total + total) % (1 << 128)))
    return found


def _table() -> str:
    rows = [[n >> 64, n & WORD] for pair in jumps() for n in pair]
    numbers = ",\n".join(", ".join(f"{word:#x}ULL" for word in row) for row in rows)
    return f"CONSTANT const np_uint64 np_jumps[{2 * len(rows)}] = {{\n{numbers}}};\n"


DRAWING = (
    HELPERS
    + _table()
    + """
struct np_wide { np_uint64 high, low; };
DEVICE np_wide np_times(np_wide a, np_wide b) {
  return {np_high(a.low, b.low) + a.high * b.low + a.low * b.high, a.low * b.low};
}
DEVICE np_wide np_plus(np_wide a, np_wide b) {
  const np_uint64 low = a.low + b.low;
  return {a.high + b.high + (low < a.low), low};
}
DEVICE double np_random(np_wide s, np_wide c, np_uint64 n) {
  for (const np_uint64 *j = np_jumps; n; n >>= 1, j += 4)
    if (n & 1) s = np_plus(np_times(s, {j[0], j[1]}), np_times(c, {j[2], j[3]}));
  const np_uint64 word = s.high ^ s.low, turn = s.high >> 58;
  return ((word >> turn | word << (-turn & 63)) >> 11) / 9007199254740992.0;
}
"""
)
"""np_random(s, c, n) is the n-th number of the generator from state s on, between 0 and 1."""
MASK = KernelText(
    "raw uint64 a0, float64 a1, float64 a2, int64 a3",
    "T y0",
    "const double r = np_random({a0[0], a0[1]}, {a0[2], a0[3]}, a3 + i + 1);\n"
    "y0 = a0[4] ? T(r >= a1 ? a2 : 0.0) : T(1);",
    DRAWING,
)
HAND_OVER = KernelText(
    "uint64 a0, uint64 a1, uint64 a2, uint64 a3, uint64 a4",
    "uint64 y0",
    "y0 = i == 0 ? a0 : i == 1 ? a1 : i == 2 ? a2 : i == 3 ? a3 : a4;",
)


def drawn_there(calls: Sequence[Call], draw: Any) -> bool:
    """Whether all that these calls draw are masks of `Dropout`, from the generator it is for."""
    ops = [args[0] for f, args in calls if f == draw]
    if not ops or any(type(op) is not KeepMask for op in ops):
        return False
    return type(stream("dropout").bit_generator) is np.random.PCG64


class Masks:
    """The masks of a plan, in the order in which they are drawn.

    Args:
        kernel: makes a kernel of its text.
    """

    def __init__(self, xp: Any, kernel: Callable[[KernelText], Any]) -> None:
        self._state = xp.zeros(5, "uint64")
        self._kernel = kernel
        self._first: dict[int, int] = {}
        self._count = 0

    def draw(self, op: KeepMask, out: Any) -> None:
        """The mask of this op, at its place among the numbers that a step draws."""
        if op.p == 0:
            out.fill(1)
            return
        place = out.data.ptr
        if place not in self._first:
            self._first[place] = self._count
            self._count += out.size
        self._kernel(MASK)(self._state, op.p, 1 / (1 - op.p), self._first[place], out)

    def begin(self) -> None:
        """Hand over the state of the generator, and whether anything is dropped at all."""
        now: Any = stream("dropout").bit_generator.state["state"]
        words = [n >> shift & WORD for n in (now["state"], now["inc"]) for shift in (64, 0)]
        self._kernel(HAND_OVER)(*map(np.uint64, words), np.uint64(LOCAL.training), self._state)

    def end(self) -> None:
        """Leave the generator as if it had drawn the numbers itself."""
        generator: Any = stream("dropout").bit_generator
        if LOCAL.training:
            generator.advance(self._count)
