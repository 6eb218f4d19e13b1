"""Streams, graphs and memory of the stand-in for CuPy: `cupy.cuda`."""

from __future__ import annotations

import contextlib

COUNTS = {"taken": 0, "to host": 0, "to device": 0, "launched": 0, "graphs": 0}


class CUDARuntimeError(RuntimeError):
    pass


class Stream:
    """Work is done at once, or written down while the stream captures."""

    def __init__(self, non_blocking=False):
        self.non_blocking, self.written, self.before = non_blocking, None, []
        self.ptr = id(self) if non_blocking else 0

    def __enter__(self):
        self.before.append(NOW[0])
        NOW[0] = self
        return self

    def __exit__(self, *error):
        NOW[0] = self.before.pop()

    def record(self, event=None):
        forbidden_in_capture("an event for others")
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event):
        assert self.written is None and event.at

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

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.timed = not disable_timing

    def record(self, stream=None):
        Event.happened += 1
        self.at = Event.happened

    def synchronize(self):
        forbidden_in_capture("waiting for the device")


def get_elapsed_time(first, last):
    assert first.timed and last.timed
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


class Device:
    """The first of the devices there are."""

    def __init__(self, device=None):
        self.id = 0 if device is None else device


class UnownedMemory:
    """Memory that somebody else keeps; here always pinned memory of the host."""

    def __init__(self, ptr, size, owner, device_id=-1):
        self.ptr, self.size, self.owner = ptr, size, owner


class MemoryPointer:
    def __init__(self, mem, offset):
        self.mem, self.ptr = mem, mem.ptr + offset


def alloc_pinned_memory(size):
    return bytearray(size)


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
    """CuPy's functions of cuBLAS: right, but refused while a stream captures."""

    CUBLAS_OP_N, CUBLAS_OP_T = 0, 1
    CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_64F, CUBLAS_COMPUTE_32F_FAST_TF32 = 68, 70, 77
    getVersion = staticmethod(lambda handle: 120903)

    @staticmethod
    def gemmStridedBatchedEx(handle, *args):
        from tests.plan.pretend_cublas import multiply

        if NOW[0].written is not None:
            raise NotImplementedError(
                "calling cuBLAS API during stream capture is currently unsupported"
            )
        assert handle == 7 and multiply(*args) == 0
