"""What is measured: sizes, and the arrays that every implementation gets alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


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


class CellShape(NamedTuple):
    """A cell seen from outside: what it takes, and the products it cannot avoid.

    Args:
        weights: shapes by name, in letters of `Sizes`, with a factor: "4H D" is (4 * H, D).
        states: how many states it carries; the last one is h.
        products: (input or state, how many blocks of H columns) for each product of a step.
    """

    weights: dict[str, str]
    states: int
    products: tuple[tuple[str, int], ...]


CELLS = {
    "lstm": CellShape(
        {"W_x": "4H D", "b_x": "4H", "W_h": "4H H", "b_h": "4H"},
        states=2,
        products=(("input", 4), ("state", 4)),
    ),
    "gru": CellShape(
        {"W_x": "3H D", "b_x": "3H", "W_h": "3H H", "b_h": "3H"},
        states=1,
        products=(("input", 3), ("state", 3)),
    ),
    "tide": CellShape(
        {
            **{f"W_x{k}": "H D" for k in "pwg"},
            **{f"b_x{k}": "H" for k in "pwg"},
            **{"W_hp": "H H", "W_sw": "H H", "w_sg": "H"},
        },
        states=2,
        products=(("input", 3), ("state", 1), ("state", 1)),
    ),
}


class Problem(NamedTuple):
    """One step: inputs (T, N, D), the gradients arriving at h_t (T, N, H), weights, zero state."""

    cell: str
    sizes: Sizes
    xs: np.ndarray
    gs: np.ndarray
    weights: dict[str, np.ndarray]
    state: tuple[np.ndarray, ...]


def problem(cell: str, sizes: Sizes, dtype: str = "float32") -> Problem:
    """The same float32 numbers at every call; in float64 they are those numbers exactly."""
    N, D, H, T = sizes
    rng = np.random.default_rng(0)

    def draw(shape, scale):
        return (scale * rng.uniform(-1, 1, shape)).astype("float32").astype(dtype)

    weights = {
        name: draw(_shape(letters, sizes), H**-0.5) for name, letters in CELLS[cell].weights.items()
    }
    state = tuple(np.zeros((N, H), dtype) for _ in range(CELLS[cell].states))
    return Problem(cell, sizes, draw((T, N, D), 1.0), draw((T, N, H), 1.0), weights, state)


def short(cell: str, sizes: Sizes, budget: float = 2e10) -> Sizes:
    """As many of the timesteps as `budget` multiplications and additions allow, at least two."""
    N, D, H, T = sizes
    columns = sum(k * (4 * D if of == "input" else 6 * H) for of, k in CELLS[cell].products)
    return sizes._replace(T=max(2, min(T, int(budget / (N * H * columns)))))


def _shape(letters: str, sizes: Sizes) -> tuple[int, ...]:
    """ "4H D" is (4 * H, D)."""
    return tuple(int(s[:-1] or 1) * getattr(sizes, s[-1]) for s in letters.split())
