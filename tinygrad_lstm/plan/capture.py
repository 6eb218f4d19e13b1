"""Lists of calls as CUDA graphs: the device runs them from memory, without the host's calls.

A call from the host costs about as much time as a small kernel runs; a graph of hundreds of kernels
is launched by one call.  In it stand the addresses of arrays, so it is right for as long as they
stay where they are: what its calls take in between comes from a pool that nobody else uses.
"""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cupy_device import CupyDevice

Call = tuple[Callable[..., Any], tuple[Any, ...]]


@dataclass
class Part:
    """Calls that follow each other; `host` says why the host must make them, if it must."""

    calls: list[Call]
    host: str = ""
    graph: Any = None


def parts_of(calls: Sequence[Call], hosts: Sequence[str]) -> list[Part]:
    """The calls in as few parts as possible, given for each why the host must make it."""
    parts: list[Part] = []
    for call, host in zip(calls, hosts):
        if not parts or parts[-1].host != host:
            parts.append(Part([], host))
        parts[-1].calls.append(call)
    return parts


class Replay:
    """Makes the calls: the first time one by one, the second time as graphs, then launches these.

    The first time kernels are compiled and cuBLAS takes its workspace, which a capture forbids.

    Args:
        device: CuPy.
        parts: the calls of a step.
    """

    def __init__(self, device: CupyDevice, parts: Sequence[Part]) -> None:
        self.device, self.xp, self.parts = device, device.xp, parts
        cuda = self.xp.cuda
        self.stream = cuda.Stream(non_blocking=True)
        self.pool = cuda.MemoryPool()
        self.refused = ""
        self._here, self._there = (cuda.Event(disable_timing=True) for _ in range(2))
        self._times = 0

    def __str__(self) -> str:
        graphs = [p for p in self.parts if p.graph is not None]
        count = sum(len(p.calls) for p in graphs)
        told = f"{len(graphs)} CUDA graph{'s' * (len(graphs) != 1)} of {count:,} calls"
        others = sum(len(p.calls) for p in self.parts) - count
        reasons = dict.fromkeys([p.host for p in self.parts if p.host])
        reasons = [*reasons, *([self.refused] if self.refused else [])]
        if not graphs and not self.refused:
            reasons.append("graphs are captured in the second step")
        return told + (f"; {others:,} calls one by one: {', '.join(reasons)}" if others else "")

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Inside, work is queued on a stream of the plan's own, after all that came before.

        Raises:
            RangeError: if an earlier step has met a row or a class that does not exist.
        """
        self.device.tell()
        outer = self.xp.cuda.get_current_stream()
        self.stream.wait_event(outer.record(self._here))
        try:
            with self.stream:
                yield
        finally:
            outer.wait_event(self.stream.record(self._there))

    def __call__(self) -> None:
        """One step, inside of `turn`; the first waits, and tells what it has met itself."""
        if self._times == 1 and not self.refused:
            self._capture()
        self._times += 1
        self.device.begin()
        for part in self.parts:
            if part.graph is not None:
                part.graph.launch(self.stream)
            else:
                self._make(part)
        self.device.end()
        if self._times == 1:
            self.stream.synchronize()
            self.device.tell()

    def _make(self, part: Part) -> None:
        with contextlib.ExitStack() as stack:
            if not part.host:
                stack.enter_context(self.xp.cuda.using_allocator(self.pool.malloc))
            for f, args in part.calls:
                f(*args)

    def _capture(self) -> None:
        """Write down every part that does not need the host; nothing is computed by that."""
        self.stream.synchronize()
        graphs = []
        try:
            for part in self.parts:
                graphs.append(None if part.host else self._captured(part))
        except Exception as error:
            self.refused = f"{type(error).__name__}: {error}"
            warnings.warn(f"plan: not captured as a CUDA graph: {self.refused}", stacklevel=5)
            return
        for part, graph in zip(self.parts, graphs):
            part.graph = graph

    def _captured(self, part: Part) -> Any:
        self.stream.begin_capture()
        try:
            with _uncollected():
                self._make(part)
        except BaseException:
            with contextlib.suppress(Exception):  # what broke it is the error to tell
                self.stream.end_capture()
            raise
        return self.stream.end_capture()


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Inside, no garbage is collected: to destroy what is of the device would break a capture."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
