"""Mistakes in the derivative of a gate: taken of the wrong thing, of another function, left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...tensor import Tensor
from .case import Moment, Slip
from .mistakes import Anatomy, Mistake, activation, listed, subsets

Site = tuple[Tensor, slice, str]
"""An activation, which of its columns, and what they are called."""


def derivatives_of_gates(anatomy: Anatomy) -> Iterator[Mistake]:
    """The derivative of sigmoid or tanh is taken of the wrong thing, or left out."""
    gates = [n for n in anatomy.made if n.op is not None and n.op.kind == "gate"]

    def squashed(site: Site) -> bool:  # tanh(c) is no gate, and often coded by itself
        return site[0].parents[0] in anatomy.cell.outputs

    def kind(site: Site) -> Any:
        return type(site[0].op), squashed(site)

    def op(site: Site) -> Any:
        return type(site[0].op)

    for name, advice, rule in GATE_SLIPS:
        for group in subsets(
            _gate_sites(anatomy, gates), kind, squashed, lambda site: type(site[0].op)
        ):
            titles = listed(title for _, _, title in group)
            slips = _in_blocks(group, rule)
            yield Mistake(name, titles, f"in {titles}: {advice}", slips)


def _pre(m: Moment) -> list:
    return m.sent(y=m.copy.parents[0].data)


def _twice(m: Moment) -> list:
    op: Any = m.copy.op
    return m.sent(y=op.forward(np, m.copy.data), inputs=[m.copy.data])


def _none(m: Moment) -> list:
    return [m.g]


def _other(m: Moment) -> list:
    other = "Sigmoid" if type(m.copy.op).__name__ == "Tanh" else "Tanh"
    return m.sent(op=activation(other))


GATE_SLIPS: tuple[tuple[str, str, Slip], ...] = (
    (
        "derivative of the pre-activation",
        "y (1 - y) and 1 - y * y want the value after the sigmoid or tanh, you put in the one "
        "before it",
        _pre,
    ),
    (
        "activated twice",
        "your derivative squashes its argument once more; either hand it the pre-activation, or "
        "write y (1 - y) and 1 - y * y with the value y",
        _twice,
    ),
    ("missing derivative of the activation", "multiply by y (1 - y), or by 1 - y * y", _none),
    (
        "derivative of the other activation",
        "sigmoid has y (1 - y), tanh has 1 - y * y; you took the other one",
        _other,
    ),
)


def _gate_sites(anatomy: Anatomy, gates: list[Tensor]) -> list[Site]:
    """Each activation, and of one that holds several gates side by side each gate."""
    sites = []
    for node in gates:
        parts = [n for n, _ in anatomy.into(node) if anatomy.is_a(n, "Narrow")]
        for part in parts:
            op: Any = part.op
            columns = slice(op.start, op.start + op.length)
            sites.append((node, columns, anatomy.called(part)))
        if not parts:
            sites.append((node, slice(None), anatomy.called(node)))
    return sites


def _in_blocks(group: list[Site], rule: Slip) -> dict[Tensor, Slip]:
    """The slip at every site of the group; other columns of the same node stay right."""
    columns: dict[Tensor, list[slice]] = {}
    for node, block, _ in group:
        columns.setdefault(node, []).append(block)

    def slip(m: Moment) -> list:
        right, wrong = np.array(m.sent()[0]), rule(m)[0]
        for block in columns[m.node]:
            right[..., block] = wrong[..., block]
        return [right]

    return dict.fromkeys(columns, slip)
