"""Which Graphviz is there, and how to call it: a path, the wheel, or the program."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...errors import RenderError

CURES = "`pip install pygraphviz` (needs no root), or `apt-get install graphviz`"
SECONDS = 60

_warned: set[str] = set()


class RenderWarning(UserWarning):
    """A drawing that had to do with less than was asked for."""


@dataclass(frozen=True)
class Engine:
    """A way to run Graphviz: `run(dot, program, format)`.

    The program is "dot", or "nop2" where all boxes have their places.
    """

    name: str
    run: Callable[[str, str, str], bytes]


def find() -> Engine | None:
    """TINYGRAD_LSTM_DOT, else pygraphviz (the wheel that has Graphviz inside), else `dot`."""
    path = os.environ.get("TINYGRAD_LSTM_DOT")
    if path:
        if (program := _program(path)) is not None:
            return program
        warn_once(f"TINYGRAD_LSTM_DOT={path!r} does not run; drawing without it")
    if (wheel := _wheel()) is not None:
        return wheel
    found = shutil.which("dot")
    return _program(found) if found else None


def warn_once(text: str) -> None:
    """Say it once in a process: a notebook draws the same thing many times."""
    if text not in _warned:
        _warned.add(text)
        warnings.warn(text, RenderWarning, stacklevel=3)


def render(dot: str, program: str, form: str) -> bytes:
    """The DOT text in another format.

    Raises:
        RenderError: no engine is there, or it failed.
    """
    engine = find()
    if engine is None:
        raise RenderError(
            f"{form} needs Graphviz, which is not here: {CURES}. SVG and DOT need none"
        )
    try:
        return engine.run(dot, program, form)
    except Exception as error:
        raise RenderError(f"{engine.name} could not make {form}: {error}") from error


@functools.lru_cache(maxsize=8)
def _program(path: str) -> Engine | None:
    try:
        said = subprocess.run([path, "-V"], capture_output=True, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = (said.stderr or said.stdout).decode(errors="replace").strip()

    def run(dot: str, program: str, form: str) -> bytes:
        command = [path, f"-K{program}", f"-T{form}"]
        done = subprocess.run(
            command, input=dot.encode(), capture_output=True, timeout=SECONDS, check=True
        )
        return done.stdout

    return Engine(version, run)


@functools.lru_cache(maxsize=1)
def _wheel() -> Engine | None:
    try:
        with _silent(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pygraphviz
    except Exception:  # a wheel for another platform fails in many ways; then there is none
        return None
    version = tuple(int(part) for part in pygraphviz.__version__.split(".")[:3] if part.isdecimal())
    if version < (2, 0, 1):  # older ones only call the program
        return None
    inside = importlib.import_module("pygraphviz.graphviz")
    parts = [
        str(getattr(inside, f"GRAPHVIZ_{p}_VERSION", "?")) for p in ("MAJOR", "MINOR", "PATCH")
    ]

    def run(dot: str, program: str, form: str) -> bytes:
        with _silent(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pygraphviz.AGraph(string=dot).draw(format=form, prog=program) or b""

    return Engine(f"Graphviz {'.'.join(parts)} in pygraphviz {pygraphviz.__version__}", run)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Setting up fonts prints to file descriptor 2; in a notebook that lands in the cell."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
