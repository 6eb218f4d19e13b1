"""The command line: `tinygrad-lstm demo`, `train`, `draw`, `equations` and `step`."""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

from . import CELLS, Graph, RenderError, TinygradError, __version__, seed, through_time
from .registry import find_cell

CELL = f"one of {', '.join(CELLS)}, or FILE.py:NAME for one of yours"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 2 for what the user can mend, 130 for Ctrl-C."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may hold bytes that are no text
    try:
        options.run(options)
    except TinygradError as error:
        print("tinygrad-lstm:", error, file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        kept = str(interrupt) or "nothing was written"
        print(f"\ntinygrad-lstm: interrupted; {kept}", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="tinygrad-lstm", description="See backpropagation through time."
    )
    top.add_argument("--version", action="version", version=f"tinygrad-lstm {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="train a character model on a text, write a report")
    demo_options(demo.add_argument)
    demo.set_defaults(run=run_demo)

    own = commands.add_parser(
        "train",
        help="train a character model on a text of your own",
        argument_default=argparse.SUPPRESS,  # what is not asked for is not there
    )
    train_options(own.add_argument)
    own.set_defaults(run=run_train)

    picture = commands.add_parser("draw", help="draw a cell as SVG")
    picture.add_argument("cell", metavar="CELL", help=CELL)
    picture.add_argument("--steps", type=count, help="unrolled over so many timesteps")
    picture.add_argument("--level", choices=["layer", "op"], default="layer")
    picture.add_argument("--out", metavar="FILE", help="file to write (default: CELL.svg)")
    picture.set_defaults(run=run_draw)

    formulas = commands.add_parser("equations", help="print a cell's equations as LaTeX")
    formulas.add_argument("cell", metavar="CELL", help=CELL)
    formulas.set_defaults(run=run_equations)

    stepper = commands.add_parser("step", help="step through backpropagation, like a debugger")
    step_options(stepper.add_argument)
    stepper.set_defaults(run=run_step)
    return top


def demo_options(add: Callable) -> None:
    """The options of the main job."""
    default = "(default: %(default)s)"
    add("--text", metavar="FILE", help="UTF-8 text (default: the Python language reference)")
    add("--cell", default="lstm", help=f"{CELL} {default}")
    add("--layers", type=count, default=1, help=f"cells on top of each other {default}")
    add("--hidden", type=count, default=192, help=f"hidden units of a cell {default}")
    add("--out", metavar="DIR", default="out/demo", help=f"where the report goes {default}")
    add("--seconds", type=duration, default=45.0, help=f"how long to train {default}")
    add("--steps", type=count, help="train so many steps instead: the same report to the byte")
    add("--seed", type=natural, default=0, help=f"of all random numbers {default}")
    add("--eager", action="store_true", help="run the graph node by node, not by its plan")


def train_options(add: Callable) -> None:
    """The options of training on a text of one's own; defaults are those of `Session`."""
    add("file", metavar="FILE", help="UTF-8 text; its last tenth is held out")
    add("--cell", help=f"{CELL} (default: lstm)")
    add("--layers", type=count, help="cells on top of each other (default: 1)")
    add("--hidden", type=count, help="hidden units of a cell (default: 192)")
    add("--N", type=count, help="places of the text that are read at once (default: 16)")
    add("--T", type=count, help="timesteps from cut to cut of the gradient (default: 32)")
    add("--seconds", type=duration, help="how long to train (default: 45)")
    add("--steps", type=count, help="train so many steps instead, which can be repeated")
    add("--seed", type=natural, help="of all random numbers (default: 0)")
    add("--eager", action="store_true", help="run the graph node by node, not by its plan")
    add("--save", metavar="PATH", help="keep the run there while it goes on, and at its end")
    add("--resume", metavar="PATH", help="go on with a saved run; saves there too by default")


def step_options(add: Callable) -> None:
    """The options of the terminal stepper."""
    default = "(default: %(default)s)"
    add("--cell", default="lstm", help=f"{CELL} {default}")
    add("--T", type=count, default=4, help=f"timesteps {default}")
    add("--hidden", type=count, default=2, help=f"hidden units of the cell {default}")
    add("--seed", type=natural, default=0, help=f"of all random numbers {default}")


def run_demo(options: argparse.Namespace) -> None:
    """Train, measure, write the report, say where it lies."""
    from .train.demo import Demo, run

    page = run(Demo(**{field: getattr(options, field) for field in Demo.__annotations__}))
    print(f"The report lies at {page}")


def run_train(options: argparse.Namespace) -> None:
    """Train, and say how well it went."""
    from .train.session import run

    asked = vars(options)
    del asked["run"]
    print(run(asked.pop("file"), asked, asked.pop("save", None), asked.pop("resume", None)))


def run_draw(options: argparse.Namespace) -> None:
    """Write a picture of a cell, or of the cell unrolled."""
    from .show import draw

    graph = _cell(options.cell)
    graph = through_time(graph, options.steps) if options.steps else graph
    path = Path(options.out or f"{options.cell.rpartition(':')[2]}.svg")
    try:
        draw(graph, level=options.level).save(path)
    except OSError as error:
        raise RenderError(f"{path}: cannot write there: {error.strerror}") from None
    print(path)


def run_equations(options: argparse.Namespace) -> None:
    """Print LaTeX."""
    from .show import equations

    print(equations(_cell(options.cell)))


def run_step(options: argparse.Namespace) -> None:
    """Read commands and walk through the steps of a run, until quit or the end of the input."""
    from .explain.terminal import Stepper, recorded_cell

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    seed(options.seed)
    recording = recorded_cell(_cell(options.cell, options.hidden), options.T, options.seed)
    about = f"{options.cell}, T = {options.T}, H = {options.hidden}; L is the sum of all h_t; "
    try:
        Stepper(recording, sys.stdin, sys.stdout, about).cmdloop()
        sys.stdout.flush()
    except BrokenPipeError:  # who read has enough; Python's own last flush must find no pipe
        sys.stdout = open(os.devnull, "w")


def natural(word: str, least: int = 0) -> int:
    """A whole number from 0."""
    number = int(word)
    if number < least:
        raise argparse.ArgumentTypeError(f"{word} is not a whole number from {least}")
    return number


def count(word: str) -> int:
    """A whole number from 1."""
    return natural(word, least=1)


def duration(word: str) -> float:
    """Seconds, more than 0."""
    number = float(word)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{word} is not a number of seconds above 0")
    return number


def _cell(name: str, hidden: int = 4) -> Graph:
    """A small one of the named cell, with 3 features."""
    return find_cell(name)(3, hidden)


if __name__ == "__main__":
    sys.exit(main())
