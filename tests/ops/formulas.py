"""Every op's formula written a second time, and the kinds of samples that families of ops share.

The formulas are loops over Python numbers wherever that is possible, so that they share nothing
with the code under test.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_rng = np.random.default_rng(42)
SHAPES = [(3, 4), (), (1,), (0, 4), (2, 3, 1)]


@dataclass(frozen=True)
class Case:
    """One op's samples: pairs (op, inputs), the first one regular; `wrt`: inputs with gradients."""

    formula: Callable[..., Any]
    samples: list[tuple[Any, tuple]]
    wrt: tuple[int, ...] = (0,)
    analytic: bool = True


def draw(*shape, low=-2.0, high=2.0):
    return _rng.uniform(low, high, shape)


def spaced(*shape, offset=0.11):
    """Numbers on a grid of width 0.37, shuffled: no ties, and no zero within 0.1."""
    size = math.prod(shape)
    return (_rng.permutation(size) - size // 2).reshape(shape) * 0.37 + offset


def bits(*shape):
    return _rng.integers(0, 2, shape).astype(bool)


def entrywise(f):
    """f on Python numbers, entry by entry."""

    def formula(op, *inputs):
        return np.vectorize(lambda *numbers: float(f(op, *numbers)), otypes=[float])(*inputs)

    return formula


def curve(op, f, low=-2.0, high=2.0, **more):
    """The case of an entrywise op of one input."""
    samples = [(op, (draw(*s, low=low, high=high),)) for s in SHAPES]
    return Case(entrywise(lambda op, x: f(x)), samples, **more)


def kinky(op, f, wrt=(0,)):
    """As `curve`, away from the corners of f at 0."""
    samples = [(op, (spaced(*s),)) for s in SHAPES]
    return Case(entrywise(lambda op, x: f(x)), samples, wrt, analytic=False)


def pair(op, f, second=draw, **more):
    """The case of an entrywise op of two inputs."""
    samples = [(op, (spaced(*s), second(*s))) for s in SHAPES]
    return Case(entrywise(lambda op, a, b: f(a, b)), samples, **{"wrt": (0, 1), **more})


def apart(*shape):
    return draw(*shape, low=0.5, high=2.0) * np.where(bits(*shape), 1, -1)


def between(*shape):
    """Off the grid of `spaced` by half its width: nothing ties."""
    return spaced(*shape, offset=0.11 + 0.185)


def folded(x, axis, keepdims, f):
    """f of the list of entries along the axes, collected one by one."""
    axes = range(x.ndim) if axis is None else [k % x.ndim for k in np.atleast_1d(axis)]
    groups: dict[tuple, list[float]] = {}
    for place, value in np.ndenumerate(x):
        kept = tuple(0 if k in axes else n for k, n in enumerate(place))
        groups.setdefault(kept, []).append(float(value))
    y = np.zeros(tuple(1 if k in axes else n for k, n in enumerate(x.shape)))
    for place in np.ndindex(y.shape):
        y[place] = f(groups.get(place, []))
    return y if keepdims else y.reshape([n for k, n in enumerate(x.shape) if k not in axes])


def reduction(make, f, source=draw, empty=False, **more):
    ways = [
        (make(), source(3, 4)),
        (make(0), source(3, 4)),
        (make(-1, True), source(3, 4)),
        (make((0, 2)), source(2, 3, 4)),
        (make((-1, 1), True), source(2, 3, 4)),
        (make(), source()),
        (make(0), source(1)),
        (make(1), source(0, 4)),
    ]
    if empty:
        ways += [(make(), source(0, 4)), (make(0), source(0, 4))]
    return Case(
        lambda op, x: folded(x, op.axis, op.keepdims, f), [(op, (x,)) for op, x in ways], **more
    )


def log_sum_exp(entries):
    top = max(entries, default=0.0)
    return top + math.log(math.fsum(math.exp(v - top) for v in entries))


def along(axis, f, x):
    """f on every row along one axis."""
    return np.apply_along_axis(f, axis, x) if x.size else x


def soft(x):
    return np.array([math.exp(v - log_sum_exp(list(x))) for v in x])


def log_soft(x):
    return np.array([v - log_sum_exp(list(x)) for v in x])


def softmaxes(make, row):
    ways = [
        (make(), draw(3, 4)),
        (make(0), draw(3, 4)),
        (make(1), draw(2, 3, 4)),
        (make(), draw(1)),
        (make(), draw(0, 4)),
    ]
    return Case(lambda op, x: along(op.axis, row, x), [(op, (x,)) for op, x in ways])


def repeated(op, x):
    """x repeated to the shape op.to, by index arithmetic."""
    y = np.zeros(op.to)
    for place in np.ndindex(*op.to):
        tail = place[len(place) - x.ndim :]
        y[place] = x[tuple(0 if n == 1 else k for k, n in zip(tail, x.shape))]
    return y


def spread_out(op, x):
    y = repeated(op, x)
    return y * x.size / max(y.size, 1)


def expansions(make):
    ways = [
        (make((3, 4)), draw(1, 4)),
        (make((2, 3, 4)), draw(3, 1)),
        (make((3, 4)), draw()),
        (make((3, 4)), draw(3, 4)),
        (make((1, 1)), draw(1)),
        (make((0, 4)), draw(1, 4)),
    ]
    return [(op, (x,)) for op, x in ways]


def picked(x, axis, places):
    return np.stack([np.take(x, k, axis) for k in places], axis)


def narrow(op, x):
    places = [op.start + k * op.step for k in range(op.length)]
    if not places:
        return np.delete(x, slice(None), op.axis)
    return picked(x, op.axis, places)


def embed(op, x):
    shape = list(x.shape)
    shape[op.axis] = op.size
    y = np.moveaxis(np.zeros(shape), op.axis, 0)
    for k, part in enumerate(np.moveaxis(x, op.axis, 0)):
        y[op.start + k * op.step] = part
    return np.moveaxis(y, 0, op.axis)


def scattered(op, g, ids):
    y = np.zeros((op.count, *g.shape[ids.ndim :]))
    for place, k in np.ndenumerate(ids):
        y[k] = y[k] + g[place]
    return y


def looked_up(op, W, ids):
    y = np.zeros((*ids.shape, *W.shape[1:]))
    for place, k in np.ndenumerate(ids):
        y[place] = W[k]
    return y


def cross_entropy(op, logits, targets):
    losses = [
        log_sum_exp(list(logits[place])) - logits[place][int(k)]
        for place, k in np.ndenumerate(targets)
        if k != op.ignore_index
    ]
    return math.fsum(losses) / max(len(losses), 1)


def one_hot(op, targets, logits):
    y = np.zeros(logits.shape)
    for place, k in np.ndenumerate(targets):
        if 0 <= k < logits.shape[-1]:
            y[(*place, int(k))] = 1
    return y


def row_share(op, targets, logits):
    counts = [k != op.ignore_index for k in targets.ravel()]
    share = np.array(counts, float).reshape(targets.shape) / max(sum(counts), 1)
    return np.repeat(share[..., None], logits.shape[-1], -1)


def bce(z, t):
    return -(t * math.log(1 / (1 + math.exp(-z))) + (1 - t) * math.log(1 / (1 + math.exp(z))))


def mean_of(f):
    return lambda op, a, b: math.fsum(map(f, a.ravel(), b.ravel())) / a.size


def choices(op, condition, a, b):
    flat = [u if c else v for c, u, v in zip(condition.ravel(), a.ravel(), b.ravel())]
    return np.array(flat, float).reshape(a.shape)
