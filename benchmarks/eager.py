"""How fast is the eager path?  One training step of the post's cell beside torch.nn.LSTM.

    python benchmarks/eager.py [--rounds 15] [--regimes ab] [--json FILE]

A step is forward, BPTT and the gradients of all weights, float32, with a fixed gradient arriving at
every h_t.  Each implementation runs in a process of its own with one BLAS thread; the processes
take turns, and what is compared is CPU time within one round.  Where PyTorch is not installed its
rows say so.  "products alone" is the floor: the matrix products of the step and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

THREADS = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM")}
REGIMES = {"a": (1, 3, 2, 5), "b": (50, 65, 128, 50), "c": (64, 256, 512, 100)}
REFERENCE = "torch.nn.LSTM"


def arrays(regime):
    """The same x_t, arriving gradients and weights for every implementation."""
    import numpy as np

    N, D, H, T = REGIMES[regime]
    rng = np.random.default_rng(0)

    def draw(*shape):
        return (rng.standard_normal(shape) / H**0.5).astype("float32")

    xs, gs = [draw(N, D) for _ in range(T)], [draw(N, H) for _ in range(T)]
    return xs, gs, (draw(4 * H, D), draw(4 * H, H), draw(4 * H), draw(4 * H))


def our_cell(regime):
    """The post's cell with the benchmark's weights."""
    from tinygrad_lstm import CELLS

    _, D, H, _ = REGIMES[regime]
    cell = CELLS["lstm"](D, H)
    W_x, W_h, b_x, b_h = arrays(regime)[2]
    for name, data in {"W_x": W_x, "W_h": W_h, "b_x": b_x, "b_h": b_h}.items():
        cell.parameters[name].data = data
    return cell


def graph_rerun(regime):
    """Ours, the unrolled graph built once and run again: what training does."""
    import numpy as np

    from tinygrad_lstm import through_time

    N, _, H, T = REGIMES[regime]
    xs, gs, _ = arrays(regime)
    graph, zero = through_time(our_cell(regime), T), np.zeros((N, H), "float32")
    weights = graph.parameters

    def step():
        graph.forward(*xs, zero, zero)
        graph.backward(*gs, None, None, wrt=weights.values())
        return weights["W_h"].grad

    return step


def unrolled_anew(regime):
    """Ours, built anew in every step: what a notebook does."""
    import numpy as np

    from tinygrad_lstm import Tensor, stacked, unroll, zero_state

    cell = our_cell(regime)
    xs, gs, _ = arrays(regime)
    g, weights = np.stack(gs), cell.parameters

    def step():
        hs, _ = unroll(cell, [Tensor(x) for x in xs], zero_state(cell, len(xs[0])))
        stacked(hs).backward(g)
        return weights["W_h"].grad

    return step


def torch_fused(regime):
    """torch.nn.LSTM, which hands the whole sequence to oneDNN."""
    import torch

    torch.set_num_threads(1)
    _, D, H, _ = REGIMES[regime]
    xs, gs, weights = arrays(regime)
    layer = torch.nn.LSTM(D, H)
    with torch.no_grad():
        for p, w in zip(layer.parameters(), weights):
            p.copy_(torch.from_numpy(_ifgo(w, H)))
    x, g = (torch.stack([torch.from_numpy(a) for a in part]) for part in (xs, gs))

    def step():
        for p in layer.parameters():
            p.grad = None
        layer(x)[0].backward(g)
        return _ifgo(layer.weight_hh_l0.grad.numpy(), H)

    return step


def torch_by_hand(regime):
    """The same cell written out in PyTorch eager."""
    import torch

    torch.set_num_threads(1)
    N, _, H, _ = REGIMES[regime]
    xs, gs, weights = arrays(regime)
    W_x, W_h, b_x, b_h = (torch.from_numpy(w.copy()).requires_grad_() for w in weights)
    xs, gs = [torch.from_numpy(x) for x in xs], [torch.from_numpy(g) for g in gs]

    def step():
        for p in (W_x, W_h, b_x, b_h):
            p.grad = None
        c = h = torch.zeros(N, H)
        hs = []
        for x in xs:
            a = x @ W_x.T + b_x + h @ W_h.T + b_h
            i, f, o = torch.sigmoid(a[:, : 3 * H]).chunk(3, 1)
            c = f * c + i * torch.tanh(a[:, 3 * H :])
            h = o * torch.tanh(c)
            hs.append(h)
        torch.autograd.backward(hs, gs)
        return W_h.grad.numpy()

    return step


def products_alone(regime):
    """The matrix products of one step, timestep by timestep."""
    import numpy as np

    N, _, H, _ = REGIMES[regime]
    xs, _, (W_x, W_h, _, _) = arrays(regime)
    h = np.zeros((N, H), "float32")
    g = np.ones((N, 4 * H), "float32")

    def step():
        for x in xs:
            x @ W_x.T, h @ W_h.T
        for x in xs:
            g @ W_h, g.T @ h, g.T @ x

    return step


IMPLEMENTATIONS = {
    REFERENCE: torch_fused,
    "torch by hand, eager": torch_by_hand,
    "ours, graph run again": graph_rerun,
    "ours, unrolled anew": unrolled_anew,
    "products alone (NumPy)": products_alone,
}


def _ifgo(w, H):
    """Rows i f o g to i f g o, or back."""
    import numpy as np

    i, f, third, fourth = (w[k * H : (k + 1) * H] for k in range(4))
    return np.concatenate([i, f, fourth, third])


def work(name):
    """One implementation's process: reads "regime count", answers CPU seconds per step."""
    steps = {}
    for line in sys.stdin:
        regime, count = line.split()
        try:
            if regime not in steps:
                steps[regime] = IMPLEMENTATIONS[name](regime)
                grad = steps[regime]()
                answer = None if grad is None else float(abs(grad).sum())
            elif count == "0":
                answer = None
            else:
                start = time.process_time()
                for _ in range(int(count)):
                    steps[regime]()
                answer = (time.process_time() - start) / int(count)
        except ImportError as error:
            answer = f"not installed ({error.name})"
        print(json.dumps(answer), flush=True)


class Worker:
    def __init__(self, name):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--work", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **THREADS},
        )

    def ask(self, regime, count):
        print(regime, count, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def measure(regime, workers, rounds):
    """CPU seconds per step and round for every implementation that is there."""
    sums = {name: worker.ask(regime, 0) for name, worker in workers.items()}
    there = [name for name, s in sums.items() if not isinstance(s, str)]
    known = [s for s in sums.values() if isinstance(s, float)]
    assert max(known) < 1.001 * min(known), f"the gradients differ: {sums}"
    count = {"a": 200, "b": 4, "c": 1}[regime]
    times = {name: [] for name in there}
    for _ in range(rounds):
        for name in there:
            times[name].append(workers[name].ask(regime, count))
    return times, {name: s for name, s in sums.items() if isinstance(s, str)}


def report(regime, times, absent):
    """Median milliseconds, and the median and the quartiles of the ratio within each round."""
    print(f"\n{regime}: N, D, H, T = {REGIMES[regime]}")
    rows = {}
    for name in IMPLEMENTATIONS:
        if name in absent:
            print(f"  {name:26} {absent[name]}")
            continue
        milliseconds = 1e3 * statistics.median(times[name])
        row = rows[name] = {"ms": milliseconds}
        line = f"  {name:26} {milliseconds:9.3f} ms"
        if REFERENCE in times:
            ratios = [t / r for t, r in zip(times[name], times[REFERENCE])]
            low, middle, high = statistics.quantiles(ratios, n=4)
            row.update(ratio=middle, quartiles=[low, high])
            line += f"   {middle:5.2f} x {REFERENCE}   (quartiles {low:.2f} ... {high:.2f})"
        print(line)
    return rows


def machine():
    """What ran where."""
    import numpy as np

    try:
        import torch

        versions = {"torch": torch.__version__}
    except ImportError:
        versions = {"torch": "not installed"}
    with open("/proc/cpuinfo") if os.path.exists("/proc/cpuinfo") else open(os.devnull) as info:
        models = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    core = os.environ.get("OPENBLAS_CORETYPE", "chosen by OpenBLAS")
    return {
        "cpu": models[0] if models else platform.processor(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "openblas_core": core,
        **versions,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--regimes", default="ab", help="letters out of " + "".join(REGIMES))
    parser.add_argument("--json", help="also write the results to this file")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options.work)
    where = machine()
    print(", ".join(f"{k} {v}" for k, v in where.items()))
    workers = {name: Worker(name) for name in IMPLEMENTATIONS}
    results = {}
    for regime in options.regimes:
        results[regime] = report(regime, *measure(regime, workers, options.rounds))
    for worker in workers.values():
        worker.stop()
    if options.json:
        with open(options.json, "w") as file:
            found = {"machine": where, "rounds": options.rounds, "results": results}
            json.dump(found, file, indent=2)


if __name__ == "__main__":
    main()
