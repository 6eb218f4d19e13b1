"""`tinygrad-lstm train`: what it says, what it keeps, and how a run goes on."""

import json
import sys

import numpy as np
import pytest

from tinygrad_lstm import cli
from tinygrad_lstm.settings import stream_states
from tinygrad_lstm.train import session
from tinygrad_lstm.train.loop import Recipe, held_out_bits
from tinygrad_lstm.train.model import CharModel, Sizes
from tinygrad_lstm.train.sample import generate
from tinygrad_lstm.train.text import split_text, windows
from tinygrad_lstm.train.ways import Eager

TEXT = "The quick brown fox jumps over the lazy dog, and it sleeps. It wakes. " * 20
TINY = ["--hidden", "8", "--N", "4", "--T", "8"]
LEAKY = """
from tinygrad_lstm.nn import Dropout, Graph, Input, Linear, tanh

def leaky(input_size, hidden_size):
    D, H = input_size, hidden_size
    x, h_prev = Input("x", "N", D), Input("h_prev", "N", H)
    h = 0.5 * h_prev + tanh(Dropout(0.5)(Linear(D, H, "x")(x)) + Linear(H, H, "h")(h_prev))
    return Graph([x, h_prev], [h], names=locals())
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the commands run; it has a text and a cell of the user's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fox.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "mine.py").write_text(LEAKY, encoding="utf-8")
    return tmp_path


def train(*more):
    return cli.main(["train", "fox.txt", *TINY, *more])


def resume(*more):
    return cli.main(["train", "fox.txt", *more])


def history(path):
    with np.load(path) as saved:
        return saved["history/training"], saved["history/held_out"]


@pytest.fixture
def interrupt(monkeypatch):
    """Ctrl-C in the step that looks at the held-out text for the given time."""

    def at(look):
        def stop(self, done, history):
            if len(history.looks) == look and history.looks[-1] == history.steps[-1]:
                raise KeyboardInterrupt

        monkeypatch.setattr(session.Progress, "__call__", stop)

    return at


def test_it_says_how_well_the_model_does_and_what_it_writes(folder, capsys):
    assert train("--steps", "30") == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("fox.txt: 1,260 characters to learn from, the 140 after them")
    assert (
        "\nlstm with 8 hidden units, 2,656 parameters\n" in printed.err
        and "held-out" in printed.err
    )
    assert "bits per character" in printed.out and "After 'The quick br' it writes:" in printed.out
    assert len(printed.out.partition("writes:\n\n")[2]) > session.WRITTEN
    assert {path.name for path in folder.iterdir()} == {"fox.txt", "mine.py"}


@pytest.mark.parametrize("cell", ["peephole", "mine.py:leaky"])
def test_any_cell_can_be_trained_in_layers(cell, folder):
    assert train("--steps", "3", "--cell", cell, "--layers", "2", "--save", "run.npz") == 0
    with np.load("run.npz") as saved:
        assert np.isfinite(saved["history/held_out"]).all()
        assert "state/1" in saved


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_plan_and_graph_reach_the_same_loss_from_one_seed(cell, folder):
    for name, way in {"plan": [], "graph": ["--eager"]}.items():
        assert train("--steps", "20", "--seed", "5", "--cell", cell, "--save", name, *way) == 0
    for plan, graph in zip(history("plan"), history("graph")):
        np.testing.assert_allclose(plan, graph, rtol=1e-5)


@pytest.mark.parametrize("way", [[], ["--eager"]], ids=["plan", "graph"])
@pytest.mark.parametrize("cell", ["lstm", "mine.py:leaky"])
def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(way, cell, folder, interrupt):
    asked = ["--steps", "45", "--seed", "3", "--cell", cell, *way]
    assert train(*asked, "--save", "whole") == 0
    interrupt(5)
    assert train(*asked, "--save", "parts") == 130
    assert len(history("parts")[0]) == 15
    assert resume("--resume", "parts", *way) == 0
    assert (folder / "parts").read_bytes() == (folder / "whole").read_bytes()


def test_ctrl_c_tells_what_was_saved(folder, interrupt, capsys):
    interrupt(2)
    assert train("--steps", "30", "--save", "run.npz") == 130
    assert capsys.readouterr().err.endswith("interrupted; run.npz has the run up to step 4\n")


def test_a_run_can_be_made_longer_and_saved_elsewhere(folder):
    train("--steps", "4", "--save", "short")
    before = (folder / "short").read_bytes()
    assert resume("--resume", "short", "--steps", "6", "--save", "long") == 0
    assert (folder / "short").read_bytes() == before
    short, long = history("short")[0], history("long")[0]
    assert len(long) == 6
    np.testing.assert_array_equal(long[:4], short)


def test_a_run_by_time_counts_the_time_of_all_sittings(folder, capsys):
    train("--seconds", "0.3", "--save", "run")
    steps = len(history("run")[0])
    assert resume("--resume", "run") == 2
    assert f"at its end, {steps:,} steps in 0 seconds" in capsys.readouterr().err
    assert resume("--resume", "run", "--steps", str(steps + 1)) == 0
    assert len(history("run")[0]) == steps + 1


def test_measuring_a_model_drops_nothing(folder):
    text = split_text("fox.txt", TEXT, 8)
    model = CharModel(Sizes("mine.py:leaky", 1, 8, 4, len(text.vocabulary)))
    way = Eager(model.network(8))
    assert way.learn(next(windows(text.training, 4, 8)), model.start(4))[0] > 0
    before = stream_states()["dropout"]
    held_out_bits(model, way, text, Recipe(N=4, T=8))
    generate(model, text, "The ", 5)
    assert stream_states()["dropout"] == before


def test_a_saved_run_is_arrays_and_json_that_numpy_opens(folder):
    train("--steps", "2", "--save", "run.npz")
    with np.load("run.npz", allow_pickle=False) as saved:
        about, W_h = json.loads(str(saved["about"])), saved["parameter/W_h"]
    assert W_h.shape == (4 * 8, 8)
    assert sorted(about["text"]["vocabulary"][1:]) == sorted(set(TEXT))


def spoil(kind, folder):
    """Make one thing wrong; the arguments then, and the words that say what."""
    train("--steps", "2", "--save", "run.npz", "--cell", "mine.py:leaky")
    if kind == "other text":
        (folder / "fox.txt").write_text(TEXT.replace("fox", "cat"), encoding="utf-8")
    sys.modules.pop(str(folder / "mine.py"))  # as if the next command were another process
    if kind == "other cell":
        (folder / "mine.py").write_text(LEAKY.replace('H, "x")', 'H, "x", bias=False)'))
    if kind == "not a run":
        (folder / "run.npz").write_bytes(b"something else")
    if kind == "cut off":
        (folder / "run.npz").write_bytes((folder / "run.npz").read_bytes()[:-99])
    if kind == "an array":
        np.save(folder / "array.npy", np.zeros(3))
        return ["--resume", "array.npy"], "array.npy: not a file that `train --save`"
    if kind == "no cell":
        (folder / "mine.py").unlink()
    return ["--resume", "run.npz"], {
        "other text": "run.npz was trained on another text, fox.txt",
        "other cell": "does not fit the cell: b_x is (8,) in the file and missing here",
        "not a run": "run.npz: not a file that `train --save` of this version wrote",
        "cut off": "run.npz: not a file that `train --save` of this version wrote",
        "no cell": "mine.py: No such file",
    }[kind]


@pytest.mark.parametrize(
    "kind", ["other text", "other cell", "not a run", "cut off", "an array", "no cell"]
)
def test_what_cannot_be_resumed_is_said_in_a_line(kind, folder, capsys):
    arguments, message = spoil(kind, folder)
    capsys.readouterr()
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert resume(*arguments, "--steps", "9") == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and printed.out == ""
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--resume", "none.npz"], "none.npz: No such file"),
        (["--resume", "run.npz"], "run.npz: the run is at its end, 2 steps; to go on, give"),
        (["--resume", "run.npz", "--hidden", "9"], "run.npz is a run with --hidden 8; leave"),
        (["--resume", "run.npz", "--seed", "1"], "run.npz is a run with --seed 0; leave --seed 1"),
        (["--resume", "run.npz", "--cell", "gru"], "does not fit the cell: "),
        (["--cell", "lstn"], "there is no cell 'lstn'; there are"),
        (["--cell", "mine.py:leeky"], "mine.py has no function 'leeky'"),
        (["--T", "5000"], "1,400 characters are too few"),
        (["--save", "."], "cannot write there"),
        (["--save", "fox.txt/run"], "cannot write there"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_before_it_begins(arguments, message, folder, capsys):
    train("--steps", "2", "--save", "run.npz")
    capsys.readouterr()
    before = {path.name for path in folder.iterdir()}
    assert resume("--steps", "2", *arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and printed.out == ""
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "contents, message", [(None, "No such file"), (b"", "empty"), (b"too short", "too few")]
)
def test_a_text_that_cannot_be_learned_from_is_one_line(contents, message, folder, capsys):
    if contents is not None:
        (folder / "own.txt").write_bytes(contents)
    assert cli.main(["train", "own.txt", "--steps", "2"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("tinygrad-lstm: own.txt: ") and message in printed
