"""split, nest, and the modules on tables (sections 3 and 9)."""

import numpy as np
import pytest

from tests.oracles import assert_close, numeric_vjp
from tinygrad_lstm.errors import ArgumentError, GraphError, ShapeError
from tinygrad_lstm.nngraph import (
    CAddTable,
    CDivTable,
    CMulTable,
    ConcatTable,
    CSubTable,
    Identity,
    JoinTable,
    Linear,
    NarrowTable,
    ParallelTable,
    Reshape,
    SelectTable,
    Sequential,
    SplitTable,
    Tanh,
    gModule,
    nest,
)

pytestmark = pytest.mark.usefixtures("float64")


def backward_equals_complex_step(module, inputs, by_hand, rng):
    """Output and gradients of a module on a table of arrays."""
    y = module.forward(inputs)
    assert_close(y, by_hand(*inputs)[0])
    seed = rng.normal(size=y.shape)
    sent = module.backward(inputs, seed)
    for ours, exact in zip(sent, numeric_vjp(by_hand, inputs, [seed], range(len(inputs)))):
        assert_close(ours, exact)


def test_split_gives_the_entries_of_a_table():
    table = Identity()()
    a, b = table.split(2)
    net = gModule([table], [b, a])
    x, y = np.ones(2), np.zeros(3)
    assert [part.shape for part in net.forward([x, y])] == [(3,), (2,)]


def test_split_into_one_unwraps():
    table = Identity()()
    net = gModule([table], [table.split(1)])
    assert_close(net.forward([np.ones(2)]), np.ones(2))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_split_checks_the_length_at_run_time(count):
    table = Identity()()
    parts = table.split(count)
    net = gModule([table], list(parts) if count > 1 else [parts])
    with pytest.raises(ShapeError, match=f"is a table of 3, and split into {count}"):
        net.forward([np.ones(2)] * 3)


def test_split_of_a_tensor_is_refused_at_run_time():
    x = Identity()()
    net = gModule([x], list(x.split(2)))
    with pytest.raises(ShapeError, match="is one tensor, and this takes a table"):
        net.forward(np.ones(2))


@pytest.mark.parametrize("count", [0, 1.5])
def test_split_into_nothing_is_refused(count):
    with pytest.raises(ArgumentError, match="split into 1 or more"):
        Identity()().split(count)


def test_unused_parts_are_refused_with_both_lines():
    table = Identity()()
    a, _, _ = table.split(3)
    with pytest.raises(GraphError, match="2 of the 3 parts of a split are not used") as caught:
        gModule([table], [a])
    assert str(caught.value).count("test_tables.py:") == 2


def test_a_split_node_may_be_used_whole_elsewhere():
    table = Identity()()
    a, b = table.split(2)
    net = gModule([table], [CMulTable()([a, b]), CAddTable()(table)])
    product, total = net.forward([np.array([2.0]), np.array([5.0])])
    assert (product.item(), total.item()) == (10, 7)


def test_nest_builds_tables_of_tables():
    a, b, c = Identity()(), Identity()(), Identity()()
    net = gModule([a, b, c], [nest([a, [b], c])])
    x, y, z = np.ones(1), np.ones(2), np.ones(3)
    first, (second,), third = net.forward([x, y, z])
    assert [v.shape for v in (first, second, third)] == [(1,), (2,), (3,)]
    sent = net.backward([x, y, z], [x * 2, [y * 3], z * 4])
    assert [g[0] for g in sent] == [2, 3, 4]


def test_nest_of_a_node_is_that_node():
    x = Identity()()
    assert nest(x) is x


@pytest.mark.parametrize("wrong", [[], "x", None])
def test_nest_of_anything_else_is_refused(wrong):
    with pytest.raises(ArgumentError, match="nest: a Node or a list that is not empty"):
        nest(wrong)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_add_and_multiply_take_any_number(rng, count):
    inputs = [rng.normal(size=(2, 3)) for _ in range(count)]
    backward_equals_complex_step(CAddTable(), inputs, lambda *xs: (sum(xs),), rng)
    backward_equals_complex_step(CMulTable(), inputs, lambda *xs: (np.prod(xs, axis=0),), rng)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_on_nodes_they_do_the_same_as_on_a_table(rng, count):
    data = [rng.normal(size=(2, 3)) for _ in range(count)]
    nodes = [Identity()() for _ in data]
    whole = Identity()()
    apart = gModule(nodes, [CMulTable()(nodes if count > 1 else nest(nodes))])
    together = gModule([whole], [CMulTable()(whole)])
    seed = rng.normal(size=(2, 3))
    given = data if count > 1 else data[0]
    assert_close(apart.forward(given), together.forward(data), 0)
    ours = apart.backward(given, seed)
    for a, b in zip(ours if count > 1 else [ours], together.backward(data, seed), strict=True):
        assert_close(a, b, 1e-15)


def test_the_gradient_of_a_product_is_safe_at_zero():
    x = [np.array([0.0]), np.array([0.0]), np.array([3.0])]
    product = CMulTable()
    product.forward(x)
    assert [g.item() for g in product.backward(x, np.ones(1))] == [0, 0, 0]


def test_products_do_not_broadcast():
    with pytest.raises(ShapeError, match="need one shape"):
        CMulTable().forward([np.ones((2, 3)), np.ones(3)])


def test_subtract_and_divide_take_exactly_two(rng):
    inputs = [rng.normal(size=(2, 3)), 2 + rng.random(size=(2, 3))]
    backward_equals_complex_step(CSubTable(), inputs, lambda a, b: (a - b,), rng)
    backward_equals_complex_step(CDivTable(), inputs, lambda a, b: (a / b,), rng)
    with pytest.raises(ShapeError, match="is a table of 3; CSub\\(\\) takes exactly 2"):
        CSubTable().forward([*inputs, inputs[0]])
    nodes = [Identity()() for _ in range(3)]
    with pytest.raises(ArgumentError, match="CDivTable takes a table of exactly 2; it got 3"):
        CDivTable()(nodes)


@pytest.mark.parametrize(("dim", "axis"), [(1, 0), (2, 1), (-1, 1), (-2, 0)])
def test_join_counts_dimensions_from_1(rng, dim, axis):
    inputs = [rng.normal(size=(2, 2)) for _ in range(3)]
    backward_equals_complex_step(
        JoinTable(dim), inputs, lambda *xs: (np.concatenate(xs, axis),), rng
    )


@pytest.mark.parametrize(("dim", "axis"), [(1, 0), (2, 1), (3, 2), (-1, 2)])
def test_split_table_counts_dimensions_from_1(rng, dim, axis):
    x = rng.normal(size=(2, 3, 4))
    module = SplitTable(dim)
    parts = module.forward(x)
    for k, part in enumerate(parts):
        assert_close(part, x.take(k, axis), 0)
    seeds = [rng.normal(size=part.shape) for part in parts]
    assert_close(module.backward(x, seeds), np.stack(seeds, axis), 0)


def test_with_input_dims_a_batch_moves_the_dimension_by_one():
    one, batch = np.zeros((4, 3)), np.zeros((5, 4, 3))
    assert [p.shape for p in SplitTable(1, 2).forward(one)] == [(3,)] * 4
    assert [p.shape for p in SplitTable(1, 2).forward(batch)] == [(5, 3)] * 4
    assert [p.shape for p in SplitTable(-1, 2).forward(batch)] == [(5, 4)] * 3
    assert JoinTable(1, 1).forward([np.zeros(3), np.zeros(2)]).shape == (5,)
    assert JoinTable(1, 1).forward([np.zeros((4, 3)), np.zeros((4, 2))]).shape == (4, 5)
    a, b = Identity()(), Identity()()
    joined = gModule([a, b], [JoinTable(1, 1)([a, b])])
    assert joined.forward([np.zeros((4, 3)), np.zeros((4, 2))]).shape == (4, 5)


@pytest.mark.parametrize("module", [JoinTable, SplitTable, SelectTable])
def test_there_is_no_dimension_0(module):
    with pytest.raises(ShapeError, match="Torch counts from 1; -1 is the last"):
        module(0)


@pytest.mark.parametrize(("index", "taken"), [(1, 0), (3, 2), (-1, 2), (-3, 0)])
def test_select_table_counts_from_1(index, taken):
    x = [np.full(k + 1, float(k)) for k in range(3)]
    module = SelectTable(index)
    assert_close(module.forward(x), x[taken])
    sent = module.backward(x, np.ones(taken + 1))
    assert [g.any() for g in sent] == [k == taken for k in range(3)]


def test_select_table_past_the_end_is_refused():
    with pytest.raises(ShapeError, match="is a table of 2: no entry 2, counted from 0"):
        SelectTable(3).forward([np.ones(1)] * 2)


def test_narrow_table_counts_from_1():
    x = [np.full(1, float(k)) for k in range(4)]
    module = NarrowTable(2, 2)
    assert [p.item() for p in module.forward(x)] == [1, 2]
    assert [g.item() for g in module.backward(x, [np.ones(1)] * 2)] == [0, 1, 1, 0]
    assert len(NarrowTable(4).forward(x)) == 1
    with pytest.raises(ShapeError, match="NarrowTable\\(0, 1\\): Torch counts from 1"):
        NarrowTable(0)


def test_reshape_and_split_table_cut_the_gates_as_narrow_does(rng):
    """char-rnn's way: the same mathematics, without padding gradients with zeros."""
    x = rng.normal(size=(3, 4 * 6))
    gates = Sequential(Reshape(4, 6), SplitTable(2)).forward(x)
    for k, gate in enumerate(gates):
        assert_close(gate, x[:, k * 6 : (k + 1) * 6], 0)


def test_containers_run_backward_through_tables(rng):
    net = Sequential(ConcatTable(Linear(3, 2), Sequential(Linear(3, 2), Tanh())), CMulTable())
    x, seed = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    W1, b1, W2, b2 = net.parameters()[0]

    def by_hand(x):
        return ((x @ W1.T + b1) * np.tanh(x @ W2.T + b2),)

    assert_close(net.forward(x), by_hand(x)[0])
    assert_close(net.backward(x, seed), numeric_vjp(by_hand, [x], [seed], [0])[0])


def test_parallel_table_takes_exactly_as_many_as_it_has_modules():
    with pytest.raises(ShapeError, match="is a table of 3, and split into 2"):
        ParallelTable(Tanh(), Tanh()).forward([np.ones(1)] * 3)


def test_a_container_holds_modules():
    with pytest.raises(ArgumentError, match="Sequential: 3 is no module"):
        Sequential().add(3)


def test_an_empty_sequential_passes_its_input_on():
    x = Identity()()
    assert_close(gModule([x], [Sequential()(x)]).forward(np.ones(2)), np.ones(2))


def test_a_table_holds_arrays():
    with pytest.raises(ArgumentError, match=r"a table holds arrays; 1\.0 is float"):
        CAddTable().forward([1.0, 2.0])
    with pytest.raises(ArgumentError, match="an empty table holds no data"):
        CAddTable().forward([])
