"""Truncated backpropagation through time over a text, and how well it goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from .model import CharModel
from .optim import Adam
from .text import IGNORED, Text, Window, lanes_for, windows
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


def train(model: CharModel, text: Text, recipe: Recipe, report: Report) -> History:
    """Train the model in place.

    The state is carried from window to window, as numbers: what a window read has influence on all
    later ones, but gradients end where the window begins.

    Args:
        report: is told, after every step, how much of the run is done (0 ... 1) and its history.
    """
    way, history = (Eager if recipe.eager else Planned)(model.network(recipe.T)), History()
    N = lanes_for(len(text.training), recipe.N, recipe.T)
    adam, clock = Adam(way.network.parameters, recipe.limit, recipe.shrink), time.monotonic()
    state, done = model.start(N), 0.0
    for step, window in enumerate(endless(text.training, N, recipe.T), start=1):
        state = model.start(N) if window.first else state
        loss, state = way.learn(window, state)
        adam.step(recipe.rate * decay(done), way.grads)
        done = _done(recipe, step, time.monotonic() - clock)
        history.steps.append(step)
        history.training.append(loss / math.log(2))
        if done >= 1 or done * LOOKS >= len(history.looks) + 1:
            history.looks.append(step)
            history.held_out.append(held_out_bits(model, way, text, recipe))
        report(done, history)
        if done >= 1:
            break
    history.seconds = time.monotonic() - clock
    return history


def endless(ids: np.ndarray, N: int, T: int) -> Iterator[Window]:
    """The windows of one pass over the text after another."""
    while True:
        yield from windows(ids, N, T)


def decay(done: float) -> float:
    """The rate falls along half a cosine, from 1 to a hundredth."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def held_out_bits(model: CharModel, way: Way, text: Text, recipe: Recipe) -> float:
    """Bits per character of the whole held-out text, run forward only, its state carried along."""
    N = lanes_for(len(text.held_out), recipe.N, recipe.T)
    state, nats, count = model.start(N), 0.0, 0
    for window in windows(text.held_out, N, recipe.T):
        loss, state = way.read(window, state)
        known = int((window.targets != IGNORED).sum())
        nats, count = nats + loss * known, count + known
    return nats / count / math.log(2)


def _done(recipe: Recipe, step: int, seconds: float) -> float:
    return step / recipe.steps if recipe.steps else seconds / recipe.seconds
