"""Streams, graphs and cuBLAS of the stand-in for CuPy: `cupy.cuda`."""

from __future__ import annotations

import contextlib
import ctypes
from types import SimpleNamespace

import numpy as np

COUNTS = {"taken": 0, "to host": 0, "to device": 0, "launched": 0, "graphs": 0}
REAL = {0: ctypes.c_float, 1: ctypes.c_double}


class CUDARuntimeError(RuntimeError):
    pass


class Stream:
    """Work is done at once, or written down while the stream captures."""

    def __init__(self, non_blocking=False):
        self.non_blocking, self.written, self.before = non_blocking, None, []

    def __enter__(self):
        self.before.append(NOW[0])
        NOW[0] = self
        return self

    def __exit__(self, *error):
        NOW[0] = self.before.pop()

    def record(self):
        forbidden_in_capture("an event for others")
        return SimpleNamespace(stream=self)

    def wait_event(self, event):
        assert self.written is None

    def synchronize(self):
        forbidden_in_capture("waiting for the device")

    def begin_capture(self):
        if not self.non_blocking:
            raise CUDARuntimeError("this stream cannot be captured")
        self.written = []

    def end_capture(self):
        written, self.written = self.written, None
        return Graph(written)


class Event:
    """Events of which the first takes place at 0 ms, the next at 1 ms, and so on."""

    happened = 0

    def record(self, stream=None):
        Event.happened += 1
        self.at = Event.happened

    def synchronize(self):
        forbidden_in_capture("waiting for the device")


def get_elapsed_time(first, last):
    return float(last.at - first.at)


class Graph:
    def __init__(self, work):
        self.work = work

    def launch(self, stream=None):
        assert stream is None or stream.written is None
        COUNTS["graphs"] += 1
        for f, args in self.work:
            f(*args)


NOW = [Stream()]


def get_current_stream():
    return NOW[0]


def launch(f, *args):
    """A kernel of the device: queued on the current stream."""
    COUNTS["launched"] += 1
    if NOW[0].written is None:
        f(*args)
    else:
        NOW[0].written.append((f, args))


def forbidden_in_capture(what):
    if NOW[0].written is not None:
        raise CUDARuntimeError(f"{what} is not permitted when the stream is capturing")


class MemoryPool:
    def malloc(self, size):
        raise AssertionError("the stand-in has no pools")


@contextlib.contextmanager
def using_allocator(allocator):
    yield


def get_cublas_handle():
    return 7


class runtime:
    CUDA_R_32F, CUDA_R_64F = 0, 1
    getDevice = staticmethod(lambda: 0)
    getDeviceProperties = staticmethod(lambda device: {"name": b"no GPU, a stand-in"})
    runtimeGetVersion = driverGetVersion = staticmethod(lambda: 0)


class cublas:
    """Products from addresses, in columns: `computed_as` notes how precisely."""

    CUBLAS_OP_N, CUBLAS_OP_T = 0, 1
    CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_64F, CUBLAS_COMPUTE_32F_FAST_TF32 = 68, 70, 77
    computed_as: set[int] = set()

    @staticmethod
    def gemmStridedBatchedEx(
        handle, a_turned, b_turned, m, n, k, alpha, a, a_kind, lda, a_apart, b, b_kind, ldb,
        b_apart, beta, c, c_kind, ldc, c_apart, count, compute, algorithm,
    ):  # fmt: skip
        assert handle == 7 and a_kind == b_kind == c_kind and algorithm == -1
        real = REAL[c_kind]
        assert lda >= (k if a_turned else m) and ldb >= (n if b_turned else k) and ldc >= m
        cublas.computed_as.add(compute)
        A = _columns(a, real, (k, m) if a_turned else (m, k), lda, a_apart, count)
        B = _columns(b, real, (n, k) if b_turned else (k, n), ldb, b_apart, count)
        C = _columns(c, real, (m, n), ldc, c_apart, count)
        old = real.from_address(beta).value
        assert real.from_address(alpha).value == 1 and old in (0, 1)
        A = A.swapaxes(1, 2) if a_turned else A
        B = B.swapaxes(1, 2) if b_turned else B
        assert not (np.shares_memory(C, A) or np.shares_memory(C, B)), "a product reads its result"
        launch(_multiply, A, B, C, old)


def _columns(address, real, shape, ld, apart, count):
    size = ctypes.sizeof(real)
    first = np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(real)), (1,))
    strides = (apart * size, size, ld * size)
    return np.lib.stride_tricks.as_strided(first, (count, *shape), strides)


def _multiply(A, B, C, old):
    C[...] = A @ B + (C if old else 0)
