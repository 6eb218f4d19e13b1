"""For every op of the derivative table: sample inputs, and its formula written a second time.

The formulas are loops over Python numbers wherever that is possible, so that they share nothing
with the code under test.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_lstm import ops

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


IDS = np.array([[2, 0, 2], [4, 2, 1]])
NO_IDS = np.zeros((0,), int)
LOSS_SHAPES = [(3, 4), (), (1,), (2, 1, 3)]

CASES: dict[str, Case] = {
    "CAdd": pair(ops.CAdd(), lambda a, b: a + b),
    "CSub": pair(ops.CSub(), lambda a, b: a - b),
    "CMul": pair(ops.CMul(), lambda a, b: a * b),
    "CDiv": pair(ops.CDiv(), lambda a, b: a / b, apart),
    "Neg": curve(ops.Neg(), lambda x: -x),
    "Exp": curve(ops.Exp(), math.exp),
    "Log": curve(ops.Log(), math.log, low=0.2),
    "Sqrt": curve(ops.Sqrt(), math.sqrt, low=0.2),
    "Sin": curve(ops.Sin(), math.sin),
    "Cos": curve(ops.Cos(), math.cos),
    "Tanh": curve(ops.Tanh(), math.tanh),
    "Sigmoid": curve(ops.Sigmoid(), lambda x: 1 / (1 + math.exp(-x))),
    "Softplus": kinky(ops.Softplus(), lambda x: math.log(1 + math.exp(x))),
    "LogSigmoid": kinky(ops.LogSigmoid(), lambda x: -math.log(1 + math.exp(-x))),
    "Identity": curve(ops.Identity(), lambda x: x),
    "Detach": curve(ops.Detach(), lambda x: x, wrt=()),
    "Filled": curve(ops.Filled(1.5), lambda x: 1.5, wrt=()),
    "KeepMask": curve(ops.KeepMask(0.0), lambda x: 1.0, wrt=()),
    "Abs": kinky(ops.Abs(), abs),
    "Sign": kinky(ops.Sign(), lambda x: math.copysign(1, x), wrt=()),
    "ReLU": kinky(ops.ReLU(), lambda x: max(x, 0.0)),
    "Heaviside": kinky(ops.Heaviside(), lambda x: x > 0, wrt=()),
    "Clip": kinky(ops.Clip(-0.5, 1.25), lambda x: min(max(x, -0.5), 1.25)),
    "Inside": kinky(ops.Inside(-0.5, 1.25), lambda x: -0.5 <= x <= 1.25, wrt=()),
    "Maximum": pair(ops.Maximum(), max, between, analytic=False),
    "Greater": pair(ops.Greater(), lambda a, b: a > b, between, wrt=()),
    "Equal": pair(ops.Equal(), lambda a, b: a == b, lambda *s: spaced(*s), wrt=()),
    "Scale": Case(
        entrywise(lambda op, x: op.alpha * x + op.beta),
        [(ops.Scale(a, b), (draw(*s),)) for a, b in [(-1.5, 0.5), (1, 2), (3, 0)] for s in SHAPES],
    ),
    "Pow": Case(
        entrywise(lambda op, x: x**op.exponent),
        [(ops.Pow(p), (draw(*s),)) for p in (3, 2, 1, 0) for s in SHAPES]
        + [(ops.Pow(p), (draw(3, 4, low=0.3),)) for p in (0.5, -1.0, -2.5)],
    ),
    "Affine": Case(
        lambda op, x, W, *b: np.einsum("...d,kd->...k", x, W) + (b[0] if b else 0),
        [
            (ops.Affine(), (draw(3, 4), draw(5, 4), draw(5))),
            (ops.Affine(False), (draw(3, 4), draw(5, 4))),
            (ops.Affine(), (draw(2, 3, 4), draw(5, 4), draw(5))),
            (ops.Affine(), (draw(4), draw(5, 4), draw(5))),
            (ops.Affine(), (draw(1, 1), draw(1, 1), draw(1))),
            (ops.Affine(), (draw(0, 4), draw(5, 4), draw(5))),
            (ops.Affine(), (draw(3, 0), draw(5, 0), draw(5))),
        ],
        wrt=(0, 1, 2),
    ),
    "MatMul": Case(
        lambda op, a, b: np.einsum("...nk,...km->...nm", a, b),
        [
            (ops.MatMul(), (draw(3, 4), draw(4, 5))),
            (ops.MatMul(), (draw(2, 3, 4), draw(2, 4, 5))),
            (ops.MatMul(), (draw(1, 1), draw(1, 1))),
            (ops.MatMul(), (draw(0, 4), draw(4, 5))),
            (ops.MatMul(), (draw(3, 0), draw(0, 5))),
        ],
        wrt=(0, 1),
    ),
    "Transpose": Case(
        lambda op, x: np.einsum("...nm->...mn", x),
        [(ops.Transpose(), (draw(*s),)) for s in [(3, 4), (2, 3, 4), (1, 1), (0, 4)]],
    ),
    "Permute": Case(
        lambda op, x: np.moveaxis(x, [k % x.ndim for k in op.axes], range(x.ndim)),
        [
            (ops.Permute((1, 0)), (draw(3, 4),)),
            (ops.Permute((2, 0, 1)), (draw(2, 3, 4),)),
            (ops.Permute((0, -1, 1)), (draw(2, 3, 4),)),
            (ops.Permute(()), (draw(),)),
            (ops.Permute((1, 0)), (draw(0, 4),)),
        ],
    ),
    "Lookup": Case(
        looked_up,
        [
            (ops.Lookup(), (draw(5, 4), IDS)),
            (ops.Lookup(), (draw(5), IDS)),
            (ops.Lookup(), (draw(5, 4), np.array(3))),
            (ops.Lookup(), (draw(5, 4), NO_IDS)),
        ],
    ),
    "Scatter": Case(
        scattered,
        [
            (ops.Scatter(5), (draw(2, 3, 4), IDS)),
            (ops.Scatter(5), (draw(2, 3), IDS)),
            (ops.Scatter(5), (draw(4), np.array(3))),
            (ops.Scatter(5), (draw(0, 4), NO_IDS)),
        ],
    ),
    "Narrow": Case(
        narrow,
        [
            (ops.Narrow(1, 1, 2), (draw(3, 4),)),
            (ops.Narrow(0, 2, 1), (draw(3, 4),)),
            (ops.Narrow(-1, 0, 2, 2), (draw(3, 4),)),
            (ops.Narrow(1, 3, 4, -1), (draw(3, 4),)),
            (ops.Narrow(1, 3, 2, -2), (draw(3, 4),)),
            (ops.Narrow(1, 1, 0), (draw(3, 4),)),
            (ops.Narrow(1, 1, 2), (draw(0, 4),)),
            (ops.Narrow(0, 0, 1), (draw(1),)),
        ],
    ),
    "Embed": Case(
        embed,
        [
            (ops.Embed(1, 1, 6), (draw(3, 4),)),
            (ops.Embed(-1, 0, 8, 2), (draw(3, 4),)),
            (ops.Embed(0, 3, 5, -1), (draw(3, 4),)),
            (ops.Embed(0, 3, 4, -1), (draw(4, 1),)),
            (ops.Embed(1, 1, 6), (draw(0, 4),)),
        ],
    ),
    "Select": Case(
        lambda op, x: picked(x, op.axis, [op.index]).sum(op.axis),
        [
            (ops.Select(1, 2), (draw(3, 4),)),
            (ops.Select(0, -1), (draw(3, 4),)),
            (ops.Select(-1, 0), (draw(2, 3, 4),)),
            (ops.Select(0, 0), (draw(1),)),
            (ops.Select(1, 1), (draw(0, 4),)),
        ],
    ),
    "Concat": Case(
        lambda op, *xs: np.moveaxis(
            np.array([row for x in xs for row in np.moveaxis(x, op.axis, 0)]), 0, op.axis
        ),
        [
            (ops.Concat(1), (draw(3, 2), draw(3, 4), draw(3, 1))),
            (ops.Concat(0), (draw(1, 4), draw(2, 4))),
            (ops.Concat(), (draw(2, 3, 1), draw(2, 3, 2))),
            (ops.Concat(), (draw(3, 4),)),
            (ops.Concat(0), (draw(0, 4), draw(2, 4))),
        ],
        wrt=(0, 1, 2),
    ),
    "Stack": Case(
        lambda op, *xs: np.concatenate([np.expand_dims(x, op.axis) for x in xs], op.axis),
        [
            (ops.Stack(), (draw(3, 4), draw(3, 4))),
            (ops.Stack(1), (draw(3, 4), draw(3, 4), draw(3, 4))),
            (ops.Stack(-1), (draw(3, 4), draw(3, 4))),
            (ops.Stack(), (draw(), draw())),
            (ops.Stack(), (draw(0, 4), draw(0, 4))),
        ],
        wrt=(0, 1, 2),
    ),
    "Reshape": Case(
        lambda op, x: np.array(list(x.flat)).reshape(op.to),
        [
            (ops.Reshape((4, 3)), (draw(3, 4),)),
            (ops.Reshape((2, -1)), (draw(3, 4),)),
            (ops.Reshape((1, 1)), (draw(),)),
            (ops.Reshape(()), (draw(1),)),
            (ops.Reshape((2, 0)), (draw(0, 4),)),
        ],
    ),
    "Expand": Case(repeated, expansions(ops.Expand)),
    "Spread": Case(spread_out, expansions(ops.Spread)[:-1]),
    "Sum": reduction(ops.Sum, math.fsum, empty=True),
    "Mean": reduction(ops.Mean, lambda entries: math.fsum(entries) / len(entries)),
    "Max": reduction(ops.Max, max, spaced, analytic=False),
    "LogSumExp": reduction(ops.LogSumExp, log_sum_exp),
    "Softmax": softmaxes(ops.Softmax, soft),
    "LogSoftmax": softmaxes(ops.LogSoftmax, log_soft),
    "Where": Case(
        choices, [(ops.Where(), (bits(*s), draw(*s), draw(*s))) for s in SHAPES], wrt=(1, 2)
    ),
    "CrossEntropy": Case(
        cross_entropy,
        [
            (ops.CrossEntropy(), (draw(3, 4), np.array([2, 0, 3]))),
            (ops.CrossEntropy(), (draw(2, 3, 5), IDS)),
            (ops.CrossEntropy(2), (draw(2, 3, 5), IDS)),
            (ops.CrossEntropy(), (draw(4), np.array(1))),
            (ops.CrossEntropy(), (draw(3, 4), np.array([2.0, 0.0, 3.0]))),
            (ops.CrossEntropy(), (draw(3, 4), np.full(3, -100))),
            (ops.CrossEntropy(), (draw(0, 4), NO_IDS)),
        ],
    ),
    "OneHot": Case(
        one_hot,
        [(ops.OneHot(), (IDS, draw(2, 3, 5))), (ops.OneHot(), (NO_IDS, draw(0, 4)))],
        wrt=(),
    ),
    "RowShare": Case(
        row_share,
        [(ops.RowShare(2), (IDS, draw(2, 3, 5))), (ops.RowShare(), (NO_IDS, draw(0, 4)))],
        wrt=(),
    ),
    "MSE": Case(
        mean_of(lambda a, b: (a - b) ** 2),
        [(ops.MSE(), (draw(*s), draw(*s))) for s in LOSS_SHAPES],
        wrt=(0, 1),
    ),
    "BCEWithLogits": Case(
        mean_of(bce),
        [(ops.BCEWithLogits(), (spaced(*s), draw(*s, low=0, high=1))) for s in LOSS_SHAPES],
        wrt=(0, 1),
        analytic=False,
    ),
}

SAMPLES = [(name, k) for name, case in CASES.items() for k in range(len(case.samples))]


def sample(name, k):
    """(case, op, inputs); the gradients asked for are those of inputs that this sample has."""
    case = CASES[name]
    op, inputs = case.samples[k]
    return case, op, inputs


def wrt(case, inputs):
    return [k for k in case.wrt if k < len(inputs)]


def sample_id(value):
    name, k = value
    _, op, inputs = sample(name, k)
    return f"{op!r}-{'-'.join('x'.join(map(str, x.shape)) or 'scalar' for x in inputs)}"
