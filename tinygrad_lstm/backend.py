"""Where arrays live: NumPy, CuPy, or any array-API namespace under test.

The only file that imports cupy.  Ops never import an array library: they are handed `xp`.
"""

from __future__ import annotations

import functools
import math
import sys
from typing import Any

import numpy as np

from .errors import BackendError, DtypeError, ShapeError
from .settings import LOCAL, Setting

_CURE = "install CuPy for your CUDA: pip install cupy-cuda13x (or cupy-cuda12x)"


def namespace(array: Any) -> Any:
    """The module whose functions take this array: the `xp` that every op is handed."""
    if type(array) is np.ndarray or isinstance(array, np.generic):
        return np
    if type(array).__module__.split(".")[0] == "cupy":
        return sys.modules["cupy"]
    return array.__array_namespace__()


def backend_name(array: Any) -> str:
    """The word for it in messages: 'numpy', 'cupy', 'array_api_strict' ..."""
    return namespace(array).__name__.split(".")[0]


def backend(name: Any, device: Any = None) -> Setting:
    """Where new tensors are made: "numpy", "cupy", or an array-API module with one of its devices.

    Call it to switch for good, or write `with backend("cupy"):`.

    Raises:
        BackendError: if that backend, or a device for it, is not there; it says what to do.
    """
    _module(name)
    return Setting(backend=name, device=device)


def has_gpu() -> bool:
    """Whether CuPy is installed *and* finds a device (importing it succeeds without one)."""
    try:
        return bool(_cupy().is_available())
    except BackendError:
        return False


def move(array: Any, name: Any, device: Any = None) -> Any:
    """The same numbers on the named backend."""
    module = _module(name)
    if namespace(array) is module and device is None:
        return array
    return _place(module, to_numpy(array), device)


def to_numpy(array: Any) -> np.ndarray:
    """The numbers as a NumPy array, fetched from the device if they are on one."""
    if hasattr(array, "get"):  # cupy refuses to be converted silently
        return array.get()
    if hasattr(array, "to_device") and not isinstance(array, (np.ndarray, np.generic)):
        array = array.to_device(namespace(array).Device("CPU_DEVICE"))
    return np.asarray(array)


def asarray(data: Any, dtype: Any = None) -> Any:
    """User data as an array of this thread's backend; Python floats get the default dtype."""
    if _is_array(data):
        if isinstance(data, (np.ndarray, np.generic)) and LOCAL.backend != "numpy":
            return _place(_module(LOCAL.backend), _converted(data, dtype), LOCAL.device)
        if dtype is not None and not isinstance(data, (np.ndarray, np.generic)):
            return namespace(data).astype(data, dtype)
        return (
            data if dtype is None and not isinstance(data, np.generic) else _converted(data, dtype)
        )
    return _place(_module(LOCAL.backend), _converted(data, dtype), LOCAL.device)


def _is_array(data: Any) -> bool:
    """Whether ops can compute with it as it is (not a column of a pandas table, for instance)."""
    return hasattr(data, "__array_namespace__") or type(data).__module__.split(".")[0] in (
        "cupy",
        "numpy",
    )


def zeros(xp: Any, shape: tuple[int, ...], like: Any) -> Any:
    """Zeros with the dtype and the device of `like`."""
    if xp is np or xp.__name__ == "cupy":
        return xp.zeros(shape, like.dtype)
    return xp.zeros(shape, dtype=like.dtype, device=like.device)


def counting(xp: Any, n: int, like: Any) -> Any:
    """The numbers 0 ... n-1, on the device of `like`."""
    if xp is np or xp.__name__ == "cupy":
        return xp.arange(n)
    return xp.arange(n, device=like.device)


def total(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """The sum over axes; in NumPy by the ufunc itself, for `np.sum` costs twice as much to call."""
    if xp is np:
        return np.add.reduce(x, axis=axis, keepdims=keepdims)
    return xp.sum(x, axis=axis, keepdims=keepdims)


def random_like(xp: Any, draws: np.ndarray, like: Any) -> Any:
    """Random draws beside `like`; from the host, so that a seed gives one result everywhere."""
    if xp is np:
        return draws.astype(like.dtype, copy=False)
    if xp.__name__ == "cupy":
        return xp.asarray(draws, dtype=like.dtype)
    return xp.asarray(draws, dtype=like.dtype, device=like.device)


def add_rows(xp: Any, ids: Any, rows: Any, count: int) -> Any:
    """Zeros (count, ...) to which row n of `rows` has been added at position ids[n]."""
    total = zeros(xp, (count, *rows.shape[1:]), rows)
    if xp is np:
        np.add.at(total, ids, rows)
        return total
    if xp.__name__ == "cupy":
        import cupyx

        cupyx.scatter_add(total, ids, rows)
        return total
    one_hot = xp.astype(counting(xp, count, ids)[:, None] == ids[None, :], rows.dtype)
    width = math.prod(rows.shape[1:])  # not -1, which is no number where there are no rows
    return xp.reshape(one_hot @ xp.reshape(rows, (rows.shape[0], width)), total.shape)


@functools.cache
def keep_freed_memory() -> None:
    """Ask glibc to keep freed arrays for the next ones instead of handing them back to the system.

    An eager tape frees and makes the same arrays in every training step.  By default each of them
    costs page faults again, which is the larger part of the run time from about 128 KiB on.
    Elsewhere (macOS, Windows, musl) there is no such knob and nothing happens.
    """
    import ctypes

    m_trim_threshold, m_mmap_threshold = -1, -3
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(m_mmap_threshold, 32 << 20)
    mallopt(m_trim_threshold, 512 << 20)


def _converted(data: Any, dtype: Any) -> np.ndarray:
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError(
            "Tensor: the rows of a list must be equally long; this one is ragged"
        ) from error
    if array.dtype.kind not in "fciub":
        raise DtypeError(f"Tensor: cannot hold {array.dtype} data; numbers only")
    if dtype is None and array.dtype.kind == "f" and not hasattr(data, "dtype"):
        dtype = LOCAL.dtype
    return array if dtype is None else array.astype(_numpy_dtype(dtype))


def _numpy_dtype(dtype: Any) -> np.dtype:
    """NumPy's dtype for a name, a type, or the dtype of another array library."""
    for spelling in (dtype, str(dtype).split(".")[-1]):
        try:
            return np.dtype(spelling)
        except TypeError:
            continue
    raise DtypeError(f"Tensor: there is no dtype {dtype!r}; write 'float32' or 'float64'")


def _place(module: Any, array: np.ndarray, device: Any) -> Any:
    return module.asarray(array) if device is None else module.asarray(array, device=device)


def _module(name: Any) -> Any:
    if name == "numpy":
        return np
    if name == "cupy":
        cupy = _cupy()
        if not cupy.is_available():
            raise BackendError("backend 'cupy': CuPy is installed but finds no CUDA device")
        return cupy
    if hasattr(name, "__array_namespace_info__"):
        return name
    raise BackendError(f"backend {name!r} is unknown; there are 'numpy' and 'cupy'")


def _cupy() -> Any:
    try:
        import cupy
    except ImportError as error:
        raise BackendError(f"backend 'cupy': CuPy is not installed; {_CURE}") from error
    return cupy
