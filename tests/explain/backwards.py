"""Backward passes as people write them, in plain NumPy loops, each with a bug to switch on."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_by_gate(xs, state, p, hs_bar, end_bar, bug=""):
    """The LSTM with a matrix for each gate; `bug` is one bug or several."""
    bugs = (bug,) if isinstance(bug, str) else bug
    c, h = state
    if "state ignored" in bugs:
        c, h = 0 * c, 0 * h
    tape, hs = [], []
    for x in xs:
        z = {k: x @ p[f"W_x{k}"].T + p[f"b_x{k}"] + h @ p[f"W_h{k}"].T for k in "ifog"}
        a = {k: np.tanh(z[k]) if k == "g" else sigmoid(z[k]) for k in "ifog"}
        c_new = a["f"] * c + a["i"] * a["g"]
        h_new = a["o"] * np.tanh(c_new)
        tape.append((x, c, h, z, a, c_new, h_new))
        hs.append(h_new)
        c, h = c_new, h_new
    d = {name: np.zeros_like(array) for name, array in p.items()}
    per_step = {k: np.zeros_like(hs_bar) for k in ("i", "f", "o", "g", "c", "h")}
    dx = np.zeros_like(xs)
    dc_next, dh_next = end_bar
    if "end ignored" in bugs:
        dc_next, dh_next = 0 * dc_next, 0 * dh_next
    for t in reversed(range(len(xs))):
        x, c, h, z, a, c_new, h_new = tape[t]
        if "h[-1] at the start" in bugs:
            h = hs[t - 1]
        if "zeros at the start" in bugs and t == 0:
            c, h = 0 * c, 0 * h
        i, f, o, g = (a[k] for k in "ifog")
        dh = hs_bar[t] if "missing dh" in bugs else hs_bar[t] + dh_next
        dc = dc_next + dh * o * (1 - np.tanh(c if "tanh of c_prev" in bugs else c_new) ** 2)
        do = dh * (c_new if "do without tanh" in bugs else np.tanh(c_new))
        df = dc * (c_new if "c_t for c_prev" in bugs else c)
        di, dg = (dc * i, dc * g) if "i and g swapped" in bugs else (dc * g, dc * i)
        if "df is dc * f" in bugs:
            df = dc * f
        da = {"i": di, "f": df, "o": do, "g": dg}
        v = z if "pre-activation" in bugs else a
        if "activated twice" in bugs:
            v = {k: np.tanh(a[k]) if k == "g" else sigmoid(a[k]) for k in "ifog"}
        dz = {k: da[k] * v[k] * (1 - v[k]) for k in "ifo"}
        dz["g"] = dg * (1 - v["g"] ** 2)
        if "pre-activation in f only" in bugs:
            dz["f"] = df * z["f"] * (1 - z["f"])
        if "sigmoid' for g" in bugs:
            dz["g"] = dg * g * (1 - g)
        if "no derivative of o" in bugs:
            dz["o"] = do
        read = h_new if "h_t for h_prev" in bugs else h
        for k in "ifog":
            db = dz[k][0] if "bias of row 0" in bugs else dz[k].sum(0)
            db = dz[k] if "bias not summed" in bugs else db
            if "= for +=" in bugs:
                d[f"W_x{k}"], d[f"W_h{k}"], d[f"b_x{k}"] = dz[k].T @ x, dz[k].T @ read, db
            else:
                d[f"W_x{k}"] = d[f"W_x{k}"] + dz[k].T @ x
                d[f"W_h{k}"] = d[f"W_h{k}"] + dz[k].T @ read
                d[f"b_x{k}"] = d[f"b_x{k}"] + db
        turn = np.transpose if "forgotten transpose" in bugs else np.asarray
        sent = {k: dz[k] @ turn(p[f"W_h{k}"]) for k in "ifog"}
        dh_next = sent["g"] if "= for += in dh" in bugs else sum(sent.values())
        dx[t] = sum(dz[k] @ p[f"W_x{k}"] for k in "ifog")
        dc_next = dc * f
        if "missing carry" in bugs:
            dc_next = 0 * dc
        if "+= in dc" in bugs:
            dc_next = dc + dc * f
        if "carry without f" in bugs:
            dc_next = dc
        for k, array in {**da, "c": dc, "h": dh}.items():
            per_step[k][t] = array
    if "W transposed" in bugs:
        d["W_hf"] = d["W_hf"].T
    if "i and g exchanged" in bugs:
        d["W_xi"], d["W_xg"] = d["W_xg"], d["W_xi"]
    first = {"c_0": dc_next, "h_0": dh_next}
    return {"hs": np.stack(hs), "weights": d, "steps": per_step, "x": dx, "first": first}


def lstm(xs, state, p, hs_bar, end_bar, bug=""):
    """The LSTM with all gates in one matrix, in the order i f o g."""
    H = state[0].shape[1]
    order = {"order i f g o, forward too": "ifgo", "order i g f o, forward too": "igfo"}.get(
        bug, "ifog"
    )
    c, h = state
    tape, hs = [], []
    for x in xs:
        z = x @ p["W_x"].T + p["b_x"] + h @ p["W_h"].T + p["b_h"]
        a = {}
        for n, k in enumerate(order):
            column = z[:, n * H : (n + 1) * H]
            a[k] = np.tanh(column) if k == "g" else sigmoid(column)
        c_new = a["f"] * c + a["i"] * a["g"]
        tape.append((x, c, h, a, c_new))
        c, h = c_new, a["o"] * np.tanh(c_new)
        hs.append(h)
    d = {name: np.zeros_like(array) for name, array in p.items()}
    dc, dh = end_bar
    for t in reversed(range(len(xs))):
        x, c, h, a, c_new = tape[t]
        dh = hs_bar[t] + dh
        dc = dc + dh * a["o"] * (1 - np.tanh(c_new) ** 2)
        da = {"i": dc * a["g"], "f": dc * c, "o": dh * np.tanh(c_new), "g": dc * a["i"]}
        slope = {k: a[k] * (1 - a[k]) for k in "ifo"} | {"g": 1 - a["g"] ** 2}
        if bug == "tanh' everywhere":
            slope = {k: 1 - a[k] ** 2 for k in "ifog"}
        laid = "ifgo" if bug == "order i f g o, backward only" else order
        dz = np.concatenate([da[k] * slope[k] for k in laid], axis=1)
        read = hs[t] if bug == "h_t for h_prev" else h
        d["W_x"] += dz.T @ x
        d["W_h"] += dz.T @ read
        d["b_x"] += dz.sum(0)
        d["b_h"] += dz.sum(0)
        dh = dz @ p["W_h"]
        dc = 0 * dc if bug == "missing carry" else dc * a["f"]
    if bug == "rows of the gradient i g f o":
        i, f, o, g = np.split(d["W_h"], 4)
        d["W_h"] = np.concatenate([i, g, o, f])
    return d


def peephole(xs, state, p, hs_bar, end_bar, bug=""):
    """The LSTM whose gates i and f see c_{t-1}, and o sees c_t."""
    c, h = state
    tape = []
    for x in xs:
        z = {k: x @ p[f"W_x{k}"].T + p[f"b_x{k}"] + h @ p[f"W_h{k}"].T for k in "ifog"}
        i, f = sigmoid(z["i"] + p["w_ci"] * c), sigmoid(z["f"] + p["w_cf"] * c)
        g = np.tanh(z["g"])
        c_new = f * c + i * g
        o = sigmoid(z["o"] + p["w_co"] * c_new)
        tape.append((x, c, h, i, f, o, g, c_new))
        c, h = c_new, o * np.tanh(c_new)
    d = {name: np.zeros_like(array) for name, array in p.items()}
    dc, dh = end_bar
    for t in reversed(range(len(xs))):
        x, c, h, i, f, o, g, c_new = tape[t]
        dh = hs_bar[t] + dh
        dz = {"o": dh * np.tanh(c_new) * o * (1 - o)}
        dc = dc + dh * o * (1 - np.tanh(c_new) ** 2)
        if bug not in ("missing peephole of o", "missing peepholes"):
            dc = dc + dz["o"] * p["w_co"]
        dz |= {"i": dc * g * i * (1 - i), "f": dc * c * f * (1 - f), "g": dc * i * (1 - g**2)}
        for k in "ifog":
            d[f"W_x{k}"] += dz[k].T @ x
            d[f"W_h{k}"] += dz[k].T @ h
            d[f"b_x{k}"] += dz[k].sum(0)
        d["w_ci"] += (dz["i"] * c).sum(0)
        d["w_cf"] += (dz["f"] * c).sum(0)
        d["w_co"] += (dz["o"] * (c if bug == "c_prev at w_co" else c_new)).sum(0)
        dh = sum(dz[k] @ p[f"W_h{k}"] for k in "ifog")
        dc = dc * f
        if bug not in ("missing peepholes of i and f", "missing peepholes"):
            dc = dc + dz["i"] * p["w_ci"] + dz["f"] * p["w_cf"]
    return d


def gru(xs, state, p, hs_bar, end_bar, bug=""):
    """The gated recurrent unit that resets before the product with W_hn."""
    (h,) = state
    tape = []
    for x in xs:
        pre = {k: x @ p[f"W_x{k}"].T + p[f"b_x{k}"] for k in "rzn"}
        r, z = sigmoid(pre["r"] + h @ p["W_hr"].T), sigmoid(pre["z"] + h @ p["W_hz"].T)
        n = np.tanh(pre["n"] + (r * h) @ p["W_hn"].T)
        tape.append((x, h, r, z, n))
        h = z * h + (1 - z) * n
    d = {name: np.zeros_like(array) for name, array in p.items()}
    (dh,) = end_bar
    for t in reversed(range(len(xs))):
        x, h, r, z, n = tape[t]
        dh = hs_bar[t] + dh
        da_n = dh * (1 - z) * (1 - n**2)
        drh = da_n @ p["W_hn"]
        dz = dh * (h + n if bug == "sign of n in dz" else h - n) * z * (1 - z)
        dr = drh * h * r * (1 - r)
        for k, da, read in (("r", dr, h), ("z", dz, h), ("n", da_n, r * h)):
            d[f"W_x{k}"] += da.T @ x
            d[f"W_h{k}"] += da.T @ (h if bug == "no reset in dW_hn" else read)
            d[f"b_x{k}"] += da.sum(0)
        carry = 0 if bug == "missing carry" else dh * z
        reset = drh if bug == "reset missing in dh" else drh * r
        dh = carry + reset + dr @ p["W_hr"] + dz @ p["W_hz"]
    return d


def truncated(xs, state, p, hs_bar, end_bar, k1, k2):
    """BPTT in windows of k2 steps that end every k1 steps, over the LSTM by gates.

    With k2 > k1 the windows overlap, and every loss inside a window is counted: the double count.
    """
    total = {name: np.zeros_like(array) for name, array in p.items()}
    states = [state]
    for x in xs:
        states.append(_state_after(x, states[-1], p))
    for last in range(k1, len(xs) + 1, k1):
        start = max(0, last - k2)
        end = end_bar if last == len(xs) else tuple(0 * e for e in end_bar)
        one = lstm_by_gate(xs[start:last], states[start], p, hs_bar[start:last], end)
        for name, array in one["weights"].items():
            total[name] += array
    return total


def _state_after(x, state, p):
    c, h = state
    z = {k: x @ p[f"W_x{k}"].T + p[f"b_x{k}"] + h @ p[f"W_h{k}"].T for k in "ifog"}
    c = sigmoid(z["f"]) * c + sigmoid(z["i"]) * np.tanh(z["g"])
    return c, sigmoid(z["o"]) * np.tanh(c)
