# %% [markdown]
# # One node
#
# **How does a program find the derivative of an expression that you have just typed?** No LSTM
# yet: $x^2$ is enough to see all of it.

# %%
import numpy as np

from tinygrad_lstm import Graph, Input, Tensor, default_dtype, draw, equations, sigmoid

default_dtype("float64")
x = Tensor(3.0, name="x")
y = x**2
y

# %% [markdown]
# `y` holds the number 9, and it remembers how it came about: which **op** made it and from which
# **parents**. A number with such a memory is a *node*; nodes and their parents are the *graph*.
# Writing the expression has built it.

# %%
print("made by:", y.op)
print("parents:", y.parents)
print("and x is a leaf, made by:", x.op)

# %% [markdown]
# Nobody has asked for a derivative so far, and `.grad` says so. `None` means *not computed*,
# which is not the same as zero.

# %%
print(x.grad, y.grad)

# %% [markdown]
# `backward` computes $\partial y / \partial$ (node) for every node below `y`, and keeps it in the
# node's `.grad`.

# %%
y.backward()
print("dy/dy =", y.grad)
print("dy/dx =", x.grad)

# %% [markdown]
# Is 6 right? A derivative says how much the value moves when its input moves a little. So move
# the input a little, in both directions.

# %%
eps = 1e-6
slope = ((3 + eps) ** 2 - (3 - eps) ** 2) / (2 * eps)
print(f"{slope:.6f}")

# %% [markdown]
# ## The rule of one op
#
# `backward` did not know that the derivative of $x^2$ is $2x$. The op knows. Every op has a rule
# called `vjp` (*vector-Jacobian product*). It is handed the gradient that arrives from above,
# $\bar y$, the op's value, and its inputs; it returns what each input receives. For $y = x^p$ the
# rule is $\bar x = \bar y \, p \, x^{p-1}$. Here it is, applied by hand:

# %%
arriving = np.array(1.0)  # dy/dy
(received,) = y.op.vjp(arriving, y.data, x.data)
print("x receives", received)

# %% [markdown]
# ## A node that is read twice
#
# Now the same function, written as a product. `x` is read twice, as the left factor and as the
# right one.

# %%
z = x * x
graph = Graph([], [z], names=locals())
draw(graph)

# %% [markdown]
# For $z = ab$ the rule is $\bar a = \bar z \, b$ and $\bar b = \bar z \, a$. Both factors are
# `x`, so `x` receives two *contributions*. Its gradient is their sum: each factor contributes as
# if the other one stood still, and moving `x` moves both.

# %%
for step in graph.backward_steps():
    for parent, contribution in step.sent:
        print(f"{step.node.op} sends {contribution} to {parent.name}")
print("x.grad =", x.grad)

# %% [markdown]
# Remember this sum. A weight that an LSTM uses at every timestep is a node that is read many
# times, and its gradient is the sum of what all those readings send back. Nothing else is new in
# backpropagation *through time*; notebook 03 shows it.
#
# ## More than one node
#
# In a longer expression each node passes its gradient on, the youngest node first. When the turn
# of a node comes, everybody who read it has already sent what there is to send, so its sum is
# complete.

# %%
a, b = Tensor(2.0, name="a"), Tensor(-0.5, name="b")
product = a * b
s = sigmoid(product + a)
chain = Graph([], [s], names=locals())
for step in chain.backward_steps():
    sent = ", ".join(f"{g:+.4f} to {p.name or p.op}" for p, g in step.sent)
    print(f"{step.node.op!s:9} passes on {sent}")
print(f"a.grad = {a.grad:+.4f}, b.grad = {b.grad:+.4f}")

# %% [markdown]
# ## The derivative is a graph, too
#
# Rules are written with ops. Given numbers they compute numbers; given nodes they add nodes. So
# the derivative of a graph can be had as a graph, to be printed, drawn, run, and differentiated
# again. An `Input` is a leaf that waits for its number.

# %%
u = Input("u")
square = Graph([u], [u * u], name="square")
slope_of = square.differentiate()
curvature = slope_of.differentiate()
print(slope_of)
equations(slope_of)

# %% [markdown]
# The two terms are the two contributions from above.
#
# ## The answer
#
# The program writes down every operation while it computes. Then it walks back, youngest node
# first, asks each op for its one-line rule, and adds up what arrives at a node. For the square,
# at any number: the slope is $2u$ and the slope of the slope is 2.

# %%
for number in (-1.5, 0.0, 3.0):
    assert square.forward(number) == (number**2,)
    assert slope_of.forward(number) == (2 * number,)
    assert curvature.forward(number) == (2.0,)
