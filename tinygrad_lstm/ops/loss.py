r"""The derivative table, part 7: losses.  Each is one scalar, the mean over examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..errors import DtypeError, RangeError, ShapeError
from ..op import Op
from ..where import both
from .gates import Sigmoid, Softplus
from .linear import check_ids
from .reduce import Expand, LogSoftmax, Softmax, Spread, refuse_nothing


@dataclass(frozen=True, eq=False, repr=False)
class CrossEntropy(Op):
    r"""$L$ = mean of $-\ln \operatorname{softmax}(z)_k$: logits z (..., V), classes k (...).

    $\bar z = (\operatorname{softmax}(z) - \text{one-hot}(k)) / \text{count}$.  Examples whose class
    is `ignore_index` do not count; if none counts, the loss is 0.
    """

    ignore_index: int = -100
    kind: ClassVar = "loss"
    latex: ClassVar = r"\operatorname{{CE}}({0}, {1})"
    whole: ClassVar = (1,)

    def forward(self, xp, logits, targets):
        targets = class_numbers(xp, targets)
        check_ids(xp, targets, logits.shape[-1], "class", self.ignore_index)
        counts = targets != self.ignore_index
        k = xp.where(counts, targets, xp.zeros_like(targets))[..., None]
        surprise = -xp.take_along_axis(LogSoftmax().forward(xp, logits), k, axis=-1)
        surprise = xp.where(counts[..., None], surprise, xp.zeros_like(surprise))
        return xp.sum(surprise) / max(counted(xp, targets, self.ignore_index), 1)

    def vjp(self, g, y, logits, targets):
        wrong = Softmax()(logits) - OneHot()(targets, logits)
        share = RowShare(self.ignore_index)(targets, logits)
        return wrong * share * Expand(logits.shape)(g), None

    def shape(self, logits, targets):
        if not logits or logits[:-1] != targets:
            raise ShapeError(
                "{0} needs one class number for each row, got {1}"
                "\n  logits are (..., V), targets (...)"
            )
        return ()


class OneHot(Op):
    r"""$y_{nv} = [k_n = v]$, in the shape and dtype of the logits beside it."""

    kind: ClassVar = "loss"
    latex: ClassVar = r"\operatorname{{onehot}}({0})"
    whole: ClassVar = (0,)

    def forward(self, xp, targets, logits):
        from ..backend import counting

        columns = counting(xp, logits.shape[-1], targets)
        return xp.astype(class_numbers(xp, targets)[..., None] == columns, logits.dtype)

    def vjp(self, g, y, targets, logits):
        return None, None

    def shape(self, targets, logits):
        return logits


@dataclass(frozen=True, eq=False, repr=False)
class RowShare(Op):
    r"""1 / count in rows that count, 0 where the class is ignored; in the shape of the logits."""

    ignore_index: int = -100
    kind: ClassVar = "loss"
    latex: ClassVar = r"\tfrac1N"
    whole: ClassVar = (0,)

    def forward(self, xp, targets, logits):
        targets = class_numbers(xp, targets)
        counts = xp.astype(targets != self.ignore_index, logits.dtype)
        share = counts / max(counted(xp, targets, self.ignore_index), 1)
        return xp.broadcast_to(share[..., None], logits.shape)

    def vjp(self, g, y, targets, logits):
        return None, None

    def shape(self, targets, logits):
        return logits


def counted(xp, targets, ignore_index: int) -> int:
    """How many targets are not ignored."""
    return int(xp.sum(xp.astype(targets != ignore_index, xp.int64)))


def class_numbers(xp, targets):
    """Targets as integers; floats pass only if they are whole numbers."""
    if xp.isdtype(targets.dtype, "integral"):
        return targets
    if not xp.isdtype(targets.dtype, "real floating"):
        raise DtypeError(f"{{1}}: targets are class numbers, these are {targets.dtype}")
    if bool(xp.any(xp.isnan(targets))):
        raise RangeError("{1}: NaN among the targets; they are class numbers 0 ... V-1")
    if bool(xp.any(targets != xp.floor(targets))):
        raise RangeError("{1}: targets are class numbers; these are not whole")
    return xp.astype(targets, xp.int64)


class MSE(Op):
    r"""$L$ = the mean of $(a - b)^2$ over all entries, so $\bar a = 2 (a - b) / n = -\bar b$."""

    kind: ClassVar = "loss"
    latex: ClassVar = r"\operatorname{{MSE}}({0}, {1})"

    def forward(self, xp, a, b):
        refuse_nothing(a, None, "mean")
        return xp.mean((a - b) ** 2)

    def vjp(self, g, y, a, b):
        a_bar = 2 * (a - b) * Spread(a.shape)(g)
        return a_bar, -a_bar

    def shape(self, a, b):
        if a != b:
            raise ShapeError(
                f"prediction and target need one shape, got {both((a, b))}"
                "\n  a loss does not broadcast: reshape the one that is meant differently"
            )
        return ()


class BCEWithLogits(Op):
    r"""$L$ = the mean of $\ln(1 + e^z) - z \odot t$: logits z, targets t in 0 ... 1.

    $\bar z = (\sigma(z) - t) / n$ and $\bar t = -z / n$.
    """

    kind: ClassVar = "loss"
    latex: ClassVar = r"\operatorname{{BCE}}({0}, {1})"

    def forward(self, xp, logits, targets):
        refuse_nothing(logits, None, "mean")
        return xp.mean(Softplus().forward(xp, logits) - logits * targets)

    def vjp(self, g, y, logits, targets):
        share = Spread(logits.shape)(g)
        return (Sigmoid()(logits) - targets) * share, -(logits * share)

    def shape(self, logits, targets):
        return MSE().shape(logits, targets)
