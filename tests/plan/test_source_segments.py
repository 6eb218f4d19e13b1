"""The source of a plan in segments: one program after another, each in a loop over segments."""

import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.plan import odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import Case, compiled
from tests.plan.networks import PATTERNS, network, tagger
from tests.plan.places import ODD, odd_case
from tests.plan.programs import draws
from tests.plan.recurrent import recurrent_graph
from tests.plan.several_loops import SeveralLoops, made, several_loops_by
from tests.plan.test_checkpoint import WAYS, dropped_out
from tests.plan.test_checkpoint_loops import NETS, T
from tests.plan.test_source import assert_source_is_plan
from tinygrad_lstm.plan import memory

assert odd_graphs and odd_loops and odd_ops and odd_steps  # they enter their networks into ODD


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_source_of_every_cell_in_segments_gives_its_gradients(name, way):
    assert_source_is_plan(network(name, steps=7), checkpoint=way)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("steps", [4, 11, 16])
def test_so_does_that_of_other_numbers_of_steps_and_seeds(steps, pattern):
    assert_source_is_plan(network("lstm", steps, pattern=pattern), checkpoint="sqrt")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NETS)
def test_so_does_that_of_several_loops(name, way):
    assert_source_is_plan(SeveralLoops(NETS[name], T).case(), checkpoint=way)


@pytest.mark.parametrize("name", sorted(ODD))
def test_so_does_that_of_odd_networks(name):
    assert_source_is_plan(odd_case(name), checkpoint="sqrt")


@pytest.mark.parametrize("number", range(12))
def test_so_does_that_of_random_graphs(number):
    assert_source_is_plan(recurrent_graph(number).case(), checkpoint="sqrt")
    assert_source_is_plan(several_loops_by(number).case(), checkpoint="sqrt")


def test_so_does_that_of_a_table_a_loss_and_masks():
    assert_source_is_plan(tagger("lstm", steps=9), checkpoint="sqrt")
    assert_source_is_plan(dropped_out(), checkpoint="sqrt")


@pytest.mark.parametrize("cache", [1000, 1500, 3000])
@pytest.mark.parametrize("kind", ["chained", "backwards", "both_ways"])
@pytest.mark.parametrize("steps", [18, 23])
def test_segments_may_be_computed_in_chunks(steps, kind, cache, monkeypatch):
    monkeypatch.setattr(memory, "CACHE", cache)
    case = SeveralLoops(((kind, "gru", steps),), steps).case()
    assert_source_is_plan(case, checkpoint="sqrt")


def test_inputs_in_no_order_are_told_segment_by_segment():
    xs = [tl.Input(f"x_{t}", "N", 4) for t in range(9)]
    start = tl.Input("h0", "N", 4)
    order = (3, 8, 0, 4, 7, 1, 6, 2, 5)
    hs, _ = tl.unroll(made("gru", 1), [xs[k] for k in order], [start])
    arrays = [draws(k, 2, 4) for k in range(10)]
    case = Case(tl.Graph([*xs, start], hs[-1:]), arrays, [draws(99, 2, 4)])
    assert "if k == 1:" in assert_source_is_plan(case, checkpoint="sqrt")


def test_the_text_does_not_grow_with_the_number_of_segments():
    few, many = (source_of_lstm(steps) for steps in (25, 100))
    assert len(few.splitlines()) == len(many.splitlines())


def test_a_loop_over_segments_says_how_many_there_are_and_which_way_it_goes():
    text = source_of_lstm(100)
    for words in (
        "# 10 segments of 10 steps each, the first one first",
        "# 10 segments of 10 steps each, the last one first",
        "for k in reversed(range(10)):",
        "begin, end = 10 * k, 10 * k + 10",
        "copy(next_c_at_borders[k], next_c_state)",
        "copy(next_c_state, next_c_at_borders[k])",
        "np.add(W_h_bar_total, W_h_bar, out=W_h_bar_total)",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 100
    assert "as_strided" not in text


def source_of_lstm(steps):
    case = network("lstm", steps=steps, pattern="last h").about(*"W_x b_x W_h b_h".split())
    return compiled(case, checkpoint="sqrt").prepare(*case.arrays, seeds=case.seeds).source()
