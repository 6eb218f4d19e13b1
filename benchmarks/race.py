"""Implementations in processes of their own, checked against one another and driven in turn."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from .implementations import FLOORS, IMPLEMENTATIONS
from .regimes import short

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM", "NUMBA")
}
TOLERANCE = {"float64": 1e-10, "float32": 1e-2}


class Worker:
    """The parent's end of a `benchmarks.worker`."""

    def __init__(self, name):
        self.name, self.absent = name, None
        cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(max(cpus))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def ask(self, **request):
        """The answer to one request; `absent` is set once the implementation cannot go on."""
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            answer = json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            answer = {"absent": f"failed: its process ended with {self.process.wait()}"}
        self.absent = answer.get("absent")
        return answer

    def stop(self):
        with contextlib.suppress(BrokenPipeError), self.process:  # closing its input ends it
            pass


def environment():
    """Of a process that finds this package, wherever it is started, and takes one thread."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **ONE_THREAD, "PYTHONPATH": path}


def race(cell, sizes, names=None, seconds=8.0, least=3, dtype="float32"):
    """One row for every implementation of the cell: its times beside those of the first one there.

    After `least` rounds they go on for `seconds`.
    """
    crew = {
        name: Worker(name)
        for name, it in IMPLEMENTATIONS.items()
        if name not in FLOORS
        and (not it.cells or cell in it.cells)
        and (names is None or name in names)
    }
    try:
        rows = checked(crew, cell, sizes, dtype)
        rows.update(floors(crew, names, cell, sizes, dtype))
        times = rounds(crew, seconds, least)
    finally:
        for worker in crew.values():
            worker.stop()
    return with_times(rows, times)


def checked(crew, cell, sizes, dtype="float32"):
    """Prepare all, first a few steps in float64; who differs from the first one does not run."""
    rows = {name: {} for name in crew}
    with tempfile.TemporaryDirectory() as folder:
        prepare_all(crew, rows, cell, short(cell, sizes), "float64", folder)
        prepare_all(crew, rows, cell, sizes, dtype, folder)
    absent = {name: {"absent": worker.absent} for name, worker in crew.items() if worker.absent}
    return rows | absent


def prepare_all(crew, rows, cell, sizes, dtype, folder):
    """Each one's first step, compared with the float64 gradients of the first one that is there."""
    expected = None
    for name, worker in crew.items():
        if worker.absent is None and expected is None:
            _, expected = prepare(worker, cell, sizes, "float64", folder)
        if worker.absent is None:
            answer, found = prepare(worker, cell, sizes, dtype, folder)
        if worker.absent is None:
            error = worst(found, expected)
            if not error < TOLERANCE[dtype]:
                worker.absent = f"its {dtype} gradients are off by {error:.1e}"
            new = {"first step": answer["first"], "blas": answer["blas"], f"error {dtype}": error}
            rows[name] |= new


def prepare(worker, cell, sizes, dtype, folder):
    """The worker's answer, and its gradients if it has any."""
    file = str(Path(folder, "gradients.npz"))
    answer = worker.ask(do="prepare", cell=cell, sizes=sizes, dtype=dtype, gradients=file)
    if not answer.get("gradients"):
        return answer, None
    with np.load(file) as arrays:
        return answer, dict(arrays)


def worst(found, expected):
    """Over all weights, the largest difference relative to that weight's largest gradient.

    Where that is 0, as for the weights of the state in a single timestep, it is relative to 1.
    """
    return max(float(abs(found[n] - g).max() / (abs(g).max() or 1)) for n, g in expected.items())


def floors(crew, names, cell, sizes, dtype):
    """The products alone, each way that is wanted."""
    found = {}
    for name in FLOORS:
        if names is None or name in names:
            crew[name] = Worker(name)
            found[name] = {"blas": prepare(crew[name], cell, sizes, dtype, os.devnull)[0]["blas"]}
    return found


def rounds(crew, seconds, least):
    """CPU seconds per step for each round and each implementation that is there.

    Who takes a tenth of `seconds` for a turn, the reference apart, stops after the `least` rounds.
    """
    times = {name: [] for name, worker in crew.items() if not worker.absent}

    def one_round(names):
        for name in names:
            times[name].append(crew[name].ask(do="turn").get("seconds"))

    for _ in range(least):
        one_round(times)
    start = time.monotonic()
    quick = [n for n in list(times)[1:] if None not in times[n] and max(times[n]) < seconds / 10]
    while quick and time.monotonic() - start < seconds:
        one_round([*list(times)[:1], *quick])
    return times


def with_times(rows, times):
    """Median and quartiles of the CPU milliseconds, and of the ratio within each round."""
    reference = next(iter(times), None)
    for name, mine in times.items():
        if None in mine:
            rows[name] = {"absent": "failed while it was timed"}
            continue
        low, middle, high = quartiles(1e3 * t for t in mine)
        rows[name] |= {"ms": middle, "ms quartiles": [low, high], "rounds": len(mine)}
        low, middle, high = quartiles(t / r for t, r in zip(mine, times[reference]))
        rows[name] |= {"ratio": middle, "quartiles": [low, high]}
        for floor in (floor for floor in FLOORS if floor in times):
            rows[name][f"to {floor}"] = quartiles(t / f for t, f in zip(mine, times[floor]))[1]
    return {"reference": reference, "rows": rows}


def quartiles(values):
    """Lower quartile, median, upper quartile."""
    return np.percentile(list(values), [25, 50, 75]).tolist()
