"""A training run in a file, so that another day it goes on exactly where it stopped."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import TextError
from ..settings import restore_streams, stream_states
from ..staging import staged
from .loop import Course
from .text import Text

FORMAT = 1
KINDS = ("parameter", "mean", "square", "state")
"""The arrays that a run changes in each step."""


class Checkpoint(NamedTuple):
    """What `load` has read.

    Attributes:
        session: how it was trained; for whoever saved it.
        text: name, vocabulary and fingerprint.
        parts: arrays by kind and name, see the function `parts`.
    """

    path: Path
    session: dict[str, Any]
    text: dict[str, Any]
    seconds: float
    streams: dict[str, Any]
    parts: dict[str, dict[str, np.ndarray]]


def check_place(path: Path) -> None:
    """Raise TextError if a file cannot be written there: better before a run than after it."""
    if path.is_dir():
        raise TextError(f"{path}: cannot write there: it is a folder")
    with staged(path.parent, last=path.name):
        pass


def save(path: Path, course: Course, session: dict[str, Any]) -> None:
    """Write the run into one file in NumPy's `.npz` format; the same run gives the same bytes.

    Raises:
        TextError: if the place cannot be written to; a file that was there is as it was then.
    """
    history, text = course.history, course.text
    about = {
        "format": FORMAT,
        "session": session,
        "text": {"name": text.name, "vocabulary": text.vocabulary, "digest": digest(text)},
        "seconds": 0.0 if course.recipe.steps else history.seconds,
        "streams": stream_states(),
    }
    arrays: Any = {
        f"{kind}/{name}": a for kind, p in parts(course).items() for name, a in p.items()
    }
    with staged(path.parent, last=path.name) as folder, open(folder / path.name, "wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)


def parts(course: Course) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of a run, by kind and name."""
    adam, history = course.adam, course.history
    return {
        "parameter": {name: p.data for name, p in adam.parameters.items()},
        "mean": adam.m,
        "square": adam.v,
        "state": {str(k): s for k, s in enumerate(course.state)},
        "history": {k: np.array(getattr(history, k)) for k in ("training", "looks", "held_out")},
    }


def load(path: Path) -> Checkpoint:
    """Read a file of `save`.

    Raises:
        TextError: if it cannot be read or is no such file.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = dict(file)
        about = json.loads(str(arrays.pop("about")))
        if about.pop("format") != FORMAT:
            raise ValueError("of another version")
        return Checkpoint(path, **about, parts=_by_kind(arrays))
    except OSError as error:
        raise TextError(f"{path}: {error.strerror or error}") from None
    except NOT_OURS:
        raise TextError(f"{path}: not a file that `train --save` of this version wrote") from None


NOT_OURS = (
    *(ValueError, KeyError, TypeError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
)
"""How reading fails when a file holds something else, or less."""


def _by_kind(arrays: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {}
    for key, array in arrays.items():
        kind, _, name = key.partition("/")
        found.setdefault(kind, {})[name] = array
    return found


def restore(saved: Checkpoint, course: Course) -> None:
    """Put a new run to where the saved one is.

    Raises:
        TextError: if the text is another one, or the arrays do not fit; nothing is changed then.
    """
    if saved.text["digest"] != digest(course.text):
        raise TextError(
            f"{saved.path} was trained on another text, {saved.text['name']}, or on what it was "
            f"then; {course.text.name} differs from that"
        )
    here, there = parts(course), saved.parts
    for kind in KINDS:
        _check_fit(saved, here[kind], there[kind])
    for kind in KINDS:
        for name, array in here[kind].items():
            array[...] = there[kind][name]
    history, kept = course.history, there["history"]
    history.training, history.held_out, history.looks = (
        kept[k].tolist() for k in ("training", "held_out", "looks")
    )
    history.steps = list(range(1, len(history.training) + 1))
    history.seconds, course.adam.steps = saved.seconds, len(history.steps)
    restore_streams(saved.streams)


def _check_fit(saved: Checkpoint, here: dict[str, Any], there: dict[str, Any]) -> None:
    for name in here | there:
        shapes = [named[name].shape if name in named else "missing" for named in (there, here)]
        if shapes[0] != shapes[1]:
            raise TextError(
                f"{saved.path} does not fit the cell: {name} is {shapes[0]} in the file and "
                f"{shapes[1]} here. It was saved with --cell {saved.session['cell']}; has that "
                "been changed since?"
            )


def digest(text: Text) -> str:
    """A fingerprint of the text and of how it is split."""
    found = hashlib.sha256("".join(text.vocabulary).encode())
    for ids in (text.training, text.held_out):
        found.update(ids.astype("<i8").tobytes())
    return found.hexdigest()
