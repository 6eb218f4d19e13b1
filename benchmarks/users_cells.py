"""Cells as a user of tinygrad_lstm would write them: none of these is in the package."""

from __future__ import annotations

from tinygrad_lstm.nn import Diagonal, Graph, Input, Linear, Narrow, cell, sigmoid, tanh


@cell
def gru_of_torch(input_size, hidden_size):
    """The GRU of PyTorch: the reset gate acts after the product with W_hn, not before it."""
    D, H = input_size, hidden_size
    x, h_prev = Input("x", "N", D), Input("h_prev", "N", H)

    i2h = Linear(D, 3 * H, "x")(x)
    h2h = Linear(H, 3 * H, "h")(h_prev)
    gates = sigmoid(Narrow(1, 0, 2 * H)(i2h) + Narrow(1, 0, 2 * H)(h2h))

    r = Narrow(1, 0, H)(gates)
    z = Narrow(1, H, H)(gates)
    n = tanh(Narrow(1, 2 * H, H)(i2h) + r * Narrow(1, 2 * H, H)(h2h))
    h = z * h_prev + (1 - z) * n
    return Graph([x, h_prev], [h], names=locals())


@cell
def tide(input_size, hidden_size):
    """A slow state s is pulled towards a wave; h follows tanh s where its gate lets it.

    Invented here, so that no pass can know it: two states, a product with each of them, and a
    gate that looks at the new s through a diagonal weight.
    """
    D, H = input_size, hidden_size
    x, s_prev, h_prev = Input("x", "N", D), Input("s_prev", "N", H), Input("h_prev", "N", H)

    pull = sigmoid(Linear(D, H, "xp")(x) + Linear(H, H, "hp", bias=False)(h_prev))
    wave = tanh(Linear(D, H, "xw")(x) + Linear(H, H, "sw", bias=False)(s_prev))
    s = s_prev + 0.5 * pull * (wave - s_prev)

    gate = sigmoid(Linear(D, H, "xg")(x) + Diagonal(H, "sg")(s))
    h = gate * tanh(s) + (1 - gate) * h_prev
    return Graph([x, s_prev, h_prev], [s, h], names=locals())
