"""Torch's nngraph, spelled in Python on top of the one core graph.

    from tinygrad_lstm.nngraph import *

    x = Identity()()                                    # nn.Identity()()
    h = x - Linear(10, 20) - Tanh()                     # x - nn.Linear(10, 20) - nn.Tanh()
    both = CAddTable()([h, Linear(10, 20)(x)])          # nn.CAddTable()({h, nn.Linear(10, 20)(x)})
    m = gModule([x], [both], names=locals())            # nn.gModule({x}, {both})
    m.forward(data); m.backward(data, gradient)         # m:forward(data); m:backward(...)
    graph.dot(m.fg, "net", "net")                       # writes net.dot and net.svg

Called on Nodes a module builds nodes of the core, called on data it runs them; `m.fg` is a Graph
like any other.  Tables are lists or tuples.  This is the only place that counts from 1:

    Lua                            here                       the core
    nn.Narrow(2, 1, 3*H)           Narrow(2, 1, 3*H)          Narrow(1, 0, 3*H)
    nn.Narrow(2, 3*H+1, H)         Narrow(2, 3*H+1, H)        Narrow(1, 3*H, H)
    nn.Narrow(-1, 1, -1)           Narrow(-1, 1, -1)          Narrow(-1, 0, size)
    nn.JoinTable(1)                JoinTable(1)               Concat(0)
    nn.SplitTable(2)               SplitTable(2)              Select(1, 0), Select(1, 1), ...
    nn.SelectTable(1)              SelectTable(1)             x[0] of a Python tuple
    nn.NarrowTable(1, 2)           NarrowTable(1, 2)          x[0:2] of a Python tuple
    nn.CMul(H), nn.CMulTable()     CMul(H), CMulTable()       Diagonal(H), CMul()

Different from Torch on purpose: class numbers (targets) count from 0, as all data here; a node may
be read twice by one module (`strict=True` forbids it), and one module may be called twice; outputs
are fresh tuples; a missing gradient counts as zeros; `parameters()` lists a shared weight once;
gradients of weights start at zero and accumulate until `zeroGradParameters()`.
"""

from . import graph
from .criterion import ClassNLLCriterion, MSECriterion
from .debug import setDebug
from .gmodule import gModule
from .module import Module
from .modules import (
    CAdd,
    CMul,
    Dropout,
    Identity,
    Linear,
    LogSoftMax,
    Narrow,
    ReLU,
    Reshape,
    Sigmoid,
    SoftMax,
    Tanh,
)
from .node import Node, annotateNodes, nest
from .tables import (
    CAddTable,
    CDivTable,
    CMulTable,
    ConcatTable,
    CSubTable,
    JoinTable,
    NarrowTable,
    ParallelTable,
    SelectTable,
    Sequential,
    SplitTable,
)

dot = graph.dot

__all__ = [
    "CAdd",
    "CAddTable",
    "CDivTable",
    "CMul",
    "CMulTable",
    "CSubTable",
    "ClassNLLCriterion",
    "ConcatTable",
    "Dropout",
    "Identity",
    "JoinTable",
    "Linear",
    "LogSoftMax",
    "MSECriterion",
    "Module",
    "Narrow",
    "NarrowTable",
    "Node",
    "ParallelTable",
    "ReLU",
    "Reshape",
    "SelectTable",
    "Sequential",
    "Sigmoid",
    "SoftMax",
    "SplitTable",
    "Tanh",
    "annotateNodes",
    "dot",
    "gModule",
    "graph",
    "nest",
    "setDebug",
]
