"""How the time of an LSTM step grows with T, N and H."""

from __future__ import annotations

from .implementations import FLOOR, PLAN
from .race import race
from .regimes import Sizes

CELL = "lstm"
MIDDLE = Sizes(N=16, D=64, H=128, T=100)
POINTS = {
    "T": (3, 10, 30, 100, 300, 1000),
    "N": (1, 4, 16, 64, 256),
    "H": (16, 32, 64, 128, 256, 512),
}
NAMES = ("torch.nn", "torch eager", "graph eager", PLAN, FLOOR)


def curves(seconds, say):
    """For each letter the race at each of its sizes, the other sizes as in the middle."""
    found = []
    for letter, values in POINTS.items():
        for value in values:
            sizes = MIDDLE._replace(**{letter: value})
            say(f"growth with {letter}: {sizes}")
            point = race(CELL, sizes, NAMES, seconds)
            found.append({"letter": letter, "value": value, "sizes": sizes._asdict(), **point})
    return found
