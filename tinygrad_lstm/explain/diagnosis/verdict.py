"""What the doctor says: which gradients are wrong, where it begins, and what the bug is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...where import shape_text

SHOWN = 12


@dataclass(frozen=True)
class Deviation:
    """One returned array that is wrong, at its worst entry.

    Attributes:
        key: the name it was returned under.
        index, yours, right: the worst entry and both numbers; None where the shapes differ.
        note: the shapes, where they differ.
    """

    key: str
    error: float
    index: tuple[int, ...] = ()
    yours: float | None = None
    right: float | None = None
    note: str = ""

    @property
    def entry(self) -> str:
        """The worst entry as one writes it: W_hf[1, 0]."""
        return f"{self.key}[{', '.join(map(str, self.index))}]" if self.index else self.key

    def __str__(self) -> str:
        if self.note:
            return f"{self.key}: {self.note}"
        return f"{self.entry}: yours {self.yours:.8g}, right {self.right:.8g}"


@dataclass(frozen=True)
class Verdict:
    """The doctor's answer; `print` shows it.

    Attributes:
        ok: whether all that was returned is right.
        diagnosis: the name of the known mistake that leads to exactly these numbers, else "".
        place: the timestep, gate and weights concerned.
        advice: what to change.
        first: where the first deviation is.
        wrong: the wrong arrays; right: the keys of the others; missing: those not returned.
        others: further known mistakes that lead to the same numbers.
    """

    ok: bool
    right: tuple[str, ...]
    wrong: tuple[Deviation, ...] = ()
    missing: tuple[str, ...] = ()
    diagnosis: str = ""
    place: str = ""
    advice: str = ""
    first: str = ""
    others: tuple[str, ...] = ()
    sizes: str = ""

    def __str__(self) -> str:
        lines = self._clean() if self.ok else self._ill()
        if self.missing:
            lines.append(f"Not returned, so not examined: {', '.join(self.missing)}.")
        return "\n".join(lines)

    def _clean(self) -> list[str]:
        return [f"Your backward pass is right ({self.sizes}): {', '.join(self.right)}."]

    def _ill(self) -> list[str]:
        count = len(self.wrong) + len(self.right)
        arrays = f"{len(self.wrong)} of {count} arrays"
        lines = [f"Your backward pass is wrong in {arrays} ({self.sizes}).", ""]
        if self.diagnosis:
            within = f", in {self.place}" if self.place else ""
            lines += [f"Diagnosis: {self.diagnosis}{within}.", f"What to do: {self.advice}."]
            lines += [f"The same numbers also come from: {'; '.join(self.others)}."][
                : len(self.others)
            ]
        else:
            lines.append("Diagnosis: none; no known mistake leads to exactly these numbers.")
        lines += [f"Where it begins: {self.first}."] if self.first else []
        lines += ["", "Worst entries:", *(f"  {d}" for d in self.wrong[:SHOWN])]
        if len(self.wrong) > SHOWN:
            lines.append(f"  ... and {len(self.wrong) - SHOWN} arrays more")
        return lines + ([f"Right: {', '.join(self.right)}."] if self.right else [])


TOLERANCE = {"f8": 1e-9, "f4": 1e-4}
"""How closely numbers agree, by their precision; relative to the largest of an array."""


def deviation(key: str, yours: np.ndarray, right: np.ndarray) -> Deviation | None:
    """None if all entries agree, relative to the largest right one."""
    if yours.shape != right.shape:
        note = f"its shape is {shape_text(yours.shape)}, it should be {shape_text(right.shape)}"
        return Deviation(key, np.inf, note=note)
    if not right.size:
        return None
    gap = np.abs(yours - right)
    gap = np.where(np.isfinite(gap), gap, np.inf)
    index = tuple(int(k) for k in np.unravel_index(np.argmax(gap), gap.shape))
    error = float(gap[index] / max(float(np.abs(right).max()), 1e-6))
    if error <= TOLERANCE.get(yours.dtype.str[1:], 1e-9):
        return None
    return Deviation(key, error, index, float(yours[index]), float(right[index]))


def agrees(yours: np.ndarray, right: np.ndarray) -> bool:
    """Whether there is no deviation."""
    return deviation("", yours, right) is None
