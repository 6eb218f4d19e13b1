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
    $w \leftarrow (1 - \eta \lambda) w - \eta \, \hat m / (\sqrt{\hat v} + \epsilon)$

    with $\hat m = m / (1 - \beta_1^k)$ and $\hat v = v / (1 - \beta_2^k)$ in step k.  First all
    gradients together are scaled so that their joint norm is at most `limit`.  $\lambda$ is
    `decay`: what is not needed shrinks, so that less is learned by heart.

    Source: Kingma & Ba 2015, algorithm 1; Pascanu, Mikolov & Bengio 2013, algorithm 1 (clipping);
    Loshchilov & Hutter 2019, algorithm 2 (decay).
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        limit: float,
        decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        if not limit > 0:
            raise ValueError(f"Adam: limit = {limit}; a norm is clipped at a positive number")
        self.parameters, self.steps = dict(parameters), 0
        self.limit, self.decay, self.betas = limit, decay, betas
        self.m, self.v, self._a, self._b = (
            {name: np.zeros_like(p.data) for name, p in parameters.items()} for _ in range(4)
        )

    def step(self, rate: float, grads: Mapping[str, np.ndarray]) -> float:
        """Change every parameter once, in place; returns the joint norm before clipping.

        Args:
            grads: a gradient for each parameter, by its name; they stay as they are.
        """
        self.steps += 1
        norm = joint_norm([grads[name] for name in self.parameters])
        scale = min(1.0, self.limit / max(norm, 1e-12))
        beta_m, beta_v = self.betas
        kept = 1 - rate * self.decay
        rate = rate * math.sqrt(1 - beta_v**self.steps) / (1 - beta_m**self.steps)
        for name, p in self.parameters.items():
            p.data *= kept
            p.data -= self._move(name, grads[name], scale, rate)
        return norm

    def _move(self, name: str, g: np.ndarray, scale: float, rate: float) -> np.ndarray:
        """By how much an array moves, worked out in memory that is there already."""
        m, v, a, b = self.m[name], self.v[name], self._a[name], self._b[name]
        np.multiply(g, scale, out=a)
        np.subtract(a, m, out=b)
        b *= 1 - self.betas[0]
        m += b
        np.multiply(a, a, out=a)
        a -= v
        a *= 1 - self.betas[1]
        v += a
        np.sqrt(v, out=a)
        a += 1e-8
        np.multiply(m, rate, out=b)
        b /= a
        return b
