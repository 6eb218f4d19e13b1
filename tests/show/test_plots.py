"""Own plots: the numbers land where they belong, the text is data, the bytes repeat."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tinygrad_lstm.show.canvas import escaped, visible
from tinygrad_lstm.show.plots import (
    SHADES,
    Band,
    Level,
    Panel,
    colour,
    heatmap,
    largest,
    line_chart,
    small_multiples,
)

NASTY = '"><script>alert(1)</script>\x00\x1b&amp;\ud800\u202e'
SVG = "{http://www.w3.org/2000/svg}"


def channels(ink):
    return [int(ink[k : k + 2], 16) for k in (1, 3, 5)]


def polylines(svg):
    drawn = [p for p in ET.fromstring(svg).iter(f"{SVG}polyline") if p.get("stroke-width") == "2"]
    return [
        np.array([list(map(float, q.split(","))) for q in p.get("points").split()]) for p in drawn
    ]


def chart(**more):
    return line_chart(
        {"a": ([0, 1, 2], [1.0, 3.0, 2.0])}, title="t", x_label="x", y_label="y", **more
    )


def test_zero_is_white_and_signs_have_colours():
    assert colour(0.0, 2.0) == "#ffffff"
    red, green, blue = channels(colour(2.0, 2.0))
    assert red > green and red > blue
    red, green, blue = channels(colour(-2.0, 2.0))
    assert blue > green and blue > red


def test_colours_fade_evenly_on_both_sides_of_zero():
    for sign in (-1, 1):
        brightness = [sum(channels(colour(sign * x, 1.0))) for x in np.linspace(0, 1, 11)]
        assert brightness == sorted(brightness, reverse=True)


def test_a_value_gets_the_nearest_shade():
    assert colour(0.4 / SHADES, 1.0) == "#ffffff"
    assert colour(0.6 / SHADES, 1.0) == colour(1 / SHADES, 1.0) != "#ffffff"


def test_values_beyond_the_limit_get_the_full_colour():
    assert colour(9.0, 1.0) == colour(1.0, 1.0)


def test_what_is_not_a_number_is_grey():
    assert len(set(channels(colour(float("nan"), 1.0)))) > 1
    assert colour(float("nan"), 1.0) not in (colour(0, 1), colour(1, 1), colour(-1, 1))


def test_a_matrix_of_zeros_is_white():
    assert colour(0.0, 0.0) == "#ffffff"


def test_the_common_limit_is_the_largest_magnitude():
    assert largest([np.array([1, -7]), np.array([[3.0]])]) == 7.0
    assert largest([]) == 0.0


def test_higher_values_are_drawn_higher_up():
    (line,) = polylines(chart())
    assert line[0, 1] > line[2, 1] > line[1, 1]
    assert (np.diff(line[:, 0]) > 0).all()


def test_an_axis_of_powers_is_even_in_powers():
    (line,) = polylines(
        line_chart({"a": ([1, 2, 3], [1, 0.1, 0.01])}, title="", x_label="", y_label="", log=True)
    )
    assert np.diff(line[:, 1])[0] == pytest.approx(np.diff(line[:, 1])[1], abs=0.2)


def test_points_that_have_no_place_are_left_out():
    series = {"a": ([1, 2, 3, 4], [0.0, 1.0, float("nan"), 0.1])}
    (line,) = polylines(line_chart(series, title="", x_label="", y_label="", log=True))
    assert len(line) == 2


@pytest.mark.parametrize("log", [False, True])
def test_a_chart_without_points_is_still_a_picture(log):
    svg = line_chart({"a": ([1], [0.0])}, title="t", x_label="", y_label="", log=log)
    assert ET.fromstring(svg).tag == f"{SVG}svg"


def test_every_line_and_level_is_named():
    svg = chart(levels=[Level("bigram", 2.5)])
    assert {"a", "bigram"} <= {t.text for t in ET.fromstring(svg).iter(f"{SVG}text")}


def test_labels_of_lines_do_not_cover_each_other():
    series = {name: ([0, 1], [1.0, 2.0]) for name in ("one", "two", "three")}
    texts = ET.fromstring(line_chart(series, title="", x_label="", y_label="")).iter(f"{SVG}text")
    heights = sorted(float(t.get("y")) for t in texts if t.text in series)
    assert min(np.diff(heights)) >= 14


def test_a_heatmap_has_its_characters_along_the_axis():
    svg = heatmap([Band("gate", np.zeros((2, 3)), ["u0", "u1"], 1.0)], "a \n", title="t")
    texts = [t.text for t in ET.fromstring(svg).iter(f"{SVG}text")]
    assert [texts.count(c) for c in ("a", "␣", "↵")] == [2, 2, 2]
    assert "u1" in texts and "gate" in texts


def test_every_cell_of_a_matrix_is_painted_once():
    values = np.random.default_rng(0).normal(size=(4, 6))
    svg = small_multiples([Panel("p", values)], title="t", limit=3.0)
    matrix = next(ET.fromstring(svg).iter(f"{SVG}g"))
    painted = np.zeros((4, 6), int)
    for path in matrix:
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1", path.get("d")):
            painted[int(y), int(x) : int(x) + int(width)] += 1
            assert path.get("fill") == colour(values[int(y), int(x)], 3.0)
    assert (painted == 1).all()


@pytest.mark.parametrize(
    "svg",
    [
        line_chart({NASTY: ([1], [1.0])}, title=NASTY, x_label=NASTY, y_label=NASTY),
        heatmap([Band(NASTY, np.ones((1, 9)), [NASTY], 1.0)], NASTY[:9], title=NASTY),
        small_multiples([Panel(NASTY, np.ones((1, 1)), NASTY)], title=NASTY, limit=1.0),
    ],
    ids=["lines", "heatmap", "multiples"],
)
def test_text_is_data(svg):
    assert "script" not in {element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()}
    svg.encode("utf-8")


def test_what_cannot_be_seen_gets_a_sign():
    assert visible(" \n\tä\x07\u202e") == "␣↵⇥ä\ufffd\ufffd"
    assert escaped('<&"\x00\ud800ok\n') == "&lt;&amp;&quot;\ufffd\ufffdok\n"


def test_the_same_numbers_give_the_same_bytes():
    assert chart() == chart()


def test_more_lines_than_colours_are_told_apart_by_dashes():
    names = [f"line {k}" for k in range(8)]
    svg = line_chart({n: ([1, 2], [1.0, 2.0]) for n in names}, title="", x_label="", y_label="")
    assert svg.count("stroke-dasharray") == 2
    assert "line 6 (dashed)" in svg and "line 5 (dashed)" not in svg


def test_a_long_label_has_room_beside_the_lines():
    def width(name):
        svg = line_chart({name: ([1, 2], [1.0, 2.0])}, title="", x_label="", y_label="")
        return float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])

    assert width("h") == 900
    assert width("in_transform (layer 2)") >= 790 + 8 + 22 * 7
