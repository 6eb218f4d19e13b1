"""An LSTM whose input and forget gates are coupled: what is forgotten makes room for the new."""

from ..nn import Graph, Input, Linear, cell, sigmoid, tanh


@cell
def cifg(input_size, hidden_size):
    """Coupled input and forget gate, i = 1 - f.

    Source: Greff et al. 2015, "LSTM: A Search Space Odyssey".
    """
    D, H = input_size, hidden_size
    x, c_prev, h_prev = Input("x", "N", D), Input("c_prev", "N", H), Input("h_prev", "N", H)

    def pre(k):  # W_xk x + b_xk + W_hk h_prev
        return Linear(D, H, f"x{k}")(x) + Linear(H, H, f"h{k}", bias=False)(h_prev)

    f = sigmoid(pre("f"))
    o = sigmoid(pre("o"))
    g = tanh(pre("g"))
    c = f * c_prev + (1 - f) * g
    h = o * tanh(c)
    return Graph([x, c_prev, h_prev], [c, h], names=locals())
