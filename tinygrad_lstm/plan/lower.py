"""From a program to calls: every pass, then order, memory, and what is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .device import Device
from .emit import Emitter
from .fused import emitter_for
from .passes import PASSES
from .passes.kernels import in_runs
from .passes.pack import pack
from .passes.settle import settle
from .program import Program, Root
from .rounds import Round, Stage
from .schedule import schedule
from .storage import store
from .terms import Term

if TYPE_CHECKING:
    from .plan import Options

Arrived = dict[str, list[Any]]
"""What comes from outside: the arrays of a step by "input", its seeds by "seed"."""


class Lowered:
    """A program after all passes, with its memory and its calls.

    Attributes:
        parts: itself alone; a program in segments has several.
        stages: itself, once.
        between: arrays that are not its own: none.
        wanted: if it is one of several, for each output the term that it is of the whole.
        calls: (f, args), to be called one after the other.
        once: for each call whether it computes the same for every part of time.
        outputs, grads: their arrays.
        loads, arrived: what is copied in before, and where; as of an emitter.
    """

    wanted: Sequence[Term] = ()

    def __init__(
        self,
        program: Program,
        options: Options,
        device: Device,
        arrived: Arrived | None = None,
        writer: Callable[..., Emitter] = emitter_for,
    ) -> None:
        passes = options.passes
        for name in passes:
            rewrite = PASSES[name].rewrite
            if rewrite is not None and name not in device.without:
                program = rewrite(program)
        program, groups = settle(program), []
        if "pack" in passes:
            program, groups = pack(program)
        varying = _varying(program)
        plan = schedule(program, groups, "hoist" in passes, "chunks" in passes)
        join = device.fuses and "kernels" in passes
        plan = in_runs(plan) if join else plan
        roots = list(dict.fromkeys([*program.roots(), *_kept(varying)]))
        storage = store(
            plan, roots, groups, "liveness" in passes, device.side_by_side or options.side_by_side
        )
        self.program = program
        self.emitter = writer(plan, storage, device, roots, join)
        self.emitter.tiles = "tiles" in passes
        if arrived is not None:
            self.emitter.arrived = arrived
        self.emitter.run(program.draws)
        self.parts: list[Lowered] = [self]
        self.calls, self.loads = self.emitter.calls, self.emitter.loads
        self.stages = [Stage([], self, [Round(self.calls)])]
        self.between: list[Any] = []
        self.arrived = self.emitter.arrived
        self.once = [not any(varying[x] for x in unit) for unit in self.emitter.owners]
        self.outputs = [self.array(root) for root in program.outputs]
        self.grads = {name: self.array(root) for name, root in program.grads.items()}

    def array(self, root: Root) -> Any:
        """What is wanted, of one step."""
        spread = self.emitter.memory.spread(root[0])
        return spread.array[(root[1], ...)] if spread.slotted else spread.array

    def whole(self, root: Root) -> Any:
        """What is wanted, of all steps."""
        x, spread = root[0], self.emitter.memory.spread(root[0])
        if spread.slotted or not x.steps:
            return spread.array
        return self.emitter.device.xp.broadcast_to(spread.array, (x.steps, *x.shape))


def _varying(program: Program) -> dict[Term, bool]:
    """Whether terms are others in every part of time that the program is used for."""
    varying: dict[Term, bool] = {}
    for x in program.terms():
        changes = x.fn == "given" and x.how.changes
        varying[x] = bool(x.steps) or changes or any(varying[a] for a in x.args)
    return varying


def _kept(varying: dict[Term, bool]) -> list[Term]:
    """What is computed once, and read in every part: nobody may take over its memory."""
    readers = [x for x, changes in varying.items() if changes]
    if not any(x.fn == "given" for x in varying):
        return []
    return [a for x in readers for a in x.args if not varying[a]]
