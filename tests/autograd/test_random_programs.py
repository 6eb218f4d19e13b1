"""Random programs with heavy re-use: our gradients against those of a naive tape."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lstm as tl
from tests.autograd.naive_tape import Var
from tests.oracles import assert_close

N = 3
INSTRUCTIONS = ["add", "sub", "mul", "tanh", "sigmoid", "matmul", "scaled", "swap"]
programs = st.lists(
    st.tuples(st.sampled_from(INSTRUCTIONS), st.integers(0, 99), st.integers(0, 99)),
    min_size=1,
    max_size=14,
)

OURS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "tanh": lambda a, b: tl.tanh(a),
    "sigmoid": lambda a, b: tl.sigmoid(a),
    "matmul": lambda a, b: (a @ b) * 0.5,
    "scaled": lambda a, b: 1.5 * a,
    "swap": lambda a, b: tl.concat([a[:, 1:], b[:, :1]], axis=1),
}
NAIVE = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "tanh": lambda a, b: a.tanh(),
    "sigmoid": lambda a, b: a.sigmoid(),
    "matmul": lambda a, b: a.matmul(b).scaled(0.5),
    "scaled": lambda a, b: a.scaled(1.5),
    "swap": lambda a, b: a.columns(1, N).beside(b.columns(0, 1)),
}


def run(program, leaves, meaning):
    """Every instruction reads two of the values so far; the youngest are read most."""
    values = list(leaves)
    for name, i, j in program:
        k = len(values)
        values.append(meaning[name](values[-1 - i % min(k, 4)], values[j % k]))
    return values


def draws(k):
    return np.random.default_rng(k).uniform(-0.6, 0.6, (N, N))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(program=programs)
def test_gradients_of_random_programs_equal_the_naive_ones(program):
    ours = [tl.Tensor(draws(k)) for k in range(2)]
    naive = [Var(draws(k)) for k in range(2)]
    y, v = run(program, ours, OURS)[-1], run(program, naive, NAIVE)[-1]
    assert_close(y.data, v.value)
    y.backward(draws(9))
    v.push(draws(9))
    for t, n in zip(ours, naive):
        found = np.zeros((N, N)) if t.grad is None else t.grad
        assert_close(found, np.broadcast_to(n.grad, (N, N)))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(program=programs)
def test_every_reading_of_a_random_program_gives_the_same_bits(program):
    x, w = tl.Input("x", N, N), tl.Parameter(draws(1), name="w")
    y = run(program, [x, w], OURS)[-1] + x
    graph = tl.Graph([x], [y])
    (value,) = graph.forward(draws(0))
    (x_bar,) = graph.backward(draws(9))
    w_bar = w.grad
    (applied,) = graph(tl.Tensor(draws(0)))
    np.testing.assert_array_equal(applied.data, value)
    derived = graph.differentiate(wrt=[x, w]).forward(draws(0), draws(9))
    np.testing.assert_array_equal(derived[0], x_bar)
    np.testing.assert_array_equal(derived[1], np.zeros((N, N)) if w_bar is None else w_bar)
    applied.backward(draws(9))
    if w_bar is not None:
        np.testing.assert_array_equal(w.grad, w_bar)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(program=programs, cut=st.integers(0, 13))
def test_a_detached_node_passes_its_value_and_no_gradient(program, cut):
    ours = [tl.Tensor(draws(k)) for k in range(2)]
    values = run(program, ours, OURS)
    whole = values[-1] * values[cut % len(values)]
    parted = values[-1] * values[cut % len(values)].detach()
    np.testing.assert_array_equal(whole.data, parted.data)
    parted.backward(draws(9))
    last = values[-1]
    expected = draws(9) * values[cut % len(values)].data
    assert_close(last.grad, expected)
