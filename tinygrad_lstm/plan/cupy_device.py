"""CuPy in place of NumPy: kernels of the plan's own, and cuBLAS, on arrays that are there already.

Nothing that is called in a step takes memory, and nothing is fetched from the device, but by ops
that only a user wrote and that look at numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..backend import namespace
from ..errors import ArgumentError, BackendError, DtypeError
from .capture import Replay, parts_of
from .class_losses import KNOWN
from .cublas import Products
from .device import Device
from .fused import why_host
from .kernel_text import KernelText, kernel_text
from .masks import Masks, drawn_there
from .numba_kernels import NumbaDevice
from .numbers import CLASS, NOBODY, ROW, WORDS, Faults
from .passes.kernels import Kernel
from .terms import Term
from .texts import ADD, CHECK, COPY, SCATTER, TAKE


class CupyDevice(Device):
    """The functions of `Device` in CuPy's spelling.

    Args:
        xp: the module, or what stands for it in tests.
        tf32: whether products of float32 may be done in TF32.
    """

    fuses = only_kernels = side_by_side = True
    without = frozenset({"beside"})
    cache = 1 << 40

    def __init__(self, xp: Any, tf32: bool = False) -> None:
        self.xp, self.array, self.tf32 = xp, xp.ndarray, tf32
        self.matmul = self.dot = Products(xp, self.copy, tf32)
        self.masks: Masks | None = None
        self._made: dict[KernelText, Any] = {}
        self._kept: dict[Any, Any] = {}

    @cached_property
    def faults(self) -> Faults:
        """Where kernels note row and class numbers that do not exist."""
        return Faults(self.xp)

    def kernel(self, kernel: Kernel, writes: Sequence[Term]) -> Any:
        """The function that computes a kernel's terms; kernels of one text are one."""
        return self.made(kernel_text(kernel, writes))

    def made(self, text: KernelText) -> Any:
        """The kernel of a text."""
        if text not in self._made:
            self._made[text] = self.xp.ElementwiseKernel(
                text.inputs, text.outputs, text.body, "plan",
                preamble=on_cuda(text.helpers), no_return=True,
            )  # fmt: skip
        return self._made[text]

    def texts(self) -> dict[int, KernelText]:
        """The texts of all kernels so far, by the identity of the kernel."""
        return {id(kernel): text for text, kernel in self._made.items()}

    def kept(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """Memory for the inside of a call; as one call comes after the other, they share it."""
        key = (name, shape, str(dtype))
        if key not in self._kept:
            self._kept[key] = self.empty(shape, dtype)
        return self._kept[key]

    def in_tiles(self) -> bool:
        return False

    def wait(self) -> None:
        self.xp.cuda.get_current_stream().synchronize()

    def replay(self, calls: Sequence[Any], emitters: Sequence[Any]) -> Replay:
        if drawn_there(calls, self.draw):
            self.masks = Masks(self.xp, self.made)
        if calls is emitters[0].calls:
            return Replay(self, emitters[0].parts())
        return Replay(self, parts_of(calls, [why_host(call, self) for call in calls]))

    def tell(self) -> None:
        """Raise RangeError for what kernels have noted, if any of them looks for it."""
        if "faults" in vars(self):
            self.faults.tell()

    def begin(self) -> None:
        """What a step must be told that its calls cannot know."""
        if self.masks is not None:
            self.masks.begin()

    def end(self) -> None:
        """What the host must know of a step that is queued."""
        if self.masks is not None:
            self.masks.end()

    def empty(self, shape: Sequence[int], dtype: Any) -> Any:
        return self.xp.zeros(tuple(shape), dtype)

    def number(self, value: Any, shape: tuple, dtype: Any) -> Any:
        return self.xp.full(shape, value, dtype)

    def constant(self, array: np.ndarray) -> Any:
        return self.xp.asarray(np.asarray(array, order="C"))

    def root(self, array: Any) -> Any:
        if isinstance(array, np.ndarray | np.generic):
            return super().root(array)
        return array.data.mem.ptr  # a view made by strides has no base in CuPy

    def pointer(self, array: Any) -> int:
        return array.data.ptr

    def put(self, out: Any, x: Any) -> None:  # type: ignore[override]
        """An array from outside: of the device, or of NumPy, which is carried over."""
        if not isinstance(x, np.ndarray | np.generic):
            self.copy(out, x)
        elif out.flags.c_contiguous:
            out.set(np.asarray(x, out.dtype, order="C"))
        else:
            self.copy(out, self.xp.asarray(x))

    def copy(self, out: Any, x: Any) -> None:  # type: ignore[override]
        self.made(COPY)(x, out)

    def fill(self, out: Any, value: Any) -> None:  # type: ignore[override]
        out.fill(value)

    def add(self, a: Any, b: Any, out: Any) -> None:  # type: ignore[override]
        self.made(ADD)(a, b, out)

    def sum(self, x: Any, axes: tuple, out: Any) -> None:  # type: ignore[override]
        x.sum(axes, None, out)

    def sum_kept(self, x: Any, axes: tuple, out: Any) -> None:  # type: ignore[override]
        x.sum(axes, None, out, True)

    def max_kept(self, x: Any, axes: tuple, out: Any) -> None:  # type: ignore[override]
        x.max(axes, out, True)

    def add_up(self, stack: Any, out: Any) -> None:  # type: ignore[override]
        stack.sum(0, None, out)

    def contract(self, a: Any, b: Any, out: Any) -> None:  # type: ignore[override]
        for t in range(len(a)):
            self.matmul(a[t].swapaxes(0, 1), b[t], out, t > 0)

    def repeats(self, f: Any, args: Sequence[Any]) -> bool:
        """Whether the device can make a call of `call` or `draw` again without the host."""
        return self.masks is not None if f == self.draw else type(args[0]) in KNOWN

    def call(self, op: Any, out: Any, *inputs: Any) -> None:  # type: ignore[override]
        if type(op) in KNOWN:
            KNOWN[type(op)](self, op, out, *inputs)
        else:
            self.copy(out, op.forward(self.xp, *inputs))

    def draw(self, op: Any, out: Any) -> None:  # type: ignore[override]
        if self.masks is not None:
            self.masks.draw(op, out)
        else:
            self.copy(out, op.forward(self.xp, out))

    def check(self, ids: Any, count: int, kind: int, ignored: int = NOBODY) -> None:
        """Note numbers that are none of 0 ... count - 1, without waiting for it."""
        if ids.dtype.kind not in ("iuf" if kind == CLASS else "iu"):
            raise DtypeError(f"step: a {WORDS[kind]} is an integer, these are {ids.dtype}")
        self.made(CHECK)(ids, count, ignored, kind, self.faults.there)

    def check_rows(self, ids: Any, count: int) -> None:  # type: ignore[override]
        self.check(ids, count, ROW)

    def take(self, W: Any, ids: Any, out: Any) -> None:  # type: ignore[override]
        self.made(TAKE)(W, ids, _width(W), len(W), out)

    def scatter(self, g: Any, ids: Any, out: Any) -> None:  # type: ignore[override]
        for rows, sums in zip(g, out):
            sums.fill(0)
            self.made(SCATTER)(rows, ids, _width(sums), len(sums), sums)

    scatter_sorted = scatter  # type: ignore[assignment]

    def gather(self, arrived: list[Any], numbers: tuple[int, ...], out: Any) -> None:  # type: ignore
        parts = [arrived[k] for k in numbers]
        here = [not isinstance(part, np.ndarray) for part in parts]
        if any(here):
            parts = [x if there else self.xp.asarray(x) for x, there in zip(parts, here)]
        self.put(out, (self.xp if any(here) else np).stack(parts).reshape(out.shape))


def _check_current(array: Any, xp: Any) -> None:
    there, now = array.device.id, xp.cuda.Device().id
    if there != now:
        raise BackendError(
            f"compile: the arrays lie on device {there}, and the current one is {now}: "
            f"step and compile inside of `with cupy.cuda.Device({there}):`"
        )


def on_cuda(helpers: str) -> str:
    """Functions of kernels as CUDA wants them declared."""
    return (
        "#define np_high __umul64hi\n" + helpers.replace("DEVICE", "__device__ inline")
    ).replace("CONSTANT", "__device__")


def _width(table: Any) -> int:
    return table.size // max(len(table), 1)


def device_of(arrays: Sequence[Any], tf32: bool = False, kernels: str | None = None) -> Device:
    """NumPy or CuPy: where the first of these arrays lives.

    Raises:
        ArgumentError: for numba's kernels and arrays of CuPy.
        BackendError: for arrays of any other library, or of a device that is not the current one.
    """
    for array in arrays:
        xp = namespace(array)
        if xp.__name__ == "cupy":
            if kernels is not None:
                raise ArgumentError(f"compile: kernels={kernels!r} is for NumPy, not for CuPy")
            _check_current(array, xp)
            return CupyDevice(xp, tf32)
        if xp is not np:
            raise BackendError(f"compile: plans run on numpy and cupy, not on {xp.__name__}")
        break
    return NumbaDevice() if kernels == "numba" else Device()
