"""The gated recurrent unit whose reset gate acts before the product with W_hn."""

from ..nn import Graph, Input, Linear, cell, sigmoid, tanh


@cell
def gru(input_size, hidden_size):
    """Reset before the hidden product, and z keeps the old state.

    Source: Cho et al. 2014 (arXiv 1406.1078 v3); sign of z as in PyTorch and Keras.
    """
    D, H = input_size, hidden_size
    x, h_prev = Input("x", "N", D), Input("h_prev", "N", H)

    def pre(k, state):  # W_xk x + b_xk + W_hk state
        return Linear(D, H, f"x{k}")(x) + Linear(H, H, f"h{k}", bias=False)(state)

    r = sigmoid(pre("r", h_prev))
    z = sigmoid(pre("z", h_prev))
    n = tanh(pre("n", r * h_prev))
    h = z * h_prev + (1 - z) * n
    return Graph([x, h_prev], [h], names=locals())
