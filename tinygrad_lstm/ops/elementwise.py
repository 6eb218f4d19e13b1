r"""The derivative table, part 1: arithmetic and curves, entry by entry.

Notation: $\bar x$ is the gradient $\partial L / \partial x$; `g` is $\bar y$, the one that arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..op import Op


class CAdd(Op):
    r"""$y = a + b$, so $\bar a = \bar y$ and $\bar b = \bar y$."""

    latex: ClassVar = "{0:1} + {1:1}"
    numpy: ClassVar = "{0} + {1}"
    binds: ClassVar = 1

    def forward(self, xp, a, b):
        return a + b

    def vjp(self, g, y, a, b):
        return g, g


class CSub(Op):
    r"""$y = a - b$, so $\bar a = \bar y$ and $\bar b = -\bar y$."""

    latex: ClassVar = "{0:1} - {1:2}"
    numpy: ClassVar = "{0} - {1}"
    binds: ClassVar = 1

    def forward(self, xp, a, b):
        return a - b

    def vjp(self, g, y, a, b):
        return g, -g


class CMul(Op):
    r"""$y = a \odot b$, so $\bar a = \bar y \odot b$ and $\bar b = \bar y \odot a$."""

    latex: ClassVar = r"{0:2} \odot {1:2}"
    numpy: ClassVar = "{0} * {1}"
    binds: ClassVar = 2

    def forward(self, xp, a, b):
        return a * b

    def vjp(self, g, y, a, b):
        return g * b, g * a


class CDiv(Op):
    r"""$y = a / b$, so $\bar a = \bar y / b$ and $\bar b = -\bar y \odot y / b$."""

    latex: ClassVar = r"\frac{{{0}}}{{{1}}}"
    numpy: ClassVar = "{0} / {1}"

    def forward(self, xp, a, b):
        return a / b

    def vjp(self, g, y, a, b):
        return g / b, -(g * y / b)


@dataclass(frozen=True, eq=False, repr=False)
class Scale(Op):
    r"""$y = \alpha x + \beta$ with numbers $\alpha, \beta$, so $\bar x = \alpha \bar y$."""

    alpha: float
    numpy: ClassVar = "{op.alpha!r} * {0} + {op.beta!r}"
    beta: float = 0.0

    def forward(self, xp, x):
        y = x if self.alpha == 1 else x * self.alpha
        return y + self.beta if self.beta or self.alpha == 1 else y

    def vjp(self, g, y, x):
        return (Scale(self.alpha)(g),)

    @property
    def latex(self) -> str:  # type: ignore[override]
        a, b = self.alpha, self.beta
        if b and a == -1:
            return f"{b:g} - {{0:2}}"
        product = "{0:2}" if a == 1 else "-{0:2}" if a == -1 else f"{a:g} \\, {{0:2}}"
        return product + (f" + {b:g}" if b > 0 else f" - {-b:g}" if b < 0 else "")

    @property
    def binds(self) -> int:  # type: ignore[override]
        return 1 if self.beta or self.alpha < 0 else 2


class Neg(Op):
    r"""$y = -x$, so $\bar x = -\bar y$."""

    latex: ClassVar = "-{0:2}"
    numpy: ClassVar = "-{0}"
    binds: ClassVar = 1

    def forward(self, xp, x):
        return -x

    def vjp(self, g, y, x):
        return (-g,)


@dataclass(frozen=True, eq=False, repr=False)
class Pow(Op):
    r"""$y = x^p$ with a number $p$, so $\bar x = \bar y \odot p \, x^{p-1}$."""

    exponent: float
    binds: ClassVar = 8
    numpy: ClassVar = "{0} ** {op.exponent!r}"

    def forward(self, xp, x):
        return x**self.exponent

    def vjp(self, g, y, x):
        p = self.exponent
        if p == 0:  # not 0 * x^-1, which is undefined at x = 0
            return (Scale(0.0)(g),)
        return (g * (Scale(p)(x) if p == 2 else Scale(p)(Pow(p - 1)(x))),)

    @property
    def latex(self) -> str:  # type: ignore[override]
        return f"{{0:base}}^{{{{{self.exponent:g}}}}}"


class Exp(Op):
    r"""$y = e^x$, so $\bar x = \bar y \odot y$."""

    latex: ClassVar = "e^{{{0}}}"
    numpy: ClassVar = "np.exp({0})"
    binds: ClassVar = 8

    def forward(self, xp, x):
        return xp.exp(x)

    def vjp(self, g, y, x):
        return (g * y,)


class Log(Op):
    r"""$y = \ln x$, so $\bar x = \bar y / x$."""

    latex: ClassVar = r"\ln({0})"
    numpy: ClassVar = "np.log({0})"

    def forward(self, xp, x):
        return xp.log(x)

    def vjp(self, g, y, x):
        return (g / x,)


class Sqrt(Op):
    r"""$y = \sqrt x$, so $\bar x = \bar y / (2 y)$."""

    latex: ClassVar = r"\sqrt{{{0}}}"
    numpy: ClassVar = "np.sqrt({0})"

    def forward(self, xp, x):
        return xp.sqrt(x)

    def vjp(self, g, y, x):
        return (g / Scale(2.0)(y),)


class Abs(Op):
    r"""$y = |x|$, so $\bar x = \bar y \odot \operatorname{sign}(x)$; at 0 the middle, 0."""

    latex: ClassVar = r"\lvert {0} \rvert"
    numpy: ClassVar = "np.abs({0})"

    def forward(self, xp, x):
        return xp.abs(x)

    def vjp(self, g, y, x):
        return (g * Sign()(x),)


class Sign(Op):
    r"""$y = \operatorname{sign}(x)$: -1, 0 or 1, flat wherever it has a derivative."""

    latex: ClassVar = r"\operatorname{{sign}}({0})"
    numpy: ClassVar = "np.sign({0})"

    def forward(self, xp, x):
        return xp.sign(x)

    def vjp(self, g, y, x):
        return (None,)


class Sin(Op):
    r"""$y = \sin x$, so $\bar x = \bar y \odot \cos x$."""

    latex: ClassVar = r"\sin({0})"
    numpy: ClassVar = "np.sin({0})"

    def forward(self, xp, x):
        return xp.sin(x)

    def vjp(self, g, y, x):
        return (g * Cos()(x),)


class Cos(Op):
    r"""$y = \cos x$, so $\bar x = -\bar y \odot \sin x$."""

    latex: ClassVar = r"\cos({0})"
    numpy: ClassVar = "np.cos({0})"

    def forward(self, xp, x):
        return xp.cos(x)

    def vjp(self, g, y, x):
        return (-(g * Sin()(x)),)
