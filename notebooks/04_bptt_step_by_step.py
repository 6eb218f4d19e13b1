# %% [markdown]
# # BPTT, step by step
#
# **What happens, node by node, when a gradient travels back through an LSTM?** Notebook 03 has
# shown *that* the gradient of a shared weight is a sum over time. Here we watch how it comes
# about: three timesteps of a tiny LSTM, forward and backward, with all their numbers.

# %%
import numpy as np

from tinygrad_lstm import CELLS, default_dtype, record, seed, through_time

default_dtype("float64")
seed(0)
T, N, D, H = 3, 1, 2, 2
cell = CELLS["lstm_by_gate"](D, H)
net = through_time(cell, T)

# %% [markdown]
# The loss is the sum of all entries of all $h_t$, so $\partial L / \partial h_t$ *from the loss
# at $t$ itself* is 1 everywhere. These gradients are the seeds of the backward pass. The last two
# outputs of `net` are the state after the last step; the loss does not read them, so they get
# none. `record` runs the network forward and backward and keeps every step.

# %%
xs = np.random.default_rng(1).normal(size=(T, N, D))
start = [np.zeros((N, H)), np.zeros((N, H))]  # c_0, h_0
seeds = [np.ones((N, H))] * T + [None, None]
recording = record(net, *xs, *start, seeds=seeds)
print(len(recording), "steps")

# %% [markdown]
# ## See it
#
# A recording shows itself as a page to step through: ▶ or the right arrow key is one node. The
# strip at the top fills from left to right while the forward pass runs, and from right to left on
# the way back. (Some viewers of notebooks leave such pages out. Then write it to a file with
# `recording.save("bptt.html")` and open that; it needs nothing else.)

# %%
recording

# %% [markdown]
# ## Read it
#
# Every step has a sentence. These are the steps of $t = 2$ on the way back, as far as the cell
# state and the gates are concerned:

# %%
import textwrap

for name in ("h", "c", "g", "o", "f", "i"):
    step = recording.at(t=2, node=name, phase="backward")
    print(textwrap.fill(step.sentence, 80), end="\n\n")

# %% [markdown]
# A node waits until everybody who read it has sent a contribution. $c_2$ was read twice: by
# $\tanh(c_2)$ on the way to $h_2$, and by $f_3 \odot c_2$ in the *next timestep*. So two
# contributions meet there, one from now and one from later. That meeting is what makes
# backpropagation go through time.

# %%
later = recording.at(t=3, node="f_3 * c_2", phase="backward").contributions[1]
now = recording.at(t=2, node="tanh(c_2)", phase="backward").contributions[0]
arrived = recording.at(t=2, node="c", phase="backward").arriving
print("from t = 3, through f_3:      ", later.sent)
print("from t = 2, through tanh(c_2):", now.sent)
print("together, dL/dc_2:            ", arrived)
assert np.allclose(later.sent + now.sent, arrived)

# %% [markdown]
# ## The textbook's equations, derived
#
# Each of these steps is one rule applied to one node, so the whole backward pass can be written
# down without any numbers. The next lines are not typed in; they are read off the graph. A bar
# means "gradient of the loss with respect to". Look for the meeting from above in the line of
# $\bar c_t$.

# %%
from tinygrad_lstm import bptt_equations

bptt_equations(cell)

# %% [markdown]
# How many sources has $\bar h_t$? The loss at $t$, and the four gates of the next step, since all
# of them read $h_t$. And $\bar c_t$? Its own $\bar h_t$, and $\bar c_{t+1}$ multiplied by the
# forget gate of the next step, and by nothing else. Notebook 05 is about that factor.
#
# ## The same as a program
#
# `bptt_source` writes the equations as plain NumPy, one step forward and one step back. This is
# the middle of it:

# %%
from tinygrad_lstm import bptt_source

source = bptt_source(cell)
begin, end = source.index("o_bar = h_bar"), source.index("a_g_bar = ")
print("   ", source[begin:end].rpartition("#")[0].strip())

# %% [markdown]
# ## The answer
#
# From the last step to the first: take what the loss at $t$ sends into $h_t$, add what step
# $t + 1$ has sent back, let every node multiply by its local derivative and pass the product on,
# and add to each weight's gradient what this step contributes. To be sure, run the derived
# program over time, first forward:

# %%
program: dict = {}
exec(source, program)
weights = {name: p.numpy() for name, p in cell.parameters.items()}
state, saved = tuple(start), []
for x in xs:
    state, kept = program["step"](x, *state, weights)
    saved.append(kept)

# %% [markdown]
# Then backward. Nothing comes from beyond the last step, so both bars start at zero.

# %%
grads = {name: np.zeros_like(w) for name, w in weights.items()}
c_bar = h_bar = np.zeros((N, H))
for t in reversed(range(T)):
    h_bar = h_bar + seeds[t]
    _, c_bar, h_bar = program["step_backward"](c_bar, h_bar, saved[t], weights, grads)
for name, parameter in cell.parameters.items():
    assert np.allclose(grads[name], parameter.grad), name
