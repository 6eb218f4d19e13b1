"""A training step on a GPU: the plan on CuPy beside PyTorch, timed by the events of the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from benchmarks import peers
from benchmarks.regimes import Problem, Sizes, problem, short

WARM, ROUNDS, STEPS = 10, 9, 10
"""Steps that are not counted, how often everybody has a turn, and how many steps a turn has."""


class Runner(NamedTuple):
    """One implementation.

    step() queues a training step, gradients() fetches those of the last one by name, clock(step, n)
    takes n and says the milliseconds of each, and how() says how the steps are run.
    """

    step: Callable[[], Any]
    gradients: Callable[[], dict[str, np.ndarray]]
    clock: Callable[[Callable[[], Any], int], float]
    how: Callable[[], str] = lambda: ""


def network(p: Problem, place: Callable[[np.ndarray], Any]) -> tuple[Any, Any, list, list]:
    """The cell through time on one array (T, N, D): (graph, cell, arrays, seeds)."""
    import tinygrad_lstm as tl

    _, D, H, T = p.sizes
    cell = tl.cells.lstm(D, H)
    for name, data in p.weights.items():
        cell.parameters[name].data = place(data)
    xs = tl.Input("xs", T, "N", D)
    start = [tl.Input(x.name, "N", H) for x in cell.inputs[1:]]
    hs, _ = tl.unroll(cell, [xs[t] for t in range(T)], start)
    graph = tl.Graph([xs, *start], [tl.stacked(hs)])
    return graph, cell, [place(a) for a in (p.xs, *p.state)], [place(p.gs)]


def plan_on(p: Problem, backend: str, tf32: bool = False) -> Runner:
    """The plan; on CuPy it is captured as a CUDA graph by the second step."""
    import tinygrad_lstm as tl
    from tinygrad_lstm.backend import move, namespace, to_numpy

    graph, cell, arrays, seeds = network(p, lambda a: move(a, backend))
    plan = tl.compile(graph, tf32=tf32)
    xp = namespace(arrays[0])

    def clock(step: Callable[[], Any], n: int) -> float:
        first, last = xp.cuda.Event(), xp.cuda.Event()
        first.record()
        for _ in range(n):
            step()
        last.record()
        last.synchronize()
        return xp.cuda.get_elapsed_time(first, last) / n

    return Runner(
        lambda: plan.step(*arrays, seeds=seeds),
        lambda: {name: to_numpy(plan.grads[name]) for name in cell.parameters},
        clock,
        lambda: str(plan._now.replay),
    )


def torch_layer(p: Problem, tf32: bool = False, device: str = "cuda") -> Runner:
    """torch.nn.LSTM, which is cuDNN's."""
    step, gradients = peers.torch_nn(p, device)
    return Runner(_with_tf32(step, tf32), gradients, _torch_clock)


def torch_eager(p: Problem, tf32: bool = False, device: str = "cuda") -> Runner:
    """The cell written out in PyTorch, every operation run as it is met."""
    step, gradients = peers.torch_eager(p, device)
    return Runner(_with_tf32(step, tf32), gradients, _torch_clock)


IMPLEMENTATIONS: dict[str, Callable[..., Runner]] = {
    "plan": lambda p, tf32=False: plan_on(p, "cupy", tf32),
    "torch.nn.LSTM (cuDNN)": torch_layer,
    "torch eager": torch_eager,
}


def check(sizes: Sizes, names: Sequence[str]) -> dict[str, float]:
    """For each by how much, relatively, a float64 gradient differs at most from the CPU's."""
    p = problem("lstm", short("lstm", sizes), "float64")
    reference = plan_on(p, "numpy")
    reference.step()
    expected = reference.gradients()
    found = {}
    for name in names:
        runner = IMPLEMENTATIONS[name](p)
        for _ in range(3):  # the plan: call by call, captured, launched
            runner.step()
        got = runner.gradients()
        found[name] = max(
            float(np.abs(got[n] - a).max() / np.abs(a).max()) for n, a in expected.items()
        )
    return found


def race(p: Problem, tf32: bool, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Milliseconds of a step by turns: the median, and the quartiles, of each implementation."""
    runners = {name: IMPLEMENTATIONS[name](p, tf32) for name in names}
    for runner in runners.values():
        runner.clock(runner.step, WARM)  # kernels are made, graphs captured, algorithms chosen
    times: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(ROUNDS):
        for name, runner in runners.items():
            times[name].append(runner.clock(runner.step, STEPS))
    return {
        name: {
            "ms": median(t),
            "quartiles": np.quantile(t, (0.25, 0.75)).tolist(),
            "how": runners[name].how(),
        }
        for name, t in times.items()
    }


def _with_tf32(step: Callable[[], Any], tf32: bool) -> Callable[[], Any]:
    import torch

    def switched() -> None:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        step()

    return switched


def _torch_clock(step: Callable[[], Any], n: int) -> float:
    import torch

    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    for _ in range(n):
        step()
    last.record()
    last.synchronize()
    return first.elapsed_time(last) / n
