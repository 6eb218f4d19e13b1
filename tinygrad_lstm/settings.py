"""What holds for the calls that follow in this thread: recording, dtype, random streams."""

from __future__ import annotations

import contextlib
import threading
import zlib
from typing import Any

import numpy as np

from .errors import ArgumentError, DtypeError


class _Local(threading.local):
    recording = True
    training = True
    dtype = np.dtype("float32")
    backend: Any = "numpy"
    device: Any = None
    entropy: int | None = None

    def __init__(self) -> None:
        self.streams: dict[str, np.random.Generator] = {}


LOCAL = _Local()


class Setting:
    """A change that holds from now on; used with `with`, the old values come back on leaving."""

    def __init__(self, **values: Any) -> None:
        self._before = {name: getattr(LOCAL, name) for name in values}
        for name, value in values.items():
            setattr(LOCAL, name, value)

    def __enter__(self) -> Setting:
        return self

    def __exit__(self, *error: object) -> None:
        for name, value in self._before.items():
            setattr(LOCAL, name, value)


@contextlib.contextmanager
def no_grad():
    """Inside, ops compute but record nothing: results have no parents, so nothing can flow back."""
    with Setting(recording=False):
        yield


@contextlib.contextmanager
def evaluating():
    """Inside, `Dropout` keeps everything."""
    with Setting(training=False):
        yield


def default_dtype(name: str) -> Setting:
    """The dtype of new parameters and of Python floats: "float32" (as installed) or "float64".

    Call it to switch for good, or write `with default_dtype("float64"):`.
    """
    known = {"float32": np.dtype("float32"), "float64": np.dtype("float64")}
    if str(name) not in known:
        raise DtypeError(f"default_dtype: {name!r} is neither 'float32' nor 'float64'")
    return Setting(dtype=known[str(name)])


def seed(n: int) -> Setting:
    """Restart every random stream (initial weights, dropout, data, sampling) from the number n."""
    if not isinstance(n, int | np.integer) or n < 0:
        raise ArgumentError(f"seed({n!r}): a seed is a whole number from 0 on")
    return Setting(entropy=int(n), streams={})


def stream(purpose: str) -> np.random.Generator:
    """The generator of one purpose; drawing for one purpose never disturbs another."""
    if purpose not in LOCAL.streams:
        tag = zlib.crc32(purpose.encode())
        key = None if LOCAL.entropy is None else [LOCAL.entropy, tag]
        LOCAL.streams[purpose] = np.random.default_rng(key)
    return LOCAL.streams[purpose]


def stream_states() -> dict[str, Any]:
    """Where every random stream is, by purpose; only strings and numbers."""
    return {name: generator.bit_generator.state for name, generator in LOCAL.streams.items()}


def restore_streams(states: dict[str, Any]) -> None:
    """Put random streams back to where `stream_states` found them."""
    for purpose, state in states.items():
        stream(purpose).bit_generator.state = state
