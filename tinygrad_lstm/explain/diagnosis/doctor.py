"""`doctor`: call somebody's backward pass, compare it with the graph's, look for the bug."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from ...graph import Graph
from ..precision import in_float64
from .case import Case, differentiate
from .mistakes import listed
from .search import Found, search, second
from .verdict import Verdict, agrees, deviation
from .whereabouts import Returned, first_deviation, right_for

Backward = Callable[..., Mapping[str, Any]]


def doctor(
    my_backward: Backward,
    cell: Graph,
    *,
    T: int = 4,
    N: int = 3,
    window: int | None = None,
    seed: int = 0,
) -> Verdict:
    """Examine a hand-written backward pass through time, and name the bug in it if it is known.

    It is called as `my_backward(xs, state, params, hs_bar, end_bar)`, with float64 arrays:
    xs (T, N, D); state, the state before the first step as the cell takes it, (c_0, h_0) for an
    LSTM; params, the cell's parameters by name; hs_bar (T, N, H), the gradient dL/dh_t that arrives
    at each timestep from the loss; end_bar, dL/d(state after the last step), as `state`.  It runs
    its own forward pass and returns a dict with as many of these as it has:

    - the gradient of a parameter by its name ("W_hf"), or its contributions by timestep (T, ...);
    - the gradient of the inputs, "x" (T, N, D), and of the first state, "c_0" and "h_0";
    - dL/d(node) for any named node of the cell, such as "c" or "f", (T, N, H);
    - "hs" (T, N, H), the outputs of its forward pass: are they right?

    Names may also be written "dW_hf" or "W_hf_bar".

    Args:
        window: for truncated BPTT, after how many steps it is cut; by default it is not.
        seed: of the numbers on which it is examined; the cell's own are not used.

    Returns:
        A Verdict with `.ok`, `.diagnosis`, `.place` and `.advice`; print it.  A known mistake is
        named only if it leads to exactly the numbers that were returned.
    """
    with in_float64(cell):
        draw = np.random.default_rng(seed)
        for p in cell.parameters.values():
            p.data = 0.7 * draw.standard_normal(p.shape)
        return _Examination(my_backward, cell, window, seed).verdict(T, N)


class _Examination:
    """One backward pass, examined on cases of several sizes."""

    def __init__(self, my_backward: Backward, cell: Graph, window: int | None, seed: int) -> None:
        self.my_backward, self.cell = my_backward, cell
        self.window, self.seed = window, seed

    def case(self, T: int, N: int, end: bool = False) -> Case:
        """A case of this size; `end`: whether a gradient arrives at the state after step T."""
        cut = range(1 + self.window, T + 1, self.window) if self.window else ()
        return Case(self.cell, T, N, self.seed, end, cut)

    def verdict(self, T: int, N: int) -> Verdict:
        """First without a gradient at the end, as most write it; then with one."""
        case = self.case(T, N)
        returned = self.run(case)
        found = compared(case, returned)
        if found.ok:
            return self.with_an_end(T, N, found)
        bad = {d.key: returned[d.key] for d in found.wrong}
        places = [*self.sizes(T, N), first_deviation(self.cell, case, bad)]
        found = replace(found, first="; ".join(p for p in places if p))
        if known := search(case, returned, bad):
            return diagnosed(found, known)
        if "hs" in bad:
            return _other_forward(case, bad["hs"], found)
        return self.shorter(case, returned, found)

    def run(self, case: Case) -> dict[str, np.ndarray]:
        """What the user's function returns for a case, under the cell's names."""
        given = self.my_backward(
            case.xs.copy(),
            tuple(s.copy() for s in case.state),
            {name: array.copy() for name, array in case.params.items()},
            case.hs_bar.copy(),
            tuple(e.copy() for e in case.end_bar),
        )
        if not isinstance(given, Mapping):
            raise ArgumentError(
                f"doctor: your function returned a {type(given).__name__}; it returns a dict from "
                f"names to arrays, such as {{{case.keys[0]!r}: ...}}"
            )
        known = {*case.keys, "hs"}
        returned = {_known(key, known): _as_array(key, value) for key, value in given.items()}
        if not returned.keys() - {"hs"}:
            raise ArgumentError(
                f"doctor: your function returned no gradient of {listed(case.keys)}"
            )
        return returned

    def attempt(self, T: int, N: int) -> Verdict | None:
        """How another size comes out; None if the function cannot do it."""
        case = self.case(T, N)
        try:
            return compared(case, self.run(case))
        except Exception:
            return None

    def sizes(self, T: int, N: int) -> list[str]:
        """The shortest sequence that goes wrong, and whether a batch of one does."""
        said = []
        for steps in range(1, T):
            found = self.attempt(steps, N)
            if found is None or not found.ok:
                said += ["already with T = 1"] if steps == 1 and found else []
                break
        else:
            steps = T
        if steps > 1:
            said.append(f"with T = {steps}, while T = {steps - 1} is right: look at what is "
                        "carried from step to step")  # fmt: skip
        alone = self.attempt(T, 1) if N > 1 else None
        if alone is not None and alone.ok:
            said.append("with a batch of one all is right: look at the sums over the batch")
        return said

    def with_an_end(self, T: int, N: int, found: Verdict) -> Verdict:
        """All is right so far; is it so if a gradient arrives at the state after the last step?"""
        case = self.case(T, N, end=True)
        returned = self.run(case)
        ill = compared(case, returned)
        if ill.ok:
            return found
        ill = replace(ill, first=f"at t = {T}; with end_bar = 0 all is right")
        ignoring = differentiate(case, end=False)
        if not all(agrees(y, right_for(ignoring, key, y)) for key, y in returned.items()):
            known = search(case, returned, {d.key: returned[d.key] for d in ill.wrong})
            return diagnosed(ill, known) if known else ill
        ends = listed(n.name or "state" for n in self.cell.outputs)
        return replace(
            ill,
            diagnosis="the gradient at the end of the sequence is ignored",
            place=f"t = {T}",
            advice=f"start the loop with end_bar, dL/d({ends}) after the last step, not with zeros",
        )

    def shorter(self, case: Case, returned: Returned, found: Verdict) -> Verdict:
        """No known mistake explains all; perhaps one does as long as the sequence is short."""
        for steps in range(1, case.T):
            small = self.case(steps, case.N)
            try:
                some = self.run(small)
            except Exception:
                continue
            ill = compared(small, some)
            if ill.ok:
                continue
            known = search(small, some, {d.key: some[d.key] for d in ill.wrong})
            if known is None:
                return found
            if len(known.mistakes) == len(known.findings) == 1:
                if both := second(case, known.mistakes[0], returned):
                    return diagnosed(found, both)
            named = diagnosed(found, known)
            more = f"that explains all numbers of T = {steps}, not those of longer sequences"
            return replace(
                named,
                diagnosis=f"{named.diagnosis}; and something else",
                advice=f"{named.advice}; {more}: mend it, then ask again",
            )
        return found


def compared(case: Case, returned: Returned) -> Verdict:
    """Which of the arrays are right."""
    truth = differentiate(case)
    found = [deviation(key, y, right_for(truth, key, y)) for key, y in returned.items()]
    return Verdict(
        not any(found),
        tuple(key for key, d in zip(returned, found) if d is None),
        tuple(d for d in found if d is not None),
        tuple(name for name in case.params if name not in returned),
        sizes=f"T = {case.T}, N = {case.N}",
    )


def diagnosed(found: Verdict, known: Found) -> Verdict:
    """The verdict with its diagnosis."""
    findings = known.findings
    return replace(
        found,
        diagnosis="; and ".join(f.name for f in findings),
        place="; and ".join(f.place for f in findings),
        advice="; and ".join(f.advice for f in findings),
        others=known.others,
    )


def _other_forward(case: Case, hs: np.ndarray, found: Verdict) -> Verdict:
    """The values differ already, so that no gradient can be right."""
    same_shape = hs.shape == case.hs.shape
    wrong = (t for t, (a, b) in enumerate(zip(hs, case.hs), 1) if not agrees(a, b))
    return replace(
        found,
        diagnosis="the forward pass computes something else",
        place=f"h at t = {next(wrong, 1)}" if same_shape else "hs",
        advice="compare your forward pass with the cell's equations first; gradients can only be "
        "right for the values that were computed",
    )


def _known(key: Any, known: set[str]) -> str:
    """The cell's name for what the user calls W_hf, dW_hf or W_hf_bar."""
    text = str(key)
    plain = text.removesuffix("_bar").removeprefix("d" if text[1:2] != "_" else "")
    for name in (text, text.removesuffix("_bar"), plain, f"next_{plain}"):
        if name in known:
            return name
    near = difflib.get_close_matches(text, known, 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise ArgumentError(
        f"doctor: your function returned {text!r}, which this cell does not have.{meant}\n"
        f"  it has {', '.join(sorted(known))}"
    )


def _as_array(key: Any, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype.kind not in "fiu":
        raise ShapeError(f"doctor: {key!r} is no array of real numbers, but {value!r:.60}")
    return array
