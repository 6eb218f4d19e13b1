"""CuPy in place of NumPy: kernels of the plan's own, and cuBLAS, on arrays that are there already.

Nothing that is called in a step takes memory, and nothing is fetched from the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.linear import check_ids
from .cublas import Products
from .device import Device
from .kernel_text import HELPERS, KernelText, kernel_text
from .passes.kernels import Kernel
from .terms import Term

COPY = KernelText("S a0", "T y0", "y0 = T(a0);")
ADD = KernelText("T a0, T a1", "T y0", "y0 = a0 + a1;")
TAKE = KernelText("raw T a0, raw S a1, int64 a2", "T y0", "y0 = a0[a1[i / a2] * a2 + i % a2];")
SCATTER = KernelText(
    "T a0, raw S a1, int64 a2, raw T a3", "", "atomicAdd(&a3[a1[i / a2] * a2 + i % a2], a0);"
)


class CupyDevice(Device):
    """The functions of `Device` in CuPy's spelling.

    Args:
        xp: the module, or what stands for it in tests.
        tf32: whether products of float32 may be done in TF32.
    """

    fuses = True

    def __init__(self, xp: Any, tf32: bool = False) -> None:
        self.xp, self.tf32 = xp, tf32
        self.matmul = self.dot = Products(xp, tf32)
        self._made: dict[KernelText, Any] = {}

    def kernel(self, kernel: Kernel, writes: Sequence[Term]) -> Any:
        """The function that computes a kernel's terms; equal texts are made once."""
        return self._kernel(kernel_text(kernel, writes))

    def _kernel(self, text: KernelText) -> Any:
        if text not in self._made:
            helpers = HELPERS.replace("DEVICE", "__device__ inline")
            made = self.xp.ElementwiseKernel(
                text.inputs, text.outputs, text.body, "plan", preamble=helpers, no_return=True
            )
            self._made[text] = made
        return self._made[text]

    def empty(self, shape: Sequence[int], dtype: Any) -> Any:
        return self.xp.zeros(tuple(shape), dtype)

    def number(self, value: Any, shape: tuple, dtype: Any) -> Any:
        return self.xp.full(shape, value, dtype)

    def constant(self, array: np.ndarray) -> Any:
        return self.xp.asarray(np.ascontiguousarray(array))

    def pointer(self, array: Any) -> int:
        return array.data.ptr

    def put(self, out: Any, x: Any) -> None:
        """An array from outside: of the device, or of NumPy, which is carried over."""
        if isinstance(x, np.ndarray | np.generic):
            x = self.xp.asarray(np.ascontiguousarray(x, out.dtype))
        self.copy(out, x)

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
        out.fill(0)
        self._kernel(SCATTER)(g, ids, _width(out), out)

    def gather(self, arrived: list[Any], numbers: tuple[int, ...], out: Any) -> None:  # type: ignore
        parts = [arrived[k] for k in numbers]
        lead = parts[0].shape[: out.ndim]
        xp = np if isinstance(parts[0], np.ndarray) else self.xp
        self.put(out, xp.stack(parts).reshape(out.shape))
        del lead


def _width(table: Any) -> int:
    return table.size // max(len(table), 1)
