r"""Functions of one entry for kernels that numba compiles.

A loop over a function of C's library takes one entry after another.  `tanh` of float32 is therefore
written down here, without a branch, so that the loop takes 16 at once.  With $e = \exp(-2|x|)$ it
is $\pm (1 - 2 e / (1 + e))$, and near 0, where that would cancel, a polynomial; $\exp$ is $2^n$,
put down as the bits of a float, times the exponential of what is left.  The error is below 1.5
units in the last place (that of `numpy.tanh` below 1.4).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types

from .kernel_text import CALLS
from .numba_machine import NUMPY, float_of_bits

F = np.float32
NEAR = [F(c) for c in (-0.33333284, 0.13331491, -0.053743493, 0.02065057, -0.0057170256)]
"""(tanh(x) / x - 1) / x^2 in powers of x^2, fitted on |x| < 0.625."""
EXP = [F(c) for c in (0.5, 0.16666415, 0.041666083, 0.008375129, 0.0013956047)]
"""(exp(r) - 1 - r) / r^2 in powers of r, fitted on |r| < log(2) / 2."""
P0, P1, P2, P3, P4 = NEAR
E0, E1, E2, E3, E4 = EXP
ZERO, ONE, TWO, HALF, CUT, FAR = F(0), F(1), F(2), F(0.5), F(0.625), F(10)
PER = F(-2 / math.log(2))
LOG2, LOG2_REST = F(0.693145752), F(1.42860677e-6)
BIAS, PLACES = np.int32(127), np.int32(23)


@njit(**NUMPY)
def tanh32(x):
    """tanh of a float32."""
    a, u = abs(x), x * x
    near = x + x * u * (P0 + u * (P1 + u * (P2 + u * (P3 + u * P4))))
    z = FAR if a > FAR else a
    n = np.floor(z * PER + HALF)
    r = (-TWO * z - n * LOG2) - n * LOG2_REST
    e = ONE + (r + r * r * (E0 + r * (E1 + r * (E2 + r * (E3 + r * E4)))))
    e = e * float_of_bits((np.int32(n) + BIAS) << PLACES)
    far = ONE - TWO * e / (ONE + e)
    y = near if a < CUT else (far if x > ZERO else -far)
    return y if x == x else x


@njit(**NUMPY)
def _maximum(a, b):
    return a if a > b or a != a else b


@njit(**NUMPY)
def _minimum(a, b):
    return a if a < b or a != a else b


@njit(**NUMPY)
def _clip(a, low, high):
    return low if a < low else high if a > high else a


@njit(**NUMPY)
def _where(condition, a, b):
    return a if condition else b


@njit(**NUMPY)
def _and(a, b):
    return a != 0 and b != 0


@njit(**NUMPY)
def _or(a, b):
    return a != 0 or b != 0


@njit(**NUMPY)
def _not(a):
    return a == 0


WHOLE = [sign + f"int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]

NAMES: dict[str, Any] = {
    **{fn: getattr(np, fn) for fn in CALLS},
    "tanh32": tanh32,
    "atan": np.arctan,
    "np_absolute": np.absolute,
    "np_sign": np.sign,
    "np_maximum": _maximum,
    "np_minimum": _minimum,
    "np_clip": _clip,
    "np_where": _where,
    "np_and": _and,
    "np_or": _or,
    "np_not": _not,
    "float": types.float32,
    "double": types.float64,
    **{"np_" + kind: getattr(types, kind) for kind in WHOLE},
    **{kind: getattr(types, kind) for kind in ("float32", "float64", "boolean", *WHOLE)},
}
"""What the text of a kernel speaks of, and the types of entries."""
