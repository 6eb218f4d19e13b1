"""The LSTM cell of "LSTM implementation explained" (A. Paszke, 2015), node for node."""

from ..nn import CAdd, CMul, Graph, Input, Linear, Narrow, Sigmoid, Tanh, cell


@cell
def lstm(input_size, hidden_size):
    """All gates from one product, then cut apart; gate order i f o g.

    Source: A. Paszke 2015, after Gers, Schmidhuber & Cummins 2000 (the forget gate).
    """
    D, H = input_size, hidden_size
    x, c_prev, h_prev = Input("x", "N", D), Input("c_prev", "N", H), Input("h_prev", "N", H)

    # All four preactivations in one product: columns [i | f | o | g].
    i2h = Linear(D, 4 * H, "x")(x)
    h2h = Linear(H, 4 * H, "h")(h_prev)
    preactivations = CAdd()(i2h, h2h)

    all_gates = Sigmoid()(Narrow(1, 0, 3 * H)(preactivations))
    in_transform = Tanh()(Narrow(1, 3 * H, H)(preactivations))

    in_gate = Narrow(1, 0 * H, H)(all_gates)
    forget_gate = Narrow(1, 1 * H, H)(all_gates)
    out_gate = Narrow(1, 2 * H, H)(all_gates)

    c_forget = CMul()(forget_gate, c_prev)
    c_input = CMul()(in_gate, in_transform)
    next_c = CAdd()(c_forget, c_input)
    next_h = CMul()(out_gate, Tanh()(next_c))

    return Graph([x, c_prev, h_prev], [next_c, next_h], names=locals())
