"""Truncated backpropagation through time over a text, and how well it goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..settings import evaluating
from .model import CharModel
from .optim import Adam
from .text import IGNORED, Text, endless, lanes_for, windows
from .ways import Eager, Planned, Way

LOOKS = 15
"""How often a run looks at the held-out text."""


@dataclass(frozen=True)
class Recipe:
    """How to train: N lanes, T timesteps, the highest rate, the clipping limit, and when to stop.

    What the weights shrink by in each step is the rate times `shrink`.

    `steps` ends the run after so many windows, else `seconds` does after so much time.  `eager`
    runs the graph node by node instead of by a plan.
    """

    N: int = 16
    T: int = 32
    rate: float = 1.5e-2
    limit: float = 1.0
    shrink: float = 0.05
    seconds: float = 45.0
    steps: int | None = None
    eager: bool = False


@dataclass
class History:
    """What a run was like: bits per character, and the number of steps at which they were had."""

    steps: list[int] = field(default_factory=list)
    training: list[float] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    seconds: float = 0.0


Report = Callable[[float, History], None]


class Course:
    """A training run between two of its steps: all that the next step depends on.

    Attributes:
        N: into how many lanes the text is cut.
        state: what the next window begins with, unless it begins a pass over the text.
        adam: has the parameters, and how they have been moving.
    """

    def __init__(self, model: CharModel, text: Text, recipe: Recipe) -> None:
        self.model, self.text, self.recipe = model, text, recipe
        self.N = lanes_for(len(text.training), recipe.N, recipe.T)
        self.state = model.start(self.N)
        self.adam = Adam(model.network(1).parameters, recipe.limit, recipe.shrink)
        self.history = History()

    @property
    def done(self) -> float:
        """Which share of the run lies behind; 1 or more at its end."""
        recipe, history = self.recipe, self.history
        if recipe.steps:
            return len(history.steps) / recipe.steps
        return history.seconds / recipe.seconds


def train(course: Course, report: Report) -> History:
    """Train the model in place, from where the run is to its end.

    The state is carried from window to window, as numbers: what a window read has influence on all
    later ones, but gradients end where the window begins.

    Args:
        report: is told, after every step, how much of the run is done (0 ... 1) and its history.
    """
    model, text, recipe, history = course.model, course.text, course.recipe, course.history
    way = (Eager if recipe.eager else Planned)(model.network(recipe.T))
    clock, done = time.monotonic() - history.seconds, course.done
    for window in endless(text.training, course.N, recipe.T, start=len(history.steps)):
        state = model.start(course.N) if window.first else course.state
        loss, course.state = way.learn(window, state)
        course.adam.step(recipe.rate * decay(done), way.grads)
        history.steps.append(len(history.steps) + 1)
        history.training.append(loss / math.log(2))
        history.seconds = time.monotonic() - clock
        before, done = done, course.done
        if done >= 1 or int(done * LOOKS) > int(before * LOOKS):
            history.looks.append(history.steps[-1])
            history.held_out.append(held_out_bits(model, way, text, recipe))
        report(done, history)
        if done >= 1:
            break
    history.seconds = time.monotonic() - clock
    return history


def decay(done: float) -> float:
    """The rate falls along half a cosine, from 1 to a hundredth."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def held_out_bits(model: CharModel, way: Way, text: Text, recipe: Recipe) -> float:
    """Bits per character of the whole held-out text, run forward only, its state carried along."""
    N = lanes_for(len(text.held_out), recipe.N, recipe.T)
    state, nats, count = model.start(N), 0.0, 0
    with evaluating():
        for window in windows(text.held_out, N, recipe.T):
            loss, state = way.read(window, state)
            known = int((window.targets != IGNORED).sum())
            nats, count = nats + loss * known, count + known
    return nats / count / math.log(2)
