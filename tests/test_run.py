"""run.py: the two commands of the README, tried without installing anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import run

README = Path(run.ROOT, "README.md").read_text(encoding="utf-8")


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """run.py beside nothing but a pyproject.toml; its calls are noted and not made."""
    calls = []
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(run, "PYTHON", tmp_path / ".venv" / "python")
    monkeypatch.setattr(run, "call", lambda arguments, folder=None: calls.append(arguments) or 0)

    def make_venv():
        run.VENV.mkdir()
        run.PYTHON.touch()
        calls.append(["make venv"])

    monkeypatch.setattr(run, "make_venv", make_venv)
    Path(tmp_path, "pyproject.toml").write_text("[project]")
    return calls


def installs(calls):
    return [c for c in calls if c[:3] == ["-m", "pip", "install"]]


def test_the_first_use_installs_and_the_second_starts_at_once(empty):
    run.main(["test", "-k", "gru"])
    assert ["make venv"] in empty and len(installs(empty)) == 1
    run.main(["test"])
    assert len(installs(empty)) == 1
    assert empty[-1] == ["-m", "pytest"]


def test_further_arguments_are_passed_on(empty):
    run.main(["test", "-k", "gru or lstm"])
    assert empty[-1] == ["-m", "pytest", "-k", "gru or lstm"]


def test_the_stepper_runs_from_where_you_are(empty):
    run.main(["step", "--T", "2"])
    assert empty[-1] == ["-m", "tinygrad_lstm.cli", "step", "--T", "2"]


def test_training_reads_a_file_that_is_named_from_where_you_are(empty):
    run.main(["train", "diary.txt", "--steps", "3"])
    assert empty[-1] == ["-m", "tinygrad_lstm.cli", "train", "diary.txt", "--steps", "3"]
    assert "train diary.txt" in README


def test_a_measurement_runs_from_where_you_are_and_finds_the_benchmarks(monkeypatch):
    started = []
    monkeypatch.setattr(subprocess, "call", lambda *args, **given: started.append(given) or 0)
    monkeypatch.setattr(run, "ensure_installed", lambda extra: None)
    assert run.main(["bench", "--cells", "mine.py:own"]) == 0
    assert started[-1]["cwd"] is None
    assert started[-1]["env"]["PYTHONPATH"].split(os.pathsep)[0] == str(run.ROOT)


def test_the_demo_needs_the_core_only_and_takes_it_from_any_environment(empty):
    run.main(["test"])
    run.main(["demo"])
    assert len(installs(empty)) == 1
    assert empty[-1] == ["-m", "tinygrad_lstm.cli", "demo"]


def test_a_changed_pyproject_is_installed_anew(empty):
    run.main(["demo"])
    (run.ROOT / "pyproject.toml").write_text("[project]  # changed")
    run.main(["demo"])
    assert len(installs(empty)) == 2


def test_the_exit_status_is_that_of_the_command(empty, monkeypatch):
    run.main(["demo"])
    monkeypatch.setattr(run, "call", lambda *arguments: 3)
    assert run.main(["demo"]) == 3


def test_a_failing_pip_is_reported_and_nothing_runs(empty, monkeypatch, capsys):
    tried = []
    monkeypatch.setattr(run, "call", lambda arguments, folder=None: tried.append(arguments) or 1)
    assert run.main(["demo"]) == 1
    assert "pip could not install" in capsys.readouterr().err
    assert ["-m", "tinygrad_lstm.cli", "demo"] not in tried


def test_bench_runs_without_the_competitors_that_pip_cannot_install(empty, monkeypatch):
    tried = []

    def call(arguments, folder=None):
        tried.append(arguments)
        return int(arguments[-1].endswith("[bench]"))

    monkeypatch.setattr(run, "call", call)
    assert run.main(["bench", "--regimes", "a"]) == 0
    assert tried[-1] == ["-m", "benchmarks", "--regimes", "a"]


def test_a_python_without_ensurepip_learns_what_to_install(tmp_path, monkeypatch, capsys):
    failed = subprocess.CompletedProcess([], 1, stdout="ensurepip is not available")
    monkeypatch.setattr(run, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(run, "PYTHON", tmp_path / ".venv" / "python")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: failed)
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert run.main(["demo"]) == 1
    assert "apt-get install python3-venv" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, status", [([], 2), (["no-such"], 2), (["--help"], 0)])
def test_without_a_known_command_the_commands_are_listed(arguments, status, capsys):
    assert run.main(arguments) == status
    shown = capsys.readouterr().out
    assert all(f"run.py {command} " in shown for command in run.COMMANDS)


def test_run_py_needs_the_standard_library_only():
    done = subprocess.run([sys.executable, "-I", "-S", run.__file__, "--help"], capture_output=True)
    assert done.returncode == 0
