"""The recorder: what it keeps is what the graph computed, and its sentences say so."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.ops.samples import SAMPLES, sample, sample_id
from tinygrad_lstm.errors import ArgumentError, GraphError, ShapeError
from tinygrad_lstm.explain import Summary, record

N, D, H, T = 2, 3, 4, 3


def recorded(name, rng, **options):
    net = tl.through_time(tl.CELLS[name](D, H), T)
    arrays = [rng.normal(size=(N, n.shape[1])) for n in net.inputs]
    seeds = [rng.normal(size=(N, n.shape[1])) for n in net.outputs]
    return record(net, *arrays, seeds=seeds, **options), arrays, seeds


@pytest.mark.parametrize("name", sorted(tl.CELLS))
def test_contributions_and_seeds_sum_to_the_gradient(name, rng, float64):
    recording, arrays, seeds = recorded(name, rng)
    graph = recording.graph
    total = dict.fromkeys(graph.nodes, 0.0)
    for node, seed in zip(graph.outputs, seeds):
        total[node] = total[node] + seed
    for step in recording.steps:
        for part in step.contributions:
            if part.sent is not None:
                total[part.parent] = total[part.parent] + part.sent
    graph.forward(*arrays)
    graph.backward(*seeds)
    for node in graph.nodes:
        np.testing.assert_allclose(total[node], node.grad, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", sorted(tl.CELLS))
def test_running_totals_grow_by_each_contribution(name, rng, float64):
    recording, *_ = recorded(name, rng)
    latest = dict(recording.planted)
    for step in recording.steps:
        if step.phase == "backward":
            np.testing.assert_array_equal(step.arriving, latest[step.node])
        for part in step.contributions:
            before = latest.get(part.parent)
            assert part.before is before or np.array_equal(part.before, before)
            start = 0.0 if before is None else before
            np.testing.assert_allclose(part.after, start + part.sent, rtol=1e-12, atol=1e-15)
            latest[part.parent] = part.after


@pytest.mark.parametrize("name", sorted(tl.CELLS))
def test_arriving_times_local_derivative_is_the_contribution(name, rng, float64):
    recording, *_ = recorded(name, rng)
    parts = [
        (step.arriving, part.local, part.sent)
        for step in recording.steps
        for part in step.contributions
        if part.local is not None
    ]
    assert len(parts) >= 3 * T
    for arriving, local, sent in parts:
        np.testing.assert_allclose(arriving * local, sent, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", sorted(tl.CELLS))
def test_every_contribution_is_numbered_up_to_the_last(name, rng):
    recording, *_ = recorded(name, rng)
    numbers = {}
    for step in recording.steps:
        for part in step.contributions:
            numbers.setdefault(part.parent, []).append((part.number, part.of))
    for counted in numbers.values():
        assert counted == [(k, len(counted)) for k in range(1, len(counted) + 1)]


@pytest.mark.parametrize("name", sorted(tl.CELLS))
def test_every_step_has_a_formula_and_a_sentence(name, rng):
    recording, *_ = recorded(name, rng)
    for step in recording.steps:
        assert step.plain
        assert step.latex
        assert f"t = {step.t}, {step.phase}: " in step.sentence
        assert step.name in step.sentence
        for part in step.contributions:
            assert part.plain
            assert part.latex


def test_steps_are_those_of_the_generators(rng, float64):
    recording, arrays, seeds = recorded("lstm", rng)
    graph = recording.graph
    forward = [step.node for step in graph.forward_steps(*arrays)]
    backward = [step.node for step in graph.backward_steps(*seeds)]
    assert [step.node for step in recording.steps] == forward + backward
    assert [step.number for step in recording.steps] == list(range(len(recording)))
    for step in recording.steps:
        np.testing.assert_array_equal(step.value, step.node.data)
        for kept, parent in zip(step.inputs, step.node.parents):
            np.testing.assert_array_equal(kept, parent.data)


def test_a_recording_outlives_later_runs_and_training(rng, float64):
    recording, arrays, _ = recorded("lstm", rng)
    step = recording.at(t=2, node="h2h")
    before = [np.array(kept) for kept in step.inputs]
    for p in recording.graph.parameters.values():
        p.data += 1.0
    recording.graph.forward(*[a + 1 for a in arrays])
    for kept, then in zip(step.inputs, before):
        np.testing.assert_array_equal(kept, then)
        assert not kept.flags.writeable


def test_a_step_is_found_by_time_name_and_phase(rng):
    recording, *_ = recorded("lstm_by_gate", rng)
    step = recording.at(t=3, node="f", phase="backward")
    assert (step.t, step.node.name, step.phase, step.name) == (3, "f", "backward", "f_3")
    assert recording.at(node="f_3", phase="backward") is step
    assert recording.at(node=step.node, phase="backward") is step
    assert recording.at(t=3, node="f").phase == "forward"
    assert recording.at(phase="backward").node in recording.graph.outputs


def test_a_step_that_there_is_not_names_the_nearest(rng):
    recording, *_ = recorded("lstm_by_gate", rng)
    with pytest.raises(GraphError, match=r"at\(t=9\): .* t goes from 1 to 3"):
        recording.at(t=9)
    with pytest.raises(GraphError, match=r"try one of .*f_3"):
        recording.at(t=3, node="ff_3")
    with pytest.raises(ArgumentError, match="there is 'forward' and 'backward'"):
        recording.at(t=3, phase="back")


def test_the_sentence_says_what_meets_what_and_why(rng):
    recording, *_ = recorded("lstm_by_gate", rng)
    said = recording.at(node="o_3", phase="backward").sentence
    assert said.startswith("t = 3, backward: ")
    assert "receives dL/do_3 * o_3 * (1 - o_3), because o_3 = sigmoid(" in said
    assert "c_2 comes over from t = 2" in recording.at(node="f_3 * c_2").sentence
    h_2 = recording.at(node="h_2", phase="backward").sentence
    assert "dL/dh_2 is complete, the sum of 4 contributions and what was given." in h_2


def test_shared_weights_count_their_timesteps(rng):
    recording, *_ = recorded("lstm_by_gate", rng)
    W = recording.graph.parameters["W_hf"]
    parts = [(s, c) for s in recording.steps for c in s.contributions if c.parent is W]
    assert [s.t for s, _ in parts] == [3, 2, 1]
    assert "W_hf has now received 2 of 3 contributions." in parts[1][0].sentence
    np.testing.assert_array_equal(parts[-1][1].after, W.grad)


def test_formulas_come_from_the_derivative_table(rng):
    recording, *_ = recorded("lstm_by_gate", rng)
    step = recording.at(node="h_1", phase="backward")
    assert step.plain == "h_1 = o_1 * tanh(c_1)"
    assert step.latex == r"h_{1} = o_{1} \odot \tanh(c_{1})"
    assert [c.plain for c in step.contributions] == ["dL/dh_1 * tanh(c_1)", "dL/dh_1 * o_1"]
    assert step.contributions[1].latex == r"\frac{\partial L}{\partial h_{1}} \odot o_{1}"


def test_a_node_read_twice_by_one_node_receives_two_contributions(float64):
    x = tl.Input("x", 3)
    y = x * x
    y.name = "y"
    recording = record(tl.Graph([x], [y.sum()]), np.array([1.0, 2.0, 3.0]))
    first, second = recording.at(node="y", phase="backward").contributions
    assert (first.number, second.number, second.of) == (1, 2, 2)
    assert first.before is None
    np.testing.assert_array_equal(first.after, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(second.after, [2.0, 4.0, 6.0])


def test_no_gradient_flows_through_a_cut(float64):
    x, w = tl.Input("x", 2), tl.Parameter(np.ones(2), name="w")
    y = w * x
    loss = (y * tl.Detach()(y)).sum()
    recording = record(tl.Graph([x], [loss]), np.ones(2))
    assert "no gradient" not in recording.at(node=y, phase="backward").sentence
    assert not any(
        c.sent is None and c.after is not None for c in recording.steps[-1].contributions
    )


def test_a_scalar_loss_needs_no_seed_and_others_say_what_to_pass(rng, float64):
    x = tl.Input("x", 3)
    loss = (x * x).sum()
    loss.name = "loss"
    recording = record(tl.Graph([x], [loss]), np.ones(3))
    assert "begins with what is given: dL/dloss = 1." in recording.at(phase="backward").sentence
    net = tl.through_time(tl.CELLS["rnn"](D, H), 2)
    arrays = [rng.normal(size=(N, n.shape[1])) for n in net.inputs]
    with pytest.raises(ShapeError, match=r"pass seeds=\[dL/d\(output\), ...\], one for each"):
        record(net, *arrays)
    with pytest.raises(ArgumentError, match="record takes a Graph, not Tensor"):
        record(loss, np.ones(3))


def test_arrays_beyond_the_budget_are_summarised_and_the_note_says_so(rng):
    net = tl.through_time(tl.CELLS["lstm"](8, 16), 2)
    arrays = [rng.normal(size=(1, n.shape[1])) for n in net.inputs]
    seeds = [np.ones((1, n.shape[1])) for n in net.outputs]
    small = record(net, *arrays, seeds=seeds, budget=0)
    W = net.parameters["W_h"]
    part = next(c for s in small.steps for c in s.contributions if c.parent is W)
    assert isinstance(part.sent, Summary)
    assert part.sent.shape == W.shape
    whole = record(net, *arrays, seeds=seeds)
    full = next(c for s in whole.steps for c in s.contributions if c.parent is W).sent
    np.testing.assert_allclose(part.sent.norm, np.linalg.norm(full), rtol=1e-6)
    assert (part.sent.min, part.sent.max) == (full.min(), full.max())
    assert "summarised as shape, norm, min, max and mean" in small.note
    assert "summarised" not in whole.note
    assert "summarised" in repr(small)
    assert len(small.page()) < len(whole.page())


def test_layers_are_told_apart(rng):
    net = tl.through_time(tl.stack([tl.CELLS["lstm"](D, H), tl.CELLS["lstm"](H, H)]), 2)
    arrays = [rng.normal(size=(N, n.shape[1])) for n in net.inputs]
    seeds = [np.ones((N, n.shape[1])) for n in net.outputs]
    recording = record(net, *arrays, seeds=seeds)
    step = next(s for s in recording.steps if s.layer == 2 and s.node.name == "next_c")
    assert step.sentence.startswith("t = 1, layer 2, forward: ")
    assert step.name != recording.at(t=1, node="next_c").name
    names = [s.name for s in recording.steps if s.phase == "forward"]
    assert len(names) == len(set(names))


def gives_real_numbers(which):
    _, op, inputs = sample(*which)
    return np.asarray(op(*inputs)).dtype.kind == "f"


@pytest.mark.parametrize("which", [w for w in SAMPLES if gives_real_numbers(w)], ids=sample_id)
def test_every_op_is_recorded_with_its_formula_and_its_contributions(which):
    _, op, inputs = sample(*which)
    leaves = [tl.Input(f"in_{k}", *np.shape(x)) for k, x in enumerate(inputs)]
    y = op(*leaves)
    y.name = "y"
    seed = np.ones(y.shape)
    recording = record(tl.Graph(leaves, [y]), *inputs, seeds=[seed])
    backward = recording.at(node=y, phase="backward")
    assert backward.plain.startswith("y = ")
    for leaf, part in zip(leaves, backward.contributions):
        assert (part.sent is None) == (leaf.grad is None)
        assert bool(part.plain) == (part.sent is not None)
        if part.sent is not None:
            np.testing.assert_array_equal(part.after, leaf.grad)
    assert "\\" not in backward.sentence
    assert len(recording.page()) > 1000
