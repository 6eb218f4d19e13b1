"""Networks through time that almost repeat themselves: every one invites a wrong short cut."""

import itertools

import tinygrad_lstm as tl
from tests.plan.places import D, H, odd
from tests.plan.programs import draws


@odd
def changing_constant(p):
    """The same step but for a number that is multiplied in."""
    h, ys = p.state(), []
    for t, x in enumerate(p.xs()):
        h = tl.tanh(p.pre(x, h, "")) * (1 - t / 10)
        ys.append(h)
    return ys


@odd
def changing_slice(p):
    """The same step but for the columns that it takes."""
    h, ys = p.state(), []
    for t, x in enumerate(p.xs()):
        wide = tl.tanh(p.pre(x, h, "", 2 * H))
        h = wide[:, t : t + H]
        ys.append(h)
    return ys


@odd
def changing_array(p):
    """A constant array of its own in every step."""
    h = p.state()
    for t, x in enumerate(p.xs()):
        h = tl.tanh(p.pre(x, h, "") + tl.Tensor(draws(t, 1, H)))
    return [h]


@odd
def own_weights(p):
    """Every step has weights of its own, but for the bias."""
    h = p.state()
    for t, x in enumerate(p.xs()):
        h = tl.tanh(
            p.layer(x, H, f"x{t}", False) + p.layer(h, H, f"h{t}", False) + p.weights("b", H)
        )
    return [h]


@odd
def alternating_weights(p):
    """Two cells in turn: the true period is two steps."""
    h, ys = p.state(), []
    for t, x in enumerate(p.xs(steps=7)):
        h = tl.tanh(p.pre(x, h, "ab"[t % 2]))
        ys.append(h)
    return ys


@odd
def growing_period(p):
    """One more layer in every step."""
    h, ys = p.state(), []
    for t, x in enumerate(p.xs()):
        for _ in range(t + 1):
            h = tl.tanh(p.pre(x, h, ""))
        ys.append(h)
    return ys


@odd
def two_clocks(p):
    """The slow state is renewed at every third step, and read at every step."""
    fast, slow, ys = p.state(), p.state("slow0"), []
    for t, x in enumerate(p.xs(steps=7)):
        if t % 3 == 0:
            slow = tl.tanh(p.pre(fast, slow, "slow"))
        fast = tl.tanh(p.pre(x, fast, "fast") + slow)
        ys.append(fast)
    return [*ys, slow]


@odd
def interleaved(p):
    """Two loops that know nothing of each other, written in turn, read by one loss."""
    h, k = p.state(), p.state("k0")
    for x, z in zip(p.xs("x"), p.xs("z")):
        h = tl.tanh(p.pre(x, h, "a"))
        k = tl.sigmoid(p.pre(z, k, "b"))
    return [(h * k).sum()]


@odd
def siamese(p):
    """One cell reads two sequences; the sum of its weights' gradients runs over both."""
    ends = []
    for name in "xz":
        h = p.state(f"{name}0")
        for x in p.xs(name):
            h = tl.tanh(p.pre(x, h, ""))
        ends.append(h)
    return [((ends[0] - ends[1]) ** 2.0).mean(axis=1)]


@odd
def opposite_siamese(p):
    """One cell reads a sequence in both directions."""
    xs, ys = p.xs(), []
    for name, order in (("a", xs), ("b", xs[::-1])):
        h = p.state(name)
        for x in order:
            h = tl.tanh(p.pre(x, h, ""))
            ys.append(h)
    return ys


@odd
def own_results(p):
    """Every step reads all states before it."""
    hs = [p.state()]
    for x in p.xs(steps=5):
        hs.append(tl.tanh(p.pre(x, sum(hs[1:], start=hs[0]), "")))
    return hs[1:]


@odd
def two_steps_back(p):
    """The state of two steps before; the first two steps read two different starts."""
    hs = [p.state(), p.state("k0")]
    for x in p.xs(steps=6):
        hs.append(tl.tanh(p.pre(x, hs[-2], "") + 0.5 * hs[-1]))
    return [hs[-1], hs[3]]


@odd
def one_start_for_two(p):
    """Both states begin as one tensor, and change places at every step."""
    a = b = p.state()
    for x in p.xs():
        a, b = b, tl.tanh(p.pre(x, a, ""))
    return [a, b]


@odd
def gliding_start(p):
    """The state before the first step is computed from the first input."""
    xs = p.xs()
    h = tl.tanh(p.layer(xs[0], H, "start"))
    for x in xs:
        h = tl.tanh(p.pre(x, h, ""))
    return [h]


@odd
def masked(p):
    """Rows whose sequence has ended keep their state."""
    h, ys = p.state(), []
    for t, x in enumerate(p.xs(), start=1):
        keep = p.input(f"keep_{t}", "N", 1)
        h = keep * h + (1 - keep) * tl.tanh(p.pre(x, h, ""))
        ys.append(h)
    return ys


@odd
def shifted_inputs(p):
    """Every step reads its input and the next one."""
    xs, h = p.xs(steps=5), p.state()
    for x, ahead in itertools.pairwise(xs):
        h = tl.tanh(p.pre(x, h, "") + p.layer(ahead, H, "ahead"))
    return [h]


@odd
def repeated_inputs(p):
    """The same two inputs in turn."""
    xs, h, ys = p.xs(steps=2), p.state(), []
    for t in range(5):
        h = tl.tanh(p.pre(xs[t % 2], h, ""))
        ys.append(h)
    return ys


@odd
def partly_looped_sequence(p):
    """The loop reads X[1] ... X[3] of five, in a stride of its own; X is read whole as well."""
    X, h = p.input("X", 7, "N", D), p.state()
    for t in (1, 3, 5):
        h = tl.tanh(p.pre(X[t], h, ""))
    return [h, X.mean(axis=0)]


@odd
def two_sequences(p):
    """Every step adds the products of two inputs of one width: they could be one product."""
    h, ys = p.state(), []
    for x, z in zip(p.xs("x"), p.xs("z")):
        h = tl.tanh(p.layer(x, H, "x") + p.layer(z, H, "z", False) + p.layer(h, H, "h"))
        ys.append(h)
    return ys


@odd
def mixed_sequences(p):
    """Two sequences that are put together from unlike parts, and multiplied alike."""
    xs, first = p.xs(), tl.sin(p.input("first", "N", D))
    us, vs, h = [first, *xs[1:]], [xs[1], first, *xs[2:]], p.state()
    for u, v in zip(us, vs):
        h = tl.tanh(p.layer(u, H, "u") + p.layer(v, H, "v", False) + h)
    return [h]


@odd
def sums_of_sums(p):
    """Sums of products of sums of products, all of one width."""
    h = p.state()
    for x, z in zip(p.xs("x", width=H), p.xs("z", width=H)):
        a, b = p.pre(x, z, "a"), p.pre(z, x, "b")
        h = tl.tanh(p.pre(a, b, "c") + h)
    return [h]
