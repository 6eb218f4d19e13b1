"""Clones, shared and flat parameters, replace and map (section 7)."""

import numpy as np
import pytest

from tests.oracles import assert_close
from tinygrad_lstm.errors import GraphError
from tinygrad_lstm.nngraph import (
    Dropout,
    Identity,
    JoinTable,
    Linear,
    ParallelTable,
    Sequential,
    Sigmoid,
    Tanh,
    gModule,
)

pytestmark = pytest.mark.usefixtures("float64")
ALL = ("weight", "bias", "gradWeight", "gradBias")


def net_with_skip():
    x = Identity()()
    h = Tanh()(Linear(3, 3)(x)).annotate(name="h", description="hidden")
    return gModule([x], [JoinTable(2)([h, Linear(3, 2)(h)])], name="skip")


def nets():
    return [net_with_skip(), Linear(3, 2), Sequential(Linear(3, 2), Tanh(), Linear(2, 2))]


@pytest.mark.parametrize("net", nets(), ids=repr)
def test_a_clone_computes_the_same_with_memory_of_its_own(net, rng):
    x = rng.normal(size=(4, 3))
    twin = net.clone()
    y = net.forward(x)
    assert_close(twin.forward(x), y, 0)
    net.zeroGradParameters()
    net.backward(x, y)
    net.updateParameters(0.1)
    assert_close(twin.forward(x), y, 0)
    assert not any(g.any() for g in twin.parameters()[1])
    assert not np.array_equal(net.forward(x), y)


@pytest.mark.parametrize("net", nets(), ids=repr)
def test_a_clone_that_shares_everything_follows_the_original(net, rng):
    x = rng.normal(size=(4, 3))
    twin = net.clone(*ALL)
    y = net.forward(x)
    net.zeroGradParameters()
    net.backward(x, y)
    for ours, theirs in zip(net.parameters()[1], twin.parameters()[1], strict=True):
        assert ours is theirs
    net.updateParameters(0.1)
    assert_close(twin.forward(x), net.forward(x), 0)


def test_exactly_the_named_tensors_are_shared():
    layer = Linear(3, 2)
    twin = layer.clone("weight", "gradBias")
    layer.weight.data[...] = 1
    layer.gradWeight[...] = 2
    layer.bias.data[...] = 3
    layer.gradBias[...] = 4
    assert (twin.weight.data == 1).all() and (twin.gradBias == 4).all()
    assert not (twin.gradWeight == 2).any() and not (twin.bias.data == 3).any()


def test_gradients_of_clones_that_share_add_up(rng):
    layer, x, g = Linear(3, 2), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    twin = layer.clone(*ALL)
    for net in (layer, twin):
        net.forward(x)
        net.backward(x, g)
    assert_close(layer.gradWeight, 2 * g.T @ x)


def test_clone_many_times_is_backpropagation_through_time(rng):
    """char-rnn's training step, one clone for each timestep, equals the unrolled graph."""
    cell = net_of_state()
    steps = [cell, *(cell.clone(*ALL) for _ in range(3))]
    xs = rng.normal(size=(4, 2, 3))
    hs = [np.zeros((2, 3))]
    for step, x in zip(steps, xs):
        hs.append(step.forward([x, hs[-1]]))
    g = np.ones((2, 3))
    for t in reversed(range(4)):
        _, g = steps[t].backward([xs[t], hs[t]], g)
    nodes = [Identity()() for _ in range(5)]
    h = nodes[0]
    for x in nodes[1:]:
        h = cell([x, h])
    unrolled = gModule(nodes, [h])
    before = [gradient.copy() for gradient in cell.parameters()[1]]
    unrolled.forward([hs[0], *xs])
    unrolled.zeroGradParameters()
    unrolled.backward([hs[0], *xs], np.ones((2, 3)))
    assert len(before) == 2
    for clones, whole in zip(before, unrolled.parameters()[1], strict=True):
        assert_close(clones, whole)


def net_of_state():
    x, h = Identity()(), Identity()()
    return gModule([x, h], [Tanh()(Linear(6, 3)(JoinTable(2)([x, h])))])


def test_flat_parameters_are_what_the_modules_read():
    net = net_with_skip()
    flat, flat_gradient = net.getParameters()
    assert flat.shape == flat_gradient.shape == (3 * 3 + 3 + 3 * 2 + 2,)
    flat[...] = 0
    assert not net.forward(np.ones((1, 3))).any()
    flat_gradient[...] = 1
    net.updateParameters(0.5)
    assert_close(flat, np.full(20, -0.5))


def test_flattening_after_cloning_keeps_what_is_shared():
    layer = Linear(3, 2)
    pair = ParallelTable(layer, layer.clone("weight", "bias"), layer.clone(*ALL))
    flat, gradient = pair.getParameters()
    assert flat.shape == (8,)
    assert gradient.shape == (16,)
    flat[...] = 7
    assert all((m.weight.data == 7).all() for m in pair.modules)


def test_a_net_without_weights_has_flat_parameters_of_no_length():
    assert [a.shape for a in Tanh().getParameters()] == [(0,), (0,)]


def test_a_shared_weight_is_stepped_once():
    layer = Linear(3, 2)
    net = Sequential(ParallelTable(layer, layer))
    layer.gradWeight[...] = 1
    before = layer.weight.data.copy()
    net.updateParameters(0.5)
    assert_close(layer.weight.data, before - 0.5)
    assert len(net.parameters()[0]) == 2


def test_each_clone_draws_its_own_noise():
    layer = Dropout(0.5)
    x = np.ones(1000)
    assert not np.array_equal(layer.forward(x), layer.clone().forward(x))


def test_replace_puts_other_modules_in_their_place(rng):
    inner, x = net_with_skip(), rng.normal(size=(2, 3))
    net = Sequential(inner, Dropout(0.5))

    def without_noise_or_tanh(module):
        if isinstance(module, Dropout):
            return Identity()
        return Sigmoid() if isinstance(module, Tanh) else module

    assert net.replace(without_noise_or_tanh) is net
    first, second = (m for m in inner.modules if isinstance(m, Linear))
    h = 1 / (1 + np.exp(-(x @ first.weight.data.T + first.bias.data)))
    expected = np.concatenate([h, h @ second.weight.data.T + second.bias.data], 1)
    assert_close(net.forward(x), expected)
    assert [n.name for n in inner.nodes if n.name == "h"] == ["h"]


def test_a_replacement_that_fails_changes_nothing(rng):
    net, x = net_with_skip(), rng.normal(size=(2, 3))
    y = net.forward(x)

    def refuse(module):
        raise ValueError("no such module")

    with pytest.raises(ValueError, match="no such module"):
        net.replace(refuse)
    assert_close(net.forward(x), y, 0)


def test_a_clone_keeps_names_notes_and_lines():
    net = net_with_skip()
    mine, its = (next(n for n in m.nodes if n.name == "h") for m in (net, net.clone()))
    assert its.notes == mine.notes == {"description": "hidden"}
    assert its.where == mine.where


def test_a_split_survives_cloning():
    table = Identity()()
    a, b = table.split(2)
    net = gModule([table], [b, a]).clone()
    assert [p.shape for p in net.forward([np.ones(1), np.ones(2)])] == [(2,), (1,)]


def test_map_pairs_the_modules_of_two_nets():
    net, seen = net_with_skip(), []
    net.map(net.clone(), lambda a, b: seen.append((type(a), type(b))))
    names = " ".join(a.__name__ for a, _ in seen)
    assert names == "gModule Identity Linear Tanh Linear JoinTable"
    assert all(a is b for a, b in seen)


def test_map_of_unequal_nets_is_refused():
    with pytest.raises(GraphError, match="the two nets differ in structure: 1 and 2 modules"):
        Sequential(Tanh()).map(Sequential(Tanh(), Tanh()), print)
