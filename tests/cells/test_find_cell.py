"""A cell by its name, registered or in a user's file."""

import pytest

import tinygrad_lstm as tl
from tinygrad_lstm import cli
from tinygrad_lstm.registry import find_cell

FILE = """\
from near import half
from tinygrad_lstm.nn import Graph, Input, Linear, tanh

def slow(input_size, hidden_size):
    x, h_prev = Input("x", "N", input_size), Input("h_prev", "N", hidden_size)
    h = half * h_prev + half * tanh(Linear(input_size, hidden_size, "x")(x))
    return Graph([x, h_prev], [h], names=locals())

def stateless(input_size, hidden_size):
    x = Input("x", "N", input_size)
    return Graph([x], [tanh(x)])

def crooked(input_size, hidden_size):
    x, h_prev = Input("x", "N", input_size), Input("h_prev", "N", hidden_size)
    return Graph([x, h_prev], [x * h_prev])

number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # takes back what finding cells adds to the path
    (tmp_path / "near.py").write_text("half = 0.5\n")
    (tmp_path / "own.py").write_text(FILE)
    return tmp_path


def test_a_registered_cell_is_found_by_its_name():
    assert find_cell("gru") is tl.CELLS["gru"]


def test_a_function_of_a_users_file_is_a_cell_and_is_not_registered(folder):
    cell = find_cell("own.py:slow")(3, 2)
    assert cell.name == "slow" and [n.name for n in cell.inputs] == ["x", "h_prev"]
    assert "slow" not in tl.CELLS


def test_a_file_is_run_once(folder):
    (folder / "counted.py").write_text(FILE + "print('run')\n")
    assert find_cell("counted.py:slow").__module__ == find_cell("./counted.py:slow").__module__


def test_a_file_is_python_as_its_writer_has_it(folder):
    more = "def noted(N: 3): pass\nslow.noted = noted.__annotations__\n"
    (folder / "noted.py").write_text(FILE + more)
    assert find_cell("noted.py:slow").noted == {"N": 3}


@pytest.mark.parametrize(
    "name, message",
    [
        ("lstn", "there is no cell 'lstn'; there are .*, gru, .*, or FILE.py:NAME"),
        ("own.py", "there is no cell 'own.py'; there are .* or FILE.py:NAME"),
        ("none.py:slow", "none.py: No such file"),
        ("own.py:slew", r"own.py has no function 'slew' \(input_size, hidden_size\) -> Graph"),
        ("own.py:number", "own.py has no function 'number'"),
        ("wrong.py:slow", "wrong.py:2: ModuleNotFoundError: No module named 'nowhere'"),
        ("typo.py:slow", "typo.py:1: SyntaxError: "),
        (".py:slow", r"\.py: "),
        ("folder.py:slow", "folder.py: Is a directory"),
    ],
)
def test_what_is_no_cell_says_why(name, message, folder):
    (folder / "wrong.py").write_text("import math\nimport nowhere\n")
    (folder / "folder.py").mkdir()
    (folder / "typo.py").write_text("def slow(\n")
    with pytest.raises(tl.ArgumentError, match=message):
        find_cell(name)


def test_a_users_function_has_to_keep_the_contract(folder):
    with pytest.raises(tl.GraphError, match="@cell stateless: a cell is a Graph from"):
        find_cell("own.py:stateless")(3, 2)


@pytest.mark.parametrize("command", ["draw", "equations"])
def test_commands_read_a_users_cell(command, folder, capsys):
    assert cli.main([command, "own.py:slow"]) == 0
    printed = capsys.readouterr().out
    assert printed == "slow.svg\n" if command == "draw" else r"\tanh(W_{x} x_t" in printed


def test_an_error_in_a_users_cell_names_its_line(folder, capsys):
    assert cli.main(["equations", "own.py:crooked"]) == 2
    assert "own.py:15" in capsys.readouterr().err
