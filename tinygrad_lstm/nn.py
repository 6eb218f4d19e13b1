"""The vocabulary for writing cells: `from tinygrad_lstm.nn import *` in one line, name by name."""

from .graph import Graph
from .layers import Diagonal, Dropout, Embedding, Linear
from .ops import CAdd, CMul, Concat, Detach, Identity, Narrow, Sigmoid, Tanh
from .ops.functions import concat, exp, log, maximum, relu, sigmoid, softmax, softplus, tanh, where
from .registry import cell
from .tensor import Input, Parameter, Tensor
from .unroll import stack, through_time, unroll, zero_state

__all__ = [
    "CAdd",
    "CMul",
    "Concat",
    "Detach",
    "Diagonal",
    "Dropout",
    "Embedding",
    "Graph",
    "Identity",
    "Input",
    "Linear",
    "Narrow",
    "Parameter",
    "Sigmoid",
    "Tanh",
    "Tensor",
    "cell",
    "concat",
    "exp",
    "log",
    "maximum",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "stack",
    "tanh",
    "through_time",
    "unroll",
    "where",
    "zero_state",
]
