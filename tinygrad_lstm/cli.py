"""The command line: `tinygrad-lstm demo`, `draw`, `equations` and `step`."""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

from . import (
    CELLS,
    ArgumentError,
    Graph,
    RenderError,
    TinygradError,
    __version__,
    seed,
    through_time,
)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 2 for what the user can mend, 130 for Ctrl-C."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may hold bytes that are no text
    try:
        options.run(options)
    except TinygradError as error:
        print("tinygrad-lstm:", str(error).partition("\n")[0], file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ntinygrad-lstm: interrupted; nothing was written", file=sys.stderr)
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

    picture = commands.add_parser("draw", help="draw a cell as SVG")
    picture.add_argument("cell", metavar="CELL")
    picture.add_argument("--steps", type=count, help="unrolled over so many timesteps")
    picture.add_argument("--level", choices=["layer", "op"], default="layer")
    picture.add_argument("--out", metavar="FILE", help="file to write (default: CELL.svg)")
    picture.set_defaults(run=run_draw)

    formulas = commands.add_parser("equations", help="print a cell's equations as LaTeX")
    formulas.add_argument("cell", metavar="CELL")
    formulas.set_defaults(run=run_equations)

    stepper = commands.add_parser("step", help="step through backpropagation, like a debugger")
    step_options(stepper.add_argument)
    stepper.set_defaults(run=run_step)
    return top


def demo_options(add: Callable) -> None:
    """The options of the main job."""
    default = "(default: %(default)s)"
    add("--text", metavar="FILE", help="UTF-8 text (default: the Python language reference)")
    add("--cell", default="lstm", help=f"one of {', '.join(CELLS)} {default}")
    add("--layers", type=count, default=1, help=f"cells on top of each other {default}")
    add("--hidden", type=count, default=192, help=f"hidden units of a cell {default}")
    add("--out", metavar="DIR", default="out/demo", help=f"where the report goes {default}")
    add("--seconds", type=duration, default=45.0, help=f"how long to train {default}")
    add("--steps", type=count, help="train so many steps instead: the same report to the byte")
    add("--seed", type=natural, default=0, help=f"of all random numbers {default}")
    add("--eager", action="store_true", help="run the graph node by node, not by its plan")


def step_options(add: Callable) -> None:
    """The options of the terminal stepper."""
    default = "(default: %(default)s)"
    add("--cell", default="lstm", help=f"one of {', '.join(CELLS)} {default}")
    add("--T", type=count, default=4, help=f"timesteps {default}")
    add("--hidden", type=count, default=2, help=f"hidden units of the cell {default}")
    add("--seed", type=natural, default=0, help=f"of all random numbers {default}")


def run_demo(options: argparse.Namespace) -> None:
    """Train, measure, write the report, say where it lies."""
    from .train.demo import Demo, run

    page = run(Demo(**{field: getattr(options, field) for field in Demo.__annotations__}))
    print(f"The report lies at {page}")


def run_draw(options: argparse.Namespace) -> None:
    """Write a picture of a cell, or of the cell unrolled."""
    from .show import draw

    graph = _cell(options.cell)
    graph = through_time(graph, options.steps) if options.steps else graph
    path = Path(options.out or f"{options.cell}.svg")
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
    if name not in CELLS:
        raise ArgumentError(f"there is no cell {name!r}; there are {', '.join(sorted(CELLS))}")
    return CELLS[name](3, hidden)


if __name__ == "__main__":
    sys.exit(main())
