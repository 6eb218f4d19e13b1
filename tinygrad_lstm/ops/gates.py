r"""The derivative table, part 2: the squashing functions of cells, and their stable logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..op import Op


class Sigmoid(Op):
    r"""$y = \sigma(x)$, so $\bar x = \bar y \odot y \odot (1 - y)$."""

    kind: ClassVar = "gate"
    latex: ClassVar = r"\sigma({0})"
    numpy: ClassVar = "0.5 * (1 + np.tanh(0.5 * {0}))"

    def forward(self, xp, x):
        return 0.5 * (1.0 + xp.tanh(0.5 * x))  # = 1 / (1 + exp(-x)), and never overflows

    def vjp(self, g, y, x):
        return (g * y * (1 - y),)


class Tanh(Op):
    r"""$y = \tanh x$, so $\bar x = \bar y \odot (1 - y \odot y)$."""

    kind: ClassVar = "gate"
    latex: ClassVar = r"\tanh({0})"
    numpy: ClassVar = "np.tanh({0})"

    def forward(self, xp, x):
        return xp.tanh(x)

    def vjp(self, g, y, x):
        return (g * (1 - y * y),)


class ReLU(Op):
    r"""$y = \max(x, 0)$, so $\bar x = \bar y$ where $x > 0$, else 0 (at 0: 0, as PyTorch)."""

    kind: ClassVar = "gate"
    latex: ClassVar = r"\operatorname{{ReLU}}({0})"
    numpy: ClassVar = "np.maximum({0}, 0)"

    def forward(self, xp, x):
        return xp.where(x > 0, x, xp.zeros_like(x))

    def vjp(self, g, y, x):
        return (g * Heaviside()(x),)


@dataclass(frozen=True, eq=False, repr=False)
class Heaviside(Op):
    r"""$y = [x > 0]$: 1 or 0, and `at_zero` at 0; flat wherever it has a derivative."""

    at_zero: float = 0.0
    latex: ClassVar = "[{0} > 0]"
    numpy: ClassVar = "np.heaviside({0}, {op.at_zero!r})"

    def forward(self, xp, x):
        y = xp.astype(x > 0, x.dtype)
        return y + self.at_zero * xp.astype(x == 0, x.dtype) if self.at_zero else y

    def vjp(self, g, y, x):
        return (None,)


class Softplus(Op):
    r"""$y = \ln(1 + e^x)$, so $\bar x = \bar y \odot \sigma(x)$."""

    kind: ClassVar = "gate"
    latex: ClassVar = r"\operatorname{{softplus}}({0})"
    numpy: ClassVar = "np.logaddexp(0, {0})"

    def forward(self, xp, x):
        return xp.log1p(xp.exp(-xp.abs(x))) + xp.where(x > 0, x, xp.zeros_like(x))

    def vjp(self, g, y, x):
        return (g * Sigmoid()(x),)


class LogSigmoid(Op):
    r"""$y = \ln \sigma(x) = -\ln(1 + e^{-x})$, so $\bar x = \bar y \odot \sigma(-x)$."""

    kind: ClassVar = "gate"
    latex: ClassVar = r"\ln \sigma({0})"
    numpy: ClassVar = "-np.logaddexp(0, -{0})"

    def forward(self, xp, x):
        return -Softplus().forward(xp, -x)

    def vjp(self, g, y, x):
        return (g * Sigmoid()(-x),)
