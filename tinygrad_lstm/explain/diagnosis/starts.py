"""Mistakes at the borders between timesteps: the state before the first, sums that run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...tensor import Tensor
from .case import Case, Gradients, Moment, Slip, differentiate
from .mistakes import Anatomy, Mistake, listed
from .rules import instead


def first_states(anatomy: Anatomy) -> Iterator[Mistake]:
    """At t = 1 the state before is taken for zeros, or for the last one: hs[t - 1] at t = 0."""
    groups = [[state] for state in anatomy.states]
    groups += [anatomy.states] if len(groups) > 1 else []
    for group in groups:
        names = listed(_letter(before.name) for before, _ in group)
        for name, last in (("zeros", False), ("the last state", True)):
            slips: dict[Tensor, Slip] = {}
            for before, after in group:
                for node in dict.fromkeys(n for n, _ in anatomy.into(before)):
                    slips[node] = instead(before, _at_the_start(before, after, last))
            yield Mistake(
                f"{name} for the state before the first step",
                f"{names} at t = 1",
                "at t = 1 the state before is the one that was handed in; hs[t - 1] is not it, "
                "and hs[-1] is the last of all",
                slips,
            )
    yield Mistake(
        "the state before the first step is ignored",
        "the forward pass",
        "start the forward pass from the state that is handed in, not from zeros",
        other=_from_zeros,
    )


def sums_that_run_on(anatomy: Anatomy) -> Iterator[Mistake]:
    """`+=` for `=` where the gradient of the state is passed on: the old one is added again."""
    for before, after in anatomy.states:
        node, k = anatomy.into(before)[0]

        def slip(m: Moment, after=after, k=k) -> list:
            sent = m.sent()
            once_more = m.case.copies[after][m.t - 1].adjoint
            return [s + once_more if j == k else None for j, s in enumerate(sent)]

        yield Mistake(
            f"`+=` for `=` in d{before.name}",
            f"d{before.name}",
            f"what you pass to step t-1 replaces d{_letter(before.name)} of step t; it is not "
            "added to it",
            {node: slip},
        )


def _at_the_start(before: Tensor, after: Tensor, last: bool) -> Callable[[Moment], np.ndarray]:
    def value(m: Moment) -> np.ndarray:
        if m.t > 1:
            return m.case.value(before, m.t)
        return m.case.value(after, m.case.T) if last else np.zeros_like(m.case.value(before, 1))

    return value


def _from_zeros(case: Case) -> Gradients:
    """Gradients of a run that starts from zeros."""
    case.net.forward(*case.xs, *(np.zeros_like(s) for s in case.state))
    try:
        return differentiate(case)
    finally:
        case.net.forward(*case.xs, *case.state)


def _letter(name: str | None) -> str:
    return (name or "state").removesuffix("_prev")


FAMILIES = (first_states, sums_that_run_on)
