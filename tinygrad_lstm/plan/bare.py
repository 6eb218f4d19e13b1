"""Calls of NumPy without what it does before: for small arrays that takes longer than the work.

Many of its functions first ask whether another library's arrays came and want a version of their
own.  A plan has looked at the arrays when it was made, so its calls skip that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def without_asking(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function for NumPy's own arrays; the function itself where NumPy does not tell."""
    return getattr(f, "_implementation", f)


dot, copyto, concatenate = map(without_asking, (np.dot, np.copyto, np.concatenate))


def gathering(arrived: list[Any], numbers: Sequence[int], out: Any) -> Callable[[], None]:
    """What puts arrays that came from outside one below the other, step by step, into `out`."""
    T, N, *rest = out.shape
    rows, first = out.reshape(T * N, *rest), numbers[0]
    if list(numbers) == list(range(first, first + len(numbers))):
        part = slice(first, first + len(numbers))
        return lambda: concatenate(arrived[part], 0, rows)
    return lambda: concatenate([arrived[k] for k in numbers], 0, rows)
