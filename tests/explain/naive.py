"""An LSTM as a plain loop, whose derivatives are complex steps: it knows nothing of ours.

A complex step moves a number by i times next to nothing; the imaginary part of what comes out is
the derivative.  To take the real part somewhere is to cut the derivative there.
"""

import numpy as np

import tinygrad_lstm as tl
from tests.cells.networks import built, draws, feed

N, D, H, T = 3, 2, 4, 5
STEP = 1e-30


def sigma(x):
    return 1 / (1 + np.exp(-x))


def network(name="lstm", steps=T, rows=N):
    """A cell through time that was run forward, and the arrays that it was fed."""
    net = tl.through_time(built(name, (D, H)), steps)
    arrays = feed(net_cell(net, steps), steps, rows)
    net.forward(*arrays)
    return net, arrays


def net_cell(net, steps):
    """What `feed` asks of a cell: its inputs, x first."""

    class Cell:
        inputs = net.inputs[steps - 1 :]

    return Cell


def seeds_of(net, steps=T, rows=N):
    """A cotangent for every h_t and none for the last state."""
    return [draws(200 + t, rows, H) for t in range(steps)] + [None] * (len(net.outputs) - steps)


def weights_of(net):
    return {name: p.data for name, p in net.parameters.items()}


def lstm(weights, arrays, steps=T, moved=None, real=()):
    """[(c_1, h_1), ...] of the fused cell with gates i f o g.

    Args:
        weights: those of all steps, or a list with those of each step.
        moved: {(name, t): what is added to state c or h of step t}.
        real: the steps after which the derivative is cut.
    """
    xs, (c, h) = arrays[:steps], arrays[steps:]
    moved, seen = moved or {}, []
    for t, x in enumerate(xs, start=1):
        w = weights[t - 1] if isinstance(weights, list) else weights
        z = x @ w["W_x"].T + w["b_x"] + h @ w["W_h"].T + w["b_h"]
        i, f, o, g = (z[:, k * H : (k + 1) * H] for k in range(4))
        c = sigma(f) * c + sigma(i) * np.tanh(g) + moved.get(("c", t), 0)
        h = sigma(o) * np.tanh(c) + moved.get(("h", t), 0)
        seen.append((c, h))
        if t in real:
            c, h = c.real, h.real
    return seen


def loss(seen, seeds, steps=range(1, T + 1)):
    return sum(np.sum(seeds[t - 1] * seen[t - 1][1]) for t in steps)


def gradient(shape, f):
    """df/d(array) by complex steps; f takes the array that is added."""
    result = np.zeros(shape)
    for place in np.ndindex(*shape):
        step = np.zeros(shape, complex)
        step[place] = 1j * STEP
        result[place] = np.imag(f(step)) / STEP
    return result
