"""What must have memory of its own gets it, by a copy: the last pass, always on.

A carry is its `next` one slot earlier, so every carry needs a `next` that was computed, and that no
other carry uses; rows can only be laid one below the other where they lie in one piece; and
gradients may share memory neither with each other nor with what came from outside.
"""

from __future__ import annotations

from dataclasses import replace

from ..program import Program
from ..schedule import is_view, makes_memory
from ..tape import Tape
from ..terms import Term

GIVEN = ("input", "inputs", "seed", "seeds", "parameter", "leaf", "draw", "const", "given")


def settle(program: Program) -> Program:
    """Copies where memory is needed and a view would do for the numbers."""
    program = program.rewritten(_in_one_piece)
    program = _apart(program)
    taken: set[Term] = set()
    tape = program.tape
    for c in [x for x in program.terms() if x.fn == "carry"]:
        v = c.next
        if not v.steps or not makes_memory(v) or v.fn in GIVEN or v in taken:
            c.next = tape.make("copy", (v,), ("of", c.born), v.shape, v.dtype, c.steps)
        taken.add(c.next)
    return program


def _apart(program: Program) -> Program:
    """No two gradients share memory, for an optimiser may change one of them in place.

    Several steps of one term do not share any, if each has its own of what the term is a view of.
    """
    seen: dict[Term, set[tuple[Term, int]]] = {}
    grads = dict(program.grads)
    for name, (x, t) in program.grads.items():
        base = _looked_at(x)
        others = seen.setdefault(base, set())
        own = base.steps == x.steps > 0 and all(y is x and k != t for y, k in others)
        if (others and not own) or base.fn in GIVEN:
            shape, dtype = x.shape, x.dtype
            one = program.tape.at(x, t)
            grads[name] = (program.tape.make("copy", (one,), ("for", name), shape, dtype, 0), 0)
        others.add((x, t))
    return replace(program, grads=grads)


def _looked_at(x: Term) -> Term:
    """What x is a view of; a carry may be its own next."""
    passed = set()
    while is_view(x) and x not in passed:
        passed.add(x)
        x = x.next if x.fn == "carry" else x.args[0]
    return x


def _in_one_piece(tape: Tape, x: Term, args: list[Term]) -> Term | None:
    if x.fn == "flip":
        return _copy(tape, tape.flip(args[0]))
    if x.fn == "reshape" and not _plain(args[0]):
        return tape.reshape(_copy(tape, args[0]), x.shape)
    return None


def _plain(x: Term) -> bool:
    """Whether x lies in one piece, rows first."""
    while x.fn in ("reshape", "whole", "rows", "at", "carry", "alias"):
        if x.fn == "carry":
            return True
        (x,) = x.args
    return makes_memory(x) or x.fn == "const" or (x.fn == "given" and x.steps > 0)


def _copy(tape: Tape, x: Term) -> Term:
    return tape.make("copy", (x,), None, x.shape, x.dtype, x.steps)
