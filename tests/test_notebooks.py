"""The notebooks: what is committed is what the sources say, and all of it runs."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
import warnings

import pytest

import tinygrad_lstm

make = pytest.importorskip("notebooks.make", reason="needs jupytext, nbclient and ipykernel")
SOURCES = make.sources()
every_notebook = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)


def committed(source):
    return make.nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def code_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def kinds_of_outputs(notebook):
    return [[out.output_type for out in cell.get("outputs", [])] for cell in notebook.cells]


def test_there_are_notebooks_to_test():
    assert len(SOURCES) >= 3


@every_notebook
def test_the_source_runs_as_a_plain_script(source):
    done = subprocess.run([sys.executable, str(source)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@every_notebook
def test_the_committed_inputs_equal_the_source(source):
    ours, theirs = make.read(source).cells, committed(source).cells
    assert [(c.id, c.cell_type, c.source) for c in ours] == [
        (c.id, c.cell_type, c.source) for c in theirs
    ], "run `python3 run.py notebooks` and commit the result"


@every_notebook
def test_the_committed_notebook_executes_without_error(source):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the Jupyter machinery, not ours to mend
        executed = make.execute(committed(source))
    assert kinds_of_outputs(executed) == kinds_of_outputs(committed(source))


@every_notebook
def test_the_committed_outputs_hold_no_address_and_no_path(source):
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert " at 0x" not in text
    assert str(make.FOLDER.parent) not in text


@every_notebook
def test_a_question_comes_first_and_an_assertion_answers_it_last(source):
    cells = make.read(source).cells
    assert "?**" in cells[0].source.split("\n\n")[1]
    last = ast.parse(code_of(make.read(source))[-1]).body[-1]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(last))


@every_notebook
def test_code_cells_are_short_and_follow_prose(source):
    cells = make.read(source).cells
    for before, cell in itertools.pairwise(cells):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown"
            assert len(cell.source.splitlines()) <= 12, cell.source


@every_notebook
def test_only_public_names_are_imported(source):
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("tinygrad_lstm"):
            assert node.module == "tinygrad_lstm"
            assert all(hasattr(tinygrad_lstm, alias.name) for alias in node.names)
