"""Truncated backpropagation through time: it learns, it is repeatable, it measures honestly."""

import math

import numpy as np
import pytest

import tinygrad_lstm as tl
from tinygrad_lstm.train import loop
from tinygrad_lstm.train.loop import LOOKS, Course, Recipe, held_out_bits, train
from tinygrad_lstm.train.model import CharModel, Sizes
from tinygrad_lstm.train.sample import generate
from tinygrad_lstm.train.text import split_text
from tinygrad_lstm.train.ways import Eager, Planned

ALPHABET = "abcdefgh"
RECIPE = Recipe(N=4, T=8, rate=2e-2, steps=60)
both_ways = pytest.mark.parametrize("way", [Planned, Eager])


def cyclic_text(count=800):
    return split_text("alphabet", ALPHABET * (count // len(ALPHABET)), RECIPE.T)


def small_model(text):
    return CharModel(Sizes("lstm", 1, 16, 8, len(text.vocabulary)))


def trained(recipe=RECIPE, seed=3):
    text = cyclic_text()
    with tl.seed(seed):
        model = small_model(text)
        history = train(Course(model, text, recipe), lambda *args: None)
        return model, text, history, generate(model, text, "abc", 20)


def test_it_learns_the_alphabet():
    _, _, history, written = trained()
    assert history.held_out[-1] < 0.5 < 2 < history.training[0]
    assert written == "defghabcdefghabcdefg"


def test_the_same_seed_gives_the_same_bytes():
    (model, _, first, text), (again, _, second, same) = trained(), trained()
    assert (first.training, first.held_out, text) == (second.training, second.held_out, same)
    pairs = zip(model.network(1).parameters.values(), again.network(1).parameters.values())
    assert all(p.data.tobytes() == q.data.tobytes() for p, q in pairs)


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("cell", sorted(tl.CELLS))
def test_the_plan_trains_as_the_graph_does(cell, dtype, rtol):
    histories = []
    for eager in (False, True):
        with tl.seed(3), tl.default_dtype(dtype):
            text = cyclic_text()
            model = CharModel(Sizes(cell, 2, 6, 4, len(text.vocabulary)))
            recipe = Recipe(N=4, T=8, steps=20, eager=eager)
            histories.append(train(Course(model, text, recipe), lambda *args: None))
    plan, graph = histories
    np.testing.assert_allclose(plan.training, graph.training, rtol=rtol)
    np.testing.assert_allclose(plan.held_out, graph.held_out, rtol=rtol)


def test_another_seed_gives_another_model():
    assert trained(seed=1)[2].training != trained(seed=2)[2].training


@both_ways
def test_the_state_is_carried_within_a_pass_and_zero_at_its_start(monkeypatch, way):
    seen, learn = [], way.learn

    def watched(self, window, state):
        loss, end = learn(self, window, state)
        seen.append((state, [s.copy() for s in end]))
        return loss, end

    monkeypatch.setattr(way, "learn", watched)
    monkeypatch.setattr(loop, "held_out_bits", lambda *args: 0.0)
    trained(Recipe(N=4, T=8, steps=40, eager=way is Eager))
    a_pass = 23  # 719 characters in 4 lanes of 180, 8 at a time
    for step, (state, _) in enumerate(seen):
        before = seen[step - 1][1] if step % a_pass else [np.zeros_like(s) for s in state]
        for got, expected in zip(state, before):
            np.testing.assert_array_equal(got, expected)


def test_it_looks_at_the_held_out_text_some_times_and_at_the_end():
    history = trained()[2]
    assert len(history.looks) == len(history.held_out) == LOOKS
    assert history.looks[-1] == history.steps[-1] == 60


@both_ways
def test_held_out_bits_do_not_depend_on_lanes_but_for_their_zero_starts(way):
    model, text, _, _ = trained()
    nats, state = 0.0, model.start(1)
    predictor = model.predictor()
    for k, following in zip(text.held_out, text.held_out[1:]):
        probabilities, *state = predictor.forward(np.array([k]), *state)
        nats -= math.log(probabilities[0, following])
    expected = nats / (len(text.held_out) - 1) / math.log(2)
    runs = way(model.network(8))
    one_lane = held_out_bits(model, runs, text, Recipe(N=1, T=8))
    assert math.isclose(one_lane, expected, rel_tol=1e-4)
    many = held_out_bits(model, runs, text, Recipe(N=4, T=8))
    assert abs(many - one_lane) < 0.5


@both_ways
def test_looking_at_held_out_text_changes_no_parameter(way):
    model, text, _, _ = trained()
    before = [p.data.copy() for p in model.network(1).parameters.values()]
    held_out_bits(model, way(model.network(8)), text, RECIPE)
    for p, old in zip(model.network(1).parameters.values(), before):
        np.testing.assert_array_equal(p.data, old)


def test_a_run_by_time_ends_by_time():
    history = trained(Recipe(N=2, T=8, seconds=0.2))[2]
    assert 0.2 <= history.seconds < 5
    assert history.held_out


def test_unknown_characters_are_never_written():
    text = split_text("t", "ab" * 100 + "X" * 20, window=8)
    assert "\N{REPLACEMENT CHARACTER}" not in generate(small_model(text), text, "aX", 200)
