r"""The derivative table, part 3: ops that choose: maximum, where, clip, comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..errors import ShapeError
from ..op import Op
from ..where import both
from .flow import Filled
from .gates import Heaviside


class Maximum(Op):
    r"""$y = \max(a, b)$: $\bar y$ goes to the larger one, in halves to both where they tie."""

    latex: ClassVar = r"\max({0}, {1})"
    numpy: ClassVar = "np.maximum({0}, {1})"

    def forward(self, xp, a, b):
        return xp.where(a > b, a, xp.where(a <= b, b, a + b))  # a NaN comes through

    def vjp(self, g, y, a, b):
        return g * Heaviside(0.5)(a - b), g * Heaviside(0.5)(b - a)


class Where(Op):
    r"""$y = a$ where the condition holds, else $b$; $\bar y$ goes to the one that was taken."""

    latex: ClassVar = r"\operatorname{{where}}({0}, {1}, {2})"
    numpy: ClassVar = "np.where({0}, {1}, {2})"
    whole: ClassVar = (0,)

    def forward(self, xp, condition, a, b):
        return xp.where(xp.astype(condition, xp.bool), a, b)

    def vjp(self, g, y, condition, a, b):
        none = Filled(0.0)(g)  # not 0 * g, for an infinite g must not reach the other branch
        return None, Where()(condition, g, none), Where()(condition, none, g)

    def shape(self, condition, a, b):
        if not condition == a == b:
            raise ShapeError(f"the inputs need one shape, got {both((condition, a, b))}")
        return a


@dataclass(frozen=True, eq=False, repr=False)
class Clip(Op):
    r"""$y = \min(\max(x, \text{low}), \text{high})$, so $\bar x = \bar y$ inside, 0 outside."""

    low: float
    numpy: ClassVar = "np.clip({0}, {op.low!r}, {op.high!r})"
    high: float

    @property
    def latex(self) -> str:  # type: ignore[override]
        return rf"\operatorname{{{{clip}}}}({{0}}, {self.low:g}, {self.high:g})"

    def forward(self, xp, x):
        return xp.clip(x, self.low, self.high)

    def vjp(self, g, y, x):
        return (g * Inside(self.low, self.high)(x),)


@dataclass(frozen=True, eq=False, repr=False)
class Inside(Op):
    r"""$y = [\text{low} \le x \le \text{high}]$, 1 or 0; flat wherever it has a derivative."""

    low: float
    high: float
    latex: ClassVar = "[{0}]"
    numpy: ClassVar = "(({0} >= {op.low!r}) & ({0} <= {op.high!r})).astype(float)"

    def forward(self, xp, x):
        return xp.astype((x >= self.low) & (x <= self.high), x.dtype)

    def vjp(self, g, y, x):
        return (None,)


class AtLeast(Op):
    r"""$y = [a \ge b]$ as true and false, to choose by (`where`)."""

    latex: ClassVar = r"{0:1} \ge {1:1}"
    numpy: ClassVar = "{0} >= {1}"
    binds: ClassVar = 0

    def forward(self, xp, a, b):
        return a >= b

    def vjp(self, g, y, a, b):
        return None, None


class Greater(Op):
    r"""$y = [a > b]$ as true and false, to choose by (`where`)."""

    latex: ClassVar = "{0:1} > {1:1}"
    numpy: ClassVar = "{0} > {1}"
    binds: ClassVar = 0

    def forward(self, xp, a, b):
        return a > b

    def vjp(self, g, y, a, b):
        return None, None


class Equal(Op):
    r"""$y = [a = b]$, 1 or 0 in the dtype of $a$; flat wherever it has a derivative."""

    latex: ClassVar = "[{0} = {1}]"
    numpy: ClassVar = "({0} == {1}).astype(float)"

    def forward(self, xp, a, b):
        return xp.astype(a == b, a.dtype)

    def vjp(self, g, y, a, b):
        return None, None
