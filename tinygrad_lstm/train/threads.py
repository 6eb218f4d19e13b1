"""How many threads a matrix product takes."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

CHOSEN = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
NAMES = (
    "scipy_openblas_{}_num_threads64_",
    "scipy_openblas_{}_num_threads",
    "openblas_{}_num_threads",
)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[bool]:
    """Inside, NumPy's products take one thread, unless the user's environment chose a number.

    The products of one timestep are so small that a second thread gains nothing (measured: 83,000
    characters a second with either).  But threads wait for each other by spinning: when anything
    else keeps a core busy, two threads are five to a hundred times slower than one.

    Yields:
        Whether it worked; it does for the OpenBLAS that comes in NumPy's wheels.
    """
    functions = None if any(name in os.environ for name in CHOSEN) else _openblas()
    if functions is None:
        yield False
        return
    get, set_to = functions
    before = get()
    set_to(1)
    try:
        yield True
    finally:
        set_to(before)


def _openblas():
    """The functions of the loaded OpenBLAS that tell and set its number of threads."""
    home = Path(np.__file__).parent
    for folder in (home.parent / "numpy.libs", home / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            library = ctypes.CDLL(str(path))
            for name in NAMES:
                if hasattr(library, name.format("set")):
                    return getattr(library, name.format("get")), getattr(
                        library, name.format("set")
                    )
    return None
