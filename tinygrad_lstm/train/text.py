"""From a text to class numbers: reading, vocabulary, split, and windows for truncated BPTT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import TextError

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""How class 0 is shown: it stands for every character that the training part does not have."""

IGNORED = -100
"""The target of a place that holds no character; cross-entropy skips it."""


@dataclass(frozen=True)
class Text:
    """A text as class numbers, its first nine tenths for training and the rest held out.

    Attributes:
        name: what the report calls it.
        vocabulary: the character of every class; class 0 is `UNKNOWN`.
        training, held_out: class numbers, in the order of the text.
    """

    name: str
    vocabulary: tuple[str, ...]
    training: np.ndarray
    held_out: np.ndarray

    def encode(self, characters: str) -> np.ndarray:
        """The class number of every character."""
        number = {c: k for k, c in enumerate(self.vocabulary) if k > 0}
        return np.array([number.get(c, 0) for c in characters], dtype=np.int64)

    def decode(self, ids: np.ndarray) -> str:
        """The characters of class numbers."""
        return "".join(self.vocabulary[k] for k in ids)

    def repeated(self, at_least: int = 40) -> float:
        """The share of the held-out lines of some length that occur in the training part too."""
        known = set(self.decode(self.training).split("\n"))
        lines = [s for s in self.decode(self.held_out).split("\n") if len(s) >= at_least]
        return sum(line in known for line in lines) / max(len(lines), 1)


class Window(NamedTuple):
    """What N lanes read in T timesteps.

    Attributes:
        ids: (T, N), the characters read.
        targets: (T, N), the character after each; `IGNORED` beyond the end of a lane.
        first: whether the lanes begin here, so that the state before is zero.
    """

    ids: np.ndarray
    targets: np.ndarray
    first: bool


def python_reference() -> str:
    """The Python language reference that comes with CPython, its topics in alphabetical order."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise TextError("this Python comes without pydoc_data; give a text with --text") from None
    return "\n\n".join(topics[name] for name in sorted(topics))


def read_text(path: str | Path) -> str:
    """The characters of a UTF-8 file; line ends become newlines, a byte order mark is dropped.

    Raises:
        TextError: if the file cannot be read, is not UTF-8, or is empty.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(f"{path}: not UTF-8 (byte {error.start} does not fit)") from None
    except (OSError, ValueError) as error:
        raise TextError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not text:
        raise TextError(f"{path}: the file is empty")
    return text


def split_text(name: str, characters: str, window: int) -> Text:
    """Number the characters; the vocabulary is that of the training part.

    Raises:
        TextError: if the training part is shorter than one window and the character after it, or
            fewer than two characters are held out.
    """
    cut = len(characters) * 9 // 10
    need = max(-(-10 * (window + 1) // 9), 11)
    if len(characters) < need:
        raise TextError(
            f"{name}: {len(characters):,} characters are too few; one window of {window} steps, "
            f"with a tenth held out, takes {need:,}"
        )
    text = Text(name, (UNKNOWN, *sorted(set(characters[:cut]))), *(np.empty(0, int),) * 2)
    ids = text.encode(characters)
    return Text(name, text.vocabulary, ids[:cut], ids[cut:])


def lanes_for(length: int, at_most: int, T: int) -> int:
    """How many lanes a text can be cut into so that each still fills a window."""
    return max(1, min(at_most, (length - 1) // T))


def windows(ids: np.ndarray, N: int, T: int) -> Iterator[Window]:
    """One pass over a text that is cut into N lanes, read side by side, T characters at a time.

    Every character but the first is a target exactly once.  Lane n continues from window to
    window, which is what lets the state be carried.
    """
    count, length = len(ids) - 1, lane_length(ids, N)
    for first in range(0, length, T):
        along = np.arange(first, first + T)[:, None]
        places = along + np.arange(N) * length
        real = (along < length) & (places < count)
        places = np.minimum(places, count - 1)
        targets = np.where(real, ids[places + 1], IGNORED)
        yield Window(ids[places], targets, first == 0)


def endless(ids: np.ndarray, N: int, T: int, start: int = 0) -> Iterator[Window]:
    """The windows of one pass over the text after another, from number `start` on."""
    a_pass = -(-lane_length(ids, N) // T)
    yield from islice(windows(ids, N, T), start % a_pass, None)
    while True:
        yield from windows(ids, N, T)


def lane_length(ids: np.ndarray, N: int) -> int:
    """How many characters of a text each of N lanes reads; the last lane may have fewer."""
    return -(-(len(ids) - 1) // N)
