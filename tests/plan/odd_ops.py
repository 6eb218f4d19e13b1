"""Ops that only a user wrote, some of which look at numbers or change arrays in place."""

import numpy as np

import tinygrad_lstm as tl
from tests.plan.places import D, H, odd


class Gaussian(tl.Op):
    """Written with array functions only."""

    def forward(self, xp, x):
        return xp.exp(-(x * x) / 2) + 0.1 * xp.where(x > 0, x, xp.zeros_like(x))

    def vjp(self, g, y, x):
        return (g * (tl.ops.gates.Heaviside(0.5)(x) * 0.1 - x * tl.exp(-(x * x) / 2)),)


class RunningSum(tl.Op):
    """Sums from the left along the last axis, by a function that few namespaces have."""

    def forward(self, xp, x):
        return np.cumsum(x, axis=-1)

    def vjp(self, g, y, x):
        return (RunningSum()(g[:, ::-1])[:, ::-1],)


class FirstSign(tl.Op):
    """The sign of the very first number, everywhere: the code looks at a number."""

    def forward(self, xp, x):
        return xp.ones_like(x) if x[0, 0] > 0 else -xp.ones_like(x)

    def vjp(self, g, y, x):
        return (None,)


class WithoutFirst(tl.Op):
    """Zeros in the first column, written into an array."""

    def forward(self, xp, x):
        y = x * 1
        y[:, 0] = 0
        return y

    def vjp(self, g, y, x):
        return (WithoutFirst()(g),)


class Twice(tl.Op):
    """An op that is called like one of ours, and is another."""

    def forward(self, xp, x):
        return x * 2

    def vjp(self, g, y, x):
        return (g * 2,)


Twice.__name__ = "Embed"


@odd
def traced_op(p):
    """An op of the user's own inside a loop and outside."""
    h = p.state()
    for x in p.xs():
        h = Gaussian()(p.pre(x, h, ""))
    return [h, Gaussian()(h) * h]


@odd
def whole_op(p):
    """An op that can only be called on numbers, inside a loop and outside."""
    h, ys = p.state(), []
    for x in p.xs():
        h = tl.tanh(RunningSum()(p.pre(x, h, "")) * 0.3)
        ys.append(h)
    return [*ys, RunningSum()(h), RunningSum()(p.layer(p.input("z", "N", D), H, "z"))]


@odd
def op_that_looks(p):
    """What the op does depends on a number, which differs from step to step."""
    h = p.state()
    for x in p.xs(steps=5):
        z = p.pre(x, h, "")
        h = tl.tanh(z * FirstSign()(z))
    return [h]


@odd
def op_that_writes(p):
    """An op that changes an array of its own in place must not change anybody else's."""
    h = p.state()
    for x in p.xs():
        z = p.pre(x, h, "")
        h = tl.tanh(WithoutFirst()(z) + 0.1 * z)
    return [h, WithoutFirst()(h)]


@odd
def the_name_of_another_op(p):
    """What an op is called does not say what it does."""
    return [tl.tanh(Twice()(p.layer(p.input("x", "N", D), H, "")))]
