"""The command line: what it prints, what it leaves behind, and how it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_lstm as tl
from tinygrad_lstm import cli
from tinygrad_lstm.plan import PASSES
from tinygrad_lstm.train import demo as job

TEXT = "The quick brown fox jumps over the lazy dog, and it sleeps. It wakes. " * 20
PICTURES = {
    "loss.svg", "cell.svg", "unrolled.svg", "gates.svg", "states.svg", "gradients-last.svg",
    "gradients-mean.svg", "gradients-map.svg", "weight.svg", "ledger.svg",
    "paths.svg", "jacobians.svg", "truncation.svg", "saliency.svg", "plan.svg",
}  # fmt: skip


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "fox.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def tiny(text, out, *more):
    return ["demo", "--text", text, "--steps", "3", "--hidden", "8", "--out", str(out), *more]


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_the_demo_writes_a_page_and_every_picture(text, tmp_path, capsys):
    out = tmp_path / "deep" / "report"
    assert cli.main(tiny(text, out)) == 0
    assert names(out) == {"index.html"} | PICTURES
    assert f"The report lies at {out / 'index.html'}" in capsys.readouterr().out


def test_a_repeated_run_gives_the_same_bytes(text, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert cli.main(tiny(text, one)) == cli.main(tiny(text, two)) == 0
    for name in names(one):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_the_report_tells_what_the_plan_did_and_that_it_was_off(text, tmp_path):
    by_plan, by_graph = tmp_path / "plan", tmp_path / "graph"
    assert cli.main(tiny(text, by_plan)) == cli.main(tiny(text, by_graph, "--eager")) == 0
    page = (by_plan / "index.html").read_text(encoding="utf-8")
    assert all(f"<b>{name}</b>" in page for name in PASSES) and "switched off" not in page
    page = (by_graph / "index.html").read_text(encoding="utf-8")
    assert "switched off (--eager)" in page and "<b>roles</b>" not in page
    assert names(by_plan) - names(by_graph) == {"plan.svg"}


def test_another_seed_gives_another_report(text, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    cli.main(tiny(text, one))
    cli.main(tiny(text, two, "--seed", "1"))
    assert (one / "loss.svg").read_bytes() != (two / "loss.svg").read_bytes()


@pytest.mark.parametrize("cell", sorted(tl.CELLS))
def test_every_cell_can_be_trained_in_layers(cell, text, tmp_path):
    out = tmp_path / "out"
    assert cli.main(tiny(text, out, "--cell", cell, "--layers", "2")) == 0
    assert names(out) == {"index.html"} | PICTURES


def test_progress_shows_loss_and_bits_in_few_lines(text, tmp_path, capsys):
    cli.main(tiny(text, tmp_path / "out"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all("nats" in line and "bits/character" in line and "held-out" in line for line in lines)


def spoilt(kind, tmp_path, text):
    """Arguments of a demo that cannot work, and a word of its message."""
    path, out = tmp_path / "spoilt.txt", tmp_path / "report"
    contents = {"empty": b"", "latin": b"caf\xe9" * 99, "short": b"too short"}
    if kind in contents:
        path.write_bytes(contents[kind])
        return tiny(str(path), out), {"empty": "empty", "latin": "UTF-8", "short": "too few"}[kind]
    return {
        "missing": (tiny(str(path), out), "No such file"),
        "folder": (tiny(str(tmp_path), out), "directory"),
        "cell": (tiny(text, out, "--cell", "lstn"), "no cell 'lstn'"),
        "out": (tiny(text, Path(text) / "below"), "cannot write"),
        "file": (tiny(text, text), "cannot write"),
    }[kind]


@pytest.mark.parametrize(
    "kind", ["missing", "folder", "empty", "latin", "short", "cell", "out", "file"]
)
def test_what_the_user_can_mend_is_one_line_and_status_2(kind, tmp_path, text, capsys):
    before = names(tmp_path)
    arguments, message = spoilt(kind, tmp_path, text)
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and printed.out == ""
    assert names(tmp_path) - before <= {"spoilt.txt"}


def test_a_failing_run_keeps_the_earlier_report(text, tmp_path, monkeypatch):
    out = tmp_path / "report"
    cli.main(tiny(text, out))
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def fail(run, folder):
        (folder / "loss.svg").write_text("half")
        raise RuntimeError("in the middle")

    monkeypatch.setattr(job, "write_report", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        cli.main(tiny(text, out, "--seed", "1"))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_new_report_replaces_the_old_one_and_nothing_else(text, tmp_path):
    out = tmp_path / "report"
    cli.main(tiny(text, out))
    (out / "notes.txt").write_text("mine")
    old = (out / "index.html").read_bytes()
    assert cli.main(tiny(text, out, "--seed", "1")) == 0
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "index.html").read_bytes() != old
    assert names(out) == {"index.html", "notes.txt"} | PICTURES


def test_ctrl_c_is_one_line_and_status_130(text, tmp_path, monkeypatch, capsys):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "train", interrupt)
    before = names(tmp_path)
    assert cli.main(tiny(text, tmp_path / "report")) == 130
    assert capsys.readouterr().err.strip().count("\n") == 0
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--hidden", "0"],
        ["--layers", "-1"],
        ["--steps", "1.5"],
        ["--seconds", "nan"],
        ["--seconds", "0"],
        ["--seed", "-1"],
    ],
    ids=" ".join,
)
def test_numbers_that_make_no_sense_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["demo", *arguments])
    assert left.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"tinygrad-lstm {tl.__version__}\n"


def test_equations_are_printed_as_latex(capsys):
    assert cli.main(["equations", "gru"]) == 0
    assert r"r_t &= \sigma(W_{xr} x_t" in capsys.readouterr().out


def test_a_cell_is_drawn_into_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["draw", "lstm"]) == cli.main(["draw", "gru", "--steps", "3"]) == 0
    assert capsys.readouterr().out == "lstm.svg\ngru.svg\n"
    assert "forget_gate" in (tmp_path / "lstm.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [["draw", "lstn"], ["equations", "lstn"], ["draw", "lstm", "--out", "no/x.svg"]]
)
def test_small_commands_fail_in_one_line_too(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_package_runs_as_a_module():
    environment = dict(os.environ, PYTHONPATH=str(Path(tl.__file__).parent.parent))
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_lstm", "demo", "--text", os.devnull],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"tinygrad-lstm: {os.devnull}: the file is empty\n"
