"""Cells that nobody would put into a library, to see what holds for any cell."""

import tinygrad_lstm as tl
from tinygrad_lstm.nn import Graph, Input, Linear, concat, exp, maximum, sigmoid, softmax, tanh


def leaky_average(D, H):
    """One state that is not called h, a learnable leak for each unit, and a weight read twice."""
    x, memory = Input("x", "N", D), Input("memory", "N", H)
    leak = tl.Parameter(tl.Tensor([0.3 + 0.1 * k for k in range(H)]).data, name="leak")
    U = Linear(H, H, "u")
    keep = exp(-(leak * leak))
    inner = U(U(memory)) + Linear(D, H, "x", bias=False)(x)
    y = keep * memory + (1 - keep) * sigmoid(inner) ** 2
    return Graph([x, memory], [y], names=locals())


def two_memories(D, H):
    """Fast and slow memory; slices that overlap, a softmax, a maximum, division and a constant."""
    x = Input("x", "N", D)
    slow_prev, fast_prev, h_prev = (Input(f"{k}_prev", "N", H) for k in ("slow", "fast", "h"))
    both = Linear(D + H, 3 * H, "xh")(concat([x, h_prev], axis=1))
    share = softmax(both[:, : 2 * H])
    g = tanh(both[:, H:])
    new_slow = slow_prev * 0.9 + g[:, :H] * share[:, :H]
    new_fast = maximum(fast_prev, g[:, H:]) / (1 + share[:, H:]) + tl.Tensor([[0.5] * H])
    h = tanh(new_slow - new_fast) + h_prev * 0.5
    return Graph([x, slow_prev, fast_prev, h_prev], [new_slow, new_fast, h], names=locals())


def crossed(D, H):
    """States that change places, one that passes unchanged, and no name anywhere."""
    x, a, b, h = Input("x", "N", D), Input("a", "N", H), Input("b", "N", H), Input("h", "N", H)
    total = Linear(D, H)(x) * a + Linear(H, H)(h)
    return Graph([x, a, b, h], [b, a * total, tanh(total) + total])


def matrix_products(D, H):
    """Written with @ and a bias added by hand; the state enters the products only."""
    x, s_prev = Input("x", "N", D), Input("s_prev", "N", H)
    A = tl.Parameter([[0.1 * (j - k) for k in range(H)] for j in range(D)], name="A")
    B = tl.Parameter([[0.05 * (j + k) for k in range(H)] for j in range(H)], name="B")
    lift = tl.Parameter([0.1] * H, name="lambda")
    s = tanh(x @ A + s_prev @ B.T + lift) - (x @ A) * 0.25
    return Graph([x, s_prev], [s], names=locals())


def normalised(D, H):
    """Means and sums over units that are spread out again, and no parameter at all."""
    x, h_prev = Input("x", "N", H), Input("h_prev", "N", H)
    m = h_prev.mean(axis=1, keepdims=True)
    s = (h_prev * h_prev).sum(axis=1, keepdims=True)
    h = (x - m) / (1 + s) ** 0.5
    return Graph([x, h_prev], [h], names=locals())


def of_one_example(D, H):
    """Vectors without a batch axis, and a state that no gradient leaves."""
    x, h_prev = Input("x", D), Input("h_prev", H)
    gate = sigmoid(Linear(D, H, "x")(x) + Linear(H, H, "h")(tl.Detach()(h_prev)))
    h = gate * tanh(Linear(H, H, "g", bias=False)(gate))
    return Graph([x, h_prev], [h], names=locals())


ODD = [leaky_average, two_memories, crossed, matrix_products, normalised, of_one_example]
