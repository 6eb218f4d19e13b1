"""The program of a plan for arrays of one combination of shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DtypeError, RangeError
from ..graph import Graph
from ..tensor import Tensor
from .build import Builder
from .cupy_device import device_of
from .lower import Lowered
from .numbers import numbers_of
from .program import Program, Root
from .reverse import gradients
from .segments import Segmented, times_of
from .terms import Term

if TYPE_CHECKING:
    from .plan import Options


class Variant:
    """Calls, memory, and where what comes from outside is put.

    Attributes:
        written: the program before all passes.
        stand_ins: for each output a tensor with its array, so that seeds can be checked against it.
        stages, between: the programs in the order of their use, and what they hand to each other.
        tried: if this was chosen among several by measuring, what each took, in seconds.
    """

    tried: Mapping[str, float] = MappingProxyType({})

    def __init__(
        self,
        graph: Graph,
        wrt: Mapping[str, Tensor],
        options: Options,
        arrays: Sequence[Any],
        seeded: Sequence[bool],
    ) -> None:
        leaves = (n.data for n in graph.nodes if n.op is None and n.data is not None)
        self.graph = graph
        device = device_of([*leaves, *arrays], options.tf32, options.kernels)
        self.built = Builder(graph, arrays, "roles" in options.passes)
        self.written = written(self.built, wrt, seeded)
        way = Segmented if options.checkpoint and times_of(self.written) else Lowered
        made = way(self.written, options, device)
        self.program, self.parts, self.device = made.program, made.parts, device
        self.stages, self.between = made.stages, list(made.between)
        self.emitter = self.parts[0].emitter
        self.calls = made.calls
        self.replay = device.replay(self.calls, [part.emitter for part in self.parts])
        self._bare = [device.bare(call) for call in self.calls] if self.replay is None else []
        self._numbers = numbers_of(made.program)
        self.outputs, self.grads = tuple(made.outputs), made.grads
        self.stand_ins = [_stand_in(n, a) for n, a in zip(graph.outputs, self.outputs)]
        self._arrived, self._has_run = made.arrived, False
        loads = made.loads
        self._loads = {fn: [(k, a) for f, k, a in loads if f == fn] for fn in ("input", "seed")}
        data = {"parameter": self.built.parameters, "leaf": self.built.leaves}
        self._weights = [(data[fn][k], a) for fn, k, a in loads if fn in data]
        self._weights_before = [p.data for p, _ in self._weights]
        self._own = {device.root(a) for a in (*self.outputs, *self.grads.values())}
        self._shapes = [a.shape for a in arrays]
        self._dtypes = [a.dtype for a in arrays]
        self._seeds = [a.shape if s else None for a, s in zip(self.outputs, seeded)]

    def fits(self, arrays: Sequence[Any], seeds: Sequence[Any] | None) -> bool:
        """Whether arrays and seeds are of the shapes that this program is for."""
        try:
            return (
                [a.shape for a in arrays] == self._shapes
                and [a.dtype for a in arrays] == self._dtypes
                and (
                    [None if s is None else s.shape for s in seeds] == self._seeds
                    if seeds is not None
                    else all(s is None for s in self._seeds)
                )
                and self._same_weights()
            )
        except AttributeError:
            return False

    def _same_weights(self) -> bool:
        """Whether the weights are the arrays of last time, or such as those."""
        now = [p.data for p, _ in self._weights]
        if all(map(is_, now, self._weights_before)):
            return True
        self._weights_before = now
        return all(
            w.shape == a.shape and w.dtype == a.dtype and type(w) is type(a)
            for w, (_, a) in zip(now, self._weights)
        )

    def run(self, arrays: Sequence[Any], seeds: Sequence[Any] | None) -> tuple[Any, ...]:
        """Put down what has arrived, then make the calls."""
        if self.replay is not None:
            self.check(arrays)
            with self.replay.turn():
                self.load(arrays, seeds)
                self.replay()
            return self.outputs
        self.load(arrays, seeds)
        try:
            for f, args in self._bare:
                f(*args)
        except (RangeError, DtypeError) as error:
            self._name(arrays)
            raise type(error)(str(error).replace("{1}", "step")) from None
        return self.outputs

    def check(self, arrays: Sequence[Any]) -> None:
        """Look at row and class numbers from NumPy that are to be carried to a device.

        Raises:
            RangeError: for one that does not exist; nothing has been done then.
        """
        if self.replay is not None:
            self._name(arrays)

    def _name(self, arrays: Sequence[Any]) -> None:
        for numbers in self._numbers:
            numbers.check(self.graph, arrays)

    def load(self, arrays: Sequence[Any], seeds: Sequence[Any] | None) -> None:
        """Put down what has arrived."""
        copy = self.device.put
        self._has_run = True
        self._arrived["input"][:] = arrays = self._of_others(arrays)
        self._arrived["seed"][:] = seeds = self._of_others(seeds or ())
        for k, a in self._loads["input"]:
            copy(a, arrays[k])
        for k, a in self._loads["seed"]:
            copy(a, seeds[k])
        for p, a in self._weights:
            copy(a, p.data)

    def _of_others(self, given: Sequence[Any]) -> list[Any]:
        """The arrays; copies of what the plan itself gave out, for its memory is written to now."""
        own = self._own
        return [
            a
            if a is None
            or (type(a) is np.ndarray and a.base is None and id(a) not in own)
            or self.device.root(a) not in own
            else a.copy()
            for a in given
        ]

    @property
    def arrived(self) -> tuple[list[Any], list[Any]] | None:
        """Arrays and seeds of the last step; None if there was none."""
        there = self._arrived["input"], self._arrived["seed"]
        return there if self._has_run else None

    @property
    def seeded(self) -> list[bool]:
        """For each output whether a seed is given."""
        return [shape is not None for shape in self._seeds]

    def of_these_shapes(self) -> list[Any]:
        """Arrays like those that the program is for, without memory of their own."""
        kinds = zip(self._shapes, self._dtypes)
        return [np.broadcast_to(np.zeros((), dtype), shape) for shape, dtype in kinds]


def written(built: Builder, wrt: Mapping[str, Tensor], seeded: Sequence[bool]) -> Program:
    """Outputs and gradients as terms, before any pass."""
    tape = built.tape
    outputs = [built.value(node) for node in built.graph.outputs]
    seeds = [
        tape.make("seed", (), k, y.shape, y.dtype) if asked else None
        for k, (y, asked) in enumerate(zip(outputs, seeded))
    ]
    if len(outputs) == 1 and seeds == [None]:
        seeds = [tape.filled(1.0, outputs[0].shape, outputs[0].dtype)]
    leaves = {name: built.value(node) for name, node in wrt.items()}
    found = gradients(built, seeds, list(leaves.values()))
    grads = {name: found.get(x, tape.filled(0, x.shape, x.dtype)) for name, x in leaves.items()}
    roots = {name: _root(x) for name, x in grads.items()}
    return Program(tape, [_root(y) for y in outputs], roots, built.draws)


def _root(x: Term) -> Root:
    return (x.args[0], x.how) if x.fn == "at" else (x, 0)


def _stand_in(node: Tensor, array: Any) -> Tensor:
    tensor = Tensor(array, name=node.name)
    tensor.data, tensor.where, tensor.op = array, node.where, node.op
    return tensor
