"""One implementation's process: it prepares problems, saves gradients, and times steps.

Requests and answers are lines of JSON.  `python -m benchmarks.worker NAME CPU` starts one.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

import numpy as np

from .implementations import IMPLEMENTATIONS
from .regimes import Sizes, problem
from .torch_layers import NoSuchLayer

LONG = 0.2  # seconds: for one turn a step of this length is enough


class Prepared:
    """One problem made ready, its first step done."""

    def __init__(self, name, cell, sizes, dtype):
        given = problem(cell, Sizes(*sizes), dtype)
        start = time.process_time()
        self.step, self.gradients = IMPLEMENTATIONS[name].build(given)
        self.step()
        self.first = time.process_time() - start
        self.repeats = self.block = None

    def save(self, file):
        """The gradients into a file; whether there are any."""
        gradients = self.gradients()
        if gradients is not None:
            np.savez(file, **gradients)
        return gradients is not None

    def turn(self):
        """Median over blocks of the CPU seconds per step; at first it is seen how many fit."""
        if self.block is None:
            step = self._seconds(1)
            if step > LONG:
                return step
            step = self._seconds(1 + int(0.01 / step))
            self.block = max(1, round(5e-3 / step))
            self.repeats = max(1, min(9, int(LONG / (self.block * step))))
        return statistics.median(self._seconds(self.block) for _ in range(self.repeats))

    def _seconds(self, block):
        start = time.process_time()
        for _ in range(block):
            self.step()
        return (time.process_time() - start) / block


def answers(name, requests):
    """Each request's answer; a failure is an answer too, with the reason."""
    prepared = None
    for request in requests:
        try:
            if request["do"] == "prepare":
                prepared = None  # frees the last one before the next is made
                prepared = Prepared(name, request["cell"], request["sizes"], request["dtype"])
                has_gradients = prepared.save(request["gradients"])
                answer = {"first": prepared.first, "gradients": has_gradients}
                yield {**answer, "blas": _kernels() if IMPLEMENTATIONS[name].numpy else None}
            else:
                yield {"seconds": prepared.turn()}
        except NoSuchLayer as error:
            yield {"absent": str(error)}
        except ImportError as error:
            yield {"absent": f"not installed ({error.name})"}
        except Exception as error:
            yield {"absent": f"failed: {type(error).__name__}: {error}"}


def _kernels():
    """Those of NumPy's products at this moment: a plan may have exchanged them."""
    from tinygrad_lstm import blas_facts

    return blas_facts()["core"]


def main(name, cpu):
    """Bound to one processor before any library counts them, so that all take one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(cpu)})
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints does not get between the answers
    for answer in answers(name, map(json.loads, sys.stdin)):
        print(json.dumps(answer), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
