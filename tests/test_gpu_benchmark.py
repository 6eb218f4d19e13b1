"""benchmarks/gpu.py: what it says without a GPU, and that it would measure with one."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu, on_gpu
from benchmarks.regimes import REGIMES, Sizes
from tests.plan.devices import cupy, replay_of

assert cupy, "imported to be entered"
COMMAND = Path(__file__).resolve().parent.parent / "benchmarks" / "gpu.py"
TINY = Sizes(N=3, D=4, H=5, T=6)


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is installed")
def test_without_cupy_the_command_says_so_and_is_no_failure(tmp_path):
    file = tmp_path / "gpu.json"
    done = subprocess.run(
        [sys.executable, str(COMMAND), "--json", str(file)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing was run" in done.stdout and "pip install cupy" in done.stdout
    assert "CuPy is not installed" in json.loads(file.read_text())["missing"]


def test_an_unknown_regime_is_refused(capsys):
    with pytest.raises(SystemExit):
        gpu.main(["--regimes", "cz"])
    assert "letters out of abcde" in capsys.readouterr().err


def test_the_check_compares_gradients_of_the_device_with_those_of_the_cpu(cupy):
    assert on_gpu.check(TINY) < 1e-12


def test_on_the_stand_in_the_whole_command_runs_and_writes_what_it_found(
    cupy, monkeypatch, tmp_path, capsys
):
    monkeypatch.setitem(REGIMES, "c", TINY)
    monkeypatch.setattr(gpu, "missing_for_torch", lambda: "PyTorch finds no CUDA device")
    file = tmp_path / "gpu.json"
    assert gpu.main(["--regimes", "c", "--json", str(file)]) == 0
    said, found = capsys.readouterr().out, json.loads(file.read_text())
    assert found["machine"]["gpu"] == "no GPU, a stand-in"
    assert [(table["regime"], table["tf32"]) for table in found["tables"]] == [
        ("c", False),
        ("c", True),
    ]
    assert "nothing to compare with: PyTorch finds no CUDA device" in said
    assert "c: float64 gradients differ" in said


def test_nothing_is_timed_if_the_gradients_differ(cupy, monkeypatch, capsys):
    monkeypatch.setattr(on_gpu, "check", lambda sizes: 1e-3)
    assert gpu.main(["--regimes", "c"]) == 1
    assert "nothing was timed" in capsys.readouterr().out


def test_what_is_timed_is_the_captured_graph(cupy, monkeypatch):
    import tinygrad_lstm as tl

    plans = []
    compile = tl.compile
    monkeypatch.setattr(tl, "compile", lambda *a, **k: plans.append(compile(*a, **k)) or plans[-1])
    on_gpu.race(on_gpu.problem("lstm", TINY), False, ["plan"])
    (plan,) = plans
    assert str(replay_of(plan)).startswith("1 CUDA graph of ")
    assert "one by one" not in str(replay_of(plan))


def test_a_goal_is_called_reached_or_missed():
    rows = {
        name: {"ms": ms, "quartiles": [ms, ms]}
        for name, ms in zip(on_gpu.IMPLEMENTATIONS, (3, 2, 20))
    }
    said = gpu.text({"regime": "c", "tf32": True, "rows": rows}, "")
    assert "at most 3 of torch.nn.LSTM (cuDNN): reached" in said
    assert "at most 0.1 of torch eager: missed" in said
