"""The LSTM cell written as its equations, one a line."""

from ..nn import Graph, Input, Linear, cell, sigmoid, tanh


@cell
def lstm_by_gate(input_size, hidden_size):
    """The same function as `lstm`, with matrices and a single bias for each gate.

    Source: Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000 (the forget gate).
    """
    D, H = input_size, hidden_size
    x, c_prev, h_prev = Input("x", "N", D), Input("c_prev", "N", H), Input("h_prev", "N", H)

    def pre(k):  # W_xk x + b_xk + W_hk h_prev
        return Linear(D, H, f"x{k}")(x) + Linear(H, H, f"h{k}", bias=False)(h_prev)

    i = sigmoid(pre("i"))
    f = sigmoid(pre("f"))
    o = sigmoid(pre("o"))
    g = tanh(pre("g"))
    c = f * c_prev + i * g
    h = o * tanh(c)
    return Graph([x, c_prev, h_prev], [c, h], names=locals())
