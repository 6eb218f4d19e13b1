"""What is read off a trained model: gates, gradient norms, and a gradient split by timestep."""

import numpy as np
import pytest

from tinygrad_lstm import CELLS, gradient_flow, ledger
from tinygrad_lstm.train.model import CharModel, Sizes
from tinygrad_lstm.train.probe import (
    find_sentence,
    gates,
    recurrent_weight,
    run_probe,
    tail,
)
from tinygrad_lstm.train.text import split_text

PLAIN = "The quick brown fox jumps over the lazy dog, and sleeps. It wakes. "


def probe_of(cell="lstm", layers=1, T=6):
    text = split_text("t", PLAIN * 20, window=8)
    model = CharModel(Sizes(cell, layers, 5, 4, len(text.vocabulary)))
    return model, text, run_probe(model, text, tail(find_sentence(text), T))


def test_a_sentence_is_found_whole():
    text = split_text("t", PLAIN * 30, window=8)
    sentence = find_sentence(text)
    assert sentence.characters == "The quick brown fox jumps over the lazy dog, and sleeps."
    assert sentence.after == " "
    assert sentence.before.endswith("It wakes. ")


def test_a_text_without_sentences_gives_its_beginning():
    text = split_text("t", "x" * 1000, window=8)
    assert find_sentence(text) == ("x" * 60, "x", "")


def test_the_tail_has_read_what_came_before_it():
    text = split_text("t", PLAIN * 30, window=8)
    whole, end = find_sentence(text), tail(find_sentence(text), 7)
    assert end.characters == "sleeps."
    assert (whole.before + whole.characters).endswith(end.before[-20:] + end.characters)


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("lstm", {"in_gate", "forget_gate", "out_gate", "in_transform"}),
        ("lstm_by_gate", {"i", "f", "o", "g"}),
        ("gru", {"r", "z", "n"}),
        ("rnn", {"h"}),
    ],
)
def test_gates_are_found_by_what_they_are(cell, names):
    found = gates(probe_of(cell)[2])
    assert set(found) == names
    assert all(values.shape == (6, 5) for values in found.values())


def test_gates_of_stacked_cells_are_told_apart():
    assert set(gates(probe_of("gru", layers=2)[2])) == {
        f"{gate} (layer {layer})" for gate in "rzn" for layer in (1, 2)
    }


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("layers", [1, 2])
def test_the_weight_that_is_split_is_read_at_every_timestep(cell, layers, float64):
    probe = probe_of(cell, layers)[2]
    split = ledger(probe.training, recurrent_weight(probe))
    assert len(split.parts) == 6
    assert all(part.any() for part in split.parts)
    np.testing.assert_allclose(sum(split.parts), split.grad, rtol=1e-12, atol=1e-15)
    assert split.difference < 1e-12


def test_the_weight_that_is_split_multiplies_the_output_of_the_step_before(float64):
    _, _, probe = probe_of()
    split = ledger(probe.training, recurrent_weight(probe))
    first = [n for n in probe.graph.nodes if n.scope == "t=1" and n.name == "h2h"]
    h_before = probe.graph.inputs[-1].data
    np.testing.assert_allclose(split.parts[0], first[0].grad.T @ h_before, rtol=1e-12)


def test_every_character_has_its_loss_and_the_mean_comes_last():
    _, _, probe = probe_of()
    *losses, mean = [float(y) for y in probe.graph.outputs]
    assert len(losses) == 6
    assert np.isclose(np.mean(losses), mean)
    assert [y.scope for y in probe.graph.outputs] == [*(f"t={t}" for t in range(1, 7)), None]


def loss_from(model, text, probe, t, nudge, last_only):
    """The loss of the characters from t on, from the state after t with one entry of h moved."""
    T = len(probe.sentence.characters)
    state = [nodes[t - 1].numpy().copy() for nodes in probe.states.values()]
    state[-1][0, 0] += nudge
    readout = model.readout(state[-1]).numpy()[0]
    nats, predictor = [], model.predictor()
    read = text.encode(probe.sentence.characters + probe.sentence.after)
    nats.append(np.log(np.exp(readout).sum()) - readout[read[t]])
    for k in range(t, T):
        probabilities, *state = predictor.forward(read[k : k + 1], *state)
        nats.append(-np.log(probabilities[0, read[k + 1]]))
    return nats[-1] if last_only else sum(nats) / T


@pytest.mark.parametrize("last_only", [True, False])
def test_gradients_of_h_equal_central_differences(last_only, float64):
    model, text, probe = probe_of()
    seeds = [None] * 5 + [1.0, None] if last_only else [None] * 6 + [1.0]
    probe.graph.backward(*seeds)
    up, down = (loss_from(model, text, probe, 3, nudge, last_only) for nudge in (1e-6, -1e-6))
    assert np.isclose(probe.states["h"][2].grad[0, 0], (up - down) / 2e-6, rtol=1e-5)


def test_norms_are_one_for_each_state_and_timestep():
    _, _, probe = probe_of(layers=2)
    flow = gradient_flow(probe.graph, *[1.0] * 6, None)
    assert list(flow.norms) == list(probe.states) == ["c1", "h1", "c2", "h2"]
    for norms in flow.norms.values():
        assert np.array_equal(norms > 0, np.tri(6, dtype=bool))


def test_the_losses_together_pull_as_the_mean_does_times_their_number(float64):
    _, _, probe = probe_of()
    flow = gradient_flow(probe.graph, *[1.0] * 6, None)
    probe.graph.backward(*[None] * 6, 1.0)
    mean = [np.linalg.norm(h.grad) for h in probe.states["h"]]
    np.testing.assert_allclose(flow.total["h"] / 6, mean, rtol=1e-10)
