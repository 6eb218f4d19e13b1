"""The loss on class numbers, and its derivative, by kernels that wait for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops.loss import CrossEntropy, OneHot, RowShare
from .numbers import CLASS
from .texts import COUNTS, EXP, MEAN, ONE_HOT, SHARE, SURPRISE

if TYPE_CHECKING:
    from .cupy_device import CupyDevice


def cross_entropy(d: CupyDevice, op: CrossEntropy, out: Any, logits: Any, targets: Any) -> None:
    r"""The mean over examples of $\ln \sum_v e^{z_v - m} - (z_k - m)$, m the largest of the row."""
    V, dtype = logits.shape[-1], logits.dtype
    if not targets.ndim:
        logits, targets = logits.reshape(1, V), targets.reshape(1)
    rows = targets.shape
    every = tuple(range(len(rows)))
    d.check(targets, V, CLASS, op.ignore_index)
    top, total = d.kept("top", (*rows, 1), dtype), d.kept("total", (*rows, 1), dtype)
    d.max_kept(logits, (-1,), top)
    e = d.kept("e", logits.shape, dtype)
    d.made(EXP)(logits, top, e)
    d.sum_kept(e, (-1,), total)
    surprise, loss = d.kept("surprise", rows, dtype), d.kept("loss", (), dtype)
    d.made(SURPRISE)(logits, top, total, targets, V, op.ignore_index, surprise)
    d.sum(surprise, every, loss)
    d.made(MEAN)(loss, _count(d, targets, op.ignore_index), out)


def one_hot(d: CupyDevice, op: OneHot, out: Any, targets: Any, logits: Any) -> None:
    """1 where the column is the class, else 0."""
    d.made(ONE_HOT)(targets, logits.shape[-1], out)


def row_share(d: CupyDevice, op: RowShare, out: Any, targets: Any, logits: Any) -> None:
    """1 / count in rows that count, else 0."""
    count = _count(d, targets.reshape(1) if not targets.ndim else targets, op.ignore_index)
    d.made(SHARE)(targets, count, logits.shape[-1], op.ignore_index, out)


def _count(d: CupyDevice, targets: Any, ignored: int) -> Any:
    """How many targets are not ignored; as a float, for the loss is divided by it."""
    counts, count = d.kept("counts", targets.shape, "float64"), d.kept("count", (), "float64")
    d.made(COUNTS)(targets, ignored, counts)
    d.sum(counts, tuple(range(targets.ndim)), count)
    return count


KNOWN: dict[type, Any] = {CrossEntropy: cross_entropy, OneHot: one_hot, RowShare: row_share}
"""Ops whose code looks at numbers, and that the device computes without."""
