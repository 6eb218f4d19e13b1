"""The search for the bug: which known mistakes lead to exactly the numbers that were returned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...tensor import Tensor
from .alterations import Altered, alterations
from .case import Case, Gradients, Moment, Slip, differentiate
from .catalogue import known_mistakes
from .mistakes import Anatomy, Mistake, listed
from .verdict import agrees
from .whereabouts import Returned, right_for

Known = Sequence[tuple[Mistake, Gradients]]


class Finding(NamedTuple):
    """A mistake that was found: its name, where it sits, what to do."""

    name: str
    place: str
    advice: str


@dataclass(frozen=True)
class Found:
    """Mistakes that together explain every number.

    Attributes:
        findings: all of them, the farthest reaching first.
        mistakes: those that sit in the rules, as opposed to in a single result.
        others: further mistakes, each of which would explain the same.
    """

    findings: tuple[Finding, ...]
    mistakes: tuple[Mistake, ...] = ()
    others: tuple[str, ...] = ()


def search(case: Case, returned: Returned, bad: Returned) -> Found | None:
    """What explains all arrays returned, of which `bad` are wrong; None if nothing known does.

    First one mistake alone, then spoilt results, then mistakes that do not touch each other, then
    a mistake whose results were spoilt besides.
    """
    returned = {key: y for key, y in returned.items() if key != "hs"}
    bad = {key: y for key, y in bad.items() if key != "hs"}
    known, exact = _predicted(case, returned)
    if exact:
        others = dict.fromkeys(f"{m.name}, in {m.place}" for m in exact if m.name != exact[0].name)
        return Found((_finding(exact[0]),), (exact[0],), tuple(others)[:3])
    truth = differentiate(case)
    if (spoilt := _spoilt(case, truth, bad)) is not None:
        return Found(spoilt)
    return _apart(case, truth, known, returned, bad) or _spoilt_besides(case, known, returned, bad)


def _predicted(case: Case, returned: Returned) -> tuple[Known, list[Mistake]]:
    """What every known mistake leads to, and those that lead to exactly what was returned."""
    known, exact = [], []
    if not any(y.any() for y in returned.values()):
        return known, exact  # zeros could come from anything
    for mistake in known_mistakes(case.cell):
        predicted = mistake.predict(case)
        known.append((mistake, predicted))
        if not _unlike(predicted, returned):
            exact.append(mistake)
            if len(returned) >= len(case.params):
                break  # so many numbers leave no doubt
    return known, exact


def second(case: Case, first: Mistake, returned: Returned) -> Found | None:
    """A known mistake that together with the first explains all arrays; None if there is none."""
    returned = {key: y for key, y in returned.items() if key != "hs"}
    for other in known_mistakes(case.cell):
        if other.other is None and first.other is None:
            predicted = differentiate(case, _merged(first.slips, other.slips))
            if not _unlike(predicted, returned):
                return Found((_finding(first), _finding(other)), (first, other))
    return None


def _unlike(predicted: Gradients, returned: Returned) -> dict[str, np.ndarray]:
    """The arrays that a prediction does not explain."""
    return {k: y for k, y in returned.items() if not agrees(y, right_for(predicted, k, y))}


def _spoilt(case: Case, right: Gradients, bad: Returned) -> tuple[Finding, ...] | None:
    """What was done to each bad array; None if that stays open for any."""
    anatomy, reasons = Anatomy(case.cell), {}
    for key, yours in bad.items():
        ways = alterations(case, anatomy, right, key)
        reasons[key] = next((way for way in ways if agrees(yours, way.value)), None)
        if reasons[key] is None:
            return None
    return tuple(_grouped(reasons, case))


def _grouped(reasons: Mapping[str, Altered | None], case: Case) -> Iterable[Finding]:
    """One finding for all arrays that suffer from the same."""
    kinds: dict[str, dict[str, str]] = {}
    for key, altered in reasons.items():
        assert altered is not None
        kinds.setdefault(altered.name, {})[key] = altered.advice
    for name, advice in kinds.items():
        everything = {*advice} >= {*case.params}
        place = "every parameter" if everything else listed(advice)
        yield Finding(name, place, "; ".join(dict.fromkeys(advice.values())))


def _apart(
    case: Case, truth: Gradients, known: Known, returned: Returned, bad: Returned
) -> Found | None:
    """Mistakes each of which explains every array that it changes, and together all."""
    fitting: list[tuple[Mistake, set[str]]] = []
    for mistake, predicted in known:
        changed = {k for k in bad if not agrees(*_pair(predicted, truth, k, bad[k]))}
        wrong = _unlike(predicted, returned)
        if changed and not changed & wrong.keys() and wrong.keys() <= bad.keys():
            fitting.append((mistake, changed))
    left, chosen = set(bad), []
    while fitting:
        mistake, changed = max(fitting, key=lambda one: len(one[1] & left))
        if not changed & left:
            break
        chosen.append(mistake)
        left -= changed
    rest = _spoilt(case, truth, {k: y for k, y in bad.items() if k in left}) if chosen else None
    if rest is None:
        return None
    return Found((*map(_finding, chosen), *rest), tuple(chosen))


def _pair(
    predicted: Gradients, truth: Gradients, key: str, yours: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return right_for(predicted, key, yours), right_for(truth, key, yours)


def _spoilt_besides(case: Case, known: Known, returned: Returned, bad: Returned) -> Found | None:
    """A mistake that explains some of the arrays, the results for the others being spoilt too."""
    ways = [(mistake, predicted, _unlike(predicted, returned)) for mistake, predicted in known]
    for mistake, predicted, left in sorted(ways, key=lambda way: len(way[2])):
        if bad.keys() - left.keys() and (spoilt := _spoilt(case, predicted, left)) is not None:
            return Found((_finding(mistake), *spoilt), (mistake,))
    return None


def _merged(a: Mapping[Tensor, Slip], b: Mapping[Tensor, Slip]) -> dict[Tensor, Slip]:
    def both(node: Tensor) -> Slip:
        def slip(m: Moment) -> list:
            return [x if x is not None else y for x, y in zip(a[node](m), b[node](m))]

        return slip

    return {**a, **b, **{node: both(node) for node in a if node in b}}


def _finding(mistake: Mistake) -> Finding:
    return Finding(mistake.name, mistake.place, mistake.advice)
