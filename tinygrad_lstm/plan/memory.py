"""The arrays of a plan, and how a term's numbers of one step, or of many, are found in them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from .arrangements import index_of
from .buffers import Buffer, Storage
from .device import Device, strided
from .schedule import Region, Schedule
from .spread import Each, Spread, slots_of
from .terms import Term

CACHE = 768 * 1024
"""Bytes that what is computed for a chunk of time may take in the processor's cache."""


class Memory:
    """Lays out the buffers of a plan, and finds every term in them."""

    def __init__(self, plan: Schedule, storage: Storage, device: Device) -> None:
        self.plan, self.storage, self.device = plan, storage, device
        self.seen: dict[Term, Spread] = {}
        self.arrays: dict[Buffer, Any] = {}
        self.extra: list[Any] = []
        self.stacks: dict[Buffer, Any] = {}
        self._chunks: dict[int, int] = {}
        self._every_slot: dict[Any, list[Any]] = {}
        self.starts: dict[Term, Term] = {}
        for c in plan.users:
            slot_free = c.fn == "carry" and c.args[0].fn in ("input", "seed", "leaf")
            if slot_free and c.args[0] not in self.starts and self.keeps_start(c):
                self.starts[c.args[0]] = c  # it is put down there at once
                self.seen[c.args[0]] = Spread(self.start_of(c), "once")

    def spread(self, x: Term) -> Spread:
        """Where x lies."""
        if x not in self.seen:
            self.seen[x] = self._found(x)
        return self.seen[x]

    def _found(self, x: Term) -> Spread:
        if x.fn == "const":
            return Spread(self.device.constant(x.how), "once")
        if x.fn == "given":
            return Spread(x.how.array, "full" if x.steps else "once")
        if x in self.storage.within:
            base, key = self.storage.within[x]
            return Spread(self.spread(base).array[key], "once")
        if x in self.storage.place or x.fn == "carry":
            made, shift = (x.next, -x.how) if x.fn == "carry" else (x, 0)
            buffer, block = self.storage.place[made]
            if made in buffer.columns:
                return self._columns(buffer, made, shift)
            return self._slots(buffer, block, shift)
        return self._view(x, self.spread(x.args[0]))

    def _columns(self, buffer: Buffer, x: Term, shift: int) -> Spread:
        start, stop, ahead = buffer.columns[x]
        first = ahead + shift
        array = self.array(buffer)[first : first + buffer.term.steps]
        return Spread(array[..., start:stop], "full")

    def _slots(self, buffer: Buffer, block: int, shift: int) -> Spread:
        array = self._block(buffer, block)
        if buffer.kind != "full":
            return Spread(array, buffer.kind, shift)
        first = buffer.before + shift
        return Spread(array[first : first + buffer.term.steps], "full")

    def _block(self, buffer: Buffer, block: int) -> Any:
        array = self.array(buffer)
        if buffer.blocks == 1:
            return array
        if not buffer.rows:
            return array[block]
        H = buffer.term.shape[-1]
        return array[..., block * H : (block + 1) * H]

    def array(self, buffer: Buffer) -> Any:
        """The whole buffer: (blocks, slots, ...), or (slots, ..., blocks * H) side by side."""
        if buffer.memory is not None:
            return self.array(buffer.memory)
        if buffer not in self.arrays:
            self.arrays[buffer] = self.device.empty(self.shape(buffer), buffer.term.dtype)
        return self.arrays[buffer]

    def shape(self, buffer: Buffer) -> tuple[int, ...]:
        """Of the whole buffer."""
        x = buffer.term
        slots: tuple[int, ...] = ()
        if buffer.kind == "full":
            slots = (x.steps + buffer.before + buffer.after,)
        elif buffer.kind == "ring":
            slots = (2,)
        elif buffer.kind == "chunk":
            assert buffer.region is not None
            slots = (self.chunk(buffer.region),)
        if buffer.blocks == 1:
            return (*slots, *x.shape)
        if buffer.rows:
            return (*slots, *x.shape[:-1], buffer.blocks * x.shape[-1])
        return (buffer.blocks, *slots, *x.shape)

    def chunk(self, region: Region) -> int:
        """How many steps a chunk has: as many as fit the cache with all that is made for them."""
        if id(region) not in self._chunks:
            touched = {self.storage.place[x][0] for unit in region.chunked for x in unit}
            touched = {b.memory or b for b in touched}
            bytes_of_step = sum(b.blocks * b.term.size * b.term.dtype.itemsize for b in touched)
            fitting = (self.device.cache or CACHE) // bytes_of_step if bytes_of_step else region.T
            self._chunks[id(region)] = max(1, min(region.T, fitting))
        return self._chunks[id(region)]

    def _view(self, x: Term, s: Spread) -> Spread:
        """The memory of an argument, looked at in another way."""
        lead = int(s.slotted)
        shape = (*s.array.shape[:lead], *x.shape)
        if x.fn == "alias":
            return s
        if x.fn == "reshape":
            return Spread(s.array.reshape(shape), s.kind, s.shift)
        if x.fn == "permute":
            axes = (*range(lead), *(k + lead for k in x.how))
            return Spread(s.array.transpose(axes), s.kind, s.shift)
        if x.fn == "getitem":
            key = (*(slice(None),) * lead, *index_of(x.how), ...)  # "..." keeps a number a view
            return Spread(s.array[key], s.kind, s.shift)
        if x.fn == "broadcast_to":
            own = s.step_shape
            inner = s.array.reshape(*shape[:lead], *(1,) * (x.ndim - len(own)), *own)
            return Spread(self.device.xp.broadcast_to(inner, shape), s.kind, s.shift)
        if x.fn == "at":
            return Spread(s.array[(x.how, ...)], "once") if s.slotted else s
        if x.fn == "flip":
            return Spread(s.array[::-1], s.kind)
        return Spread(s.array, "full" if x.fn == "rows" else "once")

    def start_of(self, c: Term) -> Any:
        """The slot that the first step of a carry reads."""
        buffer, block = self.storage.place[c.next]
        array = self._block(buffer, block)
        if c.next in buffer.columns:
            start, stop, _ = buffer.columns[c.next]
            array = array[..., start:stop]
        if buffer.kind == "full":
            return array[(buffer.before - 1 if c.how > 0 else buffer.before + c.steps, ...)]
        return array[(1 if c.how > 0 else c.steps % 2, ...)]

    def keeps_start(self, c: Term) -> bool:
        """Whether that slot is never written to by the steps."""
        return self.storage.place[c.next][0].kind == "full"

    def over(self, operand: Any, times: range) -> list[Any]:
        """The operand of each of these steps."""
        if isinstance(operand, Each):
            return [operand.arrays[t] for t in times]
        if not isinstance(operand, Spread):
            return [operand] * len(times)
        if not operand.slotted:
            return [operand.array] * len(times)
        slots = self._slots_of(operand.array)
        if operand.kind == "ring":
            return [slots[(t + operand.shift) % 2] for t in times]
        if operand.kind == "full":
            return slots if times.step == 1 else slots[::-1]
        size, T = len(slots), len(times)
        if times.step == 1:
            return [slots[t % size] for t in times]
        return [slots[t - max(0, T - ((T - 1 - t) // size + 1) * size)] for t in times]

    def _slots_of(self, array: Any) -> list[Any]:
        """The array of each slot: the same objects for all calls that meet the same memory.

        The fewer there are, the more of them are still in the cache when a call looks at them.
        """
        d = self.device
        key = (d.root(array), d.pointer(array), array.shape, array.strides, array.dtype)
        if key not in self._every_slot:
            self._every_slot[key] = slots_of(array)
        return self._every_slot[key]

    def joined(
        self, spreads: list[Spread], flat: bool | None = None, along: int | None = None
    ) -> Spread | None:
        """Arrays that lie at equal distances as one, as a view.

        Args:
            flat: whether they must lie side by side in the last axis; by default if they do.
            along: the axis in which they must lie one after the other, instead.
        """
        s = spreads[0]
        a, lead = s.array, int(s.slotted)
        like = [(b.kind, b.shift, b.array.shape, b.array.strides) for b in spreads]
        at = [self.device.pointer(b.array) for b in spreads]
        step = at[1] - at[0] if len(at) > 1 else 0
        even = all(q - p == step for p, q in pairwise(at))
        if step <= 0 or not even or any(one != like[0] for one in like) or not a.size:
            return None
        if len({self.device.root(b.array) for b in spreads}) > 1:
            return None  # at equal distances by chance, with other people's memory in between
        if along is not None:
            axis = lead + along
            if step != a.shape[axis] * a.strides[axis]:
                return None
            shape = (*a.shape[:axis], len(spreads) * a.shape[axis], *a.shape[axis + 1 :])
            return Spread(strided(a, shape, a.strides), s.kind, s.shift)
        side = s.ndim > 0 and step == a.shape[-1] * a.strides[-1]
        if flat if flat is not None else side:
            if not side:
                return None
            shape = (*a.shape[:-1], len(spreads) * a.shape[-1])
            return Spread(strided(a, shape, a.strides), s.kind, s.shift, flat=True)
        shape = (*a.shape[:lead], len(spreads), *a.shape[lead:])
        return Spread(
            strided(a, shape, (*a.strides[:lead], step, *a.strides[lead:])), s.kind, s.shift
        )

    def stack(self, buffer: Buffer) -> Any:
        """Memory for the blocks of a buffer one after another, for one chunk of time."""
        if buffer not in self.stacks:
            shape = (buffer.blocks, buffer.term.steps, *buffer.term.shape)
            self.stacks[buffer] = self.device.empty(shape, buffer.term.dtype)
            self.extra.append(self.stacks[buffer])
        return self.stacks[buffer]

    def blocks(self, buffer: Buffer, lo: int, hi: int) -> Any:
        """Blocks that lie side by side, as an array with the block as its first axis."""
        array = self.array(buffer)[buffer.before + lo : buffer.before + hi]
        shape = (*array.shape[:-1], buffer.blocks, buffer.term.shape[-1])
        axes = (len(shape) - 2, *range(len(shape) - 2), len(shape) - 1)
        return array.reshape(shape).transpose(axes)

    def scratch(self, shape: tuple[int, ...], dtype: Any) -> Spread:
        """Memory for one call after another."""
        self.extra.append(self.device.empty(shape, dtype))
        return Spread(self.extra[-1], "step")
