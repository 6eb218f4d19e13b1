"""The main job: a text, a model, training, a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..blas import one_blas_thread
from ..registry import find_cell
from ..settings import seed
from ..staging import staged
from .baselines import baseline_bits
from .evidence import Run
from .loop import Course, Recipe, train
from .model import CharModel, Sizes
from .progress import Progress
from .report import PAGE, write_report
from .text import python_reference, read_text, split_text

EMBEDDING = 32


@dataclass(frozen=True)
class Demo:
    """What the main job is asked to do; `text` None is the Python reference.

    With `steps` the run ends after so many steps and can be repeated to the byte; else it ends
    after so many `seconds`.  With `eager` the graph runs node by node, not by its plan.
    """

    text: str | None = None
    cell: str = "lstm"
    layers: int = 1
    hidden: int = 192
    out: str = "out/demo"
    seconds: float = 45.0
    steps: int | None = None
    seed: int = 0
    eager: bool = False


def run(demo: Demo) -> Path:
    """Train, then write the report; returns the path of its page.

    Raises:
        ArgumentError: for a cell that there is not.
        TextError: for a text that cannot be read or is too short, or a folder that cannot be
            written to.  An earlier report is as it was then.
    """
    find_cell(demo.cell)
    recipe = Recipe(seconds=demo.seconds, steps=demo.steps, eager=demo.eager)
    name = "the Python language reference" if demo.text is None else Path(demo.text).name
    characters = python_reference() if demo.text is None else read_text(demo.text)
    text = split_text(name, characters, recipe.T)
    out = Path(demo.out)
    with staged(out, last=PAGE) as folder, seed(demo.seed), one_blas_thread():
        sizes = Sizes(demo.cell, demo.layers, demo.hidden, EMBEDDING, len(text.vocabulary))
        model = CharModel(sizes)
        with Progress(recipe) as progress:
            history = train(Course(model, text, recipe), progress)
        baselines = baseline_bits(text)
        write_report(Run(model, text, recipe, history, baselines, __version__, demo.seed), folder)
    return out / PAGE
