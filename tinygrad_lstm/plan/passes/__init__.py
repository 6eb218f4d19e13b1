"""The passes: what is done to a graph so that it runs faster, each by a law of algebra.

Some rewrite the program of terms; the others are choices of how terms are found, put in order and
laid out in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...errors import ArgumentError
from ..program import Program
from . import (
    beside,
    blocks,
    chunks,
    hoist,
    kernels,
    liveness,
    lookups,
    pack,
    products,
    regroup,
    roles,
    scales,
    tiles,
)


@dataclass(frozen=True)
class Pass:
    """A pass by name; `algebra` states the law that it relies on."""

    name: str
    algebra: str
    rewrite: Callable[[Program], Program] | None = None


def _pass(module, rewrite: Callable[[Program], Program] | None = None) -> Pass:
    return Pass(module.__name__.rsplit(".", 1)[1], module.__doc__.strip(), rewrite)


PASSES: dict[str, Pass] = {
    p.name: p
    for p in (
        _pass(roles),
        _pass(blocks, blocks.blocks),
        _pass(regroup, regroup.regroup),
        _pass(scales, scales.scales),
        _pass(products, products.products),
        _pass(lookups, lookups.lookups),
        _pass(beside, beside.beside),
        _pass(pack),
        _pass(hoist),
        _pass(chunks),
        _pass(tiles),
        _pass(liveness),
        _pass(kernels),
    )
}
"""Every pass by its name, in the order in which they are done."""


def chosen(names: Iterable[str] | None) -> list[str]:
    """The passes of these names in their order, all for None; ArgumentError for an unknown one."""
    if isinstance(names, str):
        raise ArgumentError(f"compile: passes is a list of names: write [{names!r}]")
    wanted = list(PASSES if names is None else names)
    for name in wanted:
        if name not in PASSES:
            raise ArgumentError(
                f"compile: there is no pass {name!r}; there are {', '.join(PASSES)}"
            )
    return [name for name in PASSES if name in wanted]
