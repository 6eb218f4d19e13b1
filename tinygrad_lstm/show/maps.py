"""A map of time against time: how strongly each step acts on each other one."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import Canvas, visible
from .plots import SHADES, draw_matrix


def time_map(
    values: Any,
    *,
    title: str,
    row_label: str,
    column_label: str,
    characters: str = "",
    decades: int = 6,
    unit: int = 11,
) -> str:
    """A matrix (rows, columns) of magnitudes as SVG text, both axes timesteps, t = 1 first.

    Colours are on an axis of powers of ten: full red is the largest value, white is zero and
    whatever is more than `decades` powers of ten below the largest.

    Args:
        characters: one for each timestep, written along both axes in place of numbers.
        unit: the side of a cell, in pixels.
    """
    values = np.asarray(values, float)
    rows, columns = values.shape
    left, top = 64, 74
    wide, high = columns * unit, rows * unit
    canvas = Canvas(max(left + wide + 20, 360), top + high + 62, title)
    canvas.text(left, 42, column_label)
    canvas.text(8, top - 8, row_label)
    for k in range(columns):
        name = _name(k, columns, characters)
        canvas.text(left + (k + 0.5) * unit, top - 8, name, "middle", size=unit - 1, mono=True)
    for t in range(rows):
        name = _name(t, rows, characters)
        canvas.text(left - 8, top + (t + 0.85) * unit, name, "end", size=unit - 1, mono=True)
    draw_matrix(canvas, in_decades(values, decades), (left, top), unit, 1.0)
    _draw_scale(canvas, left, top + high + 18, largest_finite(values), decades)
    return canvas.svg()


def in_decades(values: np.ndarray, decades: int) -> np.ndarray:
    r"""$1 + \log_{10}(v / \max v) / \text{decades}$ between 0 and 1; 0 for v = 0."""
    most = largest_finite(values)
    if most <= 0:
        return np.zeros_like(values)
    share = np.maximum(values / most, 10.0 ** -(decades + 1))
    return np.clip(1 + np.log10(share) / decades, 0, 1)


def largest_finite(values: np.ndarray) -> float:
    """The largest number, whatever else is there; 0 if there is none."""
    return float(np.max(values[np.isfinite(values)], initial=0.0))


def _name(k: int, count: int, characters: str) -> str:
    """The character of a step, else its number where there is room for it."""
    if characters:
        return visible(characters[k])
    return str(k + 1) if count <= 12 or (k + 1) % 5 == 0 or k == 0 else ""


def _draw_scale(canvas: Canvas, x: float, y: float, most: float, decades: int) -> None:
    steps = np.linspace(0, 1, 2 * SHADES + 1)[None, :]
    draw_matrix(canvas, steps, (x, y), 4, 1.0)
    for share in (0, 0.5, 1):
        label = f"{most * 10 ** (decades * (share - 1)):.0e}" if share < 1 else f"{most:.2g}"
        canvas.text(x + share * steps.size * 4, y + 18, label, "middle", size=10)
