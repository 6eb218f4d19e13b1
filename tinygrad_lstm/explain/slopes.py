"""Slopes by differences: how steep a function of one number is, and whether it has a corner."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

STEPS = (1e-3, 1e-4, 1e-5)
"""How far to go to either side; shorter steps where a corner may lie within the longer."""


class Slope(NamedTuple):
    """What differences say about a derivative.

    Attributes:
        value: the numeric derivative.
        corner: whether the slopes to the left and to the right differ however short the step is.
    """

    value: float
    corner: bool = False


def slope(f: Callable[[float], float], expected: float, near: Callable[[float], bool]) -> Slope:
    r"""The derivative of f at 0 by central differences with steps $\epsilon$ and $\epsilon/2$.

    $f'(0) \approx (4 d_{\epsilon/2} - d_\epsilon) / 3$, the error of order $\epsilon^2$ cancels,
    where $d_\epsilon = (f(\epsilon) - f(-\epsilon)) / 2\epsilon$.

    Args:
        f: the function, shifted so that the point of interest is 0.
        expected: the analytic derivative; at a corner any slope between the two sides is right.
        near: whether a numeric value agrees with it.  Shorter steps are tried where it does not.
    """
    tried = []
    for eps in STEPS:
        coarse, fine = (f(eps) - f(-eps)) / (2 * eps), (f(eps / 2) - f(-eps / 2)) / eps
        tried.append((4 * fine - coarse) / 3)
        if near(tried[-1]):
            return Slope(tried[-1])
    return Slope(tried[0], corner=_has_corner(f, expected, STEPS[-1]))


def _has_corner(f: Callable[[float], float], expected: float, eps: float) -> bool:
    """Whether f has a corner within eps of 0, and the expected slope lies between its sides."""
    here = f(0.0)
    left, right = (here - f(-eps / 2)) / (eps / 2), (f(eps / 2) - here) / (eps / 2)
    jump, wide = right - left, (f(eps) - 2 * here + f(-eps)) / eps
    small = 1e-4 * max(1.0, abs(left), abs(right))
    coarse, fine = (f(eps) - f(-eps)) / (2 * eps), (left + right) / 2
    stays = abs(jump) > 0.75 * abs(wide)  # in a smooth bend the jump halves with the step
    within = min(left, right) - small <= expected <= max(left, right) + small
    return within and abs(jump) > small and (stays or abs(coarse - fine) > small)
