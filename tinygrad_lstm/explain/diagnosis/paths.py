"""Mistakes about where gradients travel: paths left out, cut or walked twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .case import Case, Gradients, differentiate
from .mistakes import Anatomy, Mistake, dropped, listed


def missing_carries(anatomy: Anatomy) -> Iterator[Mistake]:
    """One path to the step before is left out: above all f * dc."""
    for before, _ in anatomy.states:
        edges = anatomy.into(before)
        for edge in edges:
            factor = anatomy.sends(edge)
            for first in (False, True):
                yield Mistake(
                    f"missing {factor} carry",
                    f"d{before.name}",
                    f"{before.name} is read in {anatomy.formula(edge[0])}, so that d{before.name} "
                    f"receives {factor}: add it to what you pass to step t-1",
                    dropped([edge], first),
                )


def missing_steps(anatomy: Anatomy) -> Iterator[Mistake]:
    """Nothing arrives from the next step through one state, or through all."""
    groups = [[s] for s in anatomy.states]
    groups += [anatomy.states] if len(groups) > 1 else []
    for group in groups:
        edges = [e for before, _ in group for e in anatomy.into(before)]
        names = listed(_plain(before.name) for before, _ in group)
        for first in (False, True):
            yield Mistake(
                f"missing d{names.replace(' and ', ' and d')} from the next step",
                names,
                f"step t+1 reads {names} of step t too: the gradient is what arrives at step t "
                f"itself plus what step t+1 sends back (dh = hs_bar[t] + dh_next)",
                dropped(edges, first),
            )


def overwritten_sums(anatomy: Anatomy) -> Iterator[Mistake]:
    """`=` for `+=` where a node is read several times: only one contribution is left."""
    for node in [*anatomy.cell.inputs, *anatomy.made]:
        edges = anatomy.into(node)
        if len(edges) > 2:
            yield from (
                Mistake(
                    f"`=` for `+=` in d{node.name or 'x'}",
                    anatomy.called(node),
                    f"{anatomy.called(node)} is read {len(edges)} times: its gradient is the sum "
                    f"of all contributions, and only {anatomy.sends(kept)} is left of it",
                    dropped([e for e in edges if e != kept]),
                )
                for kept in edges
            )


def missing_peepholes(anatomy: Anatomy) -> Iterator[Mistake]:
    """The path through a peephole weight to the cell state is left out."""
    looks = [
        (n, 1 - k)
        for n, k in anatomy.edges
        if anatomy.is_a(n, "CMul") and anatomy.is_learnt(n.parents[k])
    ]
    old = [e for e in looks if e[0].parents[e[1]] in anatomy.cell.inputs]
    new = [e for e in looks if e not in old]
    for edges in (*[[e] for e in new], old if len(old) > 1 else [], looks if new and old else []):
        for first in (True, False):
            if edges:
                terms = listed(anatomy.formula(n) for n, _ in edges)
                yield Mistake(
                    "missing peephole term",
                    terms,
                    f"the cell state is read in {terms} as well: add "
                    f"{listed(anatomy.sends(e) for e in edges)} to its gradient",
                    dropped(edges, first),
                )


def missing_paths(anatomy: Anatomy) -> Iterator[Mistake]:
    """Any other path that is left out."""
    states = {before for before, _ in anatomy.states}
    for n, k in anatomy.edges:
        parent = n.parents[k]
        if parent not in states and not anatomy.is_learnt(parent):
            yield Mistake(
                f"missing path from {anatomy.called(n)} to {anatomy.called(parent)}",
                anatomy.called(parent),
                f"{anatomy.called(parent)} is read in {anatomy.formula(n)}, so that its gradient "
                f"receives {anatomy.sends((n, k))}",
                dropped([(n, k)]),
            )


def truncations(anatomy: Anatomy) -> Iterator[Mistake]:
    """The sequence is treated in windows: cut, counted twice, or not cut at all."""
    yield Mistake(
        "gradients cross the borders of the windows",
        "the borders of the windows",
        "truncated BPTT passes the state on as a value only: set dc and dh to zero at each border",
        other=lambda case: differentiate(case, cut=()),
    )
    for length in range(1, 7):
        yield Mistake(
            f"BPTT cut after every {length} steps" if length > 1 else "BPTT cut at every step",
            "the borders of the windows",
            "full BPTT passes dc and dh on from each window to the one before; yours starts each "
            "window from zero",
            other=lambda case, k=length: differentiate(case, cut=range(1 + k, case.T + 1, k)),
        )
    for k2 in range(2, 7):
        for k1 in range(1, k2):
            yield Mistake(
                "double counting across truncation windows",
                f"windows of {k2} steps, one every {k1}",
                f"your windows overlap by {k2 - k1} steps, and the losses there enter twice: let "
                f"each window start only from the dL/dh_t of its last {k1} steps",
                other=lambda case, k1=k1, k2=k2: _overlapping(case, k1, k2),
            )


def losses_of_the_wrong_step(anatomy: Anatomy) -> Iterator[Mistake]:
    """What arrives from the losses is read at another step, or at the last step only."""

    def at_the_end(bar: np.ndarray) -> np.ndarray:
        return np.concatenate([0 * bar[:-1], bar[-1:]])

    for name, change in (
        ("only the loss at the last step is used", at_the_end),
        ("hs_bar of the wrong step", lambda bar: np.roll(bar, 1, axis=0)),
        ("hs_bar of the wrong step", lambda bar: np.roll(bar, -1, axis=0)),
        ("hs_bar of the wrong step", lambda bar: bar[::-1]),
    ):
        yield Mistake(
            name,
            "dh",
            "every step has a loss of its own: at step t dh is hs_bar[t] plus what the next step "
            "sends back",
            other=lambda case, change=change: differentiate(case, hs_bar=change(case.hs_bar)),
        )


def _overlapping(case: Case, k1: int, k2: int) -> Gradients:
    """Windows of k2 steps that end at k1, 2 k1, ... and take in every loss inside them."""
    ends = sorted({*range(k1, case.T + 1, k1), case.T})
    total = None
    for last in ends:
        start = max(0, last - k2)
        seeds = np.zeros_like(case.hs_bar)
        seeds[start:last] = case.hs_bar[start:last]
        one = differentiate(case, cut={start + 1}, hs_bar=seeds, end=last == case.T)
        total = one if total is None else total.plus(one)
    assert total is not None
    return total


def _plain(name: str | None) -> str:
    return (name or "state").removesuffix("_prev")


FAMILIES = (
    missing_carries, missing_steps, missing_peepholes, overwritten_sums, losses_of_the_wrong_step,
    truncations,
)  # fmt: skip
