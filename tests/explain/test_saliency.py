"""Which inputs an output depends on."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.explain.naive import H, N, T, gradient, lstm, network, seeds_of, weights_of
from tests.oracles import assert_close
from tinygrad_lstm.train.model import CharModel, Sizes

TEXT = "abcab"


def test_the_map_holds_the_norms_of_complex_step_gradients():
    net, arrays = network()
    seeds = seeds_of(net)
    expected = np.zeros((T, T))
    for t in range(T):
        for k in range(t + 1):

            def moved(step, t=t, k=k):
                fed = [*arrays[:k], arrays[k] + step, *arrays[k + 1 :]]
                return np.sum(seeds[t] * lstm(weights_of(net), fed)[t][1])

            expected[t, k] = np.linalg.norm(gradient(arrays[k].shape, moved))
    assert_close(tl.saliency(net, *seeds).norms, expected)


def test_without_seeds_the_largest_entry_of_every_output_counts():
    net, _ = network("gru")
    largest = [(h.data == h.data.max(axis=1, keepdims=True)) * 1.0 for h in net.outputs[:T]]
    found = tl.saliency(net)
    assert list(found.times) == [1, 2, 3, 4, 5]
    assert_close(found.norms, tl.saliency(net, *largest, None).norms)


def character_network():
    """Logits of every timestep of a character model that has read TEXT."""
    model = CharModel(Sizes("lstm", 2, H, 3, 4))
    ids, start = model.inputs(1)
    end = model.reader(*ids, *start)
    step = tl.Graph([*ids, *start], [*end, model.readout(end[-1])])
    ids, start = model.inputs(T)
    state, logits = list(start), []
    for t, k in enumerate(ids, start=1):
        *state, y = step(k, *state, scope=f"t={t}")
        logits.append(y)
    net = tl.Graph([*ids, *start], logits)
    net.forward(*[np.array([ord(c) - ord("a")]) for c in TEXT], *model.start(1))
    return net


def test_a_character_counts_by_the_row_that_the_embedding_looks_up(float64):
    net = character_network()
    found = tl.saliency(net, text=TEXT)
    assert np.array_equal(found.norms > 0, np.tril(np.ones((T, T), bool)))
    best = np.zeros((1, 4))
    best[0, net.outputs[3].data[0].argmax()] = 1.0
    net.backward(None, None, None, best, None)
    rows = [n for n in net.nodes if type(n.op).__name__ == "Lookup"]
    assert_close(found.norms[3, :4], [np.linalg.norm(n.grad) for n in rows[:4]])


def test_the_picture_names_the_characters(float64):
    svg = tl.saliency(character_network(), text=TEXT).svg()
    assert all(f">{c}<" in svg for c in "abc")


def test_a_text_of_another_length_is_refused(float64):
    with pytest.raises(tl.GraphError, match="2 characters for 5 timesteps"):
        tl.saliency(character_network(), text="ab")


def test_rows_of_a_batch_are_taken_together():
    net, _ = network()
    seeds = seeds_of(net)
    net.backward(*[None] * 4, seeds[4], None, None)
    assert net.inputs[0].grad.shape[0] == N
    assert_close(tl.saliency(net, *seeds).norms[4, 0], np.linalg.norm(net.inputs[0].grad))
