"""The matrix products of a step and nothing else: what no arrangement of the rest can undercut.

Input products and weight gradients are one call over all T * N rows, as a good plan has them.  Each
product is tried row-major, and block by block with each gate in an array of its own; the faster of
the two counts.  `products_in_tiles` tries a third way for those of every step: in tiles that are
small enough for a BLAS to take them as they lie.
"""

from __future__ import annotations

import time

import numpy as np

from . import cells

SMALL = 100**3
"""Multiplications up to which OpenBLAS may take a product as it lies."""
WIDTHS = (32, 64, 128)
"""Columns of the tiles that are tried."""


def products_in_tiles(p):
    """Every product of the step in its fastest arrangement, tiles among them."""
    return products(p, _tiles)


def products(p, others=lambda x, outputs: []):
    """Every product of the step in its faster arrangement; `others` gives more of them."""
    _, D, H, _ = p.sizes
    calls = []
    for product in cells.products(cells.build(p.cell, D, H)):
        calls += [_forward(p, product, others), _weight_gradient(p, product)]
        if product.wanted:
            calls.append(_backward(p, product, others))

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


def _forward(p, product, others):
    """x W^T: (rows, columns) by (columns, outputs)."""
    steps, rows, columns, k, width = _sizes(p, product)
    x = _random(p, steps, rows, columns)
    flat, blocks = _random(p, columns, k * width), _random(p, k, columns, width)
    out = np.empty((steps, rows, k * width), x.dtype)
    outs = np.empty((steps, k, rows, width), x.dtype)
    return _faster(
        (np.dot, [(x[t], flat, out[t]) for t in range(steps)]),
        (np.matmul, [(x[t], blocks, outs[t]) for t in range(steps)]),
        *others(x, k * width),
    )


def _backward(p, product, others):
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
        *others(g, columns),
    )


def _tiles(x, outputs):
    """x B of every step as the sum of products by tiles of B, for some sizes of them."""
    steps, rows, columns = x.shape
    found = []
    for width in (w for w in WIDTHS if outputs % w == 0 and steps > 1):
        depth = max((k for k in _divisors(columns) if rows * k * width <= SMALL), default=None)
        if depth is not None:
            parts, across = columns // depth, outputs // width
            tiles = np.ones((parts, across, depth, width), x.dtype)
            lefts = x.reshape(steps, rows, parts, depth).transpose(0, 2, 1, 3)[:, :, None]
            out = np.empty((steps, across, rows, width), x.dtype)
            part = np.empty(out.shape[1:], x.dtype)
            found.append((_added_up, [(lefts[t], tiles, part, out[t]) for t in range(steps)]))
    return found


def _added_up(lefts, tiles, part, out):
    np.matmul(lefts[0], tiles[0], out)
    for left, right in zip(lefts[1:], tiles[1:]):
        np.matmul(left, right, part)
        np.add(out, part, out)


def _divisors(n):
    return [k for k in range(1, n + 1) if n % k == 0]


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
