"""One plain sentence for each step, put together from the graph's names and formulas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..tensor import Parameter
from .wording import Wording, gradient_of, place

MOST, LONGEST = 4, 90
"""So many parents are named in a sentence, and formulas end after so many characters."""


class Sentences:
    """Says what happens at a step.

    Args:
        receivers: the parent of every contribution that the backward pass will send.
        planted: the seeds with which that begins.
    """

    def __init__(
        self, graph: Any, wording: Wording, receivers: Iterable[Any], planted: Mapping[Any, Any]
    ) -> None:
        self.wording, self.planted = wording, planted
        self.readers = Counter(p for node in graph.nodes for p in set(node.parents))
        self.expected, self.received = Counter(receivers), Counter()

    def counted(self, node: Any, sent: Sequence[tuple]) -> list[tuple]:
        """The fields of each `Contribution`, with its formula and its number among its kin."""
        rows = []
        for (parent, g, *rest), made in zip(sent, self.wording.contributions(node)):
            self.received[parent] += g is not None
            count = self.received[parent], self.expected[parent]
            text = ("", "") if g is None or made is None else (made.plain.text, made.latex.text)
            rows.append((parent, g, *rest, *count, *text))
        return rows

    def forward(self, node: Any) -> str:
        """ "t = 3, forward: c_3 = f_3 * c_2 + i_3 * g_3; c_2 comes over from t = 2." """
        name, formula = self.wording.names[node], self.wording.formulas[node]
        said = (
            f"{name.plain.text} is worked out by {self._made_by(node)}"
            if name is formula
            else f"{name.plain.text} = {_cut(formula.plain.text)}"
        )
        t, _ = place(node.scope)
        for parent in dict.fromkeys(node.parents):
            t_then, _ = place(parent.scope)
            if t is not None and t_then is not None and t_then != t:
                said += f"; {self.wording.name(parent)} comes over from t = {t_then}"
            elif isinstance(parent, Parameter) and parent.ndim > 1 and self.readers[parent] > 1:
                shared = f"the same {self.wording.name(parent)} as in every timestep"
                said += f"; {shared}" if t is not None else ""
        return f"{_where(node)}forward: {said}."

    def _made_by(self, node: Any) -> str:
        parents = _list([self.wording.name(p) for p in dict.fromkeys(node.parents)])
        return f"{type(node.op).__name__} from {parents}"

    def beginning(self) -> str:
        """What L is: which outputs it reads, and how strongly."""
        given = []
        for node, seed in self.planted.items():
            bar = gradient_of(self.wording.names[node]).plain.text
            given.append(f"{bar} = {seed.item():g}" if seed.shape == () else bar)
        more = f" and {len(given) - 3} more" if len(given) > 3 else ""
        return f"The backward pass begins with what is given: {', '.join(given[:3])}{more}."

    def backward(self, node: Any, contributions: Sequence[tuple]) -> str:
        """ "t = 3, backward: f_3 receives dL/dc_3 * c_2, because c_3 = f_3 * c_2 + i_3 * g_3." """
        name, formula = self.wording.names[node], self.wording.formulas[node]
        sent = [c for c in contributions if c[1] is not None]
        told = _list([f"{self.wording.name(c[0])} receives {c[7] or 'its share'}" for c in sent])
        if not sent:
            told = "no gradient flows on"
        why = (
            f"because {name.plain.text} was worked out from {'it' if len(sent) == 1 else 'them'}"
            if name is formula
            else f"because {name.plain.text} = {_cut(formula.plain.text)}"
        )
        return f"{_where(node)}backward: {told}, {why}.{self._complete(node)}{self._counts(sent)}"

    def _complete(self, node: Any) -> str:
        arrived, given = self.received[node], node in self.planted
        if arrived + given < 2:
            return ""
        bar = gradient_of(self.wording.names[node]).plain.text
        parts = [f"{arrived} contribution{'s' * (arrived > 1)}"] + ["what was given"] * given
        return f" {bar} is complete, the sum of {_list(parts)}."

    def _counts(self, sent: Sequence[tuple]) -> str:
        """How many contributions each parent has now, and of how many."""
        said = ""
        counts: dict[tuple[int, int], list[str]] = {}
        for parent, _, _, _, _, number, of, *_ in sent:
            if of > 1:
                counts.setdefault((number, of), []).append(self.wording.name(parent))
        for (number, of), names in counts.items():
            have = "have" if len(names) > 1 else "has"
            each = " each" if len(names) > 1 else ""
            said += f" {_list(names)} {have} now received {number} of {of} contributions{each}."
        return said


def _where(node: Any) -> str:
    t, layer = place(node.scope)
    words = [f"t = {t}"] * (t is not None) + [f"layer {layer}"] * (layer is not None)
    return "".join(f"{word}, " for word in words)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _list(parts: Sequence[str]) -> str:
    if len(parts) > MOST:
        parts = [*parts[: MOST - 1], f"{len(parts) - MOST + 1} more"]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
