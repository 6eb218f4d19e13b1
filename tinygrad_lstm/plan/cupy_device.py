"""CuPy in place of NumPy: kernels of the plan's own, and cuBLAS, on arrays that are there already.

Nothing that is called in a step takes memory, and nothing is fetched from the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import namespace
from ..errors import ArgumentError, BackendError
from ..ops.linear import check_ids
from .capture import Replay, parts_of
from .cublas import Products
from .device import Device
from .fused import why_host
from .kernel_text import HELPERS, KernelText, kernel_text
from .numba_kernels import NumbaDevice
from .passes.kernels import Kernel
from .terms import Term

COPY = KernelText("S a0", "T y0", "y0 = T(a0);")
ADD = KernelText("T a0, T a1", "T y0", "y0 = a0 + a1;")
TAKE = KernelText("raw T a0, raw S a1, int64 a2", "T y0", "y0 = a0[a1[i / a2] * a2 + i % a2];")
SCATTER = KernelText(
    "T a0, raw S a1, int64 a2", "raw T y0", "atomicAdd(&y0[a1[i / a2] * a2 + i % a2], a0);"
)


class CupyDevice(Device):
    """The functions of `Device` in CuPy's spelling.

    Args:
        xp: the module, or what stands for it in tests.
        tf32: whether products of float32 may be done in TF32.
    """

    fuses = side_by_side = True
    without = frozenset({"beside"})
    cache = 1 << 40

    def __init__(self, xp: Any, tf32: bool = False) -> None:
        self.xp, self.tf32 = xp, tf32
        self._made: dict[KernelText, Any] = {}
        self.matmul = self.dot = Products(xp, self.copy, tf32)

    def kernel(self, kernel: Kernel, writes: Sequence[Term]) -> Any:
        """The function that computes a kernel's terms; kernels of one text are one."""
        return self._kernel(kernel_text(kernel, writes))

    def _kernel(self, text: KernelText) -> Any:
        if text not in self._made:
            helpers = HELPERS.replace("DEVICE", "__device__ inline")
            made = self.xp.ElementwiseKernel(
                text.inputs, text.outputs, text.body, "plan", preamble=helpers, no_return=True
            )
            self._made[text] = made
        return self._made[text]

    def wait(self) -> None:
        self.xp.cuda.get_current_stream().synchronize()

    def replay(self, calls: Sequence[Any], emitters: Sequence[Any]) -> Replay:
        if calls is emitters[0].calls:
            return Replay(self.xp, emitters[0].parts())
        return Replay(self.xp, parts_of(calls, [why_host(call, self) for call in calls]))

    def empty(self, shape: Sequence[int], dtype: Any) -> Any:
        return self.xp.zeros(tuple(shape), dtype)

    def number(self, value: Any, shape: tuple, dtype: Any) -> Any:
        return self.xp.full(shape, value, dtype)

    def constant(self, array: np.ndarray) -> Any:
        return self.xp.asarray(np.asarray(array, order="C"))

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
        self._kernel(COPY)(x, out)

    def fill(self, out: Any, value: Any) -> None:  # type: ignore[override]
        out.fill(value)

    def add(self, a: Any, b: Any, out: Any) -> None:  # type: ignore[override]
        self._kernel(ADD)(a, b, out)

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

    def call(self, op: Any, out: Any, *inputs: Any) -> None:  # type: ignore[override]
        self.copy(out, op.forward(self.xp, *inputs))

    def draw(self, op: Any, out: Any) -> None:  # type: ignore[override]
        self.copy(out, op.forward(self.xp, out))

    def check_rows(self, ids: Any, count: int) -> None:  # type: ignore[override]
        check_ids(self.xp, ids, count, "row number")

    def take(self, W: Any, ids: Any, out: Any) -> None:  # type: ignore[override]
        self._kernel(TAKE)(W, ids, _width(W), out)

    def scatter(self, g: Any, ids: Any, out: Any) -> None:  # type: ignore[override]
        for rows, sums in zip(g, out):
            sums.fill(0)
            self._kernel(SCATTER)(rows, ids, _width(sums), sums)

    scatter_sorted = scatter  # type: ignore[assignment]

    def gather(self, arrived: list[Any], numbers: tuple[int, ...], out: Any) -> None:  # type: ignore
        parts = [arrived[k] for k in numbers]
        here = [not isinstance(part, np.ndarray) for part in parts]
        if any(here):
            parts = [x if there else self.xp.asarray(x) for x, there in zip(parts, here)]
        self.put(out, (self.xp if any(here) else np).stack(parts).reshape(out.shape))


def _width(table: Any) -> int:
    return table.size // max(len(table), 1)


def device_of(arrays: Sequence[Any], tf32: bool = False, kernels: str | None = None) -> Device:
    """NumPy or CuPy: where the first of these arrays lives.

    Raises:
        ArgumentError: for numba's kernels and arrays of CuPy.
        BackendError: for arrays of any other library.
    """
    for array in arrays:
        xp = namespace(array)
        if xp.__name__ == "cupy":
            if kernels is not None:
                raise ArgumentError(f"compile: kernels={kernels!r} is for NumPy, not for CuPy")
            return CupyDevice(xp, tf32)
        if xp is not np:
            raise BackendError(f"compile: plans run on numpy and cupy, not on {xp.__name__}")
        break
    return NumbaDevice() if kernels == "numba" else Device()
