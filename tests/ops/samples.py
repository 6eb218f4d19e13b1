"""Sample inputs for every op of the derivative table, beside its formula."""

import math

import numpy as np

from tests.ops.formulas import (
    SHAPES,
    Case,
    apart,
    bce,
    between,
    bits,
    choices,
    cross_entropy,
    curve,
    draw,
    embed,
    entrywise,
    expansions,
    kinky,
    log_soft,
    log_sum_exp,
    looked_up,
    mean_of,
    narrow,
    one_hot,
    pair,
    picked,
    reduction,
    repeated,
    row_share,
    scattered,
    soft,
    softmaxes,
    spaced,
    spread_out,
)
from tinygrad_lstm import ops

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
    "AtLeast": pair(ops.AtLeast(), lambda a, b: a >= b, lambda *s: spaced(*s), wrt=()),
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
