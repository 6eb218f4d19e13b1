# %% [markdown]
# # Vanishing gradients
#
# **Does an LSTM solve the problem of vanishing and exploding gradients?** One often reads that it
# does, thanks to the "constant error carousel". Let us measure, against a simple recurrent
# network, and with different forget gates.

# %%
import numpy as np
from IPython.display import SVG

from tinygrad_lstm import CELLS, default_dtype, seed, set_forget_bias, through_time

default_dtype("float64")
T, D, H = 100, 4, 16
xs = np.random.default_rng(1).normal(size=(T, D))

# %% [markdown]
# Four networks: the simple cell, $h_t = \tanh(W_x x_t + b + W_h h_{t-1})$, and the LSTM with
# three biases of its forget gate. At the start of training the rest of what goes into the gate is
# small. So a bias of 0 means $f \approx 0.5$, 1 means $f \approx 0.73$, and 3 means
# $f \approx 0.95$.


# %%
def make(name, forget_bias=None):
    seed(0)
    cell = CELLS[name](D, H)
    if forget_bias is not None:
        set_forget_bias(cell, forget_bias)
    return cell


cells = {"simple": make("rnn")}
cells |= {f"LSTM, bias {b}": make("lstm_by_gate", b) for b in (0, 1, 3)}

# %% [markdown]
# ## How much arrives from far away
#
# The loss reads $h_{100}$ alone, so every gradient at an earlier state has travelled there. Its
# norm, 1, 10, 50 and 99 steps before the end:


# %%
def run(cell, xs, start=0.0):
    """The unrolled network, run forward, and the seeds of a loss that reads the last h alone."""
    net = through_time(cell, len(xs))
    net.forward(*xs[:, None], *[np.full((1, H), start) for _ in cell.outputs])
    seeds = [None] * len(net.outputs)
    seeds[len(xs) - 1] = np.ones((1, H))
    return net, seeds


# %% [markdown]
# `gradient_flow` returns the norms of $\partial L / \partial h_t$ and, for an LSTM, of
# $\partial L / \partial c_t$, for every $t$.

# %%
from tinygrad_lstm import gradient_flow

far = {}
for name, cell in cells.items():
    net, seeds = run(cell, xs)
    flow = gradient_flow(net, *seeds)
    for state, norms in flow.total.items():
        far[name, state] = norms[0]
        row = "  ".join(f"{norms[T - 1 - d]:8.1e}" for d in (1, 10, 50, 99))
        print(f"{name:13} dL/d{state}_t:  {row}")

# %% [markdown]
# The gradient of the simple network is gone: 34 powers of ten in a hundred steps. But look at the
# LSTM with bias 0, whose gates are half open: after fifty steps *it has nothing left either*.
# What helps is not the name of the cell, it is the forget gate. With bias 3 a fifteenth of
# $\partial L / \partial c$ is still there after a hundred steps. The same, drawn (for bias 3):

# %%
SVG(flow.svg())

# %% [markdown]
# ## Why: the factor on the way
#
# The cell state is carried by $c_t = f_t \odot c_{t-1} + i_t \odot g_t$. If gates did not depend
# on $h$, then $\partial c_t / \partial c_k$ would be the product of the forget gates between
# them, $f_{k+1} \odot \dots \odot f_t$. Over 99 steps that is a factor of $2^{-99}$ for
# $f = 0.5$, and no factor at all for $f = 1$: this is the carousel. `jacobians` computes the true
# $\partial c_t / \partial c_k$, with all paths, and the product of the gates beside it, over the
# distance $t - k$. Printed are the largest singular value, which says how much the most fortunate
# direction keeps, and in parentheses the product of the gates, for distances of 1, 10 and 39.

# %%
from tinygrad_lstm import jacobians

near = {b: jacobians(make("lstm_by_gate", b), xs[:40]) for b in (0, 3)}
for b, found in near.items():
    largest, gates = found.by_distance("c"), found.highway_by_distance("c")
    pairs = (f"{largest[d]:.1e} ({gates[d]:.1e})" for d in (1, 10, 39))
    print(f"bias {b}: true (gates)", *pairs, sep="  ")
SVG(near[3].svg())

# %% [markdown]
# The gates explain the trend. They do not explain the numbers: for bias 0 the true value after 39
# steps is some 300 times the product of the gates. And there is a range of them, from the largest
# to the smallest singular value: in some directions much more comes through than in others. So
# there must be other paths.
#
# ## The other paths
#
# $c_t$ also becomes part of $h_t$, and $h_t$ goes into the gates of the next step. `paths` splits
# the gradient by the last gate that it came through before it arrived. "highway" is the share
# that met no gate at all but was carried along $c$ all the way.

# %%
from tinygrad_lstm import paths

net, seeds = run(make("lstm_by_gate", 3), xs[:40])
split = paths(net, *seeds)
for family, norms in split.norms("c").items():
    print(f"{family:8}", "  ".join(f"{norms[39 - d]:.3f}" for d in (0, 1, 10, 20, 39)))
assert np.allclose(sum(split.states["c"].values()), split.whole["c"])

# %% [markdown]
# The columns are 0, 1, 10, 20 and 39 steps before the end. (Shares are vectors that add up to the
# whole; their lengths need not.) Far from the loss most of the gradient has *not* come along the
# carousel.
#
# ## The carousel at its best
#
# Now give the carousel its chance: a forget bias of 50, so that $f = 1$ to the last digit. And
# make the recurrent weights larger, as training may do.

# %%
ends = {}
for scale in (1, 2, 4):
    cell = make("lstm_by_gate", 50)
    for name, p in cell.parameters.items():
        p.data = p.data * (scale if name.startswith("W_h") else 1)
    found = jacobians(cell, xs[:40])
    gates, singular = found.highway_by_distance("c"), found.singular["c"][39, 0]
    ends[scale] = gates[39], singular[0], singular[-1]
    print(f"W_h x {scale}: gates {gates[39]}, true {singular[0]:.1e} ... {singular[-1]:.1e}")

# %% [markdown]
# The product of the gates is exactly 1 over 39 steps: along $c$ *alone* nothing vanishes and
# nothing explodes. The true derivative does both at once, in different directions, and the larger
# the recurrent weights the more. This is why LSTMs are trained with clipped gradients.
#
# ## Is it the initial state?
#
# Another thing one reads: gradients vanish because the state starts badly, at zero. Try another
# start, and see how much reaches it.

# %%
for b in (0, 3):
    for steps in (1, 10, 50, 100):
        found = []
        for start in (0.0, 0.3):
            net, seeds = run(make("lstm_by_gate", b), xs[:steps], start)
            found.append(np.linalg.norm(net.backward(*seeds)[-2]))  # dL/dc_0
        print(f"bias {b}, T = {steps:3}: from zeros {found[0]:.1e}, from 0.3 {found[1]:.1e}")
        assert 0.2 < found[0] / found[1] < 5

# %% [markdown]
# The start makes no difference of note; the length and the forget gate do. It is the other way
# round: since the gradient into the state at the start vanishes like any other, what is put there
# soon does not matter.
#
# ## The answer
#
# Half. Along the cell state the gradient is multiplied by the forget gate and by nothing else, so
# a gate that stays near 1 keeps it, and a gate near 0.5 loses it.
# And that path is not alone: through $h$ and the gates, gradients still vanish and explode.

# %%
assert far["simple", "h"] < 1e-30 and far["LSTM, bias 0", "c"] < 1e-20
assert far["LSTM, bias 3", "c"] > 1e-2
for gates, largest, smallest in ends.values():
    assert gates == 1 and smallest < 0.2 < 1 < largest
assert ends[4][1] > 10 * ends[1][1]
