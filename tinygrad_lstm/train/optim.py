"""How gradients change parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..tensor import Parameter


def joint_norm(arrays: Sequence[np.ndarray]) -> float:
    r"""$\sqrt{\sum g^2}$ over every entry of every array."""
    return math.sqrt(sum(float(np.vdot(g, g)) for g in arrays))


class Adam:
    r"""Each entry moves by about the rate, whatever the size of its gradient.

    $m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2,$
    $w \leftarrow w - \eta \, \hat m / (\sqrt{\hat v} + \epsilon)$

    with $\hat m = m / (1 - \beta_1^k)$ and $\hat v = v / (1 - \beta_2^k)$ in step k.  First all
    gradients together are scaled so that their joint norm is at most `limit`.

    Source: Kingma & Ba 2015, algorithm 1; Pascanu, Mikolov & Bengio 2013, algorithm 1 (clipping).
    """

    def __init__(
        self, parameters: Mapping[str, Parameter], limit: float, betas: tuple = (0.9, 0.99)
    ) -> None:
        if not limit > 0:
            raise ValueError(f"Adam: limit = {limit}; a norm is clipped at a positive number")
        self.parameters = list(parameters.values())
        self.limit, self.betas, self.steps = limit, betas, 0
        self.m = [np.zeros_like(p.data) for p in self.parameters]
        self.v = [np.zeros_like(p.data) for p in self.parameters]

    def step(self, rate: float) -> float:
        """Change every parameter once, from its `.grad`; returns the joint norm before clipping."""
        self.steps += 1
        norm = joint_norm([p.grad for p in self.parameters])
        scale = min(1.0, self.limit / max(norm, 1e-12))
        beta_m, beta_v = self.betas
        rate = rate * math.sqrt(1 - beta_v**self.steps) / (1 - beta_m**self.steps)
        for p, m, v in zip(self.parameters, self.m, self.v):
            g = p.grad * scale
            m += (1 - beta_m) * (g - m)
            v += (1 - beta_v) * (g * g - v)
            p.data = p.data - rate * m / (np.sqrt(v) + 1e-8)
        return norm
