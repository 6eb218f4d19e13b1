"""Arrays that are cut, joined or spread in ways for which a law of algebra does not hold."""

import tinygrad_lstm as tl
from tests.plan.places import D, H, odd


class Pre(tl.Op):
    """x W + h U, where one of the sides is spread over the rows or columns of the other."""

    def forward(self, xp, x, W, h, U):
        return x @ W + h @ U

    def shape(self, x, W, h, U):
        return (max(x[0], h[0]), max(W[1], U[1]))

    def vjp(self, g, y, x, W, h, U):
        gx, gh = _gathered(g, (x.shape[0], W.shape[1])), _gathered(g, (h.shape[0], U.shape[1]))
        return gx @ W.T, x.T @ gx, gh @ U.T, h.T @ gh


class HalfEverywhere(tl.Op):
    """A factor of the full shape, which fits no weight."""

    def forward(self, xp, x):
        return xp.full_like(x, 0.5) * x

    def vjp(self, g, y, x):
        return (g * 0.5,)


class OneMoreAxis(tl.Op):
    """Rows and a bias of three axes: the sum has three as well."""

    def forward(self, xp, x, b):
        return x + b

    def shape(self, x, b):
        return (1, *x)

    def vjp(self, g, y, x, b):
        return tl.Sum(0)(g), tl.Sum(1, keepdims=True)(g)


def _gathered(g, shape):
    """g, summed over what has been spread."""
    for axis, (n, wanted) in enumerate(zip(g.shape, shape)):
        g = g if n == wanted else tl.Sum(axis, keepdims=True)(g)
    return g


@odd
def a_slice_that_is_cut_across(p):
    """Columns of which rows are taken: blocks along one axis only."""
    y = tl.tanh(p.input("x", 6, 8))[:, 2:6]
    return [tl.sigmoid(y[:3]), tl.exp(y[3:])]


@odd
def rows_and_columns_of_weights(p):
    """A corner of a weight."""
    W, x = p.weights("W", 6, 8)[:, :4], p.input("x", "N", 3)
    return [x @ W[:3] + 1.0, x @ W[3:]]


@odd
def joined_columns_that_are_cut_into_rows(p):
    """Every block has entries of both parts."""
    y = tl.concat([tl.tanh(p.input("a", 6, 2)), tl.exp(p.input("b", 6, 3))], axis=1)
    return [tl.sigmoid(y[:3]), tl.exp(y[3:])]


@odd
def a_field_of_zeros_that_is_cut_into_rows(p):
    """Zeros to the left and to the right, in every block."""
    y = tl.Embed(1, 2, 12)(tl.tanh(p.input("x", 6, 8)))
    return [tl.sigmoid(y[:3]), tl.exp(y[3:])]


@odd
def a_slice_of_nothing(p):
    """Between two gates lies a third one of no width."""
    h = p.state()
    for x in p.xs():
        z = p.pre(x, h, "", 2 * H)
        h = tl.sigmoid(z[:, :H]) * tl.tanh(z[:, H:]) + tl.exp(z[:, H:H]).sum()
    return [h]


@odd
def gates_out_of_weights_of_other_widths(p):
    """The same columns of two weights and two biases, which are not equally wide."""
    W, U, b, c = (p.weights(*what) for what in (("W", D, 8), ("U", H, 9), ("b", 8), ("c", 7)))
    h = p.state()
    for x in p.xs():
        h = tl.tanh(x @ W[:, :H] + h @ U[:, :H] + (b[:H] + c[:H]))
    return [h]


@odd
def gates_out_of_a_stack_of_weights(p):
    """Each gate's weights are columns of an array of three axes."""
    W, U = p.weights("W", D, 2, H), p.weights("U", H, 2, H)
    h = p.state()
    for x in p.xs():
        gates = [x @ W[:, k, :] + h @ U[:, k, :] for k in range(2)]
        h = tl.sigmoid(gates[0]) * tl.tanh(gates[1])
    return [h]


@odd
def gates_that_are_the_last_axis(p):
    """Each gate's weights have all rows and columns, and leave out a third axis."""
    W, U = p.weights("W", D, H, 2), p.weights("U", H, H, 2)
    h = p.state()
    for x in p.xs():
        gates = [x @ W[:, :, k] + h @ U[:, :, k] for k in range(2)]
        h = tl.sigmoid(gates[0]) * tl.tanh(gates[1])
    return [h]


@odd
def one_input_row_for_all_states(p):
    """A product of one row is spread over those of the state."""
    h, W, U = p.input("h", 3, H), p.weights("W", D, H), p.weights("U", H, H)
    for t in range(4):
        h = tl.tanh(Pre()(p.input(f"x_{t}", 1, D), W, h, U))
    return [h]


@odd
def one_column_for_all(p):
    """A product of one column is spread over those of another."""
    h, W, U = p.input("h", 3, D), p.weights("W", D, 1), p.weights("U", D, D)
    for t in range(4):
        h = tl.tanh(Pre()(p.input(f"x_{t}", 3, D) * h, W, h, U))
    return [h]


@odd
def a_factor_of_the_full_shape(p):
    """A half for each entry of the sum of products, not for each of the weights."""
    h = p.state()
    for x in p.xs():
        h = tl.tanh(HalfEverywhere()(p.pre(x, h, "")))
    return [h]


@odd
def looked_up_rows_with_one_more_axis(p):
    """The bias fits every row of the table, and the sum is no row of it."""
    rows = tl.lookup(p.weights("E", 2, D), p.whole("ids", 2, "N"))
    return [tl.tanh(OneMoreAxis()(rows, p.weights("b", 1, 1, D)))]
