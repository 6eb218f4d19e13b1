"""Ops that only Torch's spelling needs: chosen by the shape of their input, or by a criterion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..op import Op
from ..ops import Expand, OneHot, RowShare
from ..ops.linear import check_ids
from ..ops.loss import CrossEntropy, class_numbers


@dataclass(frozen=True, eq=False, repr=False)
class Late(Op):
    """An op that its module chooses when the shape of the first input is known.

    Torch's negative offsets and batch modes ask for sizes that a node without data cannot tell.
    """

    module: Any
    kind: ClassVar = "slice"

    @property
    def latex(self) -> str:  # type: ignore[override]
        return rf"\operatorname{{{{{type(self.module).__name__}}}}}({{all:, }})"

    def forward(self, xp, *xs):
        return self.module.chosen(tuple(xs[0].shape)).forward(xp, *xs)

    def vjp(self, g, y, *xs):
        return self.module.chosen(tuple(xs[0].shape)).vjp(g, y, *xs)

    def shape(self, *xs):
        return self.module.chosen(xs[0]).shape(*xs)

    def __repr__(self) -> str:
        return repr(self.module)


class ExpandAs(Op):
    r"""$w$, repeated to the shape of the node beside it, so $\bar w$ is a sum of $\bar y$."""

    kind: ClassVar = "flow"
    latex: ClassVar = "{0}"

    def forward(self, xp, w, x):
        return Expand(x.shape).forward(xp, w)

    def vjp(self, g, y, w, x):
        return (*Expand(x.shape).vjp(g, y, w), None)

    def shape(self, w, x):
        return Expand(x).shape(w)


class NLL(Op):
    r"""$L$ = the mean of $-z_k$: log-probabilities z (..., V), class numbers k (...).

    $\bar z = -\text{one-hot}(k) / \text{count}$: `CrossEntropy` without its softmax.
    """

    kind: ClassVar = "loss"
    whole: ClassVar = (1,)
    latex: ClassVar = r"\operatorname{{NLL}}({0}, {1})"

    def forward(self, xp, scores, targets):
        targets = class_numbers(xp, targets)
        check_ids(xp, targets, scores.shape[-1], "class")
        right = OneHot().forward(xp, targets, scores) != 0
        taken = xp.where(right, scores, xp.zeros_like(scores))  # no 0 * inf for a certain loser
        return -xp.sum(taken * RowShare().forward(xp, targets, scores))

    def vjp(self, g, y, scores, targets):
        share = OneHot()(targets, scores) * RowShare()(targets, scores)
        return -(share * Expand(scores.shape)(g)), None

    def shape(self, scores, targets):
        return CrossEntropy().shape(scores, targets)
