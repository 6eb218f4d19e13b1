"""`cupy.ElementwiseKernel` of the stand-in: the text is run, line by line, on whole arrays."""

from __future__ import annotations

import re

import numpy as np

from tests.plan.pretend_cuda import launch


def _turned_into(name):
    return lambda x: np.asarray(x).astype(name)[()]


FUNCTIONS = {
    "np_absolute": np.abs,
    "np_sign": np.sign,
    "np_maximum": np.maximum,
    "np_minimum": np.minimum,
    "np_clip": lambda a, low, high: np.minimum(np.maximum(a, low), high),
    "np_where": np.where,
    "np_and": np.logical_and,
    "np_or": np.logical_or,
    "np_not": np.logical_not,
    "pow": np.power,
    "atan": np.arctan,
    "float": _turned_into("float32"),
    "double": _turned_into("float64"),
    "bool": _turned_into("bool"),
    **{f"np_{name}": _turned_into(name) for name in "int8 int16 int32 int64 uint8".split()},
    **{
        f: getattr(np, f)
        for f in "tanh exp log log1p expm1 sqrt sin cos floor sinh cosh isfinite isnan".split()
    },
}
LINE = re.compile(r"(?:const \S+ )?(\w+) = (.*)")
SPECIAL = {
    "y0 = T(a0);": lambda a, out: np.copyto(out, a, "unsafe"),
    "y0 = a0[a1[i / a2] * a2 + i % a2];": lambda table, ids, width, out: np.copyto(
        out, table.reshape(len(table), -1)[ids.ravel()].reshape(out.shape)
    ),
    "atomicAdd(&y0[a1[i / a2] * a2 + i % a2], a0);": lambda g, ids, width, out: np.add.at(
        out.reshape(len(out), -1), ids.ravel(), g.reshape(ids.size, width)
    ),
}


class ElementwiseKernel:
    """Takes arrays of the device of the declared types, the last ones to be written to."""

    made: list[ElementwiseKernel] = []

    def __init__(self, inputs, outputs, operation, name, preamble="", no_return=False):
        self.inputs, self.outputs = _declared(inputs), _declared(outputs)
        self.operation, self.preamble = operation, preamble
        assert no_return and name.isidentifier() and "__device__" in preamble
        self.made.append(self)

    def __call__(self, *args):
        assert len(args) == len(self.inputs) + len(self.outputs)
        hosts = [_host(a, kind) for a, kind in zip(args, self.inputs + self.outputs)]
        whole = [h for h, (_, raw, _) in zip(hosts, self.inputs + self.outputs) if not raw]
        shape = np.broadcast_shapes(*[np.shape(h) for h in whole])
        for h, (_, raw, _) in zip(hosts[len(self.inputs) :], self.outputs):
            assert raw or h.shape == shape, f"out {h.shape} is not {shape}"
        written = hosts[len(self.inputs) :]
        assert not any(_races(y, a) for y in written for a in hosts), "entries wait for others"
        launch(SPECIAL.get(self.operation, self._run), *hosts)

    def _run(self, *hosts):
        """As on a device, all is read before anything is written: entries know only themselves."""
        kinds = self.inputs + self.outputs
        values = {name: h.copy() for h, (_, _, name) in zip(hosts, self.inputs)}
        with np.errstate(all="ignore"):
            for line in self.operation.rstrip(";").split(";\n"):
                name, expression = LINE.fullmatch(line).groups()
                values[name] = eval(expression, {"__builtins__": {}}, FUNCTIONS | values)
        for host, (kind, _, name) in zip(hosts, kinds):
            if name in values and name.startswith("y"):
                assert values[name].dtype == (host.dtype if kind == "T" else kind)
                host[...] = values[name]


def _races(y, a):
    """Whether another thread may read or write an entry of y, for nobody knows who is first."""
    if isinstance(a, int) or not np.may_share_memory(y, a):
        return False
    same = all(getattr(y, what) == getattr(a, what) for what in ("shape", "strides"))
    same = same and y.__array_interface__["data"] == a.__array_interface__["data"]
    return not same and np.shares_memory(y, a)


def _declared(params):
    found = []
    for param in filter(None, params.split(", ")):
        *raw, kind, name = param.split()
        found.append((kind, raw == ["raw"], name))
    return found


def _host(a, declared):
    kind, _, _ = declared
    if isinstance(a, int):
        return a
    assert type(a).__module__ == "cupy", f"{type(a)} is handed to a kernel"
    assert len(kind) == 1 or a.dtype == kind, f"{a.dtype} is handed over as {kind}"
    return a._host
