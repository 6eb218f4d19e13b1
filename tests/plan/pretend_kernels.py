"""`cupy.ElementwiseKernel` of the stand-in: the text is run, line by line, on whole arrays."""

from __future__ import annotations

import re

import numpy as np

from tests.plan.pretend_cuda import launch
from tinygrad_lstm.plan import masks, texts


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


def _copied(a, out):
    np.copyto(out, a, "unsafe")


def _rows(ids, count):
    with np.errstate(invalid="ignore"):
        return np.clip(ids.ravel().astype("i8"), 0, count - 1)


def _taken(table, ids, width, count, out):
    out[...] = table.reshape(count, -1)[_rows(ids, count)].reshape(out.shape)


def _scattered(g, ids, width, count, out):
    np.add.at(out.reshape(count, -1), _rows(ids, count), g.reshape(ids.size, width))


def _checked(ids, count, ignored, kind, faults):
    with np.errstate(invalid="ignore"):
        whole = ids == ids.astype("i8").astype(ids.dtype)
    bad = ~whole | (((ids < 0) | (ids >= count)) & (ids != ignored))
    if bad.any():
        k = np.flatnonzero(bad)[0]
        kind = kind if whole.flat[k] else 2
        faults[...] = (1, kind, ids.flat[k] if whole.flat[k] else 0, count)


def _one_hot(ids, width, out):
    out[...] = ids[..., None] == np.arange(width)


def _counts(ids, ignored, out):
    out[...] = ids != ignored


def _share(ids, count, width, ignored, out):
    out[...] = (ids != ignored)[..., None] / max(count, 1)


def _exp(z, top, out):
    out[...] = np.exp(z - np.where(np.isfinite(top), top, 0))


def _surprise(z, top, total, ids, width, ignored, out):
    top = np.where(np.isfinite(top), top, 0)
    k = _rows(ids, width).reshape(*ids.shape, 1)
    found = np.log(total) - (np.take_along_axis(z, k, -1) - top)
    out[...] = np.where(ids == ignored, 0, found[..., 0])


def _mean(total, count, out):
    out[...] = total / max(count, 1)


def _handed_over(*words):
    words[-1][:] = [int(word) for word in words[:-1]]


def _mask(state, p, kept, first, out):
    """By NumPy's own generator, set to the state that was handed over."""
    s, c, training = (
        int(state[0]) << 64 | int(state[1]),
        int(state[2]) << 64 | int(state[3]),
        state[4],
    )
    bits = np.random.PCG64()
    bits.state = {**bits.state, "state": {"state": s, "inc": c}}
    bits.advance(first)
    drawn = np.random.Generator(bits).random(out.shape)
    out[...] = np.where(drawn >= p, kept, 0) if training else 1


SPECIAL = {
    texts.COPY: _copied,
    texts.TAKE: _taken,
    texts.SCATTER: _scattered,
    texts.CHECK: _checked,
    texts.ONE_HOT: _one_hot,
    texts.COUNTS: _counts,
    texts.SHARE: _share,
    texts.EXP: _exp,
    texts.SURPRISE: _surprise,
    texts.MEAN: _mean,
    masks.HAND_OVER: _handed_over,
    masks.MASK: _mask,
}
"""What these kernels do, in NumPy's words; every other text is run line by line."""
BY_BODY = {text.body: f for text, f in SPECIAL.items()}


class ElementwiseKernel:
    """Takes arrays of the device of the declared types, the last ones to be written to."""

    made: list[ElementwiseKernel] = []

    def __init__(self, inputs, outputs, operation, name, preamble="", no_return=False):
        self.inputs, self.outputs = _declared(inputs), _declared(outputs)
        self.operation, self.preamble, self.__name__ = operation, preamble, name
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
        room = sum(16 + 16 * h.ndim for h in hosts if isinstance(h, np.ndarray))
        assert room + 16 + 16 * len(shape) <= 4096, "CUDA hands no more than 4 KiB to a kernel"
        launch(BY_BODY.get(self.operation, self._run), *hosts)

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
    if not isinstance(a, np.ndarray) or not np.may_share_memory(y, a):
        return False
    same = all(getattr(y, what) == getattr(a, what) for what in ("shape", "strides"))
    same = same and y.__array_interface__["data"] == a.__array_interface__["data"]
    return not same and np.shares_memory(y, a)


def _declared(params):
    found = []
    for param in filter(None, params.split(", ")):
        *raw, kind, name = param.split()
        found.append((kind, raw == ["raw"], name))
    return tuple(found)


def _host(a, declared):
    kind, _, _ = declared
    if isinstance(a, int | float | np.generic):
        return a  # a scalar is part of the launch; CuPy converts it to the declared type
    assert type(a).__module__ == "cupy", f"{type(a)} is handed to a kernel"
    assert len(kind) == 1 or a.dtype == kind, f"{a.dtype} is handed over as {kind}"
    return a._host
