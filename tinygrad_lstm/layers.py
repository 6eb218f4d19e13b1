"""Layers: ops that own parameters.  The first call makes the layer, the second adds its nodes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from .backend import asarray
from .errors import ShapeError
from .ops.elementwise import CMul
from .ops.flow import KeepMask
from .ops.infix import broadcast
from .ops.linear import Affine, Lookup
from .settings import LOCAL, stream
from .tensor import Parameter, Tensor

_calls = itertools.count(1)


def uniform(bound: float, *shape: int) -> np.ndarray:
    r"""Numbers drawn evenly from $[-\text{bound}, \text{bound}]$, from the stream "init"."""
    return stream("init").uniform(-bound, bound, shape)


def parameter(values: np.ndarray, name: str) -> Parameter:
    """A parameter in the default dtype, on this thread's backend."""
    return Parameter(asarray(values, LOCAL.dtype), name=name)


def subscript(letter: str, name: str | None) -> str:
    """W and "xi" make "W_xi"; without a name it is plain "W"."""
    return f"{letter}_{name}" if name else letter


class Layer:
    """What layers share: drawings at level "layer" show one box for all nodes of one call."""

    is_layer = True

    def __call__(self, x: Any) -> Tensor:
        """Add this layer's nodes, reading x."""
        y = self.apply(x)
        if isinstance(y, Tensor):
            label, number = repr(self), next(_calls)
            for node in self._made(y, x):
                node.layer = node.layer or (label, number)
        return y

    def apply(self, x: Any) -> Any:
        """The layer's equation."""
        raise NotImplementedError(f"{type(self).__name__} has no apply")

    def _made(self, y: Tensor, x: Any) -> list[Tensor]:
        """The nodes from x to y, which this call has added."""
        made, waiting = [], [y]
        while waiting:
            node = waiting.pop()
            if node is not x and node.op is not None and node.layer is None and node not in made:
                made.append(node)
                waiting.extend(p for p in node.parents if p is not x)
        return made


class Linear(Layer):
    r"""$y = W x + b$ for every row: weights W (output_size, input_size), bias b (output_size,).

    Args:
        name: the subscript: "xi" names the parameters W_xi and b_xi.
        bias: whether there is a b.

    Both start uniform in $\pm 1 / \sqrt{\text{input\_size}}$, as in Torch7.
    """

    def __init__(
        self, input_size: int, output_size: int, name: str | None = None, *, bias: bool = True
    ) -> None:
        for size in (input_size, output_size):
            if not isinstance(size, int | np.integer) or size < 0:
                raise ShapeError(f"Linear({input_size}, {output_size}): sizes are whole numbers")
        bound = 1.0 / math.sqrt(max(input_size, 1))
        self.W = parameter(uniform(bound, output_size, input_size), subscript("W", name))
        self.b = parameter(uniform(bound, output_size), subscript("b", name)) if bias else None

    def apply(self, x: Any) -> Any:
        return Affine(False)(x, self.W) if self.b is None else Affine()(x, self.W, self.b)

    def __repr__(self) -> str:
        output_size, input_size = self.W.shape
        return f"Linear({input_size}, {output_size}{', bias=False' if self.b is None else ''})"


class Diagonal(Layer):
    r"""$y = w \odot x$ for every row, with learnable w (size,): a matrix that is only a diagonal.

    Torch7 calls it `CMul(size)`; peepholes are made of it.
    Starts uniform in $\pm 1/\sqrt{\text{size}}$.
    """

    def __init__(self, size: int, name: str | None = None) -> None:
        bound = 1.0 / math.sqrt(max(size, 1))
        self.w = parameter(uniform(bound, size), subscript("w", name))

    def apply(self, x: Any) -> Any:
        return broadcast(CMul(), self.w, x)

    def __repr__(self) -> str:
        return f"Diagonal({self.w.shape[0]})"


class Embedding(Layer):
    r"""$y_n = W_{k_n}$: one learnable row (embedding_size,) for each of `vocabulary_size` numbers.

    Starts normal with variance 1 / embedding_size.
    """

    def __init__(self, vocabulary_size: int, embedding_size: int, name: str | None = None) -> None:
        draws = stream("init").normal(size=(vocabulary_size, embedding_size))
        self.W = parameter(draws / math.sqrt(max(embedding_size, 1)), subscript("W", name or "e"))

    def apply(self, x: Any) -> Any:
        return Lookup()(self.W, x)

    def __repr__(self) -> str:
        return "Embedding({}, {})".format(*self.W.shape)


class Dropout(Layer):
    r"""$y = x \odot m$: entries are dropped with probability p, the kept ones scaled by 1/(1-p).

    The mask is a node of its own, drawn anew at every run; while `evaluating()` it is all ones.
    Source: Hinton et al. 2012; p is the probability of *dropping*, as in `nn/Dropout.lua`.
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p < 1:
            raise ShapeError(f"Dropout({p}): p is the probability of dropping, 0 <= p < 1")
        self.p = p

    def apply(self, x: Any) -> Any:
        return CMul()(x, KeepMask(self.p)(x))

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"
