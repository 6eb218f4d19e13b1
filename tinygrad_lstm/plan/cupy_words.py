"""What the calls of a plan on CuPy do, in CuPy's own words: the helpers of `plan.source()`.

They are written with NumPy's names, which are CuPy's as well, and are only read from here.
"""

from __future__ import annotations

import numpy as np


def put(out, x):
    out[...] = np.asarray(x)


def copy(out, x):
    out[...] = x


def fill(out, value):
    out[...] = value


def add(a, b, out):
    np.add(a, b, out)


def product(a, b, out):
    """In the plan by cuBLAS, straight from and into these arrays."""
    out[...] = np.matmul(a, b)


def sum(x, axes, out):
    x.sum(axes, None, out)


def sum_kept(x, axes, out):
    x.sum(axes, None, out, True)


def max_kept(x, axes, out):
    x.max(axes, out, True)


def add_up(stack, out):
    stack.sum(0, None, out)


def contract(a, b, out):
    out[...] = np.tensordot(a, b, ((0, 1), (0, 1)))


def call(op, out, *inputs):
    """In the plan by kernels that need not look at numbers, where they are known."""
    out[...] = op.forward(np, *inputs)


def draw(op, out):
    """In the plan by a kernel that draws the same numbers."""
    out[...] = op.forward(np, out)


def take(W, ids, out):
    out[...] = np.take(W, ids, 0)


def scatter(g, ids, out):
    """Rows of g added up at their numbers, in each of the blocks."""
    for rows, sums in zip(g, out):
        sums[...] = 0
        np.add.at(sums, ids, rows)


def gather(arrived, numbers, out):
    parts = [np.asarray(arrived[k]) for k in numbers]
    out[...] = np.stack(parts).reshape(out.shape)
