"""Checkpoints of networks with several loops, beside each other or one after another."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.comparing import assert_plan_equals_graph, compiled
from tests.plan.devices import assert_device_equals_graph, cupy
from tests.plan.several_loops import SeveralLoops, several_loops, several_loops_by
from tests.plan.test_checkpoint import WAYS, parts
from tinygrad_lstm.plan.costs import cost

assert cupy, "imported to be entered"

T = 9
BOTH, DEEP = ("both_ways", "gru", T), ("layer", "lstm", T)
ENCODER, DECODER = ("chained", "lstm", T), ("decoder", "gru", T)
NETS = {
    "both ways": (BOTH,),
    "two layers both ways": (BOTH, BOTH),
    "a stack": (DEEP, DEEP, DEEP),
    "a decoder that begins where the encoder ends": (ENCODER, DECODER),
    "a decoder over other lengths": (ENCODER, ("decoder", "lstm", 16)),
    "a decoder that reads its own results": (ENCODER, ("echo", "gru", T)),
    "a decoder that attends to the encoder": (ENCODER, ("attending", "lstm", T)),
    "an encoder both ways that is attended to": (BOTH, ("attending", "gru", 12)),
    "three loops, each from the end of the one before": (ENCODER, ENCODER, ENCODER),
    "layers in turns": (("backwards", "lstm", T), ENCODER, ("backwards", "gru", T)),
}
EXAMPLES = int(os.environ.get("TINYGRAD_LSTM_EXAMPLES", "100"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seeded", ["all", "last", "some"])
@pytest.mark.parametrize("ask", ["all", "every loop", "loss"])
@pytest.mark.parametrize("name", NETS)
def test_a_network_of_several_loops_gives_the_gradients_of_its_graph(name, ask, seeded, way):
    plan = assert_plan_equals_graph(SeveralLoops(NETS[name], T, ask, seeded).case(), checkpoint=way)
    assert parts(plan) > 2


@pytest.mark.parametrize("name", NETS)
def test_several_loops_are_cut_on_a_device_as_well(name, cupy):
    assert_device_equals_graph(SeveralLoops(NETS[name], T).case(), cupy, checkpoint="sqrt")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", range(30))
def test_so_does_a_random_network_of_several_loops(number, way):
    assert_plan_equals_graph(several_loops_by(number).case(), checkpoint=way)


@settings(max_examples=EXAMPLES // 3, deadline=None, derandomize=True)
@given(spec=several_loops(), way=st.sampled_from(WAYS))
def test_any_network_of_several_loops_may_be_cut(spec, way):
    assert_plan_equals_graph(spec.case(), checkpoint=way)


@pytest.mark.parametrize("name", NETS)
def test_forward_alone_is_cut_into_segments_too_and_computes_nothing_twice(name):
    case = SeveralLoops(NETS[name], T).case().about()
    plan = assert_plan_equals_graph(case, checkpoint="sqrt")
    assert parts(plan) >= 2
    assert flops(plan) == flops(prepared(case, None))


@pytest.mark.parametrize("ask", ["all", "last"])
def test_a_gradient_that_one_loop_hands_back_is_that_of_each_step_of_another(ask):
    """With a seed on the last state alone it is the carry itself that the other loop reads."""
    loops = (("backwards", "gru", T), ("adding", "rnn", T))
    assert_plan_equals_graph(SeveralLoops(loops, T, ask).case(), checkpoint="sqrt")


def test_a_loop_of_three_steps_is_left_whole_and_one_of_four_is_cut():
    for steps, whole in ((3, True), (4, False)):
        plan = assert_plan_equals_graph(SeveralLoops((ENCODER,), steps).case(), checkpoint="sqrt")
        assert (parts(plan) == 1) == whole


def test_a_short_loop_after_a_long_one_is_left_whole():
    case = SeveralLoops((ENCODER, ("decoder", "lstm", 3)), 16).case()
    plan = assert_plan_equals_graph(case, checkpoint="sqrt")
    lengths = {x.steps for part in plan._now.parts for x in part.program.terms() if x.steps}
    assert lengths == {3, 4}, "four segments of four steps, and three steps"


@pytest.mark.parametrize("name", NETS)
def test_nothing_is_computed_more_often_than_twice(name):
    """A way back takes two products for each of the way forward, so one more is a third more."""
    case = SeveralLoops(NETS[name], T).case()
    whole, cut = (flops(prepared(case, way)) for way in (None, "sqrt"))
    assert cut / whole < 1.5


def test_an_encoder_and_a_decoder_need_twice_the_memory_for_four_times_the_steps():
    short, long = (segments_alone(from_end_to_end(steps)) for steps in (100, 400))
    assert 1.5 <= long / short <= 2.5


def test_of_a_layer_its_results_are_kept_for_the_next_phase_and_not_what_is_made_of_them():
    """The next loop's gates read 4 H numbers for each step that are made from H."""
    case = SeveralLoops((ENCODER, ENCODER), 64, "states").case()
    case = case.about(*case.graph.parameters)
    unit = case.arrays[0].nbytes * 64
    every = sum(a.bytes for a in prepared(case, "sqrt").memory().accounts if "all steps" in a.names)
    assert every / unit <= 2.1, "h of the first loop, and its gradient"


def from_end_to_end(steps):
    """A decoder begins with the encoder's last state; only its own last result is wanted."""
    case = SeveralLoops((("chained", "lstm", 0), ("decoder", "lstm", steps)), steps, "last").case()
    return case.about(*case.graph.parameters)


def segments_alone(case):
    """Bytes of what is kept or handed over."""
    report = prepared(case, "sqrt").memory()
    return sum(map(report.of_role, ("kept for the way back", "handed over between segments")))


def prepared(case, way):
    return compiled(case, checkpoint=way).prepare(*case.arrays, seeds=case.seeds)


def flops(plan):
    """Operations of all products of a step."""
    return cost(plan._now.calls, plan._now.device).flops
