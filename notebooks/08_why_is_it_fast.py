# %% [markdown]
# # Why is it fast?
#
# **How can the same gradients come out of the same graph in a fraction of the time?** `compile`
# makes a *plan* of a graph: a list of array calls. Nothing in it knows what an LSTM is. Here it is
# taken apart, one pass after the other: the law of algebra that each rests on, and how long a
# training step takes with it, measured while you read, on your machine.

# %%
import time

import numpy as np

from tinygrad_lstm import CELLS, blas_facts, blas_threads, compile, draw, seed, through_time

blas_threads(1)  # two would wait for each other whenever something else runs
seed(0)
T, N, D, H = 50, 16, 32, 128
cell = CELLS["lstm"](D, H)
net = through_time(cell, T)

# %% [markdown]
# Fifty timesteps, sixteen examples side by side, 128 hidden units: small enough that you need
# not wait. The loss is the sum of all entries of all $h_t$, so a gradient of 1 arrives at each.

# %%
draws = np.random.default_rng(1)
xs = draws.normal(size=(T, N, D)).astype("float32")
start = [np.zeros((N, H), "float32")] * 2
ones = [np.ones((N, H), "float32")] * T + [None, None]

# %% [markdown]
# One training step, as far as gradients are concerned, by the graph:


# %%
def graph_step():
    net.forward(*xs, *start)
    net.backward(*ones)


graph_step()
right = {name: p.grad for name, p in net.parameters.items()}
print(sum(node.op is not None for node in net.nodes), "nodes are computed, forward alone")

# %% [markdown]
# ## The graph as it is written
#
# To compute a node, the graph calls the op, which makes a new array for the result. On the way
# back it asks the op for its `vjp`, which makes more of them, and adds up what arrives at a node
# that was read several times. It keeps everything, so that you can look at every value and every
# gradient afterwards. This is what it is for. It is not what training needs.
#
# A plan *without any pass* does the same arithmetic in the same order. But it has looked up
# beforehand which functions have to be called, and every result has its place in memory already.
# `plan_with` makes a plan with the passes that we name, and checks it: its gradients have to be
# those of the graph. (In which order we name the passes does not matter: `compile` has its own.)

# %%
plans, stages = {}, {}


def plan_with(*passes):
    plan, name = compile(net, passes=passes), passes[-1] if passes else "no pass"
    plan.step(*xs, *start, seeds=ones)
    for weight, g in right.items():
        assert np.abs(plan.grads[weight] - g).max() <= 1e-4 * np.abs(g).max(), weight
    plans[name], stages[name] = plan, plan.explain().stages[-1]
    print(f"{stages[name].cost.calls:,} calls of array functions")


# %% [markdown]
# Without any pass:

# %%
plan_with()

# %% [markdown]
# How do the two compare? They take turns, a few steps each, so that all meet the same weather.
# What counts is the time that the processor worked for this program, not the time on the wall,
# in which it also works for others.


# %%
def race(ways, turns=12, steps=2):
    """Seconds of processor time for one step of each."""
    taken = dict.fromkeys(ways, 0.0)
    for _ in range(turns):
        for name, way in ways.items():
            before = time.process_time()
            for _ in range(steps):
                way()
            taken[name] += (time.process_time() - before) / (steps * turns)
    return taken


# %% [markdown]
# In milliseconds for one training step, forward and backward:


# %%
def steps_of(plans):
    """For each plan a function that takes a step with it."""
    return {k: lambda p=p: p.step(*xs, *start, seeds=ones) for k, p in plans.items()}


ways = {"graph": graph_step, **steps_of(plans)}
for name, seconds in race(ways).items():
    print(f"{name:10} {1000 * seconds:6.2f} ms")

# %% [markdown]
# ## One step instead of fifty: `roles`
#
# A timestep is an application of one cell. Node number $j$ of every step plays the same *role*, so
# it is enough to write down one step, and to say: fifty times. Here are three steps as the
# graph has them,

# %%
draw(through_time(cell, 3), weights="shared")

# %% [markdown]
# and this is all that is left to think about:

# %%
draw(cell)

# %% [markdown]
# The values of one role lie in one array, (T, N, H), one step behind the other; the state that a
# step reads is the array that the step before has filled. The law is that of a loop: the gradient
# of a sum over steps is the sum of the gradients of the steps. So the loop is differentiated once
# as well. The other passes look at the loop, not at fifty copies.

# %%
plan_with("roles")

# %% [markdown]
# A plan can be drawn, too. Each dashed box says when its content is computed; a dashed arrow leads
# into the next step. There are two long loops, forward and backward, with many short ones around
# them. Keep this picture in mind.

# %%
plans["roles"].draw()

# %% [markdown]
# ## What does not have to wait: `hoist`
#
# $h_t$ has to wait for $h_{t-1}$. But $W_x x_t$ depends on no state: it is known for all steps
# before the first one begins. With all $x_t$ below each other as the rows of $X$,
#
# $$x_t W_x^\top \text{ for } t = 1 \dots T \quad \text{is} \quad X W_x^\top,$$
#
# one large product instead of many small ones. Large products do more arithmetic for every number
# that they fetch from memory. Before:

# %%
from tinygrad_lstm import Graph, Input, Linear, concat

x = [Input(f"x_{t}", "N", D) for t in (1, 2, 3)]
to_gates = Linear(D, 4 * H, "x")
draw(Graph(x, [to_gates(x_t) for x_t in x]))

# %% [markdown]
# The three are one below the other now, and there is one Linear:

# %%
after = Graph(x, [to_gates(concat(x, axis=0))])
draw(after)

# %% [markdown]
# The same numbers, and the calls that are left:

# %%
one_by_one = [to_gates(x_t).numpy() for x_t in xs[:3]]
assert np.allclose(after.forward(*xs[:3]), np.concatenate(one_by_one), atol=1e-5)
plan_with("roles", "hoist")

# %% [markdown]
# On the way back it is the other way round: what no earlier step needs, such as the gradient of the
# inputs, waits until the loop is over, and is computed for all steps at once.
#
# ## One product for a shared weight: `products`
#
# The gradient of a shared weight is a sum over time, $\sum_t g_t^\top x_t$ (notebook 03). Each
# term is a product with a result as large as the weight, added to the sum so far. But a product of
# matrices *is* a sum: with the rows of all steps below each other,
#
# $$\sum_t g_t^\top x_t = G^\top X .$$

# %%
g = draws.normal(size=(T, N, 4 * H))
sum_over_time = sum(g_t.T @ x_t for g_t, x_t in zip(g, xs))
assert np.allclose(sum_over_time, g.reshape(T * N, -1).T @ xs.reshape(T * N, -1))
plan_with("roles", "hoist", "products")

# %% [markdown]
# ## Every gate in one piece: `blocks`
#
# The cell computes all gates by one Linear and cuts them apart by Narrow. In memory the entries of
# one gate then lie in short runs, with those of the other gates between them. And the derivative of
# Narrow is a field of zeros with the gradient set in (Embed), to be added to the others. Here is
# the backward pass of two gates that are cut from one array:

# %%
from tinygrad_lstm import Narrow, sigmoid, tanh

z = Input("z", "N", 2 * H)
gates = sigmoid(Narrow(1, 0, H)(z)) * tanh(Narrow(1, H, H)(z))
draw(Graph([z], [gates], {"y": gates}).differentiate(wrt=[z]), level="op")

# %% [markdown]
# If nothing reads $z$ but Narrows that cut it into parts, it may be computed in these parts:
# $(aB)_{[s:e]} = a \, B_{[s:e]}$ for products, $f(z)_{[s:e]} = f(z_{[s:e]})$ for everything that
# works entry by entry. Narrow and Embed are gone, and each gate is an array of its own:

# %%
z_1, z_2 = Input("z_1", "N", H), Input("z_2", "N", H)
y = sigmoid(z_1) * tanh(z_2)
draw(Graph([z_1, z_2], [y], {"y": y}).differentiate(wrt=[z_1, z_2]), level="op")

# %% [markdown]
# Where one product was, there are several smaller ones now, for the moment. We shall put them
# together again, in another way.

# %%
plan_with("roles", "hoist", "products", "blocks")

# %% [markdown]
# ## Brackets: `regroup`
#
# Look at the picture above again: $\bar z_1 = (\bar y \odot \tanh z_2) \odot s \odot (1 - s)$,
# with $s$ for the sigmoid. It is computed from left to right. But $\bar y$ is the one factor that
# has to wait for the steps to come; all others are known from the forward pass. Multiplication is
# associative and commutative, so
#
# $$\bar y \odot \big( \tanh z_2 \odot s \odot (1 - s) \big)$$
#
# gives the same with one product inside the loop instead of three. Sums are treated alike: the two
# biases of a gate are added to each other once, not to every step.

# %%
plan_with("roles", "hoist", "products", "blocks", "regroup")

# %% [markdown]
# ## A sigmoid is a tanh: `scales`
#
# $$\sigma(x) = \tfrac12 \left( 1 + \tanh \tfrac x2 \right)$$
#
# So all four gates call the same function. The inner half costs nothing, for it can move into the
# weights, which are halved once and not in every step: $\tfrac12 (a B + b) = a (\tfrac12 B) +
# \tfrac12 b$. Halving is exact in binary floating point, so nothing is lost by it.

# %%
print("largest difference:", np.abs(1 / (1 + np.exp(-xs)) - (1 + np.tanh(xs / 2)) / 2).max())
plan_with("roles", "hoist", "products", "blocks", "regroup", "scales")

# %% [markdown]
# ## Side by side: `pack`
#
# Now four gates do the same thing with the same function. Products with a common left side are one
# product, and so is a sum of products:
#
# $$[\, a B_1 \mid a B_2 \,] = a \, [\, B_1 \mid B_2 \,], \qquad
# a_1 B_1 + a_2 B_2 = [\, a_1 \mid a_2 \,] \begin{bmatrix} B_1 \\ B_2 \end{bmatrix}.$$
#
# That is the product which `blocks` had taken apart, but its results lie one *behind* the other,
# (4, T, N, H): each gate in one piece, and all four as one array for one call of tanh.

# %%
a, B_1, B_2 = draws.normal(size=(N, H)), *draws.normal(size=(2, H, H))
both = a @ np.concatenate([B_1, B_2], axis=1)
assert np.allclose(both, np.concatenate([a @ B_1, a @ B_2], axis=1))
plan_with("roles", "hoist", "products", "blocks", "regroup", "scales", "pack")

# %% [markdown]
# ## Small steps: `beside`
#
# To hoist the product with the input is right for large matrices. It leaves a sum in the loop: what
# came from the input, plus what comes from the state. Where matrices are small, a call costs more
# than its arithmetic, and one product for all is better:
#
# $$h W_h + x W_x + b = [\, h \mid x \mid 1 \,] \begin{bmatrix} W_h \\ W_x \\ b \end{bmatrix}.$$
#
# Nothing is copied for that, since each state is written beside the next input from the start.
# `beside` looks at the sizes, and leaves alone what is large.

# %%
h, x_t, W_h, W_x = (draws.normal(size=s) for s in ((N, H), (N, D), (H, H), (D, H)))
beside = np.concatenate([h, x_t, np.ones((N, 1))], axis=1)
b = np.ones((1, H))
assert np.allclose(h @ W_h + x_t @ W_x + b, beside @ np.concatenate([W_h, W_x, b]))
plan_with("roles", "hoist", "products", "blocks", "regroup", "scales", "pack", "beside")

# %% [markdown]
# ## What the processor remembers: `chunks` and `liveness`
#
# These two use no algebra. A processor has a small memory of its own, the cache, which is many
# times faster than the large one. The factors that `regroup` has freed could be computed for all
# steps at once, but when the loop came to use them they would have left the cache. One step at a
# time costs a call for each. `chunks` does as many steps at once as fit.
#
# `liveness` gives the place of a value that nobody reads any more to the next one. The fewer places
# there are, the more of them stay in the cache.

# %%
eight = ("roles", "hoist", "products", "blocks", "regroup", "scales", "pack", "beside")
plan_with(*eight, "chunks")
plan_with(*eight, "chunks", "liveness")
for name in ("chunks", "liveness"):
    print(f"{stages[name].memory / 1e6:.1f} MB after {name}")

# %% [markdown]
# ## Before a product: `tiles`
#
# A library of matrix products, a BLAS, first copies two large matrices into an order that suits it,
# and then multiplies them. That is little beside the product itself, unless one of the two has only
# a few rows; and here it is the same weight that a few rows meet at every step. Small matrices it
# takes as they lie (OpenBLAS does, with its kernels for AVX-512). A large product is many small
# ones: for any cut of the rows of $B$ into pieces $I$, and of its columns into pieces $J$,
#
# $$(A B)_{:, J} = \sum_I A_{:, I} \, B_{I, J}.$$
#
# So `tiles` copies a weight once, tile by tile, and then no step copies it again. With another BLAS
# it leaves everything as it is.

# %%
a, B = draws.normal(size=(N, H)), draws.normal(size=(H, H))
cuts = [slice(k, k + 32) for k in range(0, H, 32)]
tiles = [sum(a[:, i] @ B[i, j] for i in cuts) for j in cuts]
assert np.allclose(a @ B, np.concatenate(tiles, axis=1))
plan_with(*eight, "chunks", "liveness", "tiles")
print("kernels of the BLAS here:", blas_facts()["core"])

# %% [markdown]
# One pass is left, `lookups`. It has nothing to do here. When the inputs are characters that an
# embedding looks up, with $e_k$ the one-hot row of character $k$ and $E$ the table of the
# embedding, then $(e_k E) W = (E W)_k$: the whole vocabulary is multiplied once, and every
# character of the text is one row of the result.
#
# This is what has become of the first picture. What is left to do step after step is little more
# than what the recurrence demands.

# %%
plans["tiles"].draw()

# %% [markdown]
# ## The race
#
# The graph and all plans take turns. Each line has one more pass than the line above it.

# %%
times = race({"graph": graph_step, **steps_of(plans)})
for name, seconds in times.items():
    bar = "█" * round(40 * seconds / max(times.values()))
    calls = f"{stages[name].cost.calls:6,}" if name in plans else " " * 6
    print(f"{name:10}{calls}{1000 * seconds:8.2f} ms  {bar}")

# %% [markdown]
# Do not read too much into a single line. How much a pass gains depends on the sizes and on the
# machine: `hoist` on how much better its library is at large products, `pack` and `beside` on
# what a call costs, `chunks` on the cache, `tiles` on the BLAS. And some passes only prepare the
# next one: a line may be slower than the one above it. Change `N` and `H` at the top and run the
# notebook again. With large matrices nearly all the time is spent in products that no algebra can
# spare, and graph and plan come closer to each other.
#
# ## And PyTorch?
#
# `torch.nn.LSTM` is one function, forward and backward, that was written for this one cell. Here
# it is with the same weights and data, if PyTorch is installed. Its gates have another order,
# i f g o, so rows change places.

# %%
try:
    import torch
except ImportError:
    torch = None
rows = np.r_[0 : 2 * H, 3 * H : 4 * H, 2 * H : 3 * H]
weights = [cell.parameters[name].data[rows] for name in ("W_x", "W_h", "b_x", "b_h")]

# %% [markdown]
# The same gradients, then the race:

# %%
if torch is not None:
    torch.set_num_threads(1)
    lstm, data = torch.nn.LSTM(D, H), torch.tensor(xs)
    for theirs, ours in zip(lstm.parameters(), weights):
        theirs.data = torch.tensor(ours)


def torch_step():
    lstm.zero_grad()
    lstm(data)[0].sum().backward()


# %% [markdown]
# A number below 1 means that the plan takes less time than PyTorch.

# %%
if torch is None:
    print("PyTorch is not installed here.")
else:
    torch_step()
    assert np.allclose(lstm.weight_hh_l0.grad, right["W_h"][rows], rtol=1e-2, atol=1e-2)
    both = race({"plan": steps_of(plans)["tiles"], "torch.nn.LSTM": torch_step})
    print(*(f"{name}: {1000 * seconds:.2f} ms" for name, seconds in both.items()), sep="\n")
    print(f"plan / torch.nn.LSTM = {both['plan'] / both['torch.nn.LSTM']:.2f}")

# %% [markdown]
# ## The answer
#
# The plan computes the same gradients, but not by the same steps: it does at once what need not
# wait, it adds and multiplies in another order, it makes fewer calls on larger arrays, and each
# array lies where the next call wants it. Every pass is a law that holds for any graph, so it
# works for a cell that you have invented this afternoon. `compile(net)` does all of it, and
# `plan.explain()` tells what it did to yours.

# %%
plan = compile(net)
plan.step(*xs, *start, seeds=ones)
assert plan.explain().stages[-1].cost.calls < stages["no pass"].cost.calls
assert all(np.abs(plan.grads[k] - g).max() <= 1e-4 * np.abs(g).max() for k, g in right.items())
