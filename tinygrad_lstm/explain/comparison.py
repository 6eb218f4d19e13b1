"""What a gradient check found, array by array, and the table that shows it."""

from __future__ import annotations

from dataclasses import dataclass

from ..where import shape_text


@dataclass(frozen=True)
class Compared:
    """One array of gradients against its differences.

    Attributes:
        error: the worst |analytic - numeric|, relative to the entry (or to 1/1000 of the largest).
        index: where that is; `analytic` and `numeric` are the two numbers there.
        corners: indices at which the function is not differentiable; they are left out.
    """

    name: str
    shape: tuple[int, ...]
    error: float
    index: tuple[int, ...]
    analytic: float
    numeric: float
    corners: tuple[tuple[int, ...], ...] = ()

    @property
    def entry(self) -> str:
        """The worst entry as one writes it: W_hf[1, 0]."""
        return _entry(self.name, self.index)


@dataclass(frozen=True)
class Gradcheck:
    """What `gradcheck` found: one row for each input and parameter; `print` shows the table."""

    rows: tuple[Compared, ...]
    tolerance: float
    blame: str = ""

    @property
    def worst(self) -> Compared:
        """The row with the largest error."""
        return max(self.rows, key=lambda row: row.error)

    @property
    def error(self) -> float:
        """The largest relative error of all."""
        return self.worst.error

    @property
    def ok(self) -> bool:
        """Whether every entry agrees, as far as the function is differentiable there."""
        return self.error <= self.tolerance

    def __str__(self) -> str:
        head = ("gradient", "shape", "worst error", "at", "analytic", "numeric")
        table = [head, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[k]) for line in table) for k in range(len(head))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in table]
        return "\n".join(
            [self._verdict(), *lines, *self._corners(), *[self.blame] * bool(self.blame)]
        )

    def _verdict(self) -> str:
        if self.ok:
            return f"gradcheck: right, worst relative error {self.error:.1e}"
        w = self.worst
        return (
            f"gradcheck: wrong, worst in {w.entry}: analytic {w.analytic:.10g}, "
            f"numeric {w.numeric:.10g}, relative error {w.error:.1e}"
        )

    def _corners(self) -> list[str]:
        return [
            f"not differentiable here, left out: {_entry(row.name, place)}"
            for row in self.rows
            for place in row.corners
        ]


def _entry(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _cells(row: Compared) -> tuple[str, ...]:
    return (
        row.name, shape_text(row.shape), f"{row.error:.1e}", _entry("", row.index) or "-",
        f"{row.analytic:.6g}", f"{row.numeric:.6g}",
    )  # fmt: skip
