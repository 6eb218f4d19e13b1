"""What NumPy's matrix products run on: how many threads, and which kernels."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
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

AVX2_CORES = {"Haswell", "Zen", "Excavator"}
AVX512_CORE = "SkylakeX"
AVX512_FLAGS = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}
SYMBOLS = (
    "gotoblas_corename",
    "gotoblas_dynamic_quit",
    "gotoblas_dynamic_init",
    f"gotoblas_{AVX512_CORE.upper()}",  # its table of kernels: there if they were compiled in
)


class _Process:
    """What the whole process shares, because its BLAS does: not a setting of one thread."""

    lock = threading.Lock()
    threads: int | None = None  # what `blas_threads` asked for
    kernels: str | None = None  # what `fit_blas_kernels` did


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


def fit_blas_kernels() -> str:
    """Give NumPy's OpenBLAS its kernels for AVX-512 where it overlooked that the processor has it.

    OpenBLAS chooses kernels when it is loaded, by what it knows of the processor.  One that it does
    not recognise gets those for AVX2, which do half the work per instruction.  This makes OpenBLAS
    choose again, for the whole process, and checks the products; if anything is off, it switches
    back.  Last bits of products may differ from those before.  The first call decides, later ones
    report.  No product may be running in another thread during that first call.

    With OPENBLAS_CORETYPE in the environment, or TINYGRAD_LSTM_BLAS=leave, nothing is touched.

    Returns:
        What was done, or why nothing was, in words.
    """
    with _Process.lock:
        if _Process.kernels is None:
            if os.environ.get("TINYGRAD_LSTM_BLAS") == "leave":
                return _left("TINYGRAD_LSTM_BLAS=leave")
            if "OPENBLAS_CORETYPE" in os.environ:
                return _left(_what_the_user_chose())
            _Process.kernels = _fit()
        return _Process.kernels


def _left(reason: str) -> str:
    return f"BLAS kernels left as they are: {reason}"


def _what_the_user_chose() -> str:
    choice = f"OPENBLAS_CORETYPE={os.environ['OPENBLAS_CORETYPE']}"
    if _obstacle(_numpys_pool()):
        return choice
    return f"{choice}, though this processor has AVX-512: without it products are faster"


def _fit() -> str:
    import ctypes

    pool = _numpys_pool()
    obstacle = _obstacle(pool)
    if pool is None or obstacle:
        return _left(obstacle)
    # PyDLL keeps the interpreter's lock: no other thread starts a product during a call.
    library = ctypes.PyDLL(pool["filepath"])
    try:
        for name in SYMBOLS:
            library[name]  # which is looked up, not called
    except AttributeError as error:
        return _left(str(error))
    before = str(_core(pool))
    _choose(library, AVX512_CORE)
    if _core(pool) == AVX512_CORE and products_are_right():
        return f"BLAS kernels switched from {before} (AVX2) to {AVX512_CORE} (AVX-512)"
    _choose(library, before)
    return _left(f"{AVX512_CORE} did not pass the check")


def _obstacle(pool: dict[str, Any] | None) -> str:
    """Why OpenBLAS is not asked to choose again; empty if it should be."""
    return _no_place() or _no_library(pool) or _no_need(pool)


def _no_place() -> str:
    import platform
    import sys

    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "others are only known for Linux on x86-64"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = next((line.split() for line in file if line.startswith("flags")), [])
    except OSError as error:
        return str(error)
    return "" if AVX512_FLAGS <= set(flags) else "the processor has no AVX-512"


def _no_library(pool: dict[str, Any] | None) -> str:
    if pool is None or pool["internal_api"] != "openblas" or not _is_numpys_own(pool):
        return "NumPy's BLAS is not the OpenBLAS of its wheel"
    return ""


def _no_need(pool: Any) -> str:
    core = _core(pool)
    return "" if core in AVX2_CORES else f"{core} is what OpenBLAS chose by itself"


def _choose(library: Any, core: str) -> None:
    """Let OpenBLAS choose kernels anew, while the environment names them."""
    os.environ["OPENBLAS_CORETYPE"] = core
    library.gotoblas_dynamic_quit()
    library.gotoblas_dynamic_init()
    del os.environ["OPENBLAS_CORETYPE"]


def _core(pool: dict[str, Any]) -> str | None:
    """The kernels in use now; threadpoolctl remembers those that it saw first."""
    import ctypes

    try:
        corename = ctypes.PyDLL(pool["filepath"]).gotoblas_corename
    except (OSError, AttributeError):
        return pool.get("architecture")
    corename.restype = ctypes.c_char_p
    return corename().decode()


def products_are_right(multiply: Callable[..., np.ndarray] = np.matmul) -> bool:
    """Whether products of whole numbers, which do not round, equal those that use no BLAS."""
    draws = np.random.default_rng(0)
    for M, K, N in [(1, 67, 129), (7, 5, 3), (129, 65, 1), (67, 131, 257), (66, 701, 65)]:
        a, b = draws.integers(-8, 9, (M, K)), draws.integers(-8, 9, (K, N))
        for dtype in (np.float32, np.float64):
            x, y = a.astype(dtype), b.astype(dtype)
            x_turned, y_turned = x.T.copy().T, y.T.copy().T
            with np.errstate(all="ignore"):
                found = [multiply(p, q) for p in (x, x_turned) for q in (y, y_turned)]
                square = multiply(x, x.T)
            if not all(np.array_equal(a @ b, product) for product in found):
                return False
            if not np.array_equal(a @ a.T, square):
                return False
    return True


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
