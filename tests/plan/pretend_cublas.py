"""The library cuBLAS of the stand-in: functions of C by their prototypes in NVIDIA's header.

`computed_as` notes how precisely products were wanted.  What a capture forbids is a status.
"""

from __future__ import annotations

import ctypes
from ctypes import c_int, c_longlong, c_size_t, c_void_p

import numpy as np

from tests.plan import pretend_cuda

REAL = {0: ctypes.c_float, 1: ctypes.c_double}
HANDLE, NOT_SUPPORTED = 70, 15
MATRIX = [c_void_p, c_int, c_int, c_longlong]
TAKES = {
    "cublasCreate_v2": [ctypes.POINTER(c_void_p)],
    "cublasDestroy_v2": [c_void_p],
    "cublasSetStream_v2": [c_void_p, c_void_p],
    "cublasSetWorkspace_v2": [c_void_p, c_void_p, c_size_t],
    "cublasGemmStridedBatchedEx": [
        c_void_p, c_int, c_int, c_int, c_int, c_int, c_void_p, *MATRIX, *MATRIX, c_void_p, *MATRIX,
        c_int, c_int, c_int,
    ],
}  # fmt: skip
computed_as: set[int] = set()


class Library:
    """One handle: its stream, and whether it has memory of its own."""

    def __init__(self, xp=None):
        self.stream, self.has_memory = 0, False
        made = {
            "cublasCreate_v2": self._create,
            "cublasDestroy_v2": lambda handle: 0,
            "cublasSetStream_v2": self._set_stream,
            "cublasSetWorkspace_v2": self._set_workspace,
            "cublasGemmStridedBatchedEx": self._product,
        }
        for name, f in made.items():
            setattr(self, name, ctypes.CFUNCTYPE(c_int, *TAKES[name])(f))

    def _create(self, handle):
        handle[0] = HANDLE
        return 0

    def _set_stream(self, handle, stream):
        self.stream, self.has_memory = stream or 0, False
        return 0 if handle == HANDLE else NOT_SUPPORTED

    def _set_workspace(self, handle, memory, size):
        self.has_memory = bool(memory) and size > 0
        return 0 if handle == HANDLE and self.has_memory else NOT_SUPPORTED

    def _product(self, handle, *args):
        now = pretend_cuda.get_current_stream()
        if handle != HANDLE or self.stream != now.ptr:
            return NOT_SUPPORTED
        if now.written is not None and not self.has_memory:
            return NOT_SUPPORTED  # it would take memory in the graph
        return multiply(*args)


def multiply(
    a_turned, b_turned, m, n, k, alpha, a, a_kind, lda, a_apart, b, b_kind, ldb, b_apart,
    beta, c, c_kind, ldc, c_apart, count, compute, algorithm,
):  # fmt: skip
    """Products from addresses, in columns, by NumPy; the status of what cuBLAS refuses."""
    if not (a_kind == b_kind == c_kind and algorithm == -1):
        return NOT_SUPPORTED
    if lda < (k if a_turned else m) or ldb < (n if b_turned else k) or ldc < m:
        return NOT_SUPPORTED
    real = REAL[c_kind]
    A = _columns(a, real, (k, m) if a_turned else (m, k), lda, a_apart, count)
    B = _columns(b, real, (n, k) if b_turned else (k, n), ldb, b_apart, count)
    C = _columns(c, real, (m, n), ldc, c_apart, count)
    old = real.from_address(beta).value
    if real.from_address(alpha).value != 1 or old not in (0, 1):
        return NOT_SUPPORTED
    if np.shares_memory(C, A) or np.shares_memory(C, B):
        return NOT_SUPPORTED  # a product must not read what it writes
    computed_as.add(compute)
    A = A.swapaxes(1, 2) if a_turned else A
    B = B.swapaxes(1, 2) if b_turned else B
    pretend_cuda.launch(_multiply, A, B, C, old)
    return 0


def _columns(address, real, shape, ld, apart, count):
    size = ctypes.sizeof(real)
    first = np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(real)), (1,))
    strides = (apart * size, size, ld * size)
    return np.lib.stride_tricks.as_strided(first, (count, *shape), strides)


def _multiply(A, B, C, old):
    C[...] = A @ B + (C if old else 0)
