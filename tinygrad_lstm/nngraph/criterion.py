"""Criteria: losses as modules, on a table of a prediction and its target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..op import Op
from ..tensor import Tensor
from .late import NLL
from .module import Module
from .modules import paired


class Criterion(Module):
    """A loss: `Criterion()([prediction, target])` is a Node, `.forward(prediction, target)` runs.

    The target's gradient is zeros.
    """

    rule: Op

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        return paired(self.rule, xs, type(self).__name__)

    def forward(self, input: Any, target: Any = None) -> Any:
        return self.updateOutput(input if target is None else [input, target])

    def backward(self, input: Any, target: Any, scale: float = 1) -> Any:
        """dL/d(prediction), as a Criterion of Torch returns it."""
        return super().backward([input, target], 1.0, scale)[0]


class ClassNLLCriterion(Criterion):
    """The mean of -z_k: log-probabilities z (N, V), class numbers k (N,) counted from 0."""

    rule = NLL()


class MSECriterion(Criterion):
    """The mean of the squared differences over all entries."""

    rule = ops.MSE()
