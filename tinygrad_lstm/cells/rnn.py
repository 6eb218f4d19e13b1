"""The simple recurrent cell, from which the LSTM departs."""

from ..nn import Graph, Input, Linear, cell, tanh


@cell
def rnn(input_size, hidden_size):
    """One product, one tanh.

    Source: Elman 1990, "Finding structure in time".
    """
    D, H = input_size, hidden_size
    x, h_prev = Input("x", "N", D), Input("h_prev", "N", H)
    h = tanh(Linear(D, H, "x")(x) + Linear(H, H, "h", bias=False)(h_prev))
    return Graph([x, h_prev], [h], names=locals())
