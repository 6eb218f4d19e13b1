"""Who takes part, under which name, and what must be said about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import floor, ours, peers

FLOOR = "products alone"
PLAN = "plan"


class Implementation(NamedTuple):
    """How to prepare a step, whether NumPy's BLAS does its products, and the cells that it has."""

    build: Callable
    numpy: bool
    cells: tuple[str, ...] = ("lstm", "gru", "tide")


IMPLEMENTATIONS = {
    "torch.nn": Implementation(peers.torch_nn, False, ("lstm", "gru")),
    "torch eager": Implementation(peers.torch_eager, False),
    "jax scan": Implementation(peers.jax_scan, False),
    "HIPS autograd": Implementation(peers.hips_autograd, True, ("lstm",)),  # slow, and once is
    "MyGrad": Implementation(peers.mygrad_, True, ("lstm",)),  # enough to know that
    "graph eager": Implementation(ours.eager, True),
    PLAN: Implementation(ours.plan, True),
    "plan numba": Implementation(ours.plan_numba, True),
    FLOOR: Implementation(floor.products, True),
}
