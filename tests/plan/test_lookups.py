"""One-hot rows and looked-up rows: rows of a product instead of products of rows."""

from collections import Counter

import numpy as np
import pytest

from tests.plan.comparing import Case, assert_plan_equals_graph
from tinygrad_lstm import (
    CELLS,
    Embedding,
    OneHot,
    Op,
    default_dtype,
    sigmoid,
    stacked,
    tanh,
    unroll,
)
from tinygrad_lstm.nn import Graph, Input, Linear
from tinygrad_lstm.plan.device import Device

T, N, V, D, H = 8, 3, 7, 4, 5


def characters(make, input_size, rows=N, name="lstm"):
    """A cell over T batches of numbers, each turned into rows by `make(k, like)`."""
    with default_dtype("float64"):
        cell = CELLS[name](input_size, H)
    state = [Input(f"{s.name}_0", "N", H) for s in cell.inputs[1:]]

    def network(xs):
        return unroll(cell, xs, state)[0]

    return numbers_into(network, make, state, rows)


def numbers_into(network, make, state, rows=N):
    """The h of `network` over T batches of numbers, with a gradient at each."""
    random = np.random.default_rng(0)
    ks, like = [Input(f"k_{t}", "N") for t in range(1, T + 1)], Input("like", "N", V)
    hs = network([make(k, like) for k in ks])
    graph = Graph([*ks, like, *state], [stacked(hs), like * 2])
    numbers = [random.integers(0, V, rows) for _ in ks]
    states = [random.standard_normal((rows, H)) for _ in state]
    seeds = [random.standard_normal((T, rows, H)), None]
    return Case(graph, [*numbers, np.zeros((rows, V)), *states], seeds)


def embedded(**options):
    with default_dtype("float64"):
        table = Embedding(V, D)
    return characters(lambda k, like: table(k), D, **options)


def terms(plan):
    return plan._now.program.terms()


def counted(plan):
    """How often which function is called."""
    return Counter(f.__name__ for f, _ in plan._now.calls)


def test_a_one_hot_input_is_a_row_of_the_weight_and_no_product():
    plan = assert_plan_equals_graph(characters(OneHot(), V))
    functions = {term.fn for term in terms(plan)}
    assert "take" in functions
    assert "call" not in functions


class Halves(Op):
    """Halves, after a look at a number: no one-hot rows."""

    whole = (0,)

    def forward(self, xp, ids, like):
        return xp.full_like(like, 0.5 if ids[0] >= 0 else 0.25)

    def shape(self, ids, like):
        return like

    def vjp(self, g, y, ids, like):
        return None, None


Halves.__name__ = "OneHot"


def test_one_hot_is_what_an_op_does_and_not_what_it_is_called():
    assert_plan_equals_graph(characters(Halves(), V))


def test_an_embedding_meets_the_weight_once_for_the_whole_vocabulary():
    plan = assert_plan_equals_graph(embedded())
    assert {term.shape for term in terms(plan) if term.fn == "take"} == {(N, H)}


def test_the_gradient_of_a_table_needs_no_gradient_of_the_rows_that_were_looked_up():
    plan = assert_plan_equals_graph(embedded())
    assert not [term for term in terms(plan) if term.steps and term.shape == (N, D)]
    assert {term.shape for term in terms(plan) if term.fn == "scatter"} == {(V, H)}


@pytest.mark.parametrize("rows", [N, 1])
@pytest.mark.parametrize("case", [embedded, lambda **options: characters(OneHot(), V, **options)])
def test_lookups_of_all_gates_go_together_and_so_do_their_gradients(case, rows):
    found = counted(assert_plan_equals_graph(case(rows=rows)))
    assert found["scatter"] == found["check_rows"] == 1
    assert found["tanh"] == 2 * T  # of four gates at once, and of c


@pytest.mark.parametrize("name", ["lstm_by_gate", "peephole", "cifg", "rnn"])
def test_weights_of_gates_that_are_apart_meet_the_table_too(name):
    found = counted(assert_plan_equals_graph(embedded(name=name)))
    assert found["scatter"] == found["check_rows"] == 1


def test_a_gate_that_reads_another_state_is_looked_up_by_itself():
    found = counted(assert_plan_equals_graph(embedded(name="gru")))
    assert found["scatter"] == found["check_rows"] == 2  # n reads r * h, and r and z read h


def test_gates_that_are_looked_up_and_nothing_else_lie_together():
    with default_dtype("float64"):
        gate, content = Linear(V, H, "gate"), Linear(V, H, "content")

    start = Input("h_0", "N", H)

    def network(xs):
        h, hs = start, []
        for x in xs:
            h = h + tanh(gate(x)) * tanh(content(x))
            hs.append(sigmoid(h))
        return hs

    found = counted(assert_plan_equals_graph(numbers_into(network, OneHot(), [start])))
    assert found["check_rows"] == 1
    assert found["tanh"] == 2  # of both, and of h


def test_rows_that_are_read_by_others_too_give_the_table_all_their_gradients():
    with default_dtype("float64"):
        table, cell = Embedding(V, H), CELLS["gru"](H, H)
    start = Input("h_0", "N", H)

    def network(xs):
        hs, _ = unroll(cell, xs, [start])
        back, _ = unroll(cell, xs[::-1], [start])
        return [h + g * x for h, g, x in zip(hs, back[::-1], xs)]

    plan = assert_plan_equals_graph(numbers_into(network, lambda k, like: table(k), [start]))
    assert {term.shape for term in terms(plan) if term.fn == "scatter"} == {(V, H)}


@pytest.mark.parametrize("passes", [["roles"], ["roles", "blocks", "lookups"], ["lookups"]])
def test_lookups_are_right_beside_other_passes_and_without(passes):
    assert_plan_equals_graph(characters(OneHot(), V), passes=passes)


@pytest.mark.parametrize("add_up", [Device.scatter, Device.scatter_sorted])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_rows_are_added_up_at_their_numbers_block_by_block(add_up, shape):
    random = np.random.default_rng(0)
    ids, g = random.integers(1, 6, (4, 5)), random.standard_normal((2, 4, 5, *shape))
    out = np.full((2, 7, *shape), np.nan)
    add_up(g, ids, out)
    for rows, sums in zip(g, out):
        for k in range(7):
            np.testing.assert_allclose(sums[k], rows[ids == k].sum(0), rtol=1e-14)


def test_large_gradients_are_sorted_and_the_rows_of_one_number_keep_their_infinity():
    with default_dtype("float64"):
        table = Embedding(2, 500)
    ids, rows = Input("ids", "N"), Input("rows", "N", 500)
    case = Case(
        Graph([ids, rows], [(table(ids) * rows).sum()]),
        [np.arange(20) % 2, np.random.default_rng(0).standard_normal((20, 500))],
    )
    plan = assert_plan_equals_graph(case)
    assert counted(plan)["scatter_sorted"] == 1
    case.arrays[1][0, 0] = np.inf
    plan.step(*case.arrays)
    assert np.isinf(plan.grads["W_e"][0, 0])
    assert np.isfinite(plan.grads["W_e"]).sum() == 999
