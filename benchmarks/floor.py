"""The matrix products of a step and nothing else: what no arrangement of the rest can undercut.

Input products and weight gradients are one call over all T * N rows, as a good plan has them.  Each
product is tried row-major, and block by block with each gate in an array of its own; the faster of
the two counts.
"""

from __future__ import annotations

import time

import numpy as np

from .regimes import CELLS


def products(p):
    """Every product of the step in its faster arrangement."""
    _, D, H, _ = p.sizes
    calls = []
    for of, k in CELLS[p.cell].products:
        calls.append(_forward(p, k, D if of == "input" else H, every_step=of == "state"))
        if of == "state":
            calls.append(_backward(p, k))
        calls.append(_weight_gradient(p, k, D if of == "input" else H))

    def step():
        for call in calls:
            call()

    return step, lambda: None


def _forward(p, k, columns, every_step):
    """x W^T: (rows, columns) by (columns, k * H)."""
    N, _, H, T = p.sizes
    steps, rows = (T, N) if every_step else (1, T * N)
    x = _random(p, steps, rows, columns)
    flat, blocks = _random(p, columns, k * H), _random(p, k, columns, H)
    out, outs = np.empty((steps, rows, k * H), x.dtype), np.empty((steps, k, rows, H), x.dtype)
    return _faster(
        (np.dot, [(x[t], flat, out[t]) for t in range(steps)]),
        (np.matmul, [(x[t], blocks, outs[t]) for t in range(steps)]),
    )


def _backward(p, k):
    """g W, timestep by timestep; of k blocks the sum is wanted."""
    N, _, H, T = p.sizes
    g, gs = _random(p, T, N, k * H), _random(p, T, k, N, H)
    flat, blocks = _random(p, k * H, H), _random(p, k, H, H)
    out, parts = np.empty((T, N, H), g.dtype), np.empty((k, N, H), g.dtype)

    def block_by_block(g, out):
        np.matmul(g, blocks, parts)
        np.add.reduce(parts, 0, None, out)

    return _faster(
        (np.dot, [(g[t], flat, out[t]) for t in range(T)]),
        (block_by_block, [(gs[t], out[t]) for t in range(T)]),
    )


def _weight_gradient(p, k, columns):
    """g^T x over all rows at once."""
    N, _, H, T = p.sizes
    x, g, gs = (_random(p, *s) for s in ((T * N, columns), (T * N, k * H), (k, T * N, H)))
    out, outs = np.empty((k * H, columns), x.dtype), np.empty((k, H, columns), x.dtype)
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
