"""The instructions of random programs: tuples (instruction, i, j, k).

An instruction reads the values numbered i and j so far (the youngest is 0) and makes one more; k
chooses among its variants.  All values are (N, features), of all kinds of widths.  Parameters come
from a `Bank`, in which the same request finds the same parameter: so they are shared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import tinygrad_lstm as tl

WIDTHS = (4, 6, 1)


def draws(seed, *shape):
    return np.random.default_rng(seed).normal(scale=0.7, size=shape)


@dataclass
class Bank:
    """Parameters and constants by what they are for; made at the first request."""

    seed: int = 0
    known: dict = field(default_factory=dict)

    def parameter(self, name, *shape):
        key = (name, *shape)
        if key not in self.known:
            numbers = draws([self.seed, len(self.known)], *shape) / np.sqrt(shape[-1])
            self.known[key] = tl.Parameter(numbers, name="_".join(map(str, key)))
        return self.known[key]

    def linear(self, x, width, k=0):
        """One of two layers from the width of x to another; both have the same bias."""
        W = self.parameter(f"W{k % 2}", width, x.shape[-1])
        return tl.Affine(False)(x, W) if k % 3 == 2 else tl.Affine()(x, W, self.bias(width))

    def bias(self, width):
        return self.parameter("b", width)

    def constant(self, *shape):
        return tl.Tensor(draws([self.seed, 99], *shape))

    def fitted(self, a, like):
        """a in the width of another value: cut, or mapped."""
        if a.shape[-1] == like.shape[-1]:
            return a
        if a.shape[-1] > like.shape[-1]:
            return a[:, : like.shape[-1]]
        return self.linear(a, like.shape[-1])


def binary(function):
    return lambda bank, a, b, k: function(a, bank.fitted(b, a))


def unary(function):
    return lambda bank, a, b, k: function(a)


def rows_reduced(bank, a, b, k):
    """(N, 1) that is spread over the columns again."""
    keep = {"axis": 1, "keepdims": True}
    one = [a.mean, a.sum, a.max, lambda **keep: tl.logsumexp(a, **keep)][k % 4](**keep)
    return bank.fitted(b, a) + 0.5 * one if k % 8 < 4 else tl.tanh(one)


def columns_reduced(bank, a, b, k):
    """(1, H) or (H,) over the batch, spread over the rows again."""
    one = [a.mean, a.sum, a.max][k % 3](axis=0, keepdims=k % 2 == 0)
    return bank.fitted(b, a) * tl.tanh(one)


def scalar(bank, a, b, k):
    """A number of the whole of a, spread over b."""
    one = [a.mean(), tl.tanh(a.sum()), tl.logsumexp(a), (1 + (a * a).mean()) ** 0.5][k % 4]
    return b * one if k % 2 else b - one


def narrowed(bank, a, b, k):
    """Some columns, also every other one or backwards."""
    half = max(1, a.shape[1] // 2)
    kinds = slice(half), slice(-half, None), slice(None, None, 2), slice(None, None, -1)
    return a[:, kinds[k % 4]]


def gates(bank, a, b, k):
    """Slices of one product that are parted, overlap, or leave a gap."""
    F = a.shape[1]
    z = bank.linear(a, 3 * F, k)
    s = tl.sigmoid(z[:, : 2 * F])
    g = tl.tanh(z[:, [2 * F, F, 2 * F - 1, 0][k % 4] :][:, :F])
    return s[:, :F] * bank.fitted(b, g) + (s[:, F:] if k % 2 else 1 - s[:, :F]) * g


def joined(bank, a, b, k):
    return [
        lambda: tl.concat([a, b][:: 1 - 2 * (k % 2)], axis=1),
        lambda: tl.concat([a, b, a], axis=1),
        lambda: tl.stacked([a, bank.fitted(b, a)], axis=k % 3).mean(axis=k % 3),
        lambda: tl.stacked([a, bank.fitted(b, a), a], axis=0)[k % 3],
    ][k % 4]()


def reshaped(bank, a, b, k):
    """(N, F) by way of (N, F/2, 2), perhaps with two axes exchanged, or of (F, N)."""
    F = a.shape[1]
    if F % 2 or k % 3 == 0:
        return (tl.tanh(a.T) * 0.9).T if k % 2 else tl.Transpose()(tl.Transpose()(a) * 0.9)
    cube = a.reshape(a.shape[0], F // 2, 2)
    cube = tl.sin(cube.permute(0, 2, 1)) if k % 3 == 1 else tl.concat([cube, cube * 2], axis=2)
    return cube.reshape(a.shape[0], -1)


def attended(bank, a, b, k):
    """Every row looks at every row; or the rows of b as keys and values through a third axis."""
    b = bank.fitted(b, a)
    if k % 2:
        return tl.softmax(a @ b.T, axis=1) @ b
    keys = tl.stacked([a, b, tl.tanh(a)], axis=1)
    scores = (keys @ b.reshape(b.shape[0], b.shape[1], 1)).reshape(b.shape[0], 3)
    return (tl.softmax(scores).reshape(b.shape[0], 1, 3) @ keys).reshape(a.shape[0], a.shape[1])


def weighed(bank, a, b, k):
    """Products with parameters in other ways than a layer's."""
    F = a.shape[1]
    W = bank.parameter("W0", F, F)
    return [
        lambda: a @ W,
        lambda: tl.Affine(False)(a, W) @ W,
        lambda: a * bank.bias(F) + bank.bias(F),
        lambda: a * tl.exp(-(bank.bias(F) * bank.bias(F))),
        lambda: a @ (W * 0.5 + W.T),
        lambda: a * tl.sigmoid(bank.parameter("rate", 1, 1)) + bank.constant(1, F),
    ][k % 6]()


def chosen(bank, a, b, k):
    b = bank.fitted(b, a)
    return [
        lambda: tl.maximum(a, b * 0.9),
        lambda: tl.where(a > b + 0.1, a, tl.tanh(b)),
        lambda: tl.clip(a, -0.4, 0.5) + b,
        lambda: tl.relu(a) - abs(b),
    ][k % 4]()


INSTRUCTIONS = {
    "add": binary(lambda a, b: a + b),
    "subtract": binary(lambda a, b: a - b),
    "multiply": binary(lambda a, b: a * b),
    "divide": binary(lambda a, b: a / (2 + tl.sin(b))),
    "double": unary(lambda a: 0.6 * (a + a)),
    "square": unary(lambda a: tl.sin(a * a)),
    "scale": lambda bank, a, b, k: a * (0.5 + k % 3 / 4) - k % 2,
    "negate": unary(lambda a: -a),
    "tanh": unary(tl.tanh),
    "sigmoid": unary(tl.sigmoid),
    "curve": lambda bank, a, b, k: [tl.sin, tl.cos, tl.softplus, tl.log_sigmoid][k % 4](a),
    "exp": unary(lambda a: tl.exp(-(a * a))),
    "root": lambda bank, a, b, k: [tl.log, tl.sqrt, lambda x: x**-0.5][k % 3](1 + a * a),
    "softmax": lambda bank, a, b, k: [tl.softmax, tl.log_softmax][k % 2](a, axis=k // 2 % 2),
    "linear": lambda bank, a, b, k: bank.linear(a, WIDTHS[k % 3], k),
    "weigh": weighed,
    "rows": rows_reduced,
    "columns": columns_reduced,
    "scalar": scalar,
    "narrow": narrowed,
    "gates": gates,
    "join": joined,
    "reshape": reshaped,
    "attend": attended,
    "choose": chosen,
    "detach": unary(lambda a: tl.Detach()(a)),
    "identity": unary(lambda a: tl.Identity()(a)),
}
"""name -> function(bank, a, b, k): one more value (N, features) of a and b."""

MAXIMAL = 24
"""Wider values are cut, lest they grow and grow."""


RECENT = (0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 5, 9)
"""How far back values are read: mostly the youngest."""


def drawn(choose, lengths, names=tuple(INSTRUCTIONS)):
    """A program; `choose` takes one of a sequence."""
    return tuple(
        (choose(names), choose(RECENT), choose(RECENT), choose(range(12)))
        for _ in range(choose(lengths))
    )


def run(program, bank, values):
    """All values: those given, and one for each instruction."""
    values = list(values)
    for name, i, j, k in program:
        a, b = (values[-1 - n % len(values)] for n in (i, j))
        y = INSTRUCTIONS[name](bank, a, b, k)
        values.append(y[:, :MAXIMAL] if y.shape[1] > MAXIMAL else y)
    return values
