"""Python names for nodes, and formulas in comments: the author's names, made fit for source."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from ..tensor import Tensor

_RESERVED = {"np", "weights", "grads", "saved", "step", "step_backward"}
_SIGNS = {
    r"\odot": "⊙", r"\top": "ᵀ", r"\partial": "∂", r"\sum": "Σ", r"\textstyle": "", r"\,": " ",
    r"\ ": " ", r"\lt": "<", r"\gt": ">", r"\sim": "~", r"\wedge": "^", r"\lvert": "|",
    r"\rvert": "|", r"\_": "_",
}  # fmt: skip


class Identifiers:
    """One Python name for each node, no two alike."""

    def __init__(self, letters: Iterable[Any] = ()) -> None:
        self._taken = {*_RESERVED, *letters}
        self._names: dict[Tensor, str] = {}
        self.numbered: set[str] = set()

    def __contains__(self, node: Tensor) -> bool:
        return node in self._names

    def __getitem__(self, node: Tensor) -> str:
        return self._names[node]

    def get(self, node: Tensor, otherwise: str) -> str:
        return self._names.get(node, otherwise)

    def give(self, node: Tensor, name: str, scope: str | None = None) -> str:
        """Name the node, with the number of its layer: W_x of layer 2 is W2_x."""
        layers = "_".join(re.findall(r"(?:^|/)layer=(\d+)", scope or ""))
        stem, suffix = _split(name)
        name = f"{stem[:1]}{layers}{stem[1:]}" if stem[1:2] == "_" else stem + layers
        name += suffix
        name = re.sub(r"\W", "_", name) or "u"
        name = f"{name}_" if keyword.iskeyword(name) else name
        name = name if name.isidentifier() else f"_{name}"
        base, k = name, 2
        while name in self._taken:
            name, k = f"{base}_{k}", k + 1
        return self.share(node, name)

    def share(self, node: Tensor, name: str) -> str:
        """Give the node a name that another one may have had before it."""
        self._taken.add(name)
        self._names[node] = name
        return name

    def describe(self, node: Tensor) -> str:
        """Name an anonymous node by what made it: tanh_c; else v1, v2 ..."""
        parents = [self._names.get(parent) for parent in node.parents]
        if node.op is not None and len(parents) == 1 and parents[0]:
            return self.give(node, f"{type(node.op).__name__.lower()}_{parents[0]}")
        k = 1
        while f"v{k}" in self._taken:
            k += 1
        self.numbered.add(f"v{k}")
        return self.give(node, f"v{k}")


def _split(name: str) -> tuple[str, str]:
    """c_prev_bar is c and _prev_bar."""
    stem = name.removesuffix("_bar").removesuffix("_prev")
    return stem, name[len(stem) :]


def comment(latex: str) -> str:
    r"""LaTeX as a line of text: \bar{c}_t \odot f_t is c̄_t ⊙ f_t."""
    text = re.sub(r"\\(bar|overline)\{((?:[^{}]|\{[^{}]*\})*)\}", _barred, latex)
    text = re.sub(r"\\(?:mathrm|operatorname)\{((?:[^{}]|\\_)*)\}", r"\1", text)
    inner = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
    text = re.sub(rf"\\t?frac{inner}{inner}", _fraction, text)
    for sign, shown in _SIGNS.items():
        text = re.sub(re.escape(sign) + r"(?![A-Za-z])", lambda _, shown=shown: shown, text)
    text = re.sub(r"\\([A-Za-z]+)", _word, text).replace("^2", "²").replace("^ᵀ", "ᵀ")
    text = re.sub(r"_\{(\w)\}", r"_\1", text.replace("&", ""))
    return re.sub(r" +", " ", text.replace("\\", "")).strip()


def _fraction(match: re.Match) -> str:
    above, below = (f"({part})" if " " in part else part for part in match.groups())
    return f"{above} / {below}"


def _barred(match: re.Match) -> str:
    inner = re.sub(r"\\mathrm\{(.*)\}", r"\1", match[2])
    inner = re.sub(r"\\([A-Za-z]+)", _word, inner)
    return f"{inner}\N{COMBINING MACRON}" if len(inner) == 1 else f"{inner}_bar"


def _word(match: re.Match) -> str:
    size = "CAPITAL" if match[1][0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {match[1].upper()}")
    except KeyError:
        return match[1]
