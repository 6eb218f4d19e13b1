"""The equations that a graph prints are the ones its author wrote, with every needed bracket."""

import re

import pytest

import tinygrad_lstm as tl
from tinygrad_lstm.show import equations
from tinygrad_lstm.show.symbols import symbol
from tinygrad_lstm.steps import below


def lines_of(graph):
    return [line.replace(" &= ", " = ") for line in equations(graph).lines]


def test_lstm_by_gate_prints_the_six_equations_of_the_textbook():
    assert lines_of(tl.CELLS["lstm_by_gate"](3, 2)) == [
        r"i_t = \sigma(W_{xi} x_t + b_{xi} + W_{hi} h_{t-1})",
        r"f_t = \sigma(W_{xf} x_t + b_{xf} + W_{hf} h_{t-1})",
        r"o_t = \sigma(W_{xo} x_t + b_{xo} + W_{ho} h_{t-1})",
        r"g_t = \tanh(W_{xg} x_t + b_{xg} + W_{hg} h_{t-1})",
        r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",
        r"h_t = o_t \odot \tanh(c_t)",
    ]


def test_gru_brackets_what_binds_looser_than_its_operator():
    lines = lines_of(tl.CELLS["gru"](3, 2))
    assert lines[2] == r"n_t = \tanh(W_{xn} x_t + b_{xn} + W_{hn} (r_t \odot h_{t-1}))"
    assert lines[3] == r"h_t = z_t \odot h_{t-1} + (1 - z_t) \odot n_t"


def test_the_posts_cell_keeps_its_authors_names():
    lines = lines_of(tl.CELLS["lstm"](3, 2))
    assert r"\mathrm{all\_gates}_t = \sigma(\mathrm{preactivations}_t[0:6])" in lines
    assert r"c_t = c_{\mathrm{forget},t} + c_{\mathrm{input},t}" in lines


def test_unrolled_equations_carry_the_number_of_their_step():
    assert lines_of(tl.through_time(tl.CELLS["rnn"](3, 2), 2)) == [
        r"h_{1} = \tanh(W_{x} x_{1} + b_{x} + W_{h} h_{0})",
        r"h_{2} = \tanh(W_{x} x_{2} + b_{x} + W_{h} h_{1})",
    ]


def test_stacked_layers_carry_their_depth():
    lines = lines_of(tl.stack([tl.CELLS["rnn"](3, 2), tl.CELLS["rnn"](2, 2)]))
    assert lines == [
        r"h^{(1)}_t = \tanh(W^{(1)}_{x} x_t + b^{(1)}_{x} + W^{(1)}_{h} h^{(1)}_{t-1})",
        r"h^{(2)}_t = \tanh(W^{(2)}_{x} h^{(1)}_t + b^{(2)}_{x} + W^{(2)}_{h} h^{(2)}_{t-1})",
    ]


def test_a_symbol_with_a_superscript_is_braced_before_it_gets_another():
    graph = tl.stack([tl.CELLS["rnn"](3, 2)]).differentiate()
    assert not any(re.search(r"\^\{\(1\)\}_\w+\^", line) for line in lines_of(graph))
    square = tl.Input("x1_prev", 2)
    (line,) = lines_of(tl.Graph([square], [square**2]))
    assert line == r"y_{1,t} = {x^{(1)}_{t-1}}^{2}"


def test_the_differentiated_cell_prints_the_recurrence_of_bptt():
    lines = lines_of(tl.CELLS["lstm_by_gate"](3, 2).differentiate())
    assert r"\bar{c}_{t-1} = \bar{c}_t \odot f_t" in lines
    assert r"\bar{f}_t = \bar{c}_t \odot c_{t-1}" in lines


@pytest.mark.parametrize(
    ("build", "latex"),
    [
        (lambda a, b: a - (b - a), "a - (b - a)"),
        (lambda a, b: a + -b, "a - b"),
        (lambda a, b: -(a + b) * a, r"(-(a + b)) \odot a"),
        (lambda a, b: (a + b) ** 2, "(a + b)^{2}"),
        (lambda a, b: (a**2) ** 3, "(a^{2})^{3}"),
        (lambda a, b: a / (a + b), r"\frac{a}{a + b}"),
        (lambda a, b: 2 * (a - 3), r"2 \, (a - 3)"),
        (lambda a, b: 1 - a * b, r"1 - a \odot b"),
        (lambda a, b: a.T.T, r"(a^\top)^\top"),
        (lambda a, b: tl.exp(a + b), "e^{a + b}"),
        (lambda a, b: (a + b)[0:1], "(a + b)[0:1]"),
        (lambda a, b: tl.concat([a, b], axis=0), "[a ; b]"),
        (lambda a, b: tl.softmax(a, axis=0), r"\operatorname{softmax}(a)"),
        (lambda a, b: (a @ b) @ b, "a b b"),
        (lambda a, b: a @ (b @ b), "a (b b)"),
        (lambda a, b: a * (b * 2), r"a \odot 2 \, b"),
    ],
)
def test_formulas_have_the_brackets_they_need(build, latex):
    a, b = tl.Input("a", 2, 2), tl.Input("b", 2, 2)
    out = build(a, b)
    read = [n for n in (a, b) if n in below([out])]
    (line,) = equations(tl.Graph(read, [out], names={"y": out})).lines
    assert line == f"y &= {latex}"


def test_an_anonymous_node_that_is_read_twice_gets_a_name():
    x = tl.Input("x", 2)
    s = tl.sigmoid(x + 1)
    assert lines_of(tl.Graph([x], [s * s], name="square")) == [
        r"u_{1} = \sigma(x + 1)",
        r"y_{1} = u_{1} \odot u_{1}",
    ]


@pytest.mark.parametrize("name", ['"><script>', "a\\b", "x{y}", "$&#_%~^", "new\nline", "\ud800"])
def test_a_hostile_name_becomes_harmless_latex(name):
    text = symbol(name, "t")
    assert not re.search(r"(?<!\\)[$&#%~]", text)
    assert "<" not in text and ">" not in text and "\n" not in text
    unescaped = re.sub(r"\\[{}]", "", text)
    assert unescaped.count("{") == unescaped.count("}")


def test_a_notebook_shows_equations_typeset():
    shown = equations(tl.CELLS["rnn"](3, 2))._repr_latex_()
    assert shown.startswith("$$\n\\begin{aligned}") and shown.endswith("\\end{aligned}\n$$")
