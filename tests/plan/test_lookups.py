"""One-hot rows and looked-up rows: rows of a product instead of products of rows."""

import numpy as np
import pytest

from tests.plan.comparing import Case, assert_plan_equals_graph
from tinygrad_lstm import CELLS, Embedding, OneHot, default_dtype, stacked, unroll
from tinygrad_lstm.nn import Graph, Input

T, N, V, D, H = 6, 3, 7, 4, 5


def characters(make, input_size):
    """An LSTM over T batches of numbers, each turned into rows by `make(k, like)`."""
    random = np.random.default_rng(0)
    ks, like = [Input(f"k_{t}", "N") for t in range(1, T + 1)], Input("like", "N", V)
    state = Input("c_0", "N", H), Input("h_0", "N", H)
    with default_dtype("float64"):
        cell = CELLS["lstm"](input_size, H)
    hs, _ = unroll(cell, [make(k, like) for k in ks], state)
    graph = Graph([*ks, like, *state], [stacked(hs), like * 2])
    numbers = [random.integers(0, V, N) for _ in ks]
    states = [random.standard_normal((N, H)) for _ in state]
    seeds = [random.standard_normal((T, N, H)), None]
    return Case(graph, [*numbers, np.zeros((N, V)), *states], seeds)


def terms(plan):
    return plan._now.program.terms()


def test_a_one_hot_input_is_a_row_of_the_weight_and_no_product():
    plan = assert_plan_equals_graph(characters(OneHot(), V))
    functions = {term.fn for term in terms(plan)}
    assert "take" in functions
    assert "call" not in functions


def test_an_embedding_meets_the_weight_once_for_the_whole_vocabulary():
    with default_dtype("float64"):
        table = Embedding(V, D)
    plan = assert_plan_equals_graph(characters(lambda k, like: table(k), D))
    assert {term.shape for term in terms(plan) if term.fn == "take"} == {(N, H)}


@pytest.mark.parametrize("passes", [["roles"], ["roles", "blocks", "lookups"], ["lookups"]])
def test_lookups_are_right_beside_other_passes_and_without(passes):
    assert_plan_equals_graph(characters(OneHot(), V), passes=passes)
