# %% [markdown]
# # Unroll and share
#
# **Why do the gradients of a shared weight add up over time?**
#
# An LSTM uses the same weights at every timestep. Here they are used four times, and we look at
# what each use contributes.

# %%
import numpy as np

from tinygrad_lstm import CELLS, Graph, Tensor, default_dtype, draw, seed, unroll, zero_state

default_dtype("float64")
seed(0)
T, N, D, H = 4, 1, 2, 3
cell = CELLS["lstm"](D, H)
data = np.random.default_rng(1).normal(size=(T, N, D))
xs = [Tensor(data[t - 1], name=f"x_{t}") for t in range(1, T + 1)]

# %% [markdown]
# ## Unrolling is applying the cell again
#
# `unroll` calls the cell on $x_1$, then on $x_2$ with the state that came out, and so on; nobody
# has to feed $c$ and $h$ back by hand. Each call adds the cell's ops to the graph once more. The
# weights are leaves, and leaves are not copied: the new nodes read the same four parameters. That
# is all there is to weight sharing.

# %%
hs, state = unroll(cell, xs, zero_state(cell, N))
loss = (hs[-1] ** 2).sum()
net = Graph([], [loss], name="four steps")
draw(net, weights="shared")

# %% [markdown]
# Each step has added the cell's fifteen ops. The parameters are still four. Who reads `W_h`?

# %%
W = cell.parameters["W_h"]
readers = [node.scope for node in net.nodes if W in node.parents]
print(len(net.nodes), "nodes, parameters", list(net.parameters))
print("W_h is read at", readers)

# %% [markdown]
# ## What each timestep contributes
#
# Going backward, every node sends each of its parents a contribution. `backward_steps` lets us
# watch. We keep those that are sent to `W_h`, and add them up as they come. (The numbers are the
# lengths of these matrices, all their entries taken together.)

# %%
total, by_step = np.zeros(W.shape), {}
for step in net.backward_steps():
    for parent, contribution in step.sent:
        if parent is W:
            by_step[step.node.scope] = contribution
            total = total + contribution
            lengths = np.linalg.norm(contribution), np.linalg.norm(total)
            print(step.node.scope, "sends {:.5f}, sum so far {:.5f}".format(*lengths))
assert np.allclose(total, W.grad)

# %% [markdown]
# The contributions sum to `.grad`. They arrive with the latest step first, since the loss hangs
# on $h_4$ and everything older is reached through it; here they shrink on the way. The last one
# is exactly zero. We come back to that.
#
# ## Four weights that happen to be equal
#
# But *why* a sum? Imagine four cells that share nothing. Each has a copy of its own with the same
# numbers (the same seed makes the same weights). Then "the derivative with respect to `W_h`" is
# no puzzle, because there are four different `W_h`, each used once.

# %%
copies = []
for _ in range(T):
    seed(0)
    copies.append(CELLS["lstm"](D, H))
state = zero_state(cell, N)
for t, (x, own) in enumerate(zip(xs, copies), start=1):
    state = own(x, *state, scope=f"t={t}")
unshared = Graph([], [(state[-1] ** 2).sum()], name="four cells")
unshared.backward()
print("losses:", float(loss), float(unshared.outputs[0]))
print("parameters:", len(net.parameters), len(unshared.parameters))

# %% [markdown]
# The loss is the same and there are sixteen parameters instead of four. Now compare: the gradient
# of the copy of step $t$ is the contribution of step $t$ to the shared weight.

# %%
for t, own in enumerate(copies, start=1):
    alone = own.parameters["W_h"].grad
    assert np.allclose(alone, by_step[f"t={t}"])
    lengths = np.linalg.norm(alone), np.linalg.norm(by_step[f"t={t}"])
    print(f"t={t}", "own copy {:.5f}, shared weight {:.5f}".format(*lengths))

# %% [markdown]
# Sharing ties the four copies together: moving the one weight by $\varepsilon$ moves all four by
# $\varepsilon$. Small changes add, so the loss moves by $\varepsilon \, (\partial L/\partial
# W^{(1)} + \dots + \partial L/\partial W^{(4)})$. That is the chain rule, with $\partial W^{(t)}
# / \partial W = 1$ for each copy. Test it on one entry of the matrix: push each copy alone, then
# the shared one.

# %%
eps, entry = 1e-6, (0, 1)


def slope(graph, weight):
    weight.data[entry] += eps
    (above,) = graph.forward()
    weight.data[entry] -= 2 * eps
    (under,) = graph.forward()
    weight.data[entry] += eps
    return float(above - under) / (2 * eps)


# %% [markdown]
# The single pushes sum to the joint one:

# %%
alone = [slope(unshared, own.parameters["W_h"]) for own in copies]
together = slope(net, W)
print("one by one: ", *(f"{s:+.6f}" for s in alone), f"sum {sum(alone):+.6f}")
print(f"all at once: {together:+.6f}")
assert np.isclose(sum(alone), together, atol=1e-8)

# %% [markdown]
# ## The first step gives nothing to `W_h`
#
# The contribution of $t = 1$ was exactly zero. `W_h` is multiplied with $h_0$, and `zero_state`
# made $h_0 = 0$: whatever `W_h` is, the product is 0, so no change of `W_h` can be felt there. A
# network that is unrolled over a single step from a zero state therefore learns nothing about
# `W_h`. (The forget gate is in the same position: it is multiplied with $c_0 = 0$.)

# %%
for steps in (1, 2):
    hs, _ = unroll(cell, xs[:steps], zero_state(cell, N))
    (hs[-1] ** 2).sum().backward()
    forget_rows = cell.parameters["W_x"].grad[H : 2 * H]
    largest = np.abs(W.grad).max(), np.abs(forget_rows).max()
    print(f"T={steps}:", "largest entry for W_h {:.6f}, for f {:.6f}".format(*largest))
    if steps == 1:
        assert not W.grad.any() and not forget_rows.any()

# %% [markdown]
# With another start the first step counts like any other:

# %%
start = [np.full((N, H), 0.5), np.full((N, H), -0.5)]
hs, _ = unroll(cell, xs[:1], start)
(hs[-1] ** 2).sum().backward()
assert W.grad.any()
print(W.grad.round(4)[:3])

# %% [markdown]
# ## The answer
#
# A shared weight is one node that many timesteps read. Moving it moves every one of its uses, and
# small changes add; so its gradient is the sum of what the uses send back, one contribution per
# timestep. This sum *is* backpropagation through time.

# %%
net.backward()
assert np.allclose(W.grad, sum(own.parameters["W_h"].grad for own in copies))
