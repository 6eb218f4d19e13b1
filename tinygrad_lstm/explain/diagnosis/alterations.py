"""Mistakes that spoil a single result: not summed, overwritten, transposed, exchanged, scaled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .case import Case, Gradients
from .layout import reorder
from .mistakes import Anatomy, permutations


class Altered(NamedTuple):
    """What was done to a right result: a name for it, advice, and the numbers it leads to."""

    name: str
    advice: str
    value: np.ndarray


def alterations(case: Case, anatomy: Anatomy, right: Gradients, key: str) -> Iterator[Altered]:
    """Every known way of spoiling the gradient that goes by this key."""
    if key in right.parts:
        yield from _over_time(right.parts[key])
        yield from _over_the_batch(right, key, case.N)
        yield from _in_another_order(anatomy, right.of(key))
        yield from _turned(right.of(key))
        yield from _exchanged(right, key)
    yield from _scaled(right.of(key), case)


def _over_time(parts: np.ndarray) -> Iterator[Altered]:
    T = len(parts)
    if T < 2:
        return
    shared = "every timestep reads this weight, so its gradient is the sum of T contributions: "
    for t, where in ((1, "t = 1, the last to be written"), (T, "t = T, the first to be written")):
        advice = f"{shared}only that of {where}, is left. Write `+=`"
        yield Altered("`=` for `+=` on a shared weight", advice, parts[t - 1])
    for t in range(1, T + 1):
        advice = f"{shared}that of t = {t} is missing, so let the loop reach every step"
        yield Altered("a timestep is left out", advice, parts.sum(0) - parts[t - 1])
    for width in range(1, T):
        windows = [parts[s : s + width].sum(0) for s in range(0, T, width)]
        for order in (windows, windows[::-1]):
            advice = "start the sum from zero in every window, or add each window once"
            total = np.sum([np.sum(order[: k + 1], 0) for k in range(len(order))], 0)
            yield Altered("double counting across truncation windows", advice, total)


def _over_the_batch(right: Gradients, key: str, N: int) -> Iterator[Altered]:
    rows = right.rows.get(key)
    if rows is None or N < 2:
        return
    summed = "all N rows read the same bias, so its gradient is the sum over them: g.sum(axis=0)"
    yield Altered("bias not summed over the batch", summed, rows)
    for n in range(N):
        yield Altered("bias not summed over the batch", f"{summed}; yours is row {n}", rows[n])


def _in_another_order(anatomy: Anatomy, right: np.ndarray) -> Iterator[Altered]:
    found = anatomy.blocks()
    if found is None or right.shape[0] != found[0].shape[-1]:
        return
    names = list(found[1])
    for order in permutations(len(names)):
        mine = ", ".join(names[k] for k in order)
        advice = f"your rows lie in the order [{mine}], the cell's in [{', '.join(names)}]"
        yield Altered("wrong gate order", advice, reorder(right, order))


def _turned(right: np.ndarray) -> Iterator[Altered]:
    if right.ndim == 2:
        advice = "a weight's gradient has the weight's shape: y_bar.T @ x, with x the rows it read"
        yield Altered("forgotten transpose", advice, right.T)


def _exchanged(right: Gradients, key: str) -> Iterator[Altered]:
    for name in right.parts:
        if name != key and right.of(name).shape == right.of(key).shape:
            advice = f"you returned the gradient of {name} as that of {key}"
            yield Altered("gradients exchanged", advice, right.of(name))


def _scaled(right: np.ndarray, case: Case) -> Iterator[Altered]:
    yield Altered("never filled: all zeros", "is it added to at all?", np.zeros(right.shape))
    for factor, name, advice in (
        (-1.0, "wrong sign", "it is minus what it should be"),
        (1 / case.N, "divided by N", "sum over the batch; a mean belongs into the loss"),
        (1 / case.T, "divided by T", "sum over the timesteps; a mean belongs into the loss"),
        (1 / (case.N * case.T), "divided by N T", "a mean belongs into the loss"),
        (2.0, "counted twice", "it is twice what it should be"),
        (0.5, "half of it", "it is half of what it should be"),
    ):
        yield Altered(name, advice, factor * right)
