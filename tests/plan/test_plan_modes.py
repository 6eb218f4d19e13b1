"""All kinds of arrays, masks, modes, threads and sizes that a plan meets."""

import threading

import numpy as np

import tinygrad_lstm as tl
from tests.plan.comparing import assert_same, compiled, eager, stepped
from tests.plan.networks import WAYS, network, scaled, tagger
from tests.plan.programs import draws


def test_arrays_may_lie_in_memory_as_they_like():
    case = network("lstm")
    odd = [np.asfortranarray(a) for a in case.arrays[:-2]]
    odd += [np.repeat(a, 2, axis=1)[:, ::2] for a in case.arrays[-2:]]
    seeds = [np.broadcast_to(s[:1], s.shape) for s in case.seeds]
    odd_case = type(case)(case.graph, odd, seeds, case.wrt)
    assert_same(stepped(compiled(case), odd_case), eager(odd_case))


def test_other_kinds_of_numbers_become_what_the_parameters_are():
    case = network("rnn", 3)
    plan = compiled(case)
    stepped(plan, case)
    kinds = [a.astype("float32") for a in case.arrays[:2]] + [np.ones((3, 4), int)]
    kinds += [case.arrays[-1].tolist()]
    for arrays in (kinds, [tl.Tensor(np.asarray(a, float)) for a in kinds]):
        plain = [np.asarray(getattr(a, "data", a), float) for a in arrays]
        expected = eager(type(case)(case.graph, plain, case.seeds, case.wrt))
        outputs = plan.step(*arrays, seeds=[s.astype("float32").tolist() for s in case.seeds])
        close = ([np.array(y) for y in outputs], dict(plan.grads))
        assert_same(close, expected, 1e-6)
        assert all(y.dtype == np.float64 for y in outputs)


def test_dense_numbers_after_one_hot_ones_are_right():
    case = network("lstm")
    hot = [np.eye(4)[[0, 2, 2]] for _ in case.arrays[:-2]]
    hot_case = type(case)(case.graph, [*hot, *case.arrays[-2:]], case.seeds, case.wrt)
    plan = compiled(case)
    for each in (hot_case, case, hot_case):
        assert_same(stepped(plan, each), eager(each))


def test_plans_run_in_threads_of_their_own():
    cases = [network("lstm"), tagger("gru")]
    found = [None] * 4

    def work(k):
        plan = compiled(cases[k % 2])
        found[k] = [stepped(plan, cases[k % 2]) for _ in range(5)][-1]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, result in enumerate(found):
        assert result is not None
        assert_same(result, eager(cases[k % 2]))


def dropping():
    """A loop with a mask in every step, written in an op's order of drawing."""
    x, h = tl.Input("x", "N", 4), tl.Input("h", "N", 4)
    W, y = tl.Parameter(draws(1, 4, 4), name="W"), h
    for _ in range(3):
        y = tl.tanh(tl.Dropout(0.5)(x) @ W + tl.Dropout(0.2)(y))
    return tl.Graph([x, h], [y])


def test_masks_are_those_that_the_graph_would_draw():
    graph, arrays = dropping(), [draws(2, 5, 4), draws(3, 5, 4)]
    plan = tl.compile(graph)
    tl.seed(3)
    eager_runs = [graph.forward(*arrays)[0].copy() for _ in range(3)]
    tl.seed(3)
    for y in eager_runs:
        (found,) = plan.step(*arrays, seeds=[np.ones((5, 4))])
        np.testing.assert_allclose(found, y, rtol=0, atol=1e-14)
    assert np.abs(eager_runs[0] - eager_runs[1]).max() > 0.1


def test_a_plan_drops_nothing_while_evaluating():
    graph, arrays = dropping(), [draws(2, 5, 4), draws(3, 5, 4)]
    plan, seeds = tl.compile(graph), [np.ones((5, 4))]
    for _ in range(2):
        with tl.evaluating():
            (calm,) = graph.forward(*arrays)
            np.testing.assert_allclose(plan.step(*arrays, seeds=seeds)[0], calm, rtol=0, atol=1e-14)
        assert np.abs(plan.step(*arrays, seeds=seeds)[0] - calm).max() > 0.1


def test_large_numbers_raise_no_floating_point_error():
    case = scaled(network("lstm"), 1000.0)
    for options in WAYS:
        with np.errstate(all="raise", under="ignore"):
            assert_same(stepped(compiled(case, **options), case), eager(case))


def test_nan_comes_through_to_outputs_and_gradients():
    case = network("lstm", 3)
    arrays = [a.copy() for a in case.arrays]
    arrays[1][0, 0] = np.nan
    plan = compiled(case)
    outputs = plan.step(*arrays, seeds=case.seeds)
    true = case.graph.forward(*arrays)
    for found, expected in zip(outputs, true):
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert np.isnan(plan.grads["W_x"]).any()
    assert_same(stepped(plan, case), eager(case))


def test_an_empty_batch_gives_empty_outputs_and_zero_gradients():
    case = network("lstm", 3)
    arrays, seeds = [a[:0] for a in case.arrays], [s[:0] for s in case.seeds]
    plan = compiled(case)
    assert all(y.shape == (0, 6) for y in plan.step(*arrays, seeds=seeds))
    assert not plan.grads["W_x"].any()


def lines_of_source(steps, rows=3):
    """How many lines the plan of the post's cell has as source."""
    graph = tl.through_time(tl.CELLS["lstm"](2, 3), steps)
    x, state = np.zeros((rows, 2), "float32"), np.ones((rows, 3), "float32")
    plan = tl.compile(graph)
    plan.step(*[x] * steps, state, state, seeds=[state] * (steps + 2))
    return len(plan.source().splitlines())


def test_the_plan_of_a_long_sequence_is_no_longer_than_that_of_a_short_one():
    assert lines_of_source(1000) < 1.2 * lines_of_source(50)  # chunks of time may add a few
