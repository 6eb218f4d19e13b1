"""How many threads a matrix product takes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

CHOSEN = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextlib.contextmanager
def one_blas_thread() -> Iterator[bool]:
    """Inside, NumPy's products take one thread, unless the user's environment chose a number.

    The products of one timestep are so small that a second thread gains nothing (measured: 83,000
    characters a second with either).  But threads wait for each other by spinning: when anything
    else keeps a core busy, two threads are five to a hundred times slower than one.

    Yields:
        Whether it was done; False where the user chose.
    """
    if any(name in os.environ for name in CHOSEN):
        yield False
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield True
