"""What NumPy's matrix products run on: how many threads, and which kernels."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from .errors import ArgumentError

ENVIRONMENT = (
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_DEFAULT_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""By these variables a user chooses a number of threads before NumPy is loaded."""

SMALL_PRODUCTS = {"SkylakeX", "Cooperlake", "SapphireRapids"}
"""The kernels of OpenBLAS, those for AVX-512, that take small products as they lie."""


class _Process:
    """What the whole process shares, because its BLAS does: not a setting of one thread."""

    threads: int | None = None  # what `blas_threads` asked for


class BlasThreads:
    """A number of threads that holds from now on; used with `with`, the old one comes back."""

    def __init__(self, n: int) -> None:
        from threadpoolctl import threadpool_limits

        self._limits = threadpool_limits(limits=n, user_api="blas")
        self._before, _Process.threads = _Process.threads, n

    def __enter__(self) -> BlasThreads:
        return self

    def __exit__(self, *error: object) -> None:
        self._limits.restore_original_limits()
        _Process.threads = self._before


def blas_threads(n: int) -> BlasThreads:
    """How many threads one matrix product may take, in this whole process.

    Call it to choose for good, or write `with blas_threads(1):`.  It also works when NumPy has long
    been loaded, which environment variables do not.  OpenMP pools of other libraries stay as they
    are, and so does a BLAS that takes no orders (`blas_facts()["threads"]` is None then).

    Raises:
        ArgumentError: if n is not a whole number from 1 on.
    """
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
        raise ArgumentError(f"blas_threads({n!r}): a number of threads is a whole number from 1 on")
    return BlasThreads(int(n))


@contextlib.contextmanager
def one_blas_thread() -> Iterator[bool]:
    """Inside, products take one thread, unless the user chose a number.

    The products of one timestep are so small that a second thread gains little.  But threads wait
    for each other by spinning: when anything else keeps a core busy, two are far slower than one.

    Yields:
        Whether it was done; False where `blas_threads` or the environment say otherwise.
    """
    if _Process.threads is not None or any(os.environ.get(name) for name in ENVIRONMENT):
        yield False
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield True


def blas_facts() -> dict[str, Any]:
    """What NumPy's products run on: its BLAS `library`, `version`, `threads`, and kernels (`core`).

    None stands for what the library does not tell.
    """
    pool = _numpys_pool()
    if pool is None:
        built: Any = np.show_config(mode="dicts")
        name = built["Build Dependencies"]["blas"].get("name", "unknown")
        return {"library": name, "version": None, "threads": None, "core": None}
    return {
        "library": pool["internal_api"],
        "version": pool["version"],
        "threads": pool["num_threads"],
        "core": _core(pool),
    }


def small_products_are_faster() -> bool:
    """Whether many small products take less time than a large one.

    Small ones are not copied into another order before they are multiplied; but only large ones are
    shared among threads.
    """
    facts = blas_facts()
    return facts["core"] in SMALL_PRODUCTS and facts["threads"] == 1


def _core(pool: dict[str, Any]) -> str | None:
    """The kernels in use now; threadpoolctl remembers those that it saw first."""
    import ctypes

    try:
        corename = ctypes.PyDLL(pool["filepath"]).gotoblas_corename
    except (OSError, AttributeError):
        return pool.get("architecture")
    corename.restype = ctypes.c_char_p
    return corename().decode()


def _numpys_pool() -> dict[str, Any] | None:
    """What threadpoolctl knows of NumPy's BLAS; of several, the one that came with NumPy."""
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return min(pools, key=lambda pool: not _is_numpys_own(pool), default=None)


def _is_numpys_own(pool: dict[str, Any]) -> bool:
    """Whether it lies in `numpy.libs` beside NumPy, or (macOS) in NumPy itself."""
    return os.path.realpath(pool["filepath"]).startswith(
        os.path.dirname(os.path.realpath(np.__file__))
    )
