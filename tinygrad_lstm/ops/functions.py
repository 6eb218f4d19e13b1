"""The ops in lower case: functions on tensors, as equations are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError
from ..tensor import Tensor
from .choice import Clip, Maximum, Where
from .elementwise import Abs, Cos, Exp, Log, Sin, Sqrt
from .gates import LogSigmoid, ReLU, Sigmoid, Softplus, Tanh
from .infix import broadcast
from .linear import Lookup
from .loss import MSE, BCEWithLogits, CrossEntropy
from .reduce import LogSoftmax, LogSumExp, Softmax
from .shape import Concat, Stack

__all__ = [
    "absolute",
    "bce_with_logits",
    "clip",
    "concat",
    "cos",
    "cross_entropy",
    "exp",
    "log",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "lookup",
    "maximum",
    "mse",
    "relu",
    "sigmoid",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "stacked",
    "tanh",
    "where",
]


def sigmoid(x: Any) -> Any:
    r"""$\sigma(x) = 1 / (1 + e^{-x})$"""
    return Sigmoid()(x)


def tanh(x: Any) -> Any:
    r"""$\tanh x$"""
    return Tanh()(x)


def relu(x: Any) -> Any:
    r"""$\max(x, 0)$"""
    return ReLU()(x)


def softplus(x: Any) -> Any:
    r"""$\ln(1 + e^x)$"""
    return Softplus()(x)


def log_sigmoid(x: Any) -> Any:
    r"""$\ln \sigma(x)$"""
    return LogSigmoid()(x)


def exp(x: Any) -> Any:
    r"""$e^x$"""
    return Exp()(x)


def log(x: Any) -> Any:
    r"""$\ln x$"""
    return Log()(x)


def sqrt(x: Any) -> Any:
    r"""$\sqrt x$"""
    return Sqrt()(x)


def absolute(x: Any) -> Any:
    r"""$|x|$"""
    return Abs()(x)


def sin(x: Any) -> Any:
    r"""$\sin x$"""
    return Sin()(x)


def cos(x: Any) -> Any:
    r"""$\cos x$"""
    return Cos()(x)


def maximum(a: Any, b: Any) -> Tensor:
    r"""$\max(a, b)$, entry by entry; broadcasts."""
    return broadcast(Maximum(), a, b)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    r"""a where the condition holds, else b; broadcasts."""
    return broadcast(Where(), condition, a, b)


def clip(x: Any, low: float, high: float) -> Any:
    r"""$\min(\max(x, \text{low}), \text{high})$"""
    return Clip(low, high)(x)


def concat(tensors: Sequence[Any], axis: int = -1) -> Any:
    r"""The tensors one after the other along an axis they have."""
    return Concat(axis)(*several(tensors, "concat"))


def stacked(tensors: Sequence[Any], axis: int = 0) -> Any:
    r"""The tensors along a new axis: T hidden states (N, H) become (T, N, H).

    Not called `stack`, for that is the combinator that puts cells on top of each other.
    """
    return Stack(axis)(*several(tensors, "stacked"))


def several(tensors: Sequence[Any], call: str) -> Sequence[Any]:
    """The tensors; ArgumentError for a single one, whose rows would be taken apart."""
    if isinstance(tensors, Tensor):
        raise ArgumentError(f"{call} takes a list of tensors, {call}([a, b]), not {tensors.title}")
    return tensors


def lookup(table: Any, ids: Any) -> Any:
    r"""Row $k$ of a table (V, D) for every number $k$ in ids."""
    return Lookup()(table, ids)


def softmax(x: Any, axis: int = -1) -> Any:
    r"""$e^x / \sum e^x$ along one axis."""
    return Softmax(axis)(x)


def log_softmax(x: Any, axis: int = -1) -> Any:
    r"""$x - \ln \sum e^x$ along one axis."""
    return LogSoftmax(axis)(x)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    r"""$\ln \sum e^x$ over axes."""
    return LogSumExp(axis, keepdims)(x)


def cross_entropy(logits: Any, targets: Any, ignore_index: int = -100) -> Any:
    r"""The mean of $-\ln \operatorname{softmax}(z)_k$: logits (..., V), class numbers (...)."""
    return CrossEntropy(ignore_index)(logits, targets)


def mse(prediction: Any, target: Any) -> Any:
    r"""The mean of the squared differences; the two need one shape."""
    return MSE()(prediction, target)


def bce_with_logits(logits: Any, targets: Any) -> Any:
    r"""The mean of $\ln(1 + e^z) - z t$; the two need one shape."""
    return BCEWithLogits()(logits, targets)
