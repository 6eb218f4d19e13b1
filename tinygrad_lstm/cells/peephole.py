"""An LSTM whose gates look at the cell state through diagonal weights."""

from ..nn import Diagonal, Graph, Input, Linear, cell, sigmoid, tanh


@cell
def peephole(input_size, hidden_size):
    """Gates i and f see the old cell state, o sees the *new* one.

    Source: Gers, Schraudolph & Schmidhuber 2002, "Learning precise timing with LSTM recurrent
    networks".
    """
    D, H = input_size, hidden_size
    x, c_prev, h_prev = Input("x", "N", D), Input("c_prev", "N", H), Input("h_prev", "N", H)

    def pre(k):  # W_xk x + b_xk + W_hk h_prev
        return Linear(D, H, f"x{k}")(x) + Linear(H, H, f"h{k}", bias=False)(h_prev)

    i = sigmoid(pre("i") + Diagonal(H, "ci")(c_prev))
    f = sigmoid(pre("f") + Diagonal(H, "cf")(c_prev))
    g = tanh(pre("g"))
    c = f * c_prev + i * g
    o = sigmoid(pre("o") + Diagonal(H, "co")(c))
    h = o * tanh(c)
    return Graph([x, c_prev, h_prev], [c, h], names=locals())
