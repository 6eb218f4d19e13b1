"""What is measured: sizes, and the arrays that every implementation gets alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import cells


class Sizes(NamedTuple):
    """Batch, input features, hidden features, timesteps."""

    N: int
    D: int
    H: int
    T: int

    def __str__(self):
        return " ".join(f"{letter}{n}" for letter, n in zip("NDHT", self))


REGIMES = {
    "a": Sizes(1, 3, 2, 5),  # calls, and nothing else
    "b": Sizes(50, 65, 128, 50),  # characters, as in char-rnn
    "c": Sizes(64, 256, 512, 100),
    "d": Sizes(64, 1024, 1024, 50),  # products, and little else
    "e": Sizes(16, 64, 128, 1000),  # a long sequence
}


class Problem(NamedTuple):
    """One step: inputs (T, N, D), the gradients arriving at h_t (T, N, H), weights, zero state.

    `cell` is a name as `cells.build` reads it.
    """

    cell: str
    sizes: Sizes
    xs: np.ndarray
    gs: np.ndarray
    weights: dict[str, np.ndarray]
    state: tuple[np.ndarray, ...]


def problem(cell: str, sizes: Sizes, dtype: str = "float32") -> Problem:
    """The same float32 numbers at every call; in float64 they are those numbers exactly."""
    N, D, H, T = sizes
    rng, graph = np.random.default_rng(0), cells.build(cell, D, H)

    def draw(shape, scale):
        return (scale * rng.uniform(-1, 1, shape)).astype("float32").astype(dtype)

    weights = {name: draw(p.data.shape, H**-0.5) for name, p in graph.parameters.items()}
    state = tuple(np.zeros((N, *node.axes[1:]), dtype) for node in graph.inputs[1:])
    gs = draw((T, N, *graph.outputs[-1].axes[1:]), 1.0)
    return Problem(cell, sizes, draw((T, N, D), 1.0), gs, weights, state)


def short(cell: str, sizes: Sizes, budget: float = 2e10) -> Sizes:
    """As many of the timesteps as `budget` multiplications and additions allow, at least two."""
    N, D, H, T = sizes
    flops = N * sum(product.flops for product in cells.products(cells.build(cell, D, H)))
    return sizes._replace(T=min(T, max(2, int(budget / max(flops, 1)))))
