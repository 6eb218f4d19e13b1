"""Calls of a plan on CuPy as Python statements, with the text of its kernels."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from . import cupy_words
from .arenas import Arenas
from .cupy_device import on_cuda
from .kernel_text import HELPERS, KernelText
from .statements import WIDTH, Statements, definition


class CupyStatements(Statements):
    """Writes calls of a `CupyDevice` down; `np` stands for CuPy until all is written."""

    put = "put"

    def __init__(self, device: Any, arrived: Any, arenas: Arenas) -> None:
        super().__init__(device, arrived, arenas)
        self._product = device.matmul
        self._texts = device.texts()
        self._kernels: dict[int, str] = {}
        self._helpers["put"] = cupy_words.put

    def helpers(self) -> list[str]:
        """The functions that the calls are made of, and the kernels."""
        lines: list[str] = []
        for f in self._helpers.values():
            lines += ["", "", *definition(f).splitlines()]
        if self._kernels:
            lines += ["", "", 'HELPERS = """', *on_cuda(HELPERS).splitlines(), '"""']
        for f, name in self._kernels.items():
            lines += ["", *_kernel(name, self._texts[f])]
        return lines

    def _function(self, f: Callable) -> str:
        if id(f) in self._texts:
            return self._kernels.setdefault(id(f), f"kernel_{len(self._kernels)}")
        name = "product" if f is self._product else f.__name__
        self._helpers[name] = getattr(cupy_words, name)
        return name


def in_cupy(text: str) -> str:
    """The text with CuPy in NumPy's place."""
    return re.sub(r"\bnp\b", "cp", text.replace("import numpy as np", "import cupy as np"))


def _kernel(name: str, text: KernelText) -> list[str]:
    return [
        f"{name} = np.ElementwiseKernel(",
        *_quoted(_wrapped(text.inputs)),
        *_quoted(_wrapped(text.outputs)),
        *_quoted(text.body.splitlines(keepends=True)),
        '    "plan",',
        "    preamble=HELPERS,",
        "    no_return=True,",
        ")",
    ]


def _wrapped(params: str) -> list[str]:
    """Parameters in pieces that fit a line."""
    *lines, last = textwrap.wrap(params, WIDTH - 8) or [""]
    return [*(line + " " for line in lines), last]


def _quoted(pieces: Sequence[str]) -> list[str]:
    """A string in several pieces, one below the other."""
    lines = ['    "' + piece.replace("\n", "\\n") + '"' for piece in pieces]
    return [*lines[:-1], lines[-1] + ","]
