"""cuBLAS itself, beside CuPy: with a handle and memory of the plan's own it can be captured.

CuPy's functions raise "calling cuBLAS API during stream capture is currently unsupported"; and a
handle that has no memory of its own takes some in every graph.
"""

from __future__ import annotations

import ctypes
import sys
import weakref
from typing import Any

from ..errors import BackendError

WORKSPACE = 32 << 20
"""Bytes for the inside of products: what cuBLAS takes on the largest devices by itself."""
GEMM = (
    [ctypes.c_void_p, *[ctypes.c_int] * 5, ctypes.c_void_p]
    + [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_longlong] * 2
    + [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_longlong]
    + [ctypes.c_int] * 3
)
TAKES = {
    "cublasCreate_v2": [ctypes.POINTER(ctypes.c_void_p)],
    "cublasDestroy_v2": [ctypes.c_void_p],
    "cublasSetStream_v2": [ctypes.c_void_p, ctypes.c_void_p],
    "cublasSetWorkspace_v2": [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t],
    "cublasGemmStridedBatchedEx": GEMM,
}
"""Every function that is called, and what it takes in C; each returns a status."""


def library(xp: Any) -> Any:
    """The library that CuPy has loaded, found again by its name.

    Raises:
        OSError: if it is not found.
    """
    major = xp.cuda.cublas.getVersion(xp.cuda.get_cublas_handle()) // 10000
    windows = sys.platform == "win32"
    return ctypes.CDLL(f"cublas64_{major}.dll" if windows else f"libcublas.so.{major}")


class Cublas:
    """Calls cublasGemmStridedBatchedEx on the stream that is current.

    Raises:
        OSError: if the library is not found.
        BackendError: if cuBLAS reports an error.
    """

    def __init__(self, xp: Any) -> None:
        self.xp, self._stream = xp, None
        self._library = library(xp)
        for name, takes in TAKES.items():
            getattr(self._library, name).argtypes = takes
        self._handle = ctypes.c_void_p()
        self._call("cublasCreate_v2", ctypes.byref(self._handle))
        self._memory = xp.zeros(WORKSPACE, "uint8")
        weakref.finalize(self, self._library.cublasDestroy_v2, self._handle).atexit = False

    def __call__(self, *args: Any) -> None:
        stream = self.xp.cuda.get_current_stream().ptr
        if stream != self._stream:  # which takes the memory away from the handle
            self._call("cublasSetStream_v2", self._handle, stream)
            self._call("cublasSetWorkspace_v2", self._handle, self._memory.data.ptr, WORKSPACE)
            self._stream = stream
        self._call("cublasGemmStridedBatchedEx", self._handle, *args)

    def _call(self, name: str, *args: Any) -> None:
        status = getattr(self._library, name)(*args)
        if status:
            raise BackendError(f"cuBLAS: {name} failed with status {status}")


def product_on(xp: Any) -> Any:
    """cublasGemmStridedBatchedEx without its first argument; CuPy's, if the library is not found.

    That one cannot be captured: every step then makes its calls one by one.
    """
    try:
        return Cublas(xp)
    except OSError:
        handle = xp.cuda.get_cublas_handle()
        return lambda *args: xp.cuda.cublas.gemmStridedBatchedEx(handle, *args)
