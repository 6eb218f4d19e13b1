"""The derivative table, by family.  Each op is one class: value, derivative, shape, LaTeX."""

from . import functions, infix
from .choice import Clip, Equal, Greater, Inside, Maximum, Where
from .elementwise import Abs, CAdd, CDiv, CMul, Cos, CSub, Exp, Log, Neg, Pow, Scale, Sign, Sin, Sqrt
from .flow import Detach, Filled, Identity, KeepMask
from .gates import Heaviside, LogSigmoid, ReLU, Sigmoid, Softplus, Tanh
from .linear import Affine, Lookup, MatMul, Scatter, Transpose
from .loss import MSE, BCEWithLogits, CrossEntropy, OneHot, RowShare
from .reduce import Expand, LogSoftmax, LogSumExp, Max, Mean, Softmax, Spread, Sum
from .shape import Concat, Embed, Narrow, Permute, Reshape, Select, Stack

__all__ = [
    "MSE",
    "Abs",
    "Affine",
    "BCEWithLogits",
    "CAdd",
    "CDiv",
    "CMul",
    "CSub",
    "Clip",
    "Concat",
    "Cos",
    "CrossEntropy",
    "Detach",
    "Embed",
    "Equal",
    "Exp",
    "Expand",
    "Filled",
    "Greater",
    "Heaviside",
    "Identity",
    "Inside",
    "KeepMask",
    "Log",
    "LogSigmoid",
    "LogSoftmax",
    "LogSumExp",
    "Lookup",
    "MatMul",
    "Max",
    "Maximum",
    "Mean",
    "Narrow",
    "Neg",
    "OneHot",
    "Permute",
    "Pow",
    "ReLU",
    "Reshape",
    "RowShare",
    "Scale",
    "Scatter",
    "Select",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softmax",
    "Softplus",
    "Spread",
    "Sqrt",
    "Stack",
    "Sum",
    "Tanh",
    "Transpose",
    "Where",
    "functions",
    "infix",
]
