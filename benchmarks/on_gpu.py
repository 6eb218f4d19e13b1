"""A training step on a GPU: the plan on CuPy beside PyTorch, timed by the events of the device."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from benchmarks import by_hand
from benchmarks.regimes import Problem, problem, short

ROUNDS, STEPS = 9, 5
"""How often everybody has a turn, and how many steps a turn has."""


class Runner(NamedTuple):
    """step() queues a training step; clock(step, n) takes n and says the milliseconds of each."""

    step: Callable[[], Any]
    clock: Callable[[Callable[[], Any], int], float]


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


def check(regime_sizes, cell: str = "lstm") -> float:
    """The largest relative difference of a gradient on the device from that on the CPU, float64."""
    import tinygrad_lstm as tl
    from tinygrad_lstm.backend import move, to_numpy

    p = problem(cell, short(cell, regime_sizes), "float64")
    found = []
    for name in ("numpy", "cupy"):
        graph, made, arrays, seeds = network(p, lambda a, name=name: move(a, name))
        plan = tl.compile(graph)
        for _ in range(3):  # call by call, captured, launched
            plan.step(*arrays, seeds=seeds)
        found.append([to_numpy(plan.grads[n]) for n in made.parameters])
    return max(float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(*found))


def plan_on_cupy(p: Problem, tf32: bool) -> Runner:
    """The plan, captured as a CUDA graph by the second step."""
    import tinygrad_lstm as tl
    from tinygrad_lstm.backend import move, namespace

    graph, _, arrays, seeds = network(p, lambda a: move(a, "cupy"))
    plan = tl.compile(graph, tf32=tf32)
    cuda = namespace(arrays[0]).cuda

    def clock(step: Callable[[], Any], n: int) -> float:
        first, last = cuda.Event(), cuda.Event()
        first.record()
        for _ in range(n):
            step()
        last.record()
        last.synchronize()
        return cuda.get_elapsed_time(first, last) / n

    return Runner(lambda: plan.step(*arrays, seeds=seeds), clock)


def torch_layer(p: Problem, tf32: bool) -> Runner:
    """torch.nn.LSTM, which is cuDNN's."""
    import torch

    _, D, H, _ = p.sizes
    layer = torch.nn.LSTM(D, H, device="cuda")
    xs, gs = (torch.from_numpy(a).cuda() for a in (p.xs, p.gs))

    def step() -> None:
        for parameter in layer.parameters():
            parameter.grad = None
        layer(xs)[0].backward(gs)

    return Runner(_with_tf32(step, tf32), _torch_clock)


def torch_eager(p: Problem, tf32: bool) -> Runner:
    """The cell written out in PyTorch, every operation run as it is met."""
    import torch

    weights = {n: torch.from_numpy(w).cuda().requires_grad_() for n, w in p.weights.items()}
    xs, gs = (list(torch.from_numpy(a).cuda()) for a in (p.xs, p.gs))
    state = tuple(torch.from_numpy(a).cuda() for a in p.state)

    def step() -> None:
        for w in weights.values():
            w.grad = None
        hs = by_hand.through_time(torch, p.cell, weights, xs, state)
        torch.autograd.backward(hs, gs)

    return Runner(_with_tf32(step, tf32), _torch_clock)


IMPLEMENTATIONS = {
    "plan": plan_on_cupy,
    "torch.nn.LSTM (cuDNN)": torch_layer,
    "torch eager": torch_eager,
}


def race(p: Problem, tf32: bool, names: list[str]) -> dict[str, dict[str, Any]]:
    """Milliseconds of a step by turns: the median, and the quartiles, of each implementation."""
    runners = {name: IMPLEMENTATIONS[name](p, tf32) for name in names}
    for runner in runners.values():
        runner.clock(runner.step, 3)  # kernels are made, graphs captured, algorithms chosen
    times: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(ROUNDS):
        for name, runner in runners.items():
            times[name].append(runner.clock(runner.step, STEPS))
    return {
        name: {"ms": median(t), "quartiles": np.quantile(t, (0.25, 0.75)).tolist()}
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
