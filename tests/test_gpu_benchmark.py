"""benchmarks/gpu.py: what it says without a GPU, and that it would measure with one."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks import gpu, gpu_report, on_gpu
from benchmarks.regimes import REGIMES, Sizes, problem
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
    assert on_gpu.check(TINY, ["plan"])["plan"] < 1e-12


def test_the_peers_get_the_same_weights_and_have_the_same_gradients(monkeypatch):
    pytest.importorskip("torch")
    for name in on_gpu.IMPLEMENTATIONS:
        make = {"plan": lambda p: on_gpu.plan_on(p, "numpy")}.get(name)
        make = make or partial(on_gpu.IMPLEMENTATIONS[name], device="cpu")
        monkeypatch.setitem(on_gpu.IMPLEMENTATIONS, name, make)
    found = on_gpu.check(TINY, list(on_gpu.IMPLEMENTATIONS))
    assert list(found) == ["plan", "torch.nn.LSTM (cuDNN)", "torch eager"]
    assert max(found.values()) < 1e-12


@pytest.mark.parametrize("tf32", [False, True])
def test_tf32_is_switched_for_the_layer_and_for_products_of_pytorch(tf32):
    torch = pytest.importorskip("torch")
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    try:
        on_gpu.torch_layer(problem("lstm", TINY), tf32, "cpu").step()
        assert torch.backends.cuda.matmul.allow_tf32 is tf32
        assert torch.backends.cudnn.allow_tf32 is tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def test_on_the_stand_in_the_whole_command_runs_and_writes_what_it_found(
    cupy, monkeypatch, tmp_path, capsys
):
    monkeypatch.setitem(REGIMES, "c", TINY)
    monkeypatch.setattr(gpu, "missing_for_torch", lambda: "PyTorch finds no CUDA device")
    file = tmp_path / "gpu.json"
    monkeypatch.setattr(gpu, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "gpu.md"
    page.write_text(f"before {gpu_report.BEGIN}\nold\n{gpu_report.END} after")
    assert gpu.main(["--regimes", "c", "--json", str(file), "--docs"]) == 0
    said, found = capsys.readouterr().out, json.loads(file.read_text())
    assert found["machine"]["gpu"] == "no GPU, a stand-in"
    assert [(table["regime"], table["tf32"]) for table in found["tables"]] == [
        ("c", False),
        ("c", True),
    ]
    assert "nothing to compare with: PyTorch finds no CUDA device" in said
    assert "c: float64 gradients of plan differ" in said
    assert "a step of the plan is 1 CUDA graph of" in said
    written = page.read_text()
    assert written.startswith("before") and written.endswith("after") and "old" not in written
    assert "| c: N3 D4 H5 T6 | on | " in written and "no GPU, a stand-in" in written


def test_nothing_is_timed_if_the_gradients_differ(cupy, monkeypatch, capsys):
    monkeypatch.setattr(on_gpu, "check", lambda sizes, names: {"plan": 1e-3})
    assert gpu.main(["--regimes", "c"]) == 1
    assert "nothing was timed" in capsys.readouterr().out


def test_what_is_timed_is_the_captured_graph(cupy, monkeypatch):
    import tinygrad_lstm as tl

    plans = []
    compile = tl.compile
    monkeypatch.setattr(tl, "compile", lambda *a, **k: plans.append(compile(*a, **k)) or plans[-1])
    on_gpu.race(problem("lstm", TINY), False, ["plan"])
    (plan,) = plans
    assert str(replay_of(plan)).startswith("1 CUDA graph of ")
    assert "one by one" not in str(replay_of(plan))


def test_a_goal_is_called_reached_or_missed():
    rows = {
        name: {"ms": ms, "quartiles": [ms, ms], "how": "1 CUDA graph"}
        for name, ms in zip(on_gpu.IMPLEMENTATIONS, (3, 2, 20))
    }
    said = gpu_report.text({"regime": "c", "tf32": True, "rows": rows}, "")
    assert "at most 3 of torch.nn.LSTM (cuDNN): reached" in said
    assert "at most 0.1 of torch eager: missed" in said


def test_the_page_has_the_marks_between_which_results_are_written():
    page = (COMMAND.parent.parent / "docs" / "gpu.md").read_text(encoding="utf-8")
    assert page.index(gpu_report.BEGIN) < page.index(gpu_report.END)
