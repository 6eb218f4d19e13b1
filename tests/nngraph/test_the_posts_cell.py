"""The post's own code, line by line in our spelling, and what must come of it (pattern 8, 9)."""

from pathlib import Path

import numpy as np
import pytest

from tests.oracles import assert_close, numeric_vjp
from tinygrad_lstm import CELLS
from tinygrad_lstm.nngraph import (
    CAddTable,
    CMulTable,
    Identity,
    Linear,
    Narrow,
    Sigmoid,
    Tanh,
    gModule,
)


def lstm(input_size, rnn_size):
    """`LSTM.create(input_size, rnn_size)`; the comments are the post's lines in Lua."""
    # local x = nn.Identity()()
    x = Identity()()
    # local prev_c = nn.Identity()()
    prev_c = Identity()()
    # local prev_h = nn.Identity()()
    prev_h = Identity()()

    # local i2h = nn.Linear(input_size, 4 * rnn_size)(x)
    i2h = Linear(input_size, 4 * rnn_size)(x)
    # local h2h = nn.Linear(rnn_size, 4 * rnn_size)(prev_h)
    h2h = Linear(rnn_size, 4 * rnn_size)(prev_h)
    # local preactivations = nn.CAddTable()({i2h, h2h})
    preactivations = CAddTable()([i2h, h2h])

    # local pre_sigmoid_chunk = nn.Narrow(2, 1, 3 * rnn_size)(preactivations)
    pre_sigmoid_chunk = Narrow(2, 1, 3 * rnn_size)(preactivations)
    # local all_gates = nn.Sigmoid()(pre_sigmoid_chunk)
    all_gates = Sigmoid()(pre_sigmoid_chunk)

    # local in_chunk = nn.Narrow(2, 3 * rnn_size + 1, rnn_size)(preactivations)
    in_chunk = Narrow(2, 3 * rnn_size + 1, rnn_size)(preactivations)
    # local in_transform = nn.Tanh()(in_chunk)
    in_transform = Tanh()(in_chunk)

    # local in_gate = nn.Narrow(2, 1, rnn_size)(all_gates)
    in_gate = Narrow(2, 1, rnn_size)(all_gates)
    # local forget_gate = nn.Narrow(2, rnn_size + 1, rnn_size)(all_gates)
    forget_gate = Narrow(2, rnn_size + 1, rnn_size)(all_gates)
    # local out_gate = nn.Narrow(2, 2 * rnn_size + 1, rnn_size)(all_gates)
    out_gate = Narrow(2, 2 * rnn_size + 1, rnn_size)(all_gates)

    # local c_forget = nn.CMulTable()({forget_gate, prev_c})
    c_forget = CMulTable()([forget_gate, prev_c])
    # local c_input = nn.CMulTable()({in_gate, in_transform})
    c_input = CMulTable()([in_gate, in_transform])
    # local next_c = nn.CAddTable()({c_forget, c_input})
    next_c = CAddTable()([c_forget, c_input])

    # local c_transform = nn.Tanh()(next_c)
    c_transform = Tanh()(next_c)
    # local next_h = nn.CMulTable()({out_gate, c_transform})
    next_h = CMulTable()([out_gate, c_transform])

    # return nn.gModule({x, prev_c, prev_h}, {next_c, next_h})
    return gModule([x, prev_c, prev_h], [next_c, next_h], names=locals(), name="lstm")


@pytest.fixture
def data(rng):
    return [rng.normal(size=shape) for shape in ((3, 4), (3, 6), (3, 6))]


@pytest.fixture
def seeds(rng):
    return [rng.normal(size=(3, 6)) for _ in range(2)]


def two_layers():
    """A gModule of gModules: the post's multi-layer net, inputs {x, c1, h1, c2, h2}."""
    x, c1, h1, c2, h2 = (Identity()() for _ in range(5))
    first, second = lstm(4, 6), lstm(6, 6)
    next_c1, next_h1 = first([x, c1, h1]).split(2)
    next_c2, next_h2 = second([next_h1, c2, h2]).split(2)
    inputs, outputs = [x, c1, h1, c2, h2], [next_c1, next_h1, next_c2, next_h2]
    return gModule(inputs, outputs, names=locals(), name="two layers")


def test_one_example_goes_in_and_two_states_come_out(rng):
    next_c, next_h = lstm(3, 2).forward(
        [rng.normal(size=(1, 3)), rng.normal(size=(1, 2)), rng.normal(size=(1, 2))]
    )
    assert next_c.shape == next_h.shape == (1, 2)


def test_it_has_the_posts_15_modules_and_3_inputs():
    graph = lstm(3, 2).fg
    assert len([node for node in graph.nodes if node.op is not None]) == 15
    assert [node.name for node in graph.inputs] == ["x", "prev_c", "prev_h"]


def test_it_equals_our_own_cell_in_outputs_and_gradients(float64, data, seeds):
    post, ours = lstm(4, 6), CELLS["lstm"](4, 6)
    pairs = list(zip(post.fg.parameters.values(), ours.parameters.values(), strict=True))
    for mine, its in pairs:
        its.data[...] = mine.data
    for a, b in zip(post.forward(data), ours.forward(*data)):
        assert_close(a, b, 0)
    for a, b in zip(post.backward(data, seeds), ours.backward(*seeds)):
        assert_close(a, b, 0)
    for mine, its in pairs:
        assert_close(mine.total, its.grad, 0)


def test_its_nodes_are_named_and_point_at_the_line_that_wrote_them():
    node = next(n for n in lstm(3, 2).fg.nodes if n.name == "c_transform")
    assert node.where.file == __file__
    line = Path(__file__).read_text().splitlines()[node.where.line - 1]
    assert line.strip() == "c_transform = Tanh()(next_c)"


def test_nested_in_two_layers_every_weight_is_listed_once(float64):
    weights, gradients = two_layers().parameters()
    assert [w.shape for w in weights] == [(24, 4), (24,), (24, 6), (24,)] + [(24, 6), (24,)] * 2
    assert [g.shape for g in gradients] == [w.shape for w in weights]


def test_nested_in_two_layers_it_equals_one_cell_after_the_other(float64, rng, data):
    net = two_layers()
    first, second = (m for m in net.modules if isinstance(m, gModule))
    state = [rng.normal(size=(3, 6)) for _ in range(2)]
    c1, h1, c2, h2 = net.forward([*data, *state])
    for nested, alone in zip((c1, h1), first.forward(data)):
        assert_close(nested, alone, 0)
    for nested, alone in zip((c2, h2), second.forward([h1, *state])):
        assert_close(nested, alone, 0)


def test_nested_in_two_layers_gradients_equal_the_complex_step(float64, rng, data, seeds):
    net = two_layers()
    data, seeds = [*data, *(rng.normal(size=(3, 6)) for _ in range(2))], [*seeds, *seeds]
    net.forward(data)
    inputs = net.backward(data, seeds)
    weights, gradients = net.parameters()

    def by_loops(*arrays):
        x, c1, h1, c2, h2, *w = arrays
        n1, m1 = reference(x, c1, h1, *w[:4])
        return (n1, m1, *reference(m1, c2, h2, *w[4:]))

    every = [*data, *weights]
    for ours, exact in zip([*inputs, *gradients], numeric_vjp(by_loops, every, seeds, range(13))):
        assert_close(ours, exact)


def reference(x, c, h, W_x, b_x, W_h, b_h):
    """The cell in plain NumPy, one gate after the other."""
    pre = x @ W_x.T + b_x + h @ W_h.T + b_h
    i, f, o = (1 / (1 + np.exp(-pre[:, k * 6 : (k + 1) * 6])) for k in range(3))
    c = f * c + i * np.tanh(pre[:, 18:])
    return c, o * np.tanh(c)


def test_a_module_that_is_used_twice_trains_rightly(float64, rng):
    """In Torch its buffers would be overwritten; here both uses simply read the same weights."""
    x = Identity()()
    shared = Linear(4, 4)
    net = gModule([x], [shared(Tanh()(shared(x)))])
    data, seed = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    net.forward(data)
    net.backward(data, seed)
    W, b = shared.weight.data, shared.bias.data

    def by_hand(W, b):
        return (np.tanh(data @ W.T + b) @ W.T + b,)

    W_bar, b_bar = numeric_vjp(by_hand, [W, b], [seed], [0, 1])
    assert_close(shared.gradWeight, W_bar)
    assert_close(shared.gradBias, b_bar)
