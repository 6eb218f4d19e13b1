"""A stand-in for CuPy without a GPU: its functions by NumPy, on arrays that keep to themselves.

Like `cupy.ndarray` they refuse to become NumPy arrays unasked, and to be mixed with them.  Taking
memory, and every copy from or to the host, is counted.  Work on a stream that captures is written
down instead of done, and a graph does it; whatever CUDA forbids meanwhile raises.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

import numpy as np

from tests.plan import pretend_cuda as cuda
from tests.plan.pretend_cuda import COUNTS, forbidden_in_capture, launch
from tests.plan.pretend_kernels import ElementwiseKernel  # noqa: F401

__name__ = "cupy"  # by this the backend knows it
bool_, int64, int32, float32, float64 = np.bool_, np.int64, np.int32, np.float32, np.float64
inf, nan, newaxis = np.inf, np.nan, None


class ndarray:
    """Memory that pretends to be on a device."""

    __array_ufunc__ = None

    def __init__(self, shape, dtype=float, memptr=None, strides=None):
        """As in CuPy: new memory, or a view of some that knows of no other array."""
        if memptr is None:
            self._host = np.empty(shape, dtype)
            self._mem = _taken(self._host)
        else:
            there = (ctypes.c_char * np.dtype(dtype).itemsize).from_address(memptr.ptr)
            first = np.ndarray((), dtype, there)
            strides = np.ndarray(shape, dtype).strides if strides is None else strides
            self._host = np.lib.stride_tricks.as_strided(first, shape, strides)
            self._mem = memptr.mem
        self.base = None

    @classmethod
    def of(cls, host, base=None):
        """An array with this memory, which is new unless it is that of `base`."""
        self = cls.__new__(cls)
        self._host, self.base = host, base
        self._mem = _taken(host) if base is None else base._mem
        return self

    def __array__(self, *args, **kwargs):
        raise TypeError("implicit conversion to a NumPy array is not allowed; use .get()")

    def __array_function__(self, *args):
        raise TypeError("a function of NumPy was called on an array of the device")

    def __array_namespace__(self, api_version=None):
        return sys.modules["cupy"]

    shape = property(lambda self: self._host.shape)
    strides = property(lambda self: self._host.strides)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    itemsize = property(lambda self: self._host.itemsize)
    nbytes = property(lambda self: self._host.nbytes)
    flags = property(lambda self: self._host.flags)
    T = property(lambda self: self.transpose())

    @property
    def data(self):
        address = self._host.__array_interface__["data"][0]
        return cuda.MemoryPointer(self._mem, address - self._mem.ptr)

    @property
    def device(self):
        return cuda.Device()

    def get(self):
        forbidden_in_capture("a copy to the host")
        COUNTS["to host"] += 1
        return self._host.copy()

    def set(self, array):
        forbidden_in_capture("a copy from the host")
        if type(array) is not np.ndarray or array.dtype != self.dtype:
            raise TypeError("set takes a NumPy array of the same dtype")
        if array.shape != self.shape or not self.flags.c_contiguous:
            raise ValueError("set takes an array of the same shape into one in one piece")
        COUNTS["to device"] += 1
        self._host[...] = array

    def item(self):
        return self.get().item()

    def fill(self, value):
        launch(self._host.fill, _scalar(value))

    def _view(self, host):
        if not host.size or np.may_share_memory(host, self._host):
            return ndarray.of(host, self if self.base is None else self.base)
        return ndarray.of(host)

    def reshape(self, *shape):
        return self._view(self._host.reshape(*shape))

    def transpose(self, *axes):
        return self._view(self._host.transpose(*axes))

    def swapaxes(self, one, other):
        return self._view(self._host.swapaxes(one, other))

    def astype(self, dtype, copy=True):
        return ndarray.of(self._host.astype(dtype))

    def copy(self):
        made = ndarray.of(np.empty_like(self._host))
        launch(np.copyto, made._host, self._host)
        return made

    def sum(self, axis=None, dtype=None, out=None, keepdims=False):
        return self._reduced(np.add, axis, out, keepdims)

    def max(self, axis=None, out=None, keepdims=False):
        return self._reduced(np.maximum, axis, out, keepdims)

    def _reduced(self, ufunc, axis, out, keepdims):
        out = ndarray.of(ufunc.reduce(self._host, axis, keepdims=keepdims)) if out is None else out
        launch(ufunc.reduce, self._host, axis, None, out._host, keepdims)
        return out

    def __getitem__(self, key):
        host = self._host[_plain(key)]
        return ndarray.of(np.asarray(host)) if np.isscalar(host) else self._view(host)

    def __setitem__(self, key, value):
        launch(self._host.__setitem__, _plain(key), _scalar(value))

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __bool__(self):
        return bool(self.item())

    def __int__(self):
        return int(self.item())

    def __float__(self):
        return float(self.item())


def _taken(host):
    """Memory of the device, which a capture must not take."""
    forbidden_in_capture("taking memory")
    COUNTS["taken"] += 1
    address = host.__array_interface__["data"][0]
    return cuda.UnownedMemory(address, host.nbytes, host)


def _operator(name):
    def method(self, *others):
        return computed(getattr(np.ndarray, name), self, *others)

    return method


OPERATORS = "add sub mul truediv pow matmul gt ge lt le eq ne and or neg invert abs".split()
for _name in OPERATORS:
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in "add sub mul truediv pow matmul".split():
    setattr(ndarray, f"__r{_name}__", _operator(f"__r{_name}__"))
ndarray.__hash__ = None
ndarray.__module__ = "cupy"


def _scalar(x):
    """The memory of an array, or a number; CuPy takes nothing else."""
    if isinstance(x, ndarray):
        return x._host
    if isinstance(x, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return x


def _plain(x):
    if isinstance(x, tuple | list):
        return type(x)(_plain(y) for y in x)
    return _scalar(x)


def computed(f, *args, **settings):
    """f on the memory of arrays; its result is on the device, too, and was made at once."""
    y = f(*_plain(args), **{k: _plain(v) for k, v in settings.items()})
    if isinstance(y, np.generic | np.ndarray):
        return ndarray.of(np.asarray(y))
    return y


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    f = getattr(np, name)

    def called(*args, **settings):
        return computed(f, *args, **settings)

    if isinstance(f, np.ufunc):
        called.at = lambda *args: launch(f.at, *_plain(args))
    return called


def is_available():
    return True


def isdtype(dtype, kind):
    return dtype.kind in {"integral": "iu", "real floating": "f", "bool": "b"}[kind]


def asarray(x, dtype=None, order="C"):
    """Also from the host, which is a copy."""
    if isinstance(x, ndarray):
        return x if dtype in (None, x.dtype) else x.astype(dtype)
    forbidden_in_capture("a copy from the host")
    COUNTS["to device"] += 1
    return ndarray.of(np.array(x, dtype, order="C"))


array = asarray


def ascontiguousarray(x):
    return x if x.flags.c_contiguous else ndarray.of(x._host.copy())


def astype(x, dtype, copy=True):
    return x.astype(dtype)


def broadcast_to(x, shape):
    return x._view(np.broadcast_to(x._host, shape))


def copyto(out, x, casting="same_kind"):
    launch(np.copyto, out._host, _scalar(x), casting)


class lib:
    class stride_tricks:
        @staticmethod
        def as_strided(x, shape, strides):
            return ndarray(shape, x.dtype, x.data, strides)


@contextlib.contextmanager
def counted():
    """What is counted inside: a dict of "taken", "to host", "to device"."""
    before = dict(COUNTS)
    found: dict[str, int] = {}
    yield found
    found.update({what: n - before[what] for what, n in COUNTS.items()})
