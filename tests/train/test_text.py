"""Reading, splitting and windowing a text."""

import numpy as np
import pytest

from tinygrad_lstm import TextError
from tinygrad_lstm.train.text import (
    IGNORED,
    UNKNOWN,
    lanes_for,
    python_reference,
    read_text,
    split_text,
    windows,
)


def test_the_default_text_is_the_reference_that_comes_with_python():
    text = python_reference()
    assert len(text) > 300_000
    assert text == python_reference()
    assert "The \"for\" statement" in text  # fmt: skip


def test_line_ends_become_newlines_and_a_byte_order_mark_goes(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(path) == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "the file is empty"), (b"caf\xe9 au lait", "not UTF-8"), (None, "No such file")],
)
def test_a_text_that_cannot_be_read_says_why(tmp_path, content, message):
    path = tmp_path / "text"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TextError, match=message):
        read_text(path)


def test_a_folder_is_no_text(tmp_path):
    with pytest.raises(TextError, match="directory"):
        read_text(tmp_path)


def test_the_last_tenth_is_held_out_and_its_new_characters_are_unknown():
    text = split_text("t", "ab" * 45 + "abXYab-abc", window=5)
    assert len(text.training) == 90
    assert text.vocabulary == (UNKNOWN, "a", "b")
    assert text.decode(text.held_out) == f"ab{UNKNOWN * 2}ab{UNKNOWN}ab{UNKNOWN}"
    assert text.encode("ba?").tolist() == [2, 1, 0]


@pytest.mark.parametrize("window", [3, 17, 64])
def test_the_shortest_text_is_what_the_message_says(window):
    with pytest.raises(TextError, match="too few") as caught:
        split_text("t", "a" * 5, window)
    need = int(str(caught.value).rsplit(" ", 1)[1])
    assert len(split_text("t", "a" * need, window).training) >= window + 1
    with pytest.raises(TextError, match="too few"):
        split_text("t", "a" * (need - 1), window)


@pytest.mark.parametrize(("count", "N", "T"), [(2, 1, 5), (31, 3, 4), (32, 3, 5), (100, 7, 3)])
def test_every_character_but_the_first_is_a_target_exactly_once(count, N, T):
    ids = np.arange(count)
    found = [w.targets[w.targets != IGNORED] for w in windows(ids, N, T)]
    assert sorted(np.concatenate(found)) == list(range(1, count))


def test_a_target_is_the_character_after_the_one_that_is_read():
    for window in windows(np.arange(50), N=3, T=4):
        real = window.targets != IGNORED
        assert (window.targets == window.ids + 1)[real].all()


def test_a_lane_continues_from_window_to_window():
    first, second, *_ = windows(np.arange(100), N=4, T=5)
    assert (first.first, second.first) == (True, False)
    np.testing.assert_array_equal(second.ids[0], first.targets[-1])


def test_every_lane_fills_a_window():
    assert lanes_for(1000, at_most=32, T=64) == 15
    assert lanes_for(10, at_most=32, T=64) == 1


def test_repeated_lines_are_counted():
    line = "a line that is long enough to be counted, surely\n"
    text = split_text("t", line * 18 + line + "b" * 45 + "\n", window=5)
    assert text.repeated() == 0.5
