"""Our own layered layout: every box has a row; here it gets its place within the row.

An arrow that spans several rows passes each one in between through a gap of its own (a box of no
size), and bends only between rows, where there are no boxes.  So no arrow crosses a box.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SPACE = 14.0
"""Between neighbours in a row."""
NARROW = 9.0
"""Between an arrow that was moved to make it straight, and its neighbours."""
SMALL = 400
"""Up to so many items the best of all sweeps is kept, which means counting crossings."""


@dataclass(eq=False)
class Item:
    """A box, a port at the edge of a frame, or the gap through which an arrow passes a row."""

    row: int
    w: float = 0.0
    h: float = 0.0
    box: Any = None
    side: int = 0  # -1: first of its row, +1: last
    turn: int | None = None  # items of a row that have one stand in this order
    behind: Item | None = None  # the item of the same row from which an arrow comes
    x: float = 0.0
    above: list[Item] = field(default_factory=list)
    below: list[Item] = field(default_factory=list)


class Rows:
    """Items in rows, counted from the bottom, and the links between items of adjacent rows."""

    def __init__(self) -> None:
        self.rows: dict[int, list[Item]] = {}
        self._gaps: dict[tuple[Item, int], list[Item]] = {}

    def add(self, item: Item) -> Item:
        self.rows.setdefault(item.row, []).append(item)
        return item

    def link(self, tail: Item, head: Item) -> list[Item]:
        """The way of an arrow: its ends, and a gap in each row between them.

        Arrows from one item share the gaps as far as they go the same way.
        """
        if tail.row == head.row:
            head.behind = tail
            return [tail, head]
        up = 1 if head.row > tail.row else -1
        gaps = self._gaps.setdefault((tail, up), [])
        for row in range(tail.row + up * (len(gaps) + 1), head.row, up):
            gap = self.add(Item(row))
            _join(gaps[-1] if gaps else tail, gap)
            gaps.append(gap)
        way = [tail, *gaps[: abs(head.row - tail.row) - 1], head]
        _join(way[-2], head)
        return way

    def arrange(self) -> None:
        """Fix the order in each row (few crossings), then the x of each item (straight arrows)."""
        order = [self.rows[r] for r in sorted(self.rows)]
        for row in order:
            row[:] = _settled(row)
        self._sweep(order)
        for row in order:
            _pack(row, None)
        for k in range(12 if sum(map(len, order)) < 5000 else 4):
            for row in order if k % 2 else reversed(order):
                _pack(row, [_wanted(item) for item in row])
        self._straighten(order)
        left = min((item.x - item.w / 2 for row in order for item in row), default=0.0)
        for row in order:
            for item in row:
                item.x -= left

    def _straighten(self, order: list[list[Item]]) -> None:
        """Line up the gaps of an arrow as far as the boxes beside them leave room."""
        beside = {item: (row, k) for row in order for k, item in enumerate(row)}
        for (tail, up), gaps in self._gaps.items():
            start = 0
            while start < len(gaps):
                low, high, stop = *_room(gaps[start], beside), start + 1
                while stop < len(gaps):
                    left, right = _room(gaps[stop], beside)
                    if max(low, left) > min(high, right):
                        break
                    low, high, stop = max(low, left), min(high, right), stop + 1
                ahead = gaps[-1].above if up > 0 else gaps[-1].below
                goal = (
                    sum(i.x for i in ahead) / len(ahead) if stop == len(gaps) and ahead else tail.x
                )
                for gap in gaps[start:stop]:
                    gap.x = min(max(goal, low), high)
                start = stop

    @property
    def width(self) -> float:
        return max((i.x + i.w / 2 for row in self.rows.values() for i in row), default=0.0)

    def _sweep(self, order: list[list[Item]]) -> None:
        small = sum(map(len, order)) <= SMALL
        kept, best = [list(row) for row in order], _crossings(order) if small else 0
        for k in range(16 if small else 4):
            up = k % 2 == 0
            for row in order if up else reversed(order):
                _number(row)
                row.sort(key=lambda item: _barycentre(item, item.below if up else item.above))
                row[:] = _settled(row)
                _number(row)
            if small and (count := _crossings(order)) < best:
                kept, best = [list(row) for row in order], count
        if small:
            for row, good in zip(order, kept):
                row[:] = good


def _room(item: Item, beside: dict[Item, tuple[list[Item], int]]) -> tuple[float, float]:
    """Between which x an item can move without coming close to its neighbours."""
    row, k = beside[item]
    low, high = item.x - 200.0, item.x + 200.0
    if k:
        low = row[k - 1].x + row[k - 1].w / 2 + NARROW
    if k + 1 < len(row):
        high = row[k + 1].x - row[k + 1].w / 2 - NARROW
    return min(low, item.x), max(high, item.x)


def _join(a: Item, b: Item) -> None:
    low, high = (a, b) if a.row < b.row else (b, a)
    if high not in low.above:
        low.above.append(high)
        high.below.append(low)


def _number(row: list[Item]) -> None:
    for k, item in enumerate(row):
        item.x = float(k)


def _barycentre(item: Item, near: list[Item]) -> float:
    return sum(n.x for n in near) / len(near) if near else item.x


def _settled(row: list[Item]) -> list[Item]:
    """The row with its first and last items in place, and those that take turns in their order."""
    turns = iter(sorted((i for i in row if i.turn is not None), key=lambda i: i.turn or 0))
    row = [next(turns) if item.turn is not None else item for item in row]
    return sorted(row, key=lambda item: item.side)


def _crossings(order: list[list[Item]]) -> int:
    """How many pairs of links cross; for small drawings only, it compares all pairs."""
    count = 0
    for row in order:
        _number(row)
    for row in order:
        links = [(a.x, b.x) for a in row for b in a.above]
        for k, (a, b) in enumerate(links):
            count += sum((a - c) * (b - d) < 0 for c, d in links[:k])
    return count


def _wanted(item: Item) -> float:
    """Where an item would like to stand: above and below its neighbours, gaps before boxes."""
    near = item.above + item.below
    if not near:
        before = item.behind
        return item.x if before is None else before.x + (before.w + item.w) / 2 + 2 * SPACE
    weights = [4.0 if n.box is None and item.box is None else 1.0 for n in near]
    return sum(w * n.x for w, n in zip(weights, near)) / sum(weights)


def _pack(row: list[Item], wanted: list[float] | None) -> None:
    r"""Place a row: the least $\sum (x_i - \text{wanted}_i)^2$ that keeps order and distances.

    With the distances taken off, that is isotonic regression: neighbours in the wrong order are
    pooled at their mean, again and again.
    """
    offsets, at = [], 0.0
    for k, item in enumerate(row):
        at += (row[k - 1].w + item.w) / 2 + SPACE if k else 0.0
        offsets.append(at)
    if wanted is None:
        wanted = [offset - at / 2 for offset in offsets]
    pools: list[tuple[float, int]] = []  # (sum, count)
    for want, offset in zip(wanted, offsets):
        total, count = want - offset, 1
        while pools and pools[-1][0] * count >= total * pools[-1][1]:
            before = pools.pop()
            total, count = total + before[0], count + before[1]
        pools.append((total, count))
    spots = [total / count for total, count in pools for _ in range(count)]
    for item, spot, offset in zip(row, spots, offsets):
        item.x = spot + offset
