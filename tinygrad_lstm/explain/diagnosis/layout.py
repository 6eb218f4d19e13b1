"""Mistakes about which gate lies where in a matrix that holds several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .case import Case, Gradients, Moment, Slip, differentiate
from .mistakes import Anatomy, Mistake, permutations


def orders_of_the_gates(anatomy: Anatomy) -> Iterator[Mistake]:
    """The gradients of the gates are put side by side in another order than their weights."""
    found = anatomy.blocks()
    if found is None:
        return
    root, starts = found
    names = list(starts)
    for order in permutations(len(names)):
        yield Mistake(
            "wrong gate order",
            f"[{', '.join(names[k] for k in order)}] instead of [{', '.join(names)}]",
            f"the rows of the weights lie in the order [{', '.join(names)}]: put the gradients of "
            "the pre-activations side by side in that order",
            {root: _reordered(order, root.shape[-1] // len(names))},
        )
    for order in permutations(len(names)):
        yield Mistake(
            "wrong gate order, forward and backward",
            f"[{', '.join(names[k] for k in order)}] instead of [{', '.join(names)}]",
            f"the rows of the weights lie in the order [{', '.join(names)}]; you read them in "
            "another one, so that your cell computes something else already in the forward pass",
            other=lambda case, order=order: _read_in(case, order),
        )


def reorder(array: np.ndarray, order: Sequence[int], axis: int = 0) -> np.ndarray:
    """The equal blocks along an axis, in another order."""
    blocks = np.split(array, len(order), axis)
    return np.concatenate([blocks[k] for k in order], axis)


def _reordered(order: Sequence[int], width: int) -> Slip:
    def slip(m: Moment) -> list:
        return m.sent(g=reorder(m.g, order, axis=-1))

    return slip


def _read_in(case: Case, order: Sequence[int]) -> Gradients:
    """Gradients of the cell whose weights lie in another order, put where the user has them."""
    inverse = [order.index(k) for k in range(len(order))]
    rows = len(order) * case.hs.shape[-1]
    fused = [p for p in case.cell.parameters.values() if p.shape[0] == rows]
    before = [p.data for p in fused]
    try:
        for p in fused:
            p.data = reorder(p.data, inverse)
        case.net.forward(*case.xs, *case.state)
        result = differentiate(case)
    finally:
        for p, data in zip(fused, before):
            p.data = data
        case.net.forward(*case.xs, *case.state)
    for name, p in case.cell.parameters.items():
        if p in fused:
            result.parts[name] = reorder(result.parts[name], order, axis=1)
            if name in result.rows:
                result.rows[name] = reorder(result.rows[name], order, axis=-1)
    return result


FAMILIES = (orders_of_the_gates,)
