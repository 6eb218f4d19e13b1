"""Small plots as SVG text: lines, heatmaps, and one matrix split into many.

They need no plotting library, follow the reader's light or dark setting, and the same numbers give
the same bytes.  Numbers with a sign are coloured blue - white - red; white is zero, always.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .canvas import Canvas, visible

COLOURS = ("#3b7cf0", "#d97706", "#059669", "#be185d", "#7c3aed", "#0e7490")
REPEATED = " (dashed)"
"""Said of a line whose colour another line had before it."""
LETTER = 7.2
"""How wide a letter of a label may be, in pixels."""
NEGATIVE, POSITIVE = (33, 84, 196), (190, 28, 38)
SHADES = 24
"""Colours on each side of zero: neighbours among them cannot be told apart by eye."""


def colour(value: float, limit: float) -> str:
    """White at 0, full blue at -limit, full red at +limit, grey where it is not a number."""
    return _shade(int(_levels(np.asarray([float(value)]), limit)[0]))


def largest(arrays: Sequence[Any]) -> float:
    """The common limit of a colour scale: the largest magnitude in any of the arrays."""
    return max((float(np.abs(a).max()) for a in arrays if np.size(a)), default=0.0)


class Level(NamedTuple):
    """A horizontal line to compare with."""

    label: str
    y: float


def line_chart(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    levels: Sequence[Level] = (),
    log: bool = False,
    characters: str = "",
) -> str:
    """Lines over a common axis, each named at its end.

    Points that are not numbers, and with `log` points that are not positive, are left out.

    Args:
        log: whether the upright axis shows powers of ten.
        characters: one for each of x = 1, 2, 3 ..., written along the axis in place of numbers.
    """
    lines = {name: _points(xs, ys, log) for name, (xs, ys) in series.items()}
    ys = [y for points in lines.values() for _, y in points] + [level.y for level in levels]
    xs = [x for points in lines.values() for x, _ in points] or [0.0, 1.0]
    y_ticks = _powers(ys) if log else _ticks(min(ys, default=0), max(ys, default=1))
    labels = [name + REPEATED * (k >= len(COLOURS)) for k, name in enumerate(lines)]
    widest = max(map(len, [*labels, *(level.label for level in levels)]), default=0)
    box = (62, 58, 790, 316)
    canvas = Canvas(box[2] + max(110, 16 + LETTER * widest), 370, title)
    first = min(xs) if characters else min(0.0, *xs)
    place = _Frame(box, (first, max(xs)), (y_ticks[0], y_ticks[-1]), log)
    place.draw_grid(canvas, y_ticks)
    if characters:
        names = [(x, visible(c)) for x, c in enumerate(characters, start=1)]
    else:
        names = [(x, _number(x)) for x in _ticks(first, max(xs)) if first <= x <= max(xs)]
    for x, name in names:
        canvas.text(place(x, y_ticks[0])[0], box[3] + 18, name, "middle", mono=bool(characters))
    canvas.text((box[0] + box[2]) / 2, box[3] + 40, x_label, "middle")
    canvas.text(8, 38, y_label)
    ends = []
    for k, (label, points) in enumerate(zip(labels, lines.values())):
        ink = COLOURS[k % len(COLOURS)]
        canvas.line([place(x, y) for x, y in points], ink, dashed=k >= len(COLOURS))
        if points:
            ends.append((place(*points[-1])[1], label, ink))
    for level in levels:
        y = place(xs[0], level.y)[1]
        canvas.line([(box[0], y), (box[2], y)], "currentColor", dashed=True)
        ends.append((y, level.label, "currentColor"))
    for y, label, ink in _spread(ends):
        canvas.text(box[2] + 8, y + 4, label, ink=ink)
    return canvas.svg()


class Band(NamedTuple):
    """Rows of a heatmap that belong together.

    Attributes:
        values: (rows, columns); `rows` has a name for each row.
        limit: the magnitude that gets the full colour: the same for arrays of one kind.
    """

    label: str
    values: Any
    rows: Sequence[str]
    limit: float


def heatmap(bands: Sequence[Band], columns: str, *, title: str, unit: int = 13) -> str:
    """Bands of rows over one axis of characters.

    Args:
        columns: one character for each column, written below and above.
        unit: the side of a cell, in pixels.
    """
    left, top, gap = 150, 48, 10
    height = sum(len(band.rows) * unit + gap for band in bands)
    canvas = Canvas(left + len(columns) * unit + 20, top + height + 60, title)
    y = top
    for band in bands:
        canvas.text(8, y + len(band.rows) * unit / 2 + 4, band.label, bold=True)
        for k, row in enumerate(band.rows):
            canvas.text(left - 6, y + (k + 0.8) * unit, row, anchor="end", size=unit - 3)
        draw_matrix(canvas, band.values, (left, y), unit, band.limit)
        y += len(band.rows) * unit + gap
    for k, character in enumerate(columns):
        for at in (top - 8, y + 8):
            canvas.text(left + (k + 0.5) * unit, at, visible(character), "middle", mono=True)
    scales = {band.limit: band.label for band in reversed(bands)}
    for k, (limit, label) in enumerate(reversed(scales.items())):
        draw_scale(canvas, left + k * 260, y + 24, limit, label if len(scales) > 1 else "")
    return canvas.svg()


HEADING = 112
"""Pixels that the heading of a small matrix may need."""


class Panel(NamedTuple):
    """One small matrix with a heading and a line of small print."""

    heading: str
    values: Any
    note: str = ""


def small_multiples(
    panels: Sequence[Panel], *, title: str, limit: float, unit: int = 5, across: int = 6
) -> str:
    """Matrices of one shape side by side in one colour scale."""
    rows, columns = np.shape(panels[0].values)
    wide, high = max(columns * unit + 18, HEADING), rows * unit + 50
    deep, aside = -(-len(panels) // across), (wide - 18 - columns * unit) / 2
    canvas = Canvas(max(min(across, len(panels)) * wide + 26, 420), deep * high + 80, title)
    for k, panel in enumerate(panels):
        x, y = 20 + aside + k % across * wide, 54 + k // across * high
        canvas.text(x + columns * unit / 2, y - 6, panel.heading, "middle", bold=True)
        draw_matrix(canvas, panel.values, (x, y), unit, limit)
        canvas.text(x + columns * unit / 2, y + rows * unit + 14, panel.note, "middle", size=10)
    draw_scale(canvas, 34, deep * high + 44, limit)
    return canvas.svg()


def draw_matrix(
    canvas: Canvas, values: Any, corner: tuple[float, float], unit: int, limit: float
) -> None:
    """The entries as squares; equal neighbours in a row become one rectangle."""
    levels = _levels(np.asarray(values, float), limit)
    rows, columns = levels.shape
    runs: dict[int, list[str]] = {}
    for i in range(rows):
        edges = np.flatnonzero(np.diff(levels[i], prepend=np.nan, append=np.nan))
        for start, stop in itertools.pairwise(edges):
            run = f"M{start} {i}h{stop - start}v1h{start - stop}z"
            runs.setdefault(int(levels[i, start]), []).append(run)
    canvas.cells({_shade(level): runs[level] for level in sorted(runs)}, corner, unit)
    canvas.frame(*corner, columns * unit, rows * unit)


def draw_scale(canvas: Canvas, x: float, y: float, limit: float, label: str = "") -> None:
    """What the colours mean."""
    steps = np.linspace(-limit, limit, 2 * SHADES + 1)[None, :]
    draw_matrix(canvas, steps, (x, y), 4, limit)
    for share, number in ((0, f"{-limit:.2g}"), (0.5, "0"), (1, f"{limit:.2g}")):
        canvas.text(x + share * steps.size * 4, y + 18, number, "middle", size=10)
    canvas.text(x + steps.size * 4 + 8, y + 6, label, bold=True)


class _Frame:
    """Where numbers stand on the page."""

    def __init__(self, box: tuple, x: tuple, y: tuple, log: bool) -> None:
        self.box, self.log, self.x = box, log, (x[0], max(x[1], x[0] + 1e-9))
        low, high = (math.log10(v) for v in y) if log else y
        self.y = (low, high if high > low else low + 1)

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = self.box
        y = math.log10(y) if self.log else y
        along = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return left + along * (right - left), bottom - up * (bottom - top)

    def draw_grid(self, canvas: Canvas, ys: Sequence[float]) -> None:
        left, _, right, _ = self.box
        for y in ys:
            at = self(self.x[0], y)[1]
            canvas.line([(left, at), (right, at)], "currentColor", faint=True)
            canvas.text(left - 8, at + 4, _power(y) if self.log else _number(y), "end")


def _points(xs: Sequence[float], ys: Sequence[float], log: bool) -> list[tuple[float, float]]:
    drawn = ((float(x), float(y)) for x, y in zip(xs, ys))
    return [(x, y) for x, y in drawn if math.isfinite(y) and (y > 0 or not log)]


def _levels(values: np.ndarray, limit: float) -> np.ndarray:
    scaled = np.zeros_like(values) if limit <= 0 else np.clip(values / limit, -1, 1)
    return np.where(np.isnan(values), SHADES + 1, np.round(scaled * SHADES))


def _shade(level: int) -> str:
    if level > SHADES:
        return "#9ca3af"
    end, share = (POSITIVE if level > 0 else NEGATIVE), abs(level) / SHADES
    return "#" + "".join(f"{round(255 + (side - 255) * share):02x}" for side in end)


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers that enclose low and high."""
    span = max(high - low, 1e-9 * max(abs(high), 1))
    size = 10 ** math.floor(math.log10(span / 4))
    step = next(k * size for k in (1, 2, 5, 10) if span / (k * size) <= 5.01)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 10) for k in range(first, max(last, first + 1) + 1)]


def _powers(ys: Sequence[float]) -> list[float]:
    low = math.floor(math.log10(min(ys, default=1)))
    high = max(math.ceil(math.log10(max(ys, default=1))), low + 1)
    by = -(-(high - low) // 6)
    return [10.0**k for k in range(low, high + by, by)]


def _number(x: float) -> str:
    return f"{x:,.0f}" if x == int(x) and 1 <= abs(x) < 1e7 else f"{x:.3g}"


def _power(y: float) -> str:
    exponent = str(round(math.log10(y))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{exponent}"


def _spread(ends: list[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """Labels at least one line apart, in the order of their heights."""
    placed: list[tuple[float, str, str]] = []
    for y, label, ink in sorted(ends):
        placed.append((max(y, placed[-1][0] + 16) if placed else y, label, ink))
    return placed
