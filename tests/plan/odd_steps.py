"""Steps with something unusual inside, and losses that read a loop in unusual ways."""

import tinygrad_lstm as tl
from tests.plan.places import D, H, T, odd


@odd
def sequence_of_a_sequence(p):
    """One product for all steps, taken apart again, joined again."""
    X, h, ys = p.input("X", T, "N", D), p.state(), []
    Z = p.layer(X, H, "x")
    for t in range(T):
        h = tl.tanh(Z[t] + p.layer(h, H, "h", False))
        ys.append(h)
    Y = tl.stacked(ys)
    return [Y, (Y[1:] - Y[:-1]).mean()]


@odd
def overlapping_windows(p):
    """Each step reads a window of three entries of one sequence: a convolution."""
    X, h = p.input("X", "N", 6), p.state()
    for t in range(4):
        h = tl.tanh(p.pre(X[:, t : t + 3], h, ""))
    return [h]


@odd
def batch_statistics(p):
    """A mean over the rows of every step: rows of different steps must not be mixed."""
    h, ys = p.state(), []
    for x in p.xs():
        z = p.layer(x, H, "x")
        z = z - z.mean(axis=0, keepdims=True)
        spread = (1 + (z * z).mean(axis=0, keepdims=True)) ** 0.5
        h = tl.tanh(z / spread + p.layer(h, H, "h", False))
        ys.append(h)
    return ys


@odd
def gram(p):
    """Every step multiplies its rows with each other."""
    h = p.state()
    for x in p.xs():
        z = p.layer(x, H, "x")
        h = tl.tanh(tl.softmax(z @ z.T) @ h)
    return [h]


@odd
def no_state(p):
    """Steps that have nothing to do with each other, and one loss."""
    return [sum((tl.tanh(p.layer(x, H, "")) * (t + 1)).mean() for t, x in enumerate(p.xs()))]


@odd
def state_without_input(p):
    """A loop that reads its state and one input in the first step."""
    h, ys = tl.tanh(p.layer(p.input("x", "N", D), H, "start")), []
    for _ in range(5):
        h = tl.tanh(p.layer(h, H, "h"))
        ys.append(h)
    return ys


@odd
def guesses_fed_back(p):
    """A decoder reads the softmax of its own last guess through the table of the input."""
    table, h, ys = p.weights("table", 6, D), p.state(), []
    x = tl.lookup(table, p.whole("ids", 6, "N"))
    for _ in range(T):
        h = tl.tanh(p.pre(x, h, ""))
        guess = tl.softmax(h @ p.weights("out", H, D) @ table.T)
        x = guess @ table
        ys.append(guess)
    return ys


@odd
def cut_in_the_middle(p):
    """A detach in one step only."""
    h, ys = p.state(), []
    for t, x in enumerate(p.xs(steps=6)):
        h = tl.tanh(p.pre(x, h, ""))
        ys.append(h)
        h = tl.Detach()(h) if t == 3 else h
    return ys


@odd
def cut_inside(p):
    """The step reads its state twice, once without a gradient."""
    h = p.state()
    for x in p.xs():
        h = tl.tanh(p.pre(x, h, "")) * tl.sigmoid(p.layer(tl.Detach()(h), H, "g"))
    return [h]


@odd
def two_masks(p):
    """Dropout on the input and on the state: in each step first one mask, then the other."""
    h, ys = p.state(), []
    for x in p.xs():
        h = tl.tanh(p.pre(tl.Dropout(0.3)(x), tl.Dropout(0.5)(h), ""))
        ys.append(h)
    return ys


@odd
def one_mask(p):
    """One mask for all steps."""
    h = p.state()
    mask = tl.KeepMask(0.5)(h)
    for x in p.xs():
        h = tl.tanh(p.pre(x, h * mask, ""))
    return [h]


@odd
def losses_of_some_steps(p):
    """Each third step is compared with a target; the first loss comes after the loop began."""
    h, losses = p.state(), []
    for t, x in enumerate(p.xs(steps=7)):
        h = tl.tanh(p.pre(x, h, ""))
        if t % 3 == 2:
            losses.append(tl.mse(h, p.input(f"target_{t}", "N", H)))
    return losses


@odd
def steps_between_losses(p):
    """The loss so far is carried through the loop like a state, and read in it."""
    h, total = p.state(), 0.0
    for x in p.xs():
        h = tl.tanh(p.pre(x, h, ""))
        total = 0.9 * total + (h * h).mean()
        h = h * tl.exp(-total)
    return [total]


@odd
def late_normalised(p):
    """All steps are divided by a number of the whole sequence."""
    h, ys = p.state(), []
    for x in p.xs():
        h = tl.tanh(p.pre(x, h, ""))
        ys.append(h)
    total = (tl.stacked(ys) ** 2.0).sum()
    return [y / (1 + total) for y in ys]


@odd
def second_pass(p):
    """A loop over the steps of a loop, from the last to the first, with the same weights."""
    h, ys = p.state(), []
    for x in p.xs(width=H):
        h = tl.tanh(p.pre(x, h, ""))
        ys.append(h)
    for y in ys[::-1]:
        h = tl.tanh(p.pre(y, h, ""))
    return [h]


@odd
def loops_of_two_lengths(p):
    """The same cell for three steps, something else, and the same cell for five more."""
    h, xs = p.state(), p.xs(steps=8)
    for x in xs[:3]:
        h = tl.tanh(p.pre(x, h, ""))
    h = tl.softmax(h) * p.input("gate", "N", H)
    for x in xs[3:]:
        h = tl.tanh(p.pre(x, h, ""))
    return [h]


@odd
def steps_within_steps(p):
    """Each step is itself a loop of three steps."""
    h, ys = p.state(), []
    for x in p.xs():
        for _ in range(3):
            h = h + 0.3 * tl.tanh(p.pre(x, h, ""))
        h = tl.tanh(h)
        ys.append(h)
    return ys


@odd
def chosen_rows(p):
    """Whole numbers say which rows are renewed; broadcast over the columns."""
    h, ys = p.state(), []
    for t, x in enumerate(p.xs()):
        ended = p.whole(f"ended_{t}", 2, "N", 1)
        h = tl.where(ended, h, tl.tanh(p.pre(x, h, "")))
        ys.append(h)
    return ys


@odd
def vectors(p):
    """One example at a time, without an axis for the batch."""
    h, ys = p.input("h0", H), []
    for t in range(T):
        h = tl.tanh(p.pre(p.input(f"x_{t}", D), h, ""))
        ys.append(h)
    return [*ys, (h * h).sum() ** 0.5]


@odd
def one_unit(p):
    """Every size is 1."""
    h, ys = p.input("h0", "N", 1), []
    for t in range(T):
        h = tl.sigmoid(p.pre(p.input(f"x_{t}", "N", 1), h, "", 1)) * h
        ys.append(h)
    return [*ys, tl.concat(ys, axis=1)]


@odd
def cut_inside_for_long(p):
    """As `cut_inside`; over more steps, so that a checkpoint has several borders."""
    h = p.state()
    for x in p.xs(steps=9):
        h = tl.tanh(p.pre(x, h, "")) * tl.sigmoid(p.layer(tl.Detach()(h), H, "g"))
    return [h]
