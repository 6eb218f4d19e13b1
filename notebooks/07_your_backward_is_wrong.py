# %% [markdown]
# # Your backward is wrong
#
# **My hand-written backward pass fails the gradient check: where is the bug?** A gradient check
# says *that* something is wrong. The doctor says *what*: it compares your gradients with the
# right ones, and looks for a known mistake that leads to exactly your numbers.

# %%
import numpy as np

from tinygrad_lstm import CELLS, doctor, seed

seed(0)
cell = CELLS["lstm_by_gate"](3, 2)
print(list(cell.parameters))

# %% [markdown]
# ## A backward pass, by hand
#
# Here is an LSTM in plain NumPy, as one would write it after a lecture. The forward pass keeps
# what the backward pass will need.


# %%
def sigma(z):
    return 1 / (1 + np.exp(-z))


def forward(xs, c, h, p):
    kept = []
    for x in xs:
        a = {k: x @ p[f"W_x{k}"].T + p[f"b_x{k}"] + h @ p[f"W_h{k}"].T for k in "ifog"}
        i, f, o, g = sigma(a["i"]), sigma(a["f"]), sigma(a["o"]), np.tanh(a["g"])
        before, (c, h) = (c, h), (f * c + i * g, o * np.tanh(f * c + i * g))
        kept.append((x, *before, i, f, o, g, c, h))
    return kept


# %% [markdown]
# One step back: from $\bar c_t$ and $\bar h_t$ to the gradients at the four preactivations. Is
# all of it right?


# %%
def at_the_gates(c_bar, h_bar, kept):
    _, c_prev, _, i, f, o, g, c, _ = kept
    c_bar = c_bar + h_bar * o * (1 - np.tanh(c) ** 2)
    a_bar = {
        "i": c_bar * g * i * (1 - i),
        "f": c_bar * c_prev * f * (1 - f),
        "o": h_bar * np.tanh(c) * o * (1 - o),
        "g": c_bar * i * (1 - g**2),
    }
    return a_bar, c_bar


# %% [markdown]
# And the loop over time, which adds up the gradients of the weights. `doctor` calls it with
# arrays: the sequence, the state at its start, the parameters by name, and the gradient that
# comes from the loss at each step. It returns gradients by the names of the parameters.


# %%
def my_backward(xs, state, params, hs_bar, end_bar):
    grads = {name: np.zeros_like(w) for name, w in params.items()}
    c_bar, h_bar = end_bar
    for kept, from_loss in zip(forward(xs, *state, params)[::-1], hs_bar[::-1]):
        a_bar, c_bar = at_the_gates(c_bar, h_bar + from_loss, kept)
        for k, bar in a_bar.items():
            grads[f"W_x{k}"] += bar.T @ kept[0]
            grads[f"W_h{k}"] += bar.T @ kept[8]
            grads[f"b_x{k}"] += bar.sum(axis=0)
        h_bar = sum(bar @ params[f"W_h{k}"] for k, bar in a_bar.items())
    return grads


# %% [markdown]
# ## The doctor
#
# Ask.

# %%
first = doctor(my_backward, cell)
print(first)

# %% [markdown]
# All twelve arrays are wrong, which by itself tells nothing: an error in a state's gradient
# spreads into every weight. But only two mistakes together lead to *these* numbers, and both are
# among the classics.
#
# - `kept[8]` is $h_t$. In the forward pass `W_hf` was multiplied with $h_{t-1}$, which is
#   `kept[2]`. (The first cell's $h_{t-1}$ is the state at the start.)
# - $c_t = f_t \odot c_{t-1} + \dots$, so what goes on to $c_{t-1}$ is $\bar c_t \odot f_t$.
#   `at_the_gates` hands on $\bar c_t$ itself.
#
# Mend the first only, and the second is named alone, with its place in time: a sequence of one
# step is right, so it must be in what is carried.


# %%
def mended_once(xs, state, params, hs_bar, end_bar):
    grads = {name: np.zeros_like(w) for name, w in params.items()}
    c_bar, h_bar = end_bar
    for kept, from_loss in zip(forward(xs, *state, params)[::-1], hs_bar[::-1]):
        a_bar, c_bar = at_the_gates(c_bar, h_bar + from_loss, kept)
        for k, bar in a_bar.items():
            grads[f"W_x{k}"] += bar.T @ kept[0]
            grads[f"W_h{k}"] += bar.T @ kept[2]  # h_prev
            grads[f"b_x{k}"] += bar.sum(axis=0)
        h_bar = sum(bar @ params[f"W_h{k}"] for k, bar in a_bar.items())
    return grads


# %% [markdown]
# Its verdict, without the list of numbers:

# %%
second = doctor(mended_once, cell)
print("Diagnosis:", second.diagnosis, "in", second.place)
print("Advice:   ", second.advice)
print("Begins:   ", second.first)

# %% [markdown]
# Mend that as well:

# %%
carry_forgotten = at_the_gates


def at_the_gates(c_bar, h_bar, kept):
    a_bar, c_bar = carry_forgotten(c_bar, h_bar, kept)
    return a_bar, c_bar * kept[4]  # f


third = doctor(mended_once, cell)
print(third)

# %% [markdown]
# ## A collection of mistakes
#
# `bptt_source` writes a right backward pass for any cell (notebook 04). We can break it on
# purpose, one place at a time, and see what the doctor makes of it. First the loop around it:

# %%
from tinygrad_lstm import bptt_source

source = bptt_source(cell)


def broken(right, wrong):
    program = {}
    exec(source.replace(right, wrong), program)
    return lambda *arrays: through_time_with(program, *arrays)


# %% [markdown]
# It calls the two derived functions, `step` and `step_backward`.


# %%
def through_time_with(program, xs, state, params, hs_bar, end_bar):
    saved, grads = [], {name: np.zeros_like(w) for name, w in params.items()}
    for x in xs:
        state, kept = program["step"](x, *state, params)
        saved.append(kept)
    c_bar, h_bar = end_bar
    for kept, from_loss in zip(saved[::-1], hs_bar[::-1]):
        h_bar = h_bar + from_loss
        _, c_bar, h_bar = program["step_backward"](c_bar, h_bar, kept, params, grads)
    return grads


# %% [markdown]
# Six lines of the right program, and what people write instead:

# %%
typos = {
    "f_bar * f * (1 - f)": "f_bar * (1 - f**2)",
    "o_bar * o * (1 - o)": "o_bar",
    "i_bar = c_bar * g": "i_bar = c_bar * i",
    'grads["W_hf"] +=': 'grads["W_hf"] =',
    "np.sum(a_f_bar, axis=0)": "a_f_bar[0]",
    "return x_bar, c_prev_bar, h_prev_bar": "return x_bar, c_prev_bar, 0 * h_prev_bar",
}
verdicts = {wrong: doctor(broken(right, wrong), cell) for right, wrong in typos.items()}
for wrong, verdict in verdicts.items():
    print(f"{wrong}\n    {verdict.diagnosis}, in {verdict.place}")

# %% [markdown]
# A mistake is named only if it leads to exactly your numbers. For one that is not known, the
# doctor still says which arrays, entries, timesteps and batch sizes are concerned, and which are
# right. So it never guesses.
#
# ## The answer
#
# Ask `doctor(my_backward, cell)`. It finds the two mistakes of the program above, one named after
# the other; it has nothing to say against the mended one, or against the derived one; and it
# names every one of the six.

# %%
assert "h_t for h_{t-1}" in first.diagnosis and "c_prev" in second.place + second.diagnosis
assert third.ok and doctor(broken("", ""), cell).ok
assert all(not v.ok and v.diagnosis for v in verdicts.values())
