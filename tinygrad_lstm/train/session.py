"""A character model of one's own text: train it, say how well it does, keep it in a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..blas import one_blas_thread
from ..errors import TextError
from ..settings import seed
from .baselines import baseline_bits
from .checkpoint import Checkpoint, check_place, load, restore, save
from .demo import EMBEDDING
from .evidence import Run
from .loop import Course, History, Recipe, train
from .model import CharModel, Sizes
from .probe import find_sentence
from .progress import Progress
from .sample import generate
from .text import Text, read_text, split_text
from .words import comparison, verdict

FIXED = ("layers", "hidden", "N", "T", "seed")
"""What a run keeps from its beginning to its end; the cell may have moved to another file."""
BEGINNING, WRITTEN = 12, 300
"""How many characters of the held-out text the model is given, and how many it writes."""


@dataclass(frozen=True)
class Session:
    """How to train: the cell and its sizes, and the fields of `Recipe` that can be asked for."""

    cell: str = "lstm"
    layers: int = 1
    hidden: int = 192
    N: int = Recipe.N
    T: int = Recipe.T
    seconds: float = Recipe.seconds
    steps: int | None = None
    seed: int = 0
    eager: bool = False

    def recipe(self) -> Recipe:
        return Recipe(self.N, self.T, seconds=self.seconds, steps=self.steps, eager=self.eager)

    def model(self, text: Text) -> CharModel:
        V = len(text.vocabulary)
        return CharModel(Sizes(self.cell, self.layers, self.hidden, EMBEDDING, V))


def run(file: str, asked: Mapping[str, Any], target: str | None, source: str | None) -> str:
    """Train to the end, saving after every look at the held-out text; returns what came of it.

    Args:
        asked: fields of `Session` that shall not be the default, or not what the saved run has.
        target: the file to save into; None is `source`.
        source: a saved run to go on with.

    Raises:
        ArgumentError: for a cell that there is not.
        TextError: for a text or a saved run that cannot be used, or a place that cannot be written.
        KeyboardInterrupt: on Ctrl-C, saying what is saved.
    """
    saved = load(Path(source)) if source else None
    session = resumed(saved, asked) if saved else Session(**asked)
    text = split_text(Path(file).name, read_text(file), session.T)
    target = target or source
    place = Path(target) if target else None
    with seed(session.seed), one_blas_thread():
        course = Course(session.model(text), text, session.recipe())
        if saved:
            restore(saved, course)
            check_unfinished(saved.path, course)
        if place:
            check_place(place)
        print(beginning(course), file=sys.stderr)
        follow(course, session, place)
        return told(course, session, place)


def resumed(saved: Checkpoint, asked: Mapping[str, Any]) -> Session:
    """The saved session, longer or shorter.

    Raises:
        TextError: if something is asked for that a run keeps.
    """
    for name in FIXED:
        there = saved.session[name]
        if asked.get(name, there) != there:
            raise TextError(
                f"{saved.path} is a run with --{name} {there}; leave --{name} {asked[name]} out to "
                "go on with it, or --resume to begin anew"
            )
    length = {"steps": None} if "seconds" in asked else {}
    return Session(**{**saved.session, "eager": False, **length, **asked})


def check_unfinished(path: Path, course: Course) -> None:
    """Raise TextError if there is nothing left to train."""
    if course.done >= 1:
        history = course.history
        took = f" in {history.seconds:.0f} seconds" if history.seconds else ""
        raise TextError(
            f"{path}: the run is at its end, {len(history.steps):,} steps{took}; to go on, give "
            "more --steps or --seconds, counted from its beginning"
        )


def follow(course: Course, session: Session, place: Path | None) -> None:
    """Train, show how it goes, and save whenever the held-out text was looked at."""
    kept = 0

    def report(done: float, history: History) -> None:
        nonlocal kept
        if place and history.looks[-1:] == history.steps[-1:]:
            save(place, course, asdict(session))
            kept = history.steps[-1]
        progress(done, history)

    with Progress(course.recipe) as progress:
        try:
            train(course, report)
        except KeyboardInterrupt:
            if kept:
                raise KeyboardInterrupt(f"{place} has the run up to step {kept:,}") from None
            raise


def beginning(course: Course) -> str:
    """What is about to happen, in two lines."""
    sizes, text = course.model.sizes, course.text
    weights = sum(p.data.size for p in course.adam.parameters.values())
    layers = f"{sizes.layers} layers of " if sizes.layers > 1 else ""
    before = f", after {len(course.history.steps):,} steps" if course.history.steps else ""
    return (
        f"{text.name}: {len(text.training):,} characters to learn from, the {len(text.held_out):,} "
        f"after them held out\n{layers}{sizes.title} with {sizes.hidden_size} hidden units, "
        f"{weights:,} parameters{before}"
    )


def told(course: Course, session: Session, place: Path | None) -> str:
    """How well the model does beside counting, what it writes, and where it is."""
    model, text = course.model, course.text
    baselines = baseline_bits(text)
    run = Run(model, text, course.recipe, course.history, baselines, __version__, session.seed)
    given = find_sentence(text).characters[:BEGINNING]
    lines = [verdict(run), comparison(run), f"After {given!r} it writes:", ""]
    lines += [generate(model, text, given, WRITTEN), *(["", f"Saved in {place}"] if place else [])]
    return "\n".join(lines)
