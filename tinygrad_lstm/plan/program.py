"""A program of terms, and how it is read and rewritten."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from .tape import Tape
from .terms import POINTWISE, Term

Root = tuple[Term, int]
"""A term that is wanted, and the step of it (0 for a term outside time)."""


@dataclass(frozen=True)
class Program:
    """What is to be computed: a term (of one step) for every output and every gradient.

    Attributes:
        draws: random masks as lists of terms that are drawn together, step after step.
        times: how often its loops are run for each time that weights are prepared.
    """

    tape: Tape
    outputs: list[Root]
    grads: dict[str, Root]
    draws: list[list[Term]]
    times: int = 1

    def roots(self) -> list[Term]:
        """Every term that is wanted, once."""
        rest = (*self.outputs, *self.grads.values())
        return list(dict.fromkeys([*self.masks(), *(x for x, _ in rest)]))

    def masks(self) -> list[Term]:
        """All random masks."""
        return [x for together in self.draws for x in together]

    def terms(self) -> list[Term]:
        """Everything that the roots depend on, arguments first; a carry's `next` comes later."""
        seen: set[Term] = set()
        waiting = self.roots()
        while waiting:
            x = waiting.pop()
            if x not in seen:
                seen.add(x)
                waiting.extend(x.args)
                if x.next is not None:
                    waiting.append(x.next)
        return sorted(seen, key=lambda x: x.born)

    def users(self) -> dict[Term, list[Term]]:
        """Which terms read a term; a carry reads its `next`."""
        users: dict[Term, list[Term]] = {x: [] for x in self.terms()}
        for x in users:
            for a in (*x.args, *([x.next] if x.next is not None else [])):
                users[a].append(x)
        return users

    def rewritten(self, rule: Callable[[Tape, Term, list[Term]], Term | None]) -> Program:
        """The program in which `rule(tape, x, args)` stands for x; None keeps x, on new args."""
        tape = Tape()
        new: dict[Term, Term] = {}
        for x in self.terms():
            args = [new[a] for a in x.args]
            y = rule(tape, x, args)
            new[x] = again(tape, x, args) if y is None else y
            if new[x].name is None:
                new[x].name = x.name
        for x, y in new.items():
            if x.fn == "carry":
                y.next = new[x.next]
        return replace(
            self,
            tape=tape,
            outputs=[(new[x], t) for x, t in self.outputs],
            grads={name: (new[x], t) for name, (x, t) in self.grads.items()},
            draws=[[new[x] for x in together] for together in self.draws],
        )


def again(tape: Tape, x: Term, args: list[Term], T: int | None = None) -> Term:
    """The same call on other arguments, shortened where that has become possible.

    Args:
        T: over how many timesteps; by default as many as before.
    """
    if x.fn in POINTWISE and x.fn not in ("clip", "astype", "copy"):
        return tape.call(x.fn, *args)
    if x.fn == "const":
        return tape.const(x.how)
    if x.fn == "alias":
        return args[0]
    if x.fn == "reshape":
        return tape.reshape(args[0], x.shape)
    if x.fn == "permute":
        return tape.permute_dims(args[0], x.how)
    if x.fn == "getitem":
        return tape.getitem(args[0], tuple(slice(*k) if type(k) is tuple else k for k in x.how))
    if x.fn == "broadcast_to":
        return tape.broadcast_to(args[0], x.how)
    if x.fn == "concat" and not x.steps:
        return tape.concat(args, x.how)
    if x.fn in ("whole", "rows", "flip"):
        return getattr(tape, x.fn)(args[0])
    if x.fn == "total" and x.how is None:
        return tape.total(args[0], x.args[0].steps)
    return tape.make(x.fn, args, x.how, x.shape, x.dtype, x.steps if T is None else T)


@dataclass
class Core:
    """The terms of one loop that must be computed step after step, and the loop's carries."""

    carries: list[Term]
    terms: set[Term]
    level: int = 1


def cores(program: Program) -> list[Core]:
    """The recurrent parts: terms that depend on a carry and that the same carry depends on."""
    terms = program.terms()
    carries = [x for x in terms if x.fn == "carry"]
    if not carries:
        return []
    bit = {c: 1 << k for k, c in enumerate(carries)}
    below, above = _reading(terms, bit), _feeding(terms, bit)
    reach = {c: below[c.next] for c in carries}
    _close(reach, bit)
    found: list[Core] = []
    for c in carries:
        if reach[c] & bit[c] and not any(c in core.carries for core in found):
            ours = [d for d in carries if reach[c] & bit[d] and reach[d] & bit[c]]
            mask = sum(bit[d] for d in ours)
            members = {x for x in terms if below[x] & mask and above[x] & mask}
            found.append(Core(ours, members | set(ours)))
    return found


def _reading(terms: list[Term], bit: dict[Term, int]) -> dict[Term, int]:
    """Which carries a term depends on, within one step."""
    mask: dict[Term, int] = {}
    for x in terms:
        mask[x] = bit.get(x, 0)
        if x.fn != "carry" and x.steps:
            for a in x.args:
                mask[x] |= mask[a]
    return mask


def _feeding(terms: list[Term], bit: dict[Term, int]) -> dict[Term, int]:
    """Which carries depend on a term, within one step."""
    mask = dict.fromkeys(terms, 0)
    for c in bit:
        mask[c.next] |= bit[c]
    for x in reversed(terms):
        if x.fn != "carry" and x.steps:
            for a in x.args:
                mask[a] |= mask[x]
    return mask


def _close(reach: dict[Term, int], bit: dict[Term, int]) -> None:
    for c in reach:
        for d in reach:
            if reach[d] & bit[c]:
                reach[d] |= reach[c]


@dataclass
class Order:
    """When a term can be known: even levels outside of loops, odd ones inside of a core."""

    level: dict[Term, int]
    core_of: dict[Term, Core]
    cores: list[Core]

    def known(self, x: Term, seen_from: Core | None = None) -> tuple[int, bool]:
        """How late x is known for a reader in that core, and whether it changes with time."""
        level = self.level[x]
        if level % 2 and self.core_of[x] is not seen_from:
            level += 1
        return level, bool(x.steps)


def order(program: Program) -> Order:
    """The levels of all terms; a core is one unit, and comes after all that it reads."""
    found = cores(program)
    core_of = {x: core for core in found for x in core.terms}
    level: dict[Term, int] = {}
    if not found:
        return Order(dict.fromkeys(program.terms(), 0), core_of, found)

    def deps(unit: Term | Core) -> Iterable[Term]:
        members = unit.terms if isinstance(unit, Core) else (unit,)
        for x in members:
            yield from (a for a in x.args if core_of.get(a) is not unit)
            if x.next is not None and core_of.get(x.next) is not unit:
                yield x.next

    for x in program.terms():
        waiting: list[Term | Core] = [core_of.get(x, x)]
        while waiting:
            unit = waiting[-1]
            needs = [core_of.get(a, a) for a in deps(unit) if a not in level]
            if needs:
                waiting.extend(needs)
                continue
            waiting.pop()
            top = max((level[a] + level[a] % 2 for a in deps(unit)), default=0)
            if isinstance(unit, Core):
                unit.level = top + 1
                level.update(dict.fromkeys(unit.terms, top + 1))
            else:
                level[unit] = top
    return Order(level, core_of, sorted(found, key=lambda core: core.level))
