"""The three cells as plain array code, for every library that has arrays.

Each takes `lib` (its `sigmoid` and `tanh`), the weights by name, x (N, D) and the state, and
returns the new state, h last.
"""

from __future__ import annotations


def lstm(lib, w, x, state):
    """The cell of torch.nn.LSTM, with the gates in the order i f o g."""
    c, h = state
    H = h.shape[1]
    a = x @ w["W_x"].T + w["b_x"] + h @ w["W_h"].T + w["b_h"]
    gates = lib.sigmoid(a[:, : 3 * H])
    i, f, o = gates[:, :H], gates[:, H : 2 * H], gates[:, 2 * H :]
    c = f * c + i * lib.tanh(a[:, 3 * H :])
    return c, o * lib.tanh(c)


def gru(lib, w, x, state):
    """The cell of torch.nn.GRU: the reset gate acts after the product."""
    (h,) = state
    H = h.shape[1]
    from_x, from_h = x @ w["W_x"].T + w["b_x"], h @ w["W_h"].T + w["b_h"]
    gates = lib.sigmoid(from_x[:, : 2 * H] + from_h[:, : 2 * H])
    r, z = gates[:, :H], gates[:, H:]
    n = lib.tanh(from_x[:, 2 * H :] + r * from_h[:, 2 * H :])
    return (z * h + (1 - z) * n,)


def tide(lib, w, x, state):
    """Invented for this benchmark; `users_cells.tide` says what it does."""
    s, h = state
    pull = lib.sigmoid(x @ w["W_xp"].T + w["b_xp"] + h @ w["W_hp"].T)
    wave = lib.tanh(x @ w["W_xw"].T + w["b_xw"] + s @ w["W_sw"].T)
    s = s + 0.5 * pull * (wave - s)
    gate = lib.sigmoid(x @ w["W_xg"].T + w["b_xg"] + w["w_sg"] * s)
    return s, gate * lib.tanh(s) + (1 - gate) * h


CELLS = {"lstm": lstm, "gru": gru, "tide": tide}


def through_time(lib, cell, w, xs, state):
    """h_1 ... h_T as a list."""
    hs = []
    for x in xs:
        state = CELLS[cell](lib, w, x, state)
        hs.append(state[-1])
    return hs
