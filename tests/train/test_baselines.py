"""Unigram and bigram, against counts by hand."""

import math

import numpy as np

from tinygrad_lstm.train.baselines import PRIOR, baseline_bits, bigram, unigram
from tinygrad_lstm.train.text import split_text


def test_the_unigram_adds_one_to_every_count():
    np.testing.assert_allclose(unigram(np.array([1, 1, 2]), V=4), [1 / 7, 3 / 7, 2 / 7, 1 / 7])


def test_every_row_of_the_bigram_is_a_distribution(rng):
    np.testing.assert_allclose(bigram(rng.integers(0, 5, 200), V=6).sum(axis=1), 1)


def test_a_pair_that_never_occurred_falls_back_on_the_unigram():
    table = bigram(np.array([0, 1, 0, 1, 0]), V=3)
    p = unigram(np.array([0, 1, 0, 1, 0]), V=3)
    np.testing.assert_allclose(table[2], p)
    np.testing.assert_allclose(table[0, 1], (2 + PRIOR * p[1]) / (2 + PRIOR))


def test_held_out_bits_equal_a_count_by_hand():
    text = split_text("t", "abab" * 20 + "abba", window=4)
    V, p = 3, {1: 0.0, 2: 0.0}
    for k in p:
        p[k] = ((text.training == k).sum() + 1) / (len(text.training) + V)
    expected = -np.mean([math.log2(p[k]) for k in text.held_out[1:]])
    assert math.isclose(baseline_bits(text)["unigram"], expected)


def test_where_letters_follow_in_turn_the_bigram_knows_what_comes():
    bits = baseline_bits(split_text("t", "abc" * 500, window=4))
    assert bits["bigram"] < 0.05 < 1.5 < bits["unigram"]
