"""The plan on a GPU: checked against the CPU in float64, then timed beside PyTorch.

    python benchmarks/gpu.py [--json FILE] [--regimes cd]

Where CuPy, a GPU or PyTorch is missing it says so, and leaves out what needs it.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import on_gpu
from benchmarks.regimes import REGIMES, problem
from tinygrad_lstm.backend import move, namespace
from tinygrad_lstm.errors import BackendError

PLAN, CUDNN, EAGER = on_gpu.IMPLEMENTATIONS
GOALS = {"c": [(CUDNN, 3.0), (EAGER, 0.1)], "d": [(CUDNN, 1.5)]}
"""By regime: how many times the other's time the plan may take."""
EXACT = 1e-10
"""So far at most may float64 gradients on the device be from those on the CPU, relatively."""


def missing_for_the_plan() -> str:
    """Why the plan cannot run on a GPU here; empty if it can."""
    try:
        move(np.zeros(1), "cupy")
    except BackendError as error:
        return str(error)
    return ""


def missing_for_torch() -> str:
    """Why PyTorch cannot be compared with."""
    if not _version("torch"):
        return "PyTorch is not installed"
    import torch

    return "" if torch.cuda.is_available() else f"PyTorch {torch.__version__} finds no CUDA device"


def machine() -> dict[str, Any]:
    """The device and the versions: without them a time means nothing."""
    runtime = namespace(move(np.zeros(1), "cupy")).cuda.runtime
    name = runtime.getDeviceProperties(runtime.getDevice())["name"]
    return {
        "gpu": name.decode() if isinstance(name, bytes) else name,
        "CUDA runtime": runtime.runtimeGetVersion(),
        "CUDA driver": runtime.driverGetVersion(),
        "cupy": _version("cupy-cuda12x", "cupy-cuda13x", "cupy"),
        "torch": _version("torch"),
        "date": datetime.date.today().isoformat(),
    }


def measure(letters: str, without: str) -> list[dict[str, Any]]:
    """A table for every regime, TF32 off and on for everybody alike."""
    tables = []
    for letter in letters:
        for tf32 in (False, True):
            names = [PLAN] if without else list(on_gpu.IMPLEMENTATIONS)
            rows = on_gpu.race(problem("lstm", REGIMES[letter]), tf32, names)
            tables.append({"regime": letter, "tf32": tf32, "rows": rows})
            print(text(tables[-1], without), flush=True)
    return tables


def text(table: dict[str, Any], without: str) -> str:
    """One table for the terminal, with what was wanted."""
    letter, rows = table["regime"], table["rows"]
    ours = rows[PLAN]["ms"]
    lines = [f"\n{letter}: {REGIMES[letter]}, float32, TF32 {'on' if table['tf32'] else 'off'}"]
    for name, row in rows.items():
        low, high = row["quartiles"]
        lines.append(
            f"  {name:24} {row['ms']:9.3f} ms  ({low:.3f} ... {high:.3f})"
            f"  plan takes {ours / row['ms']:.2f} of that"
        )
    if without:
        lines.append(f"  nothing to compare with: {without}")
    for name, most in GOALS.get(letter, []):
        if name in rows:
            met = "reached" if ours <= most * rows[name]["ms"] else "missed"
            lines.append(f"  goal, at most {most:g} of {name}: {met}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Check, measure, print; 1 if the check failed, and 0 also where nothing could be run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write what was found to this file")
    parser.add_argument("--regimes", default="cd", help="letters of benchmarks/regimes.py")
    asked = parser.parse_args(argv)
    if not set(asked.regimes) <= set(REGIMES):
        parser.error(f"--regimes: letters out of {''.join(REGIMES)}")
    missing = missing_for_the_plan()
    if missing:
        print(f"Nothing was run. {missing}")
        _save(asked.json, {"missing": missing})
        return 0
    found: dict[str, Any] = {"machine": machine(), "checks": {}}
    print(", ".join(f"{what} {value}" for what, value in found["machine"].items()))
    for letter in asked.regimes:
        off = found["checks"][letter] = on_gpu.check(REGIMES[letter])
        print(f"{letter}: float64 gradients differ from the CPU's by {off:.1e} at most", flush=True)
    if max(found["checks"].values(), default=0) > EXACT:
        print(f"That is more than {EXACT:g}: nothing was timed.")
        _save(asked.json, found)
        return 1
    found["without torch"] = missing_for_torch()
    found["tables"] = measure(asked.regimes, found["without torch"])
    _save(asked.json, found)
    return 0


def _save(file: Path | None, found: dict[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _version(*packages: str) -> str | None:
    for package in packages:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


if __name__ == "__main__":
    sys.exit(main())
