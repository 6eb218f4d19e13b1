"""Maps of time against time: what the colours stand for, and that nothing breaks them."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tinygrad_lstm.show.maps import in_decades, time_map

LABELS = {"title": "map", "row_label": "loss at t", "column_label": "h at k"}


def test_a_power_of_ten_is_the_same_step_of_colour_everywhere():
    shares = in_decades(np.array([[1.0, 0.1, 0.01, 1e-3, 1e-6]]) * 7.0, 3)
    np.testing.assert_allclose(shares, [[1, 2 / 3, 1 / 3, 0, 0]], atol=1e-12)


def test_zero_is_white_and_the_largest_value_is_full_red():
    picture = time_map(np.array([[1.0, 0.0], [1e-3, 1.0]]), **LABELS)
    assert 'fill="#ffffff" d="M1 0' in picture
    assert 'fill="#be1c26" d="M0 0' in picture


@pytest.mark.parametrize(
    "values", [np.zeros((3, 3)), np.full((3, 3), np.inf), np.full((1, 1), np.nan)]
)
def test_a_map_without_finite_numbers_is_drawn_all_the_same(values):
    assert ET.fromstring(time_map(values, **LABELS)).tag.endswith("svg")


def test_every_character_is_written_along_both_axes_and_stays_text():
    root = ET.fromstring(time_map(np.eye(3), characters="<\n&", **LABELS))
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert [words.count(c) for c in "<↵&"] == [2, 2, 2]


def test_long_axes_are_numbered_in_fives():
    picture = time_map(np.eye(23), **LABELS)
    numbers = re.findall(r">(\d+)</text>", picture)
    assert {"1", "5", "10", "15", "20"} <= set(numbers)
    assert "7" not in numbers
