"""The matrix products of a step and nothing else: what no arrangement of the rest can undercut.

Input products and weight gradients are one call over all T * N rows, as a good plan has them.  Each
product is tried row-major, and block by block with each gate in an array of its own; the faster of
the two counts.
"""

from __future__ import annotations

import time

import numpy as np

from . import cells


def products(p):
    """Every product of the step in its faster arrangement."""
    _, D, H, _ = p.sizes
    calls = []
    for product in cells.products(cells.build(p.cell, D, H)):
        calls += [_forward(p, product), _weight_gradient(p, product)]
        if product.wanted:
            calls.append(_backward(p, product))

    def step():
        for call in calls:
            call()

    return step, lambda: None


def _sizes(p, product):
    """(calls, rows of each, columns, blocks, columns of a block)."""
    N, _, H, T = p.sizes
    steps, rows = (T, N) if product.waits else (1, T * N)
    k = product.outputs // H if product.outputs % H == 0 else 1
    return steps, rows, product.columns, k, product.outputs // k


def _forward(p, product):
    """x W^T: (rows, columns) by (columns, outputs)."""
    steps, rows, columns, k, width = _sizes(p, product)
    x = _random(p, steps, rows, columns)
    flat, blocks = _random(p, columns, k * width), _random(p, k, columns, width)
    out = np.empty((steps, rows, k * width), x.dtype)
    outs = np.empty((steps, k, rows, width), x.dtype)
    return _faster(
        (np.dot, [(x[t], flat, out[t]) for t in range(steps)]),
        (np.matmul, [(x[t], blocks, outs[t]) for t in range(steps)]),
    )


def _backward(p, product):
    """g W, timestep by timestep if x waited; of k blocks the sum is wanted."""
    steps, rows, columns, k, width = _sizes(p, product)
    g, gs = _random(p, steps, rows, k * width), _random(p, steps, k, rows, width)
    flat, blocks = _random(p, k * width, columns), _random(p, k, width, columns)
    out = np.empty((steps, rows, columns), g.dtype)
    parts = np.empty((k, rows, columns), g.dtype)

    def block_by_block(g, out):
        np.matmul(g, blocks, parts)
        np.add.reduce(parts, 0, None, out)

    return _faster(
        (np.dot, [(g[t], flat, out[t]) for t in range(steps)]),
        (block_by_block, [(gs[t], out[t]) for t in range(steps)]),
    )


def _weight_gradient(p, product):
    """g^T x over all rows at once."""
    steps, rows, columns, k, width = _sizes(p, product)
    all_rows = steps * rows
    x, g = _random(p, all_rows, columns), _random(p, all_rows, k * width)
    gs = _random(p, k, all_rows, width)
    out, outs = (np.empty(s, x.dtype) for s in ((k * width, columns), (k, width, columns)))
    return _faster(
        (np.dot, [(g.T, x, out)]),
        (np.matmul, [(gs.transpose(0, 2, 1), x, outs)]),
    )


def _random(p, *shape):
    return np.random.default_rng(0).standard_normal(shape, "float32").astype(p.xs.dtype)


def _faster(*arrangements):
    """The arrangement with the least CPU time out of three runs each, as one function."""

    def seconds(arrangement):
        function, calls = arrangement
        start = time.process_time()
        for arguments in calls:
            function(*arguments)
        return time.process_time() - start

    best = min(arrangements, key=lambda arrangement: min(seconds(arrangement) for _ in range(3)))
    return lambda: seconds(best)
