"""Kernels that no graph generates: what a device does for rows, classes, masks and copies."""

from __future__ import annotations

from .kernel_text import KernelText

COPY = KernelText("S a0", "T y0", "y0 = T(a0);")
ADD = KernelText("T a0, T a1", "T y0", "y0 = a0 + a1;")

CHECK = KernelText(
    "S a0, int64 a1, int64 a2, int64 a3",
    "raw int64 y0",
    "const np_int64 k = np_int64(a0);\n"
    "const bool whole = a0 == S(k);\n"
    "if (!whole || ((k < 0 || k >= a1) && k != a2)) {\n"
    "  y0[1] = whole ? a3 : 2;\n"
    "  y0[2] = k;\n"
    "  y0[3] = a1;\n"
    "  y0[0] = 1;\n"
    "}",
)
"""Notes a number that is none of 0 ... a1 - 1, nor a2; a3 says what it is a number of."""
TAKE = KernelText(
    "raw T a0, raw S a1, int64 a2, int64 a3",
    "T y0",
    "y0 = a0[np_row(a1[i / a2], a3) * a2 + i % a2];",
)
SCATTER = KernelText(
    "T a0, raw S a1, int64 a2, int64 a3",
    "raw T y0",
    "atomicAdd(&y0[np_row(a1[i / a2], a3) * a2 + i % a2], a0);",
)
ONE_HOT = KernelText("raw S a0, int64 a1", "T y0", "y0 = np_int64(a0[i / a1]) == i % a1;")
COUNTS = KernelText("S a0, int64 a1", "float64 y0", "y0 = np_int64(a0) != a1;")
SHARE = KernelText(
    "raw S a0, raw float64 a1, int64 a2, int64 a3",
    "T y0",
    "y0 = np_int64(a0[i / a2]) == a3 ? T(0) : T(1) / T(np_maximum(a1[0], 1.0));",
)
EXP = KernelText("T a0, T a1", "T y0", "y0 = exp(a0 - (isfinite(a1) ? a1 : T(0)));")
SURPRISE = KernelText(
    "raw T a0, raw T a1, raw T a2, S a3, int64 a4, int64 a5",
    "T y0",
    "const T top = isfinite(a1[i]) ? a1[i] : T(0);\n"
    "const T z = a0[i * a4 + np_row(a3, a4)] - top;\n"
    "y0 = np_int64(a3) == a5 ? T(0) : log(a2[i]) - z;",
)
"""-log softmax of the logits a0 at the class a3; a1 is the largest of a row, a2 the sum of exp."""
MEAN = KernelText("T a0, float64 a1", "T y0", "y0 = a0 / T(np_maximum(a1, 1.0));")
