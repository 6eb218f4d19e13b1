"""How training goes, on the terminal."""

from __future__ import annotations

import sys
from typing import Any

from .loop import History, Recipe


class Progress:
    """A bar on a terminal; elsewhere (a file, a log) one line for each look at the held-out text.

    It is called after every training step, see `loop.train`.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.bar: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=100, desc="training", bar_format=BAR, file=sys.stderr)
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, done: float, history: History) -> None:
        looked = history.looks[-1:] == history.steps[-1:]
        if self.bar is not None:
            self.bar.update(min(100 * done, 100) - self.bar.n)
            self.bar.set_postfix_str(status(history), refresh=False)
        elif looked:
            print(f"training {min(done, 1):4.0%}  {status(history)}", file=sys.stderr, flush=True)


BAR = "{desc} {percentage:3.0f}% |{bar}| {elapsed}{postfix}"


def status(history: History) -> str:
    """The numbers of now: the loss of the last window in nats and in bits, held-out bits."""
    bits = history.training[-1]
    words = f"step {history.steps[-1]}  loss {bits * LN_2:.3f} nats = {bits:.2f} bits/character"
    return words + (f"  held-out {history.held_out[-1]:.2f}" if history.held_out else "")


LN_2 = 0.6931471805599453
