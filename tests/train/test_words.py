"""The sentences of the report say what the numbers say, whichever way they came out."""

from types import SimpleNamespace

import numpy as np
import pytest

from tinygrad_lstm import Ledger
from tinygrad_lstm.train.words import (
    check,
    comparison,
    enough,
    fading,
    gates_said,
    reach,
    round_number,
    scores,
    verdict,
)

BASELINES = {"unigram": 4.5, "bigram": 3.5}


def run_with(bits):
    cell = SimpleNamespace(name="lstm")
    return SimpleNamespace(bits=bits, baselines=BASELINES, model=SimpleNamespace(cell=cell))


@pytest.mark.parametrize(
    ("bits", "against_bigram", "against_unigram"),
    [
        (2.0, "1.50 less", "2.50 less"),
        (4.0, "0.50 more", "0.50 less"),
        (5.0, "1.50 more", "0.50 more"),
    ],
)
def test_the_verdict_tells_better_from_worse(bits, against_bigram, against_unigram):
    words = verdict(run_with(bits))
    assert f"{against_bigram} than a bigram" in words
    assert f"{against_unigram} than a unigram" in words
    assert f"{bits:.2f} bits per character" in words


def test_the_comparison_owns_up_to_a_model_that_has_not_learned():
    assert "1.50 bits per character better" in comparison(run_with(2.0))
    assert "43% fewer bits" in comparison(run_with(2.0))
    assert "0.50 bits per character worse" in comparison(run_with(4.0))
    assert "better" not in comparison(run_with(3.5))


def test_the_table_lists_all_three_models():
    assert [row[:2] for row in scores(run_with(2.0))] == [
        ("unigram", "4.500"),
        ("bigram", "3.500"),
        ("lstm", "2.000"),
    ]


@pytest.mark.parametrize(
    ("norms", "said"),
    [
        (
            [1e-6, 1e-3, 2.0],
            "from step 3 to step 1 the gradient of h shrinks by a factor of 2 million",
        ),
        ([4.0, 2.0], "grows by a factor of 2.0"),
        ([0.0, 1.0], "too small for a 32-bit number"),
    ],
)
def test_fading_says_which_way_and_how_much(norms, said):
    assert said in fading({"c": [1.0, 1.0], "h": norms})


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1.234, "1.2"),
        (12.4, "12"),
        (5432, "5,400"),
        (3.21e7, "32 million"),
        (1e20, "thousand trill"),
    ],
)
def test_numbers_are_rounded_to_two_digits(number, said):
    assert said in round_number(number)


def ledger_of(parts, grad, gates=()):
    parts = np.asarray(parts, float)
    times = np.arange(len(parts), 0, -1)
    return Ledger("W", times, parts[::-1], parts, np.zeros_like(grad), grad, dict(gates))


def test_the_check_says_so_when_the_sum_is_not_the_gradient():
    part = np.ones((2, 2))
    assert "the rounding of 32-bit" in check(ledger_of([part, part], 2 * part))
    assert "NOT" in check(ledger_of([part, part], 3 * part))


def test_the_gates_that_receive_most_and_least_are_named():
    grad = np.array([[3.0, 4.0], [0.0, 1.0], [2.0, 0.0]])
    gates = {"i": (slice(0, 1),), "f": (slice(1, 2),), "o": (slice(2, 3),)}
    words = gates_said(ledger_of([grad], grad, gates))
    assert "the rows of i have received most (norm 5)" in words
    assert "those of f least (1)" in words
    assert "one gate" in gates_said(ledger_of([grad], grad, {"r": (slice(0, 3),)}))


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (0.5, "falls to a tenth within 4 steps."),
        (0.05, "falls to a tenth within 1 step and to a thousandth within 3 steps."),
        (0.99, "stays above a tenth over all 6 steps."),
        (1.5, "stays above a tenth over all 6 steps."),
    ],
)
def test_the_reach_of_a_loss_is_where_its_gradient_has_fallen(factor, said):
    back = np.arange(6)[:, None] - np.arange(6)
    norms = np.where(back >= 0, factor ** np.maximum(back, 0), 0.0)
    assert reach(SimpleNamespace(norms={"h": norms})) == said


def test_the_words_about_truncation_follow_the_last_error_above_a_tenth():
    cuts = SimpleNamespace(ks=np.arange(1, 6), error=np.array([0.67, 0.08, 0.3, 0.05, 0.0]))
    assert enough(cuts) == (
        "With a cut after every step it is off by 67% of its length; from k = 4 on it stays "
        "within a tenth."
    )
    cuts.error[:] = 0.5
    assert enough(cuts).endswith("it stays off by more than a tenth.")
