"""The other software: each function prepares one problem and returns (step, gradients).

`step()` runs forward, BPTT and the gradients of all weights once; `gradients()` gives those of the
last step as NumPy arrays by name, in the layout of the cell's own parameters.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from . import torch_layers, twins
from .by_hand import through_time


def torch_nn(p, device="cpu"):
    """The layer, which hands the whole sequence to oneDNN or cuDNN where that has such a layer."""
    import torch

    torch.set_num_threads(1)
    layer = torch_layers.like(p).to(device)
    xs, gs = (torch.from_numpy(a).to(device) for a in (p.xs, p.gs))

    def step():
        for parameter in layer.parameters():
            parameter.grad = None
        layer(xs)[0].backward(gs)

    return step, lambda: torch_layers.gradients(layer, p)


def torch_eager(p, device="cpu"):
    """The cell written out in PyTorch, every operation run as it is met."""
    import torch

    torch.set_num_threads(1)
    lib = SimpleNamespace(**vars(torch), stop=torch.Tensor.detach, astype=torch.Tensor.to)
    lib.max, lib.permute_dims = torch.amax, torch.permute

    def place(array):
        return torch.from_numpy(array.copy()).to(device)

    weights = {n: place(w).requires_grad_() for n, w in p.weights.items()}
    xs, gs, state = list(place(p.xs)), list(place(p.gs)), tuple(map(place, p.state))
    cell = twins.twin(lib, p)

    def step():
        for w in weights.values():
            w.grad = None
        torch.autograd.backward(twins.through_time(cell, weights, xs, state), gs)

    return step, lambda: {n: w.grad.cpu().numpy() for n, w in weights.items()}


def jax_scan(p):
    """The cell in jax.lax.scan, forward and backward compiled into one function."""
    import jax

    jax.config.update("jax_enable_x64", p.xs.dtype == np.float64)
    lib = SimpleNamespace(**vars(jax.numpy))
    lib.sigmoid, lib.relu, lib.stop = jax.nn.sigmoid, jax.nn.relu, jax.lax.stop_gradient
    weights, xs, gs, zero = jax.device_put((p.weights, p.xs, p.gs, p.state))
    cell = twins.twin(lib, p)

    def forward(weights, xs):
        def one(state, x):
            state = cell(weights, x, state)
            return state, state[-1]

        return jax.lax.scan(one, zero, xs)[1]

    @jax.jit
    def pullback(weights, xs, gs):
        return jax.vjp(lambda w: forward(w, xs), weights)[1](gs)[0]

    found = {}

    def step():
        found.update(jax.block_until_ready(pullback(weights, xs, gs)))

    return step, lambda: {n: np.asarray(g) for n, g in found.items()}


def hips_autograd(p):
    """The cell in autograd's NumPy."""
    import autograd.numpy as anp
    from autograd import make_vjp
    from autograd.builtins import tuple as boxed

    lib = SimpleNamespace(sigmoid=lambda x: 0.5 * (anp.tanh(0.5 * x) + 1), tanh=anp.tanh)
    gs, found = tuple(p.gs), {}

    def forward(weights):
        return boxed(through_time(lib, p.cell, weights, p.xs, p.state))

    def step():
        found.update(make_vjp(forward)(p.weights)[0](gs))

    return step, lambda: found


def mygrad_(p):
    """The cell in MyGrad's tensors."""
    import mygrad
    from mygrad.nnet.activations import sigmoid

    lib = SimpleNamespace(sigmoid=sigmoid, tanh=mygrad.tanh)
    weights = {n: mygrad.tensor(w) for n, w in p.weights.items()}

    def step():
        mygrad.stack(through_time(lib, p.cell, weights, p.xs, p.state)).backward(p.gs)

    return step, lambda: {n: w.grad for n, w in weights.items()}
