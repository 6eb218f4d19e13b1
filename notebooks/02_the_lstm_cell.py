# %% [markdown]
# # The LSTM cell
#
# **Which nodes does an LSTM cell consist of, and which equation does each of them stand for?**
#
# This notebook retells "LSTM implementation explained" (A. Paszke, 2015), which builds the cell
# in Torch. Below, each piece appears three times: as an equation, as code, and in a picture.

# %% [markdown]
# ## Equations
#
# At each timestep $t$ the cell reads three vectors: the input $x_t$, and its own state from the
# step before, which has two parts, the cell state $c_{t-1}$ and the output $h_{t-1}$. It writes
# the new state, $c_t$ and $h_t$. The equations are not typed here. They are printed from the
# cell's graph:

# %%
import numpy as np

from tinygrad_lstm import CELLS, default_dtype, draw, equations, seed

seed(0)
default_dtype("float64")
D, H = 3, 2  # features of x, units of h and c
by_gate = CELLS["lstm_by_gate"](D, H)
equations(by_gate)

# %% [markdown]
# In words: $g_t$ is what the cell would like to add to its state. Three *gates*, numbers between
# 0 and 1, decide how far that happens. The input gate $i_t$ says how much of $g_t$ is added, the
# forget gate $f_t$ how much of the old $c_{t-1}$ stays, the output gate $o_t$ how much of the
# state is shown. $\odot$ multiplies entry by entry.
#
# Two sizes occur, and they are independent. $D$ is the number of features of $x_t$ and comes with
# your data. $H$, which the post calls `rnn_size`, is the number of units, and you choose it. $c$,
# $h$ and all gates have $H$ entries.
#
# ## Code
#
# Four of the equations have the same form, $W x_t + b + W' h_{t-1}$ inside a squashing function.
# So the post computes them all at once. It stacks the four matrices into one with $4H$ rows,
# multiplies once, and cuts the result apart with `Narrow`. The columns stand in the order $i, f,
# o, g$: the three that go through a sigmoid side by side, then the one that goes through a tanh.

# %%
cell = CELLS["lstm"](D, H)
print(cell)

# %% [markdown]
# Read a line of the listing as: number, name, shape, op, numbers of the parents. `N` stands for
# the number of examples in a batch, which is not known before data arrive.
#
# The source is `tinygrad_lstm/cells/lstm.py`, a dozen lines. Beside the post's Torch calls it
# looks like this. Torch counts axes and columns from 1; here, as everywhere in Python, they count
# from 0.
#
# | what | Torch, from 1 | here, from 0 | shape |
# |---|---|---|---|
# | four preactivations from $x$ | `nn.Linear(D, 4*H)(x)` | `Linear(D, 4 * H, "x")(x)` | (N, 4H) |
# | the same from $h$ | `nn.Linear(H, 4*H)(prev_h)` | `Linear(H, 4 * H, "h")(h_prev)` | (N, 4H) |
# | their sum | `nn.CAddTable()({i2h, h2h})` | `CAdd()(i2h, h2h)` | (N, 4H) |
# | columns of the gates | `nn.Narrow(2, 1, 3*H)` | `Narrow(1, 0, 3 * H)` | (N, 3H) |
# | columns of the candidate | `nn.Narrow(2, 3*H+1, H)` | `Narrow(1, 3 * H, H)` | (N, H) |
# | input gate | `nn.Narrow(2, 1, H)` | `Narrow(1, 0 * H, H)` | (N, H) |
# | forget gate | `nn.Narrow(2, H+1, H)` | `Narrow(1, 1 * H, H)` | (N, H) |
# | output gate | `nn.Narrow(2, 2*H+1, H)` | `Narrow(1, 2 * H, H)` | (N, H) |
# | product, entry by entry | `nn.CMulTable()({a, b})` | `CMul()(a, b)` | (N, H) |
# | the finished cell | `nn.gModule(inputs, outputs)` | `Graph(inputs, outputs)` | |
#
# If you would rather keep Torch's spelling: `tinygrad_lstm.nngraph` takes it, counting from 1,
# and builds the same graph.
#
# Why is the first number of each `Narrow` a 2 there and a 1 here? It names the axis. Rows are the
# examples of a batch and columns are features, so the cut goes along the second axis, which is
# number 2 when counting from 1 and number 1 when counting from 0.
#
# ## Picture
#
# The same nodes, drawn: three inputs, fifteen modules.

# %%
draw(cell)

# %% [markdown]
# Follow one equation through all three: $c_t = f_t \odot c_{t-1} + i_t \odot g_t$ is the node
# `next_c` of the listing, a `CAdd` whose parents are the `CMul` nodes `c_forget` and `c_input`.

# %%
next_c = cell.outputs[0]
for parent in next_c.parents:
    factors = " * ".join(p.name for p in parent.parents)
    print(f"{next_c.name} adds {parent.name:8} = {factors}")

# %% [markdown]
# ## Running it forward and backward
#
# The cell keeps no state. That is the post's main point: what happened before comes in through
# `c_prev` and `h_prev`, and goes out through `next_c` and `next_h`. So a call of `forward` takes
# three arrays, and `backward` takes one array for each output: how much the loss would change
# with $c_t$, and with $h_t$. It returns the same for the three inputs, and fills `.grad` of every
# parameter.

# %%
rng = np.random.default_rng(0)
x, c_prev, h_prev = (rng.normal(size=(1, n)) for n in (D, H, H))
c, h = cell.forward(x, c_prev, h_prev)
dL_dc, dL_dh = np.zeros((1, H)), np.ones((1, H))  # the loss is the sum of h
dx, dc_prev, dh_prev = cell.backward(dL_dc, dL_dh)
print("h         ", h)
print("dL/dc_prev", dc_prev)
print("dL/dW_h has shape", cell.parameters["W_h"].grad.shape)

# %% [markdown]
# How would one derive that backward pass on paper? Walk back from $h_t$ and $c_t$, apply each
# op's rule, add where a node was read twice. The program does just that. A bar means "gradient of
# the loss with respect to", and "in" marks what arrives from outside: from the loss, and from the
# next timestep. This is the way back to the cell state of the step before:

# %%
old_state = by_gate.inputs[1]
equations(by_gate.differentiate([old_state]))

# %% [markdown]
# ## Two places where the post's words differ from Torch
#
# Both are easy to slip on, and neither touches the post's code.
#
# **What does the second pair of parentheses create?** The text says a `gModule`. It is a *node*:
# the first pair makes the layer, the second applies it and gives a node of the graph. The graph
# as a whole comes into being only in the last line, with `gModule(...)` there and `Graph(...)`
# here.

# %%
from tinygrad_lstm import Dropout, Graph, Linear, Tensor

layer = Linear(D, H)
node = layer(Tensor(x))
print(type(layer).__name__, "->", type(node).__name__)
print(type(Graph([], [node])).__name__)

# %% [markdown]
# **What does the number in `Dropout(p)` mean?** The text reads as if an entry were dropped with
# probability $1 - p$. It is dropped with probability $p$, and what stays is multiplied by
# $\frac{1}{1-p}$, so that the mean is kept. Let us count.

# %%
ones = Tensor(np.ones((1000, 100)))
dropped = Dropout(0.2)(ones).numpy()
print(f"zeros: {np.mean(dropped == 0):.1%}, the others are {dropped.max()}")
assert abs(np.mean(dropped == 0) - 0.2) < 0.01

# %% [markdown]
# One more observation. The equations at the top have one bias per gate; the post's two `Linear`
# layers bring one each. That is not wrong, only redundant: the two are added, so both receive the
# same gradient.

# %%
assert np.array_equal(cell.parameters["b_x"].grad, cell.parameters["b_h"].grad)

# %% [markdown]
# ## The answer
#
# Fifteen modules, each a piece of an equation. To be sure, write the six equations once more,
# with nothing but NumPy. First the preactivations, all four at once:

# %%
W_x, b_x, W_h, b_h = (p.numpy() for p in cell.parameters.values())
a = W_x @ x[0] + b_x + W_h @ h_prev[0] + b_h
a_i, a_f, a_o, a_g = a.reshape(4, H)

# %% [markdown]
# Then gates, state and output, compared with what the graph computed:


# %%
def sigma(z):
    return 1 / (1 + np.exp(-z))


c_by_hand = sigma(a_f) * c_prev[0] + sigma(a_i) * np.tanh(a_g)
h_by_hand = sigma(a_o) * np.tanh(c_by_hand)
assert np.allclose(c[0], c_by_hand) and np.allclose(h[0], h_by_hand)
