"""A picture of a plan's memory: the schedule from left to right, one bar for each array."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..show.canvas import Canvas
from ..show.plots import COLOURS
from .telling import amount

if TYPE_CHECKING:
    from .accounts import Account, MemoryReport

LEFT, TOP, WIDTH, HEIGHT = 74, 112, 640, 420
REST = "#9ca3af"
LEAST = 13.0
"""Bars that would be lower than this, in pixels, are drawn as one."""
LETTER = 6.6


def memory_chart(report: MemoryReport) -> str:
    """Each array from where it is first written to where it is last read, as high as it is large.

    Arrays that are too small to be seen are one bar, as high as all of them.
    """
    from .accounts import ROLES

    canvas = Canvas(LEFT + WIDTH + 250, TOP + HEIGHT + 40, "Where the plan's memory goes")
    used = [role for role in ROLES if any(a.role == role for a in report.accounts)]
    inks = dict(zip(ROLES, (*COLOURS, REST)))
    colours = {role: inks[role] for role in used}
    scale = HEIGHT / max(report.total, 1)
    across = WIDTH / max(report.places, 1)
    for first, last, words in report.loops:
        x, wide = LEFT + first * across, (last + 1 - first) * across
        canvas.frame(x, TOP - 22, wide, HEIGHT + 22)
        short = "←" if words.endswith(" 1") else "→"
        canvas.text(x + 4, TOP - 28, words if len(words) * LETTER < wide else short, size=11)
    y = float(TOP)
    rest = report.total
    for role in used:
        for account in (a for a in report.accounts if a.role == role):
            high = account.bytes * scale
            if high < LEAST:
                continue
            _bar(canvas, account, (y, high), across, colours[role])
            y += high
            rest -= account.bytes
    high = max(rest * scale, LEAST)
    _box(canvas, (LEFT, y), (WIDTH, high), REST)
    canvas.text(
        LEFT + WIDTH + 8, y + high / 2 + 4, f"all smaller arrays, {amount(rest, 'B')}", size=11
    )
    canvas.text(LEFT - 8, TOP + 4, amount(report.total, "B"), "end", size=11)
    canvas.text(LEFT - 8, TOP + HEIGHT / 2, "memory", "end", size=11)
    canvas.text(LEFT, TOP + HEIGHT + 28, "order of computation →", size=11)
    _legend(canvas, colours)
    return canvas.svg()


def _bar(
    canvas: Canvas, account: Account, place: tuple[float, float], across: float, ink: str
) -> None:
    """One box for each of the buffers that take turns in the array."""
    y, high = place
    for first, last in account.lives:
        wide = (last + 1 - first) * across
        _box(canvas, (LEFT + first * across, y), (wide, high), ink)
    room = int(236 / LETTER)
    words = f"{account.names}, {amount(account.bytes, 'B')}"
    if len(words) > room:
        words = f"{account.names[: room - 12]} ..., {amount(account.bytes, 'B')}"
    canvas.text(LEFT + WIDTH + 8, y + high / 2 + 4, words, size=11)


def _box(canvas: Canvas, corner: tuple[float, float], size: tuple[float, float], ink: str) -> None:
    wide, high = size
    canvas.cells({ink: [f"M0 0h{wide:.1f}v{high:.1f}h{-wide:.1f}z"]}, corner, 1)
    canvas.frame(round(corner[0], 1), round(corner[1], 1), round(wide, 1), round(high, 1))


def _legend(canvas: Canvas, colours: dict[str, str]) -> None:
    x = 8.0
    for k, (role, ink) in enumerate(colours.items()):
        x = 8.0 if k % 3 == 0 else x
        y = 40.0 + 16 * (k // 3)
        _box(canvas, (x, y - 9), (10, 10), ink)
        canvas.text(x + 16, y, role, size=11)
        x += 16 + LETTER * len(role) + 24
