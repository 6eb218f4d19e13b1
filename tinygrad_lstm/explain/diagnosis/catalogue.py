"""All known mistakes, the commonest first."""

from __future__ import annotations

from collections.abc import Iterator

from ...graph import Graph
from . import gates, layout, paths, rules, starts
from .mistakes import Anatomy, Mistake

FAMILIES = (
    *paths.FAMILIES,
    rules.states_of_the_wrong_step,
    gates.derivatives_of_gates,
    *rules.FAMILIES,
    *starts.FAMILIES,
    *layout.FAMILIES,
    paths.missing_paths,
)


def known_mistakes(cell: Graph) -> Iterator[Mistake]:
    """Every known mistake that can be made with this cell; where two come to the same, the first
    in this order is the one to name."""
    anatomy = Anatomy(cell)
    for family in FAMILIES:
        yield from family(anatomy)
