"""Plans of random graphs equal the graphs.

`TINYGRAD_LSTM_EXAMPLES=2000 pytest tests/plan/test_random_plans.py` looks further than every day.
"""

import os

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.plan.comparing import (
    assert_plan_equals_graph,
    assert_same,
    compiled,
    eager,
    near_a_kink,
    stepped,
)
from tests.plan.graphs import straight_graphs
from tests.plan.recurrent import recurrent_graphs
from tinygrad_lstm.plan import PASSES

EXAMPLES = int(os.environ.get("TINYGRAD_LSTM_EXAMPLES", "100"))
many = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
some = settings(max_examples=EXAMPLES // 3, deadline=None, derandomize=True)
pass_sets = st.lists(st.sampled_from(list(PASSES)), unique=True).map(tuple)


def smooth(spec):
    """The spec's case; rounding must not decide which side of a corner it is on."""
    case = spec.case()
    assume(not near_a_kink(case.graph))
    return case


@many
@given(spec=straight_graphs())
def test_the_plan_of_a_random_graph_equals_the_graph(spec):
    assert_plan_equals_graph(smooth(spec))


@many
@given(spec=recurrent_graphs())
def test_the_plan_of_a_random_recurrent_network_equals_its_graph(spec):
    assert_plan_equals_graph(smooth(spec))


@many
@given(spec=straight_graphs() | recurrent_graphs(), passes=pass_sets)
def test_any_set_of_passes_leaves_outputs_and_gradients(spec, passes):
    assert_plan_equals_graph(smooth(spec), passes=passes)


@some
@given(spec=straight_graphs() | recurrent_graphs(), data=st.data())
def test_any_choice_of_leaves_gives_their_gradients(spec, data):
    case = smooth(spec)
    wrt = data.draw(st.lists(st.sampled_from(case.wrt), unique=True)) if case.wrt else []
    assert_plan_equals_graph(case.about(*wrt))


@some
@given(spec=straight_graphs() | recurrent_graphs(), other=st.integers(1, 99))
def test_no_step_leaves_anything_behind_for_the_next(spec, other):
    case = smooth(spec)
    plan = compiled(case)
    expected = eager(case)
    for k in range(3):
        assert_same(stepped(plan, case), expected)
        plan.step(
            *[a * (1 + k / other) if a.dtype.kind == "f" else a for a in case.arrays],
            seeds=case.seeds,
        )
