"""The plan on a GPU: checked against the CPU in float64, then timed beside PyTorch.

    python benchmarks/gpu.py [--json FILE] [--docs] [--regimes cd]

Where CuPy, a GPU or PyTorch is missing it says so, and leaves out what needs it.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import gpu_report, on_gpu
from benchmarks.regimes import REGIMES, problem
from tinygrad_lstm.backend import move, namespace
from tinygrad_lstm.errors import BackendError

ROOT = Path(__file__).resolve().parent.parent
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
        "cuDNN": _cudnn(),
        "date": datetime.date.today().isoformat(),
    }


def checks(letters: str, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """By regime, how far everybody's float64 gradients are from those on the CPU."""
    found = {}
    for letter in letters:
        found[letter] = on_gpu.check(REGIMES[letter], names)
        for name, off in found[letter].items():
            print(f"{letter}: float64 gradients of {name} differ by {off:.1e} from the CPU's")
    return found


def measure(letters: str, names: Sequence[str], without: str) -> list[dict[str, Any]]:
    """A table for every regime, TF32 off and on for everybody alike."""
    tables = []
    for letter in letters:
        for tf32 in (False, True):
            rows = on_gpu.race(problem("lstm", REGIMES[letter]), tf32, names)
            tables.append({"regime": letter, "tf32": tf32, "rows": rows})
            print(gpu_report.text(tables[-1], without), flush=True)
    return tables


def main(argv: list[str] | None = None) -> int:
    """Check, measure, print; 1 if the check failed, and 0 also where nothing could be run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write what was found to this file")
    parser.add_argument("--docs", action="store_true", help="write a table into docs/gpu.md")
    parser.add_argument("--regimes", default="cd", help="letters of benchmarks/regimes.py")
    asked = parser.parse_args(argv)
    if not asked.regimes or not set(asked.regimes) <= set(REGIMES):
        parser.error(f"--regimes: letters out of {''.join(REGIMES)}")
    missing = missing_for_the_plan()
    if missing:
        print(f"Nothing was run. {missing}")
        _save(asked.json, {"missing": missing})
        return 0
    without = missing_for_torch()
    names = list(on_gpu.IMPLEMENTATIONS)[: 1 if without else None]
    found: dict[str, Any] = {"machine": machine(), "without torch": without}
    print(", ".join(f"{what} {value}" for what, value in found["machine"].items()))
    found["checks"] = checks(asked.regimes, names)
    if max(off for row in found["checks"].values() for off in row.values()) > EXACT:
        print(f"That is more than {EXACT:g}: nothing was timed.")
        _save(asked.json, found)
        return 1
    found["tables"] = measure(asked.regimes, names, without)
    _save(asked.json, found)
    if asked.docs:
        gpu_report.write(ROOT / "docs" / "gpu.md", found)
        print("\nwritten to docs/gpu.md")
    return 0


def _save(file: Path | None, found: dict[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _cudnn() -> Any:
    if missing_for_torch():
        return None
    import torch

    return torch.backends.cudnn.version()


def _version(*packages: str) -> str | None:
    for package in packages:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


if __name__ == "__main__":
    sys.exit(main())
