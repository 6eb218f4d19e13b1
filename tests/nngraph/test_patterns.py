"""What people write with nngraph, pattern by pattern (1 to 6)."""

import numpy as np
import pytest

from tests.oracles import assert_close, numeric_vjp
from tinygrad_lstm.nngraph import (
    CAddTable,
    Identity,
    JoinTable,
    Linear,
    ParallelTable,
    Sequential,
    Sigmoid,
    SplitTable,
    Tanh,
    gModule,
    graph,
)

pytestmark = pytest.mark.usefixtures("float64")


def mlp_by_calls():
    h1 = Linear(20, 10)()
    h2 = Linear(10, 1)(Tanh()(Linear(10, 10)(Tanh()(h1))))
    return gModule([h1], [h2])


def mlp_by_chaining():
    h1 = -Linear(20, 10)
    h2 = h1 - Tanh() - Linear(10, 10) - Tanh() - Linear(10, 1)
    return gModule([h1], [h2])


def copy_weights(source, target):
    for a, b in zip(source.parameters()[0], target.parameters()[0], strict=True):
        b[...] = a


def check_gradients(net, by_hand, data, seeds):
    """Everything that backward says, against the complex step on a NumPy formula."""
    net.zeroGradParameters()
    net.forward(data if len(data) > 1 else data[0])
    sent = net.backward(data if len(data) > 1 else data[0], seeds if len(seeds) > 1 else seeds[0])
    weights, gradients = net.parameters()
    every = [*data, *weights]
    exact = numeric_vjp(by_hand, every, seeds, range(len(every)))
    for ours, expected in zip([*(sent if len(data) > 1 else [sent]), *gradients], exact):
        assert_close(ours, expected)


def mlp_by_hand(x, W1, b1, W2, b2, W3, b3):
    return (np.tanh(np.tanh(x @ W1.T + b1) @ W2.T + b2) @ W3.T + b3,)


def test_pattern_1_mlp_runs_step_by_step(rng):
    net = mlp_by_calls()
    x, dy = rng.normal(size=(3, 20)), rng.normal(size=(3, 1))
    y = net.updateOutput(x)
    dx = net.updateGradInput(x, dy)
    assert all(not g.any() for g in net.parameters()[1])
    net.accGradParameters(x, dy)
    assert_close(y, mlp_by_hand(x, *net.parameters()[0])[0])
    assert dx.shape == x.shape
    assert all(g.any() for g in net.parameters()[1])
    check_gradients(net, mlp_by_hand, [x], [dy])


def test_pattern_1_mlp_takes_a_single_example_too(rng):
    net, x = mlp_by_calls(), rng.normal(size=20)
    assert_close(net.forward(x), mlp_by_hand(x, *net.parameters()[0])[0])
    assert net.backward(x, np.ones(1)).shape == (20,)


def test_pattern_1_mlp_is_drawn(tmp_path):
    graph.dot(mlp_by_calls().fg, "MLP", tmp_path / "mlp")
    assert (tmp_path / "mlp.dot").read_text().count("->") >= 5
    assert "Linear(20, 10)" in (tmp_path / "mlp.svg").read_text()


def test_pattern_2_chaining_gives_the_same_net(rng):
    called, chained = mlp_by_calls(), mlp_by_chaining()
    copy_weights(called, chained)
    x, dy = rng.normal(size=(3, 20)), rng.normal(size=(3, 1))
    assert_close(chained.forward(x), called.forward(x), 0)
    assert_close(chained.backward(x, dy), called.backward(x, dy), 0)


@pytest.mark.torch
@pytest.mark.parametrize("build", [mlp_by_calls, mlp_by_chaining])
def test_pattern_1_and_2_equal_pytorch(rng, build):
    torch = pytest.importorskip("torch", reason="PyTorch, the reference here, is not installed")
    net = build()
    W1, b1, W2, b2, W3, b3 = (torch.tensor(w, requires_grad=True) for w in net.parameters()[0])
    data, dy = rng.normal(size=(3, 20)), rng.normal(size=(3, 1))
    x = torch.tensor(data, requires_grad=True)
    linear = torch.nn.functional.linear
    y = linear(torch.tanh(linear(torch.tanh(linear(x, W1, b1)), W2, b2)), W3, b3)
    y.backward(torch.tensor(dy))
    assert_close(net.forward(data), y.detach().numpy())
    assert_close(net.backward(data, dy), x.grad.numpy())
    for ours, theirs in zip(net.parameters()[1], (W1, b1, W2, b2, W3, b3)):
        assert_close(ours, theirs.grad.numpy())


def test_pattern_3_two_inputs_and_two_outputs(rng):
    h1, h2 = Linear(20, 20)(), Linear(10, 10)()
    joined = CAddTable()([Linear(20, 1)(Tanh()(h1)), Linear(10, 1)(Tanh()(h2))])
    net = gModule([h1, h2], [Sigmoid()(joined), Tanh()(joined)])

    def by_hand(a, b, W1, b1, W2, b2, W3, b3, W4, b4):
        u = np.tanh(a @ W1.T + b1) @ W2.T + b2 + np.tanh(b @ W3.T + b3) @ W4.T + b4
        return 1 / (1 + np.exp(-u)), np.tanh(u)

    data = [rng.normal(size=(3, 20)), rng.normal(size=(3, 10))]
    # in the order in which the core runs them: both inputs, then their readers
    first, second, third, fourth = (m for m in net.modules if isinstance(m, Linear))
    weights = [w.data for m in (first, third, second, fourth) for w in (m.weight, m.bias)]
    y = net.forward(data)
    assert isinstance(y, tuple)
    for ours, expected in zip(y, by_hand(*data, *weights), strict=True):
        assert_close(ours, expected)

    def in_our_order(a, b, W1, b1, W3, b3, W2, b2, W4, b4):
        return by_hand(a, b, W1, b1, W2, b2, W3, b3, W4, b4)

    check_gradients(net, in_our_order, data, [rng.normal(size=(3, 1)) for _ in range(2)])


def test_pattern_4_containers_inside(rng, tmp_path):
    x = Identity()()
    parallel = Sequential(SplitTable(1), ParallelTable(Linear(10, 20), Linear(10, 30)))
    a, b = parallel(x).split(2)
    net = gModule([x], [JoinTable(1)([a, b])])

    def by_hand(x, W1, b1, W2, b2):
        return (np.concatenate([W1 @ x[0] + b1, W2 @ x[1] + b2]),)

    data = rng.normal(size=(2, 10))
    assert net.forward(data).shape == (50,)
    check_gradients(net, by_hand, [data], [rng.normal(size=50)])
    graph.dot(net.fg, "forward", tmp_path / "forward")
    graph.dot(net.bg, "backward", tmp_path / "backward")
    assert (tmp_path / "forward.svg").exists() and (tmp_path / "backward.svg").exists()


def test_pattern_4_the_backward_graph_gives_the_numbers_of_backward(rng):
    x = Identity()()
    a, b = ParallelTable(Linear(4, 3), Tanh())(SplitTable(2)(x)).split(2)
    net = gModule([x], [JoinTable(2)([b, a])])
    data, seed = rng.normal(size=(5, 2, 4)), rng.normal(size=(5, 7))
    net.forward(data)
    assert_close(net.bg.forward(data, seed)[0], net.backward(data, seed))


def skips_by_calls():
    x = Identity()()
    L1 = Tanh()(Linear(10, 20)(x))
    L2 = Tanh()(Linear(30, 60)(JoinTable(1)([x, L1])))
    L3 = Tanh()(Linear(80, 160)(JoinTable(1)([L1, L2])))
    return gModule([x], [L3], names=locals())


def skips_by_chaining():
    x = Identity()()
    L1 = x - Linear(10, 20) - Tanh()
    L2 = [x, L1] - JoinTable(1) - Linear(30, 60) - Tanh()
    L3 = [L1, L2] - JoinTable(1) - Linear(80, 160) - Tanh()
    return gModule([x], [L3], names=locals())


@pytest.mark.parametrize("build", [skips_by_calls, skips_by_chaining])
def test_pattern_5_skip_connections(rng, build):
    def by_hand(x, W1, b1, W2, b2, W3, b3):
        L1 = np.tanh(W1 @ x + b1)
        L2 = np.tanh(W2 @ np.concatenate([x, L1]) + b2)
        return (np.tanh(W3 @ np.concatenate([L1, L2]) + b3),)

    net, x, seed = build(), rng.normal(size=10), rng.normal(size=160)
    assert_close(net.forward(x), by_hand(x, *net.parameters()[0])[0])
    dx = net.backward(x, seed)
    weights = net.parameters()[0]
    exact = numeric_vjp(lambda x: by_hand(x, *weights), [x], [seed], [0])[0]
    assert_close(dx, exact)
