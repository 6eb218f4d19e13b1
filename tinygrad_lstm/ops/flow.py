r"""The derivative table, part 8: ops that let values or gradients pass, or stop them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..backend import random_like
from ..op import Op
from ..settings import LOCAL, stream


class Identity(Op):
    r"""$y = x$, so $\bar x = \bar y$."""

    kind: ClassVar = "flow"
    latex: ClassVar = "{0}"
    numpy: ClassVar = "{0}"

    def forward(self, xp, x):
        return x

    def vjp(self, g, y, x):
        return (g,)


class Detach(Op):
    r"""$y = x$, but no gradient passes: where backpropagation through time is cut."""

    kind: ClassVar = "flow"
    latex: ClassVar = r"\operatorname{{detach}}({0})"
    numpy: ClassVar = "{0}"

    def forward(self, xp, x):
        return x

    def vjp(self, g, y, x):
        return (None,)


@dataclass(frozen=True, eq=False, repr=False)
class KeepMask(Op):
    r"""$m \sim \text{Bernoulli}(1 - p) / (1 - p)$, new at every run; ones while `evaluating()`."""

    p: float
    kind: ClassVar = "flow"
    latex: ClassVar = r"m"
    repeatable: ClassVar = False

    def forward(self, xp, x):
        if not LOCAL.training or self.p == 0:
            return xp.ones_like(x)
        kept = stream("dropout").random(tuple(x.shape)) >= self.p
        return random_like(xp, kept / (1 - self.p), x)

    def vjp(self, g, y, x):
        return (None,)


@dataclass(frozen=True, eq=False, repr=False)
class Filled(Op):
    r"""The same number everywhere, in the shape and dtype of the node beside it."""

    value: float
    kind: ClassVar = "flow"
    numpy: ClassVar = "np.full_like({0}, {op.value!r})"

    @property
    def latex(self) -> str:  # type: ignore[override]
        return f"{self.value:g}"

    def forward(self, xp, x):
        return xp.full_like(x, self.value)

    def vjp(self, g, y, x):
        return (None,)
