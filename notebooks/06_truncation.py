# %% [markdown]
# # Truncation
#
# **What is lost when backpropagation through time is cut after k steps?** Nobody unrolls a whole
# book. One trains on windows of, say, 64 characters: the state is carried from window to window,
# the gradient stops at the border. Let us see what the border costs.

# %%
import numpy as np
from IPython.display import SVG

from tinygrad_lstm import Graph, Input, Parameter, default_dtype, truncation

# %% [markdown]
# ## Three steps that can be checked by hand
#
# The smallest recurrence: $x_t = w \, x_{t-1}$ with $w = 0.2$ and $x_0 = 0.9$. Then $x_3 = w^3
# x_0$, and its derivative is $3 w^2 x_0 = 0.108$. The three stands for three uses of $w$, and
# each of them contributes 0.036.

# %%
default_dtype("float64")
w, x = Parameter(np.array(0.2), name="w"), Input("x_prev")
step = Graph([x], [w * x])
x_0 = Input("x_0")
xs = [x_0]
for t in (1, 2, 3):
    xs += step(xs[-1], scope=f"t={t}")
power = Graph([x_0], [xs[-1]], name="power")
power.forward(0.9)

# %% [markdown]
# `truncation` cuts the network every $k$ steps, counted from the end, and compares the gradient
# with the whole one, for every $k$.

# %%
found = truncation(power, "w")
for k, gradient in zip(found.ks, found.gradients):
    print(f"k = {k}: dx_3/dw = {gradient:.3f}")
assert np.allclose(found.gradients, [0.036, 0.072, 0.108])

# %% [markdown]
# With $k = 1$ only the last use of $w$ is seen, with $k = 2$ the last two. The cut is a node. It
# is called `Detach`: it passes the value on and sends nothing back. Here are the cuts for
# $k = 1$, in red:

# %%
found.draw(1)

# %% [markdown]
# How much would have gone back through each of these edges, had they not been cut? From $x_1$ to
# step 2, and from $x_2$ to step 3:

# %%
print(found.carried["x"])

# %% [markdown]
# The value is another matter: it passes. Truncation changes what the weights learn from, not what
# the network computes.
#
# ## An LSTM
#
# Forty steps, a loss at each of them, and the gradient of the recurrent weight of the forget
# gate. *Relative error* is the length of what is missing, as a share of the whole gradient.
# *Cosine* says whether the direction is right: 1 is the same direction, 0 is a right angle.

# %%
from tinygrad_lstm import CELLS, seed, set_forget_bias, through_time

T, D, H = 40, 4, 16
data = np.random.default_rng(1).normal(size=(T, 1, D))

# %% [markdown]
# The forget bias decides how far the network remembers (notebook 05): 0 is short, 3 is long.


# %%
def lstm(forget_bias):
    seed(0)
    cell = CELLS["lstm_by_gate"](D, H)
    set_forget_bias(cell, forget_bias)
    net = through_time(cell, T)
    net.forward(*data, np.zeros((1, H)), np.zeros((1, H)))
    return net


# %% [markdown]
# One network for each bias, one gradient for each $k$:

# %%
seeds = [np.ones((1, H))] * T + [None, None]
results = {b: truncation(lstm(b), "W_hf", *seeds) for b in (0, 1, 3)}
for b, r in results.items():
    for k in (1, 5, 20, 40):
        error, cosine = r.error[k - 1], r.cosine[k - 1]
        print(f"bias {b}, k = {k:2}: relative error {error:.3f}, cosine {cosine:.3f}")

# %% [markdown]
# The longer the network remembers, the more a cut takes away. A network that forgets quickly
# loses little; and one that could remember is kept from learning it. The direction suffers less
# than the length, which is why truncated training works as well as it does.

# %%
SVG(results[3].svg())

# %% [markdown]
# The curve has steps and even rises here and there. That is no mistake: with every $k$ the cuts
# lie elsewhere, and a loss just behind a cut sees almost nothing of its past.
#
# ## Windows that overlap
#
# One can do better: move on by $k_1$ steps, but look $k_2 > k_1$ steps back. With $k_1 = 1$ every
# loss looks exactly $k_2$ steps back.

# %%
overlapping = truncation(lstm(3), "W_hf", *seeds, k1=1)
for k in (1, 5, 20, 40):
    apart, together = results[3].error[k - 1], overlapping.error[k - 1]
    print(f"k = {k:2}: apart {apart:.3f}, overlapping {together:.3f}")

# %% [markdown]
# It costs more work, and there is a trap. A window must count only the losses of its *last* $k_1$
# steps. Who adds up the gradient of all the losses in every window counts them twice. Back to the
# small example, now with $x_1$, $x_2$ and $x_3$ as losses. The whole gradient is
# $0.9 + 0.36 + 0.108 = 1.368$.

# %%
from tinygrad_lstm import cut

every = Graph([x_0], xs[1:])
every.forward(0.9)
one = np.array(1.0)
right = truncation(every, "w", one, one, one, k1=1).gradients[1]
wrong = 0.0
for window in [(1,), (1, 2), (2, 3)]:  # k1 = 1, k2 = 2
    short = cut(every, [window[-1] - 2])
    short.backward(*[one if t in window else None for t in (1, 2, 3)])
    wrong += float(w.grad)
print(f"looking two steps back: right {right:.3f}, counted twice {wrong:.3f}")

# %% [markdown]
# The right one is a little less than the whole, as it should be; the other is far above it.
#
# ## The answer
#
# What is lost is every contribution that would have crossed the border, no more: uses of a weight
# that lie more than $k$ steps before the loss. In the small example that is one of three equal
# parts per step. In an LSTM it depends on how long the cell remembers. And the whole gradient is
# there again as soon as $k$ reaches $T$.

# %%
assert np.isclose(right, 0.9 + 0.36 + 0.072) and wrong > 0.9 + 0.36 + 0.108
short, middle, long = (results[b].error for b in (0, 1, 3))
assert short[9] < middle[9] < long[9]  # k = 10
assert short[-1] == middle[-1] == long[-1] == 0  # k = T
