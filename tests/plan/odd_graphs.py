"""Graphs without time that invite a wrong short cut."""

import numpy as np

import tinygrad_lstm as tl
from tests.plan.places import D, H, odd


@odd
def weights_of_two_gates(p):
    """One product, squashed in two ways: halves folded into its weights would be wrong for one."""
    z = p.layer(p.input("x", "N", D), H, "")
    return [tl.sigmoid(z) * tl.tanh(z) + z]


@odd
def bias_of_two_layers(p):
    """Two products share a bias, and their sum has it twice."""
    x, h, b = p.input("x", "N", D), p.state(), p.weights("b", H)
    both = tl.Affine()(x, p.weights("Wx", H, D), b) + tl.Affine()(h, p.weights("Wh", H, H), b)
    return [tl.sigmoid(both), both]


@odd
def one_matrix_for_both(p):
    """The same matrix for the input and the state, and transposed for the way out."""
    x, h, W = p.input("x", "N", H), p.state(), p.weights("W", H, H)
    for _ in range(3):
        h = tl.tanh(tl.Affine(False)(x, W) + tl.Affine(False)(h, W))
    return [h @ W, tl.Affine(False)(h, W.T)]


@odd
def tied_table(p):
    """A table that is looked up on the way in and multiplied with on the way out."""
    E = p.weights("E", 6, D)
    h = tl.tanh(tl.lookup(E, p.whole("ids", 6, "N")))
    return [tl.cross_entropy(tl.Affine(False)(h, E), p.whole("classes", 6, "N"))]


@odd
def one_row_for_all(p):
    """Every row looks the same row up."""
    ids = p.whole("ids", 1, "N", 4)
    return [tl.lookup(p.weights("E", 3, D), ids) ** 2.0]


@odd
def slices_with_a_gap(p):
    """Slices that leave columns out."""
    z = p.layer(p.input("x", "N", D), 3 * H, "")
    return [tl.sigmoid(z[:, :H]) * tl.tanh(z[:, 2 * H :])]


@odd
def slices_that_overlap(p):
    """Slices that share columns, one of them backwards."""
    z = p.layer(p.input("x", "N", D), 2 * H, "")
    return [tl.sigmoid(z[:, : H + 2]) * tl.tanh(z[:, H - 2 :]) + z[:, H + 1 :: -1]]


@odd
def slices_and_the_whole(p):
    """Columns that are parted into gates, and read once more as one."""
    z = p.layer(p.input("x", "N", D), 2 * H, "")
    return [tl.sigmoid(z[:, :H]) * tl.tanh(z[:, H:]), (z * z).mean(), z]


@odd
def uneven_slices(p):
    """Parts of different widths."""
    z = tl.sigmoid(p.layer(p.input("x", "N", D), 9, ""))
    a, b, c = z[:, :2], z[:, 2:5], z[:, 5:]
    return [a.sum(axis=1), tl.concat([c, b, a], axis=1), b * b]


@odd
def slices_along_the_batch(p):
    """Rows are parted, and every part is squashed differently."""
    z = p.layer(p.input("x", 3, D), H, "")
    return [tl.concat([tl.tanh(z[1:]), tl.sigmoid(z[:1])], axis=0)]


@odd
def read_twice_by_one(p):
    """Both inputs of an op are one node."""
    x = tl.tanh(p.layer(p.input("x", "N", D), H, ""))
    return [x * x + x / (2 + x) - (x - x), tl.maximum(x + x, x * 0.5), x @ x.T]


@odd
def outputs_of_outputs(p):
    """An output that is read by another; one that stands twice; an input that is an output."""
    x = p.input("x", "N", H)
    y = tl.tanh(x)
    z = p.layer(y, H, "")
    return [y, z, y, x, tl.Identity()(z), tl.Detach()(z), y.T]


@odd
def views_as_outputs(p):
    """Outputs that are pieces of one array, or one row of it repeated."""
    z = tl.tanh(p.layer(p.input("x", "N", D), 4, ""))
    column = z[:, :1]
    return [z.reshape("N", 2, 2).permute(2, 0, 1), tl.Expand(("N", 6))(column), z[:, ::-2], z]


@odd
def inputs_alone(p):
    """Nothing to learn but the inputs."""
    x, y = p.input("x", "N", D), p.input("y", "N", D)
    return [x * y, (x - y).mean()]


@odd
def parameters_alone(p):
    """A part of the graph that reads parameters only; it changes when they do."""
    w = p.weights("w", H)
    leak = tl.exp(-(w * w)) / (1 + (w * w).sum())
    return [p.state() * leak + tl.softmax(p.weights("v", 1, H))]


@odd
def numbers_and_arrays(p):
    """Constants of every shape, on either side."""
    x = p.input("x", 3, D)
    row, column, one = np.arange(4.0), np.arange(3.0)[:, None] + 1, np.array([[0.5]])
    y = (1 - x) * 2 / 4 + 3 - row * x
    return [y / column + one, 2 / (3 + x * x), 1.5**x, (x * x + 1) ** 0.5 * 0.0 + x * 1.0 + 0]


@odd
def spread_everywhere(p):
    """A number, a row and a column, each spread over the others."""
    x = p.input("x", "N", D)
    row, column, one = x.mean(axis=0, keepdims=True), x.sum(axis=1, keepdims=True), x.mean()
    return [row * column + one, row + one, tl.tanh(column) * one, row * row.T]


@odd
def sums_over_axes(p):
    """Reductions over every set of axes of a cube."""
    x = tl.tanh(p.input("x", "N", 2, 3) * p.weights("w", 2, 3))
    sums = [x.sum(axis=k) for k in (0, 1, 2, (0, 1), (0, 2), (1, 2), None)]
    means = [x.mean(axis=k, keepdims=True) * x for k in (0, -1, (0, 2))]
    return [*sums, *means, x.max(axis=2), x.max(), tl.logsumexp(x, axis=(1, 2))]


@odd
def layers_on_a_cube(p):
    """A layer on (N, 3, D) and on (3, N, D): its weights' gradient runs over two axes."""
    X = p.input("X", "N", 3, D)
    y = tl.tanh(p.layer(X, H, ""))
    z = p.layer(X.permute(1, 0, 2), H, "")
    return [y, z * z]


@odd
def stacks_of_matrices(p):
    """Batched products, one of them with a matrix that is spread over the stack."""
    a, b = p.input("a", "N", 2, 3), p.input("b", "N", 3, 4)
    return [a @ b, tl.softmax(a @ b) @ p.weights("M", 4, 2), a @ b[0]]


@odd
def ignored_classes(p):
    """Rows without a class, in one loss all of them."""
    z = p.layer(p.input("x", "N", D), 4, "")
    some, none = tl.CrossEntropy(1), tl.CrossEntropy(0)
    return [some(z, p.whole("classes", 4, "N")), none(z, p.whole("nothing", 1, "N"))]


@odd
def joined_along_the_batch(p):
    """Rows of two inputs go through one layer together and part again."""
    x, z = p.input("x", 3, D), p.input("z", 2, D)
    y = tl.tanh(p.layer(tl.concat([x, z], axis=0), H, ""))
    return [y[:3], y[3:] * 2]


@odd
def losses_that_add_up(p):
    """Several losses of one node, weighed."""
    z = p.layer(p.input("x", "N", D), 4, "")
    target = p.input("target", "N", 4)
    likely = tl.cross_entropy(z, p.whole("classes", 4, "N"))
    return [likely + 0.1 * tl.mse(z, target) - tl.bce_with_logits(z, tl.sigmoid(target))]


@odd
def deep_chain(p):
    """The same op many times over, without a parameter."""
    x = p.input("x", "N", D)
    for _ in range(40):
        x = tl.sin(x) + 0.1
    return [x]


@odd
def numbers_picked_out(p):
    """Single numbers of an array, and the sum of a few of them."""
    x = tl.tanh(p.input("x", 3, D))
    row = x[1]
    return [row[2] * x[0, 1], x[-1, -1], x[2] * row[0], tl.stacked([row[1], row[3]]).sum()]


@odd
def joined_with_itself(p):
    """The same array at two places of one, and its value is read once more on the way back."""
    x, v = p.input("x", "N", D), p.input("v", "N", D)
    y = tl.tanh(x)
    return [tl.tanh(tl.concat([y, v, y], axis=1)), tl.tanh(tl.stacked([v, v]))]
