"""Who takes part, under which name, and what must be said about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import floor, ours, peers

FLOOR, TILES = "products alone", "products in tiles"
FLOORS = (FLOOR, TILES)
"""Bounds: they compute no gradients, so there is nothing to check."""
PLAN = "plan"


class Implementation(NamedTuple):
    """How to prepare a step, whether its products are NumPy's, and for which cells it runs."""

    build: Callable
    numpy: bool
    cells: tuple[str, ...] = ()
    """Empty for every cell."""


IMPLEMENTATIONS = {
    "torch.nn": Implementation(peers.torch_nn, False),
    "torch eager": Implementation(peers.torch_eager, False),
    "jax scan": Implementation(peers.jax_scan, False),
    "HIPS autograd": Implementation(peers.hips_autograd, True, ("lstm",)),  # slow, and once is
    "MyGrad": Implementation(peers.mygrad_, True, ("lstm",)),  # enough to know that
    "graph eager": Implementation(ours.eager, True),
    PLAN: Implementation(ours.plan, True),
    "plan numba": Implementation(ours.plan_numba, True),
    FLOOR: Implementation(floor.products, True),
    TILES: Implementation(floor.products_in_tiles, True),
}
