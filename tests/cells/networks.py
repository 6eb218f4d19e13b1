"""Cells through time with random weights, states and cotangents; sizes that are all different."""

import numpy as np

import tinygrad_lstm as tl

N, D, H, T = 3, 4, 6, 5
NAMES = sorted(name for name, build in tl.CELLS.items() if build.__module__.startswith("tinygrad_"))


def draws(seed, *shape):
    return np.random.default_rng(seed).normal(scale=0.7, size=shape)


def built(name, sizes=(D, H), dtype="float64"):
    """The cell with weights drawn in the order of their names' making."""
    with tl.default_dtype(dtype):
        cell = tl.CELLS[name](*sizes)
    for k, p in enumerate(cell.parameters.values()):
        p.data = (draws(k, *p.shape) / np.sqrt(sizes[1])).astype(dtype)
    return cell


def feed(cell, steps=T, rows=N):
    """x_1 ... x_T and a state before the first step that is not zero."""
    sizes = [cell.inputs[0].shape[-1]] * steps + [s.shape[-1] for s in cell.inputs[1:]]
    return [draws(100 + k, rows, n) for k, n in enumerate(sizes)]


def cotangents(graph, rows=N):
    """A seed for each h_t, and for every part of the last state."""
    return [draws(200 + k, rows, y.shape[-1]) for k, y in enumerate(graph.outputs)]


def with_weights(graph, run):
    """run(*arrays) as a function of the graph's inputs and then its weights."""
    weights = list(graph.parameters.values())

    def function(*arrays):
        before = [p.data for p in weights]
        for p, data in zip(weights, arrays[-len(weights) :]):
            p.data = data
        try:
            return run(*arrays[: -len(weights)])
        finally:
            for p, data in zip(weights, before):
                p.data = data

    return function


def gradients(graph, arrays, seeds):
    """The gradients of the inputs, then of the weights."""
    graph.forward(*arrays)
    return [*graph.backward(*seeds), *(p.grad for p in graph.parameters.values())]
