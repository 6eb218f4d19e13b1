"""Measure the speed of a training step beside that of other software.

    python3 run.py bench                                the whole table and the curves, minutes
    python3 run.py bench --cells lstm --regimes ab      part of it
    python3 run.py bench --only plan torch.nn           some implementations (the floor is one)
    python3 run.py bench --cells peephole my_cells.py:mgu --shapes 7,13,17,11 1,1,1,1 --seconds 1
                                                        any cells, any N,D,H,T

Cells are those of the package, `FILE.py:NAME` for one of yours, and tide, which was invented for
this; gru is PyTorch's form, and the package's own is gru_of_cho.  What is not installed, or does
not have a cell, has a row that says so.  Writes speed.json, speed.md and speed.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygrad_lstm import TinygradError

from . import cells, curves, picture, report
from .implementations import IMPLEMENTATIONS
from .machine import load, machine, openblas_settings
from .race import ROOT, race
from .regimes import REGIMES, Sizes


def main(arguments=None):
    """Race, tell as it goes, write the files."""
    options = parse(arguments)
    where = {**machine(), "openblas settings": openblas_settings(keep=options.as_set)}
    method = report.METHOD.replace("float32", options.dtype)
    found = {"method": method, "machine": where, "tables": [], "curves": []}
    say(method)
    for cell in options.cells:
        for sizes in options.sizes:
            table = race(cell, sizes, options.only, options.seconds, options.rounds, options.dtype)
            about = {"cell": cell, "sizes": sizes._asdict(), "dtype": options.dtype}
            found["tables"].append({**about, **table})
            say("\n" + report.text(found["tables"][-1]))
            save(options.into, found)  # whoever interrupts keeps what is there
    if options.curves:
        found["curves"] = curves.curves(options.seconds / 5, say)
    found["machine"]["load at the end"] = load()
    say("\n" + report.conditions(found))
    write(options.into, found)


def parse(arguments):
    """The options, `sizes` made of shapes and regimes; what cannot be measured is said at once."""
    parser = argparse.ArgumentParser(
        prog="run.py bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--cells", nargs="+", default=list(cells.NAMED), metavar="CELL")
    add("--regimes", help=f"letters out of {''.join(REGIMES)}; all, unless shapes are given")
    add("--shapes", nargs="+", type=shape, default=[], metavar="N,D,H,T", help="other sizes")
    add("--layers", type=int, choices=range(1, 10), default=1, metavar="L", help="of each cell")
    add("--dtype", choices=["float32", "float64"], default="float32", help="of what is timed")
    add(
        "--only",
        nargs="+",
        choices=IMPLEMENTATIONS,
        metavar="NAME",
        help=", ".join(IMPLEMENTATIONS),
    )
    add("--seconds", type=float, default=8, help="for further rounds of each size")
    add("--rounds", type=int, default=3, help="first of all, however long")
    add("--as-set", action="store_true", help="heed OPENBLAS_... variables")
    add(
        "--curves",
        action=argparse.BooleanOptionalAction,
        help="growth of an LSTM with T, N and H; by default unless shapes are given",
    )
    add("--into", type=Path, default=ROOT / "out" / "speed", help="folder")
    options = parser.parse_args(arguments)
    if options.curves is None:
        options.curves = not options.shapes
    letters = options.regimes or ("" if options.shapes else "".join(REGIMES))
    if not set(letters) <= set(REGIMES):
        parser.error(f"--regimes {letters}: letters out of {''.join(REGIMES)}")
    options.sizes = [*(REGIMES[letter] for letter in letters), *options.shapes]
    if options.layers > 1:
        options.cells = [f"{cell}*{options.layers}" for cell in options.cells]
    for cell in options.cells:
        try:
            cells.build(cell, 3, 2)
        except (TinygradError, ValueError) as error:
            parser.error(f"--cells {cell}: {error}")
    return options


def shape(words):
    """Sizes from "7,13,17,11": batch, input features, hidden features, timesteps."""
    numbers = [int(word) for word in words.split(",") if word.isdigit()]
    if len(numbers) != 4 or words.count(",") != 3 or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{words} is not N,D,H,T, four whole numbers from 1")
    return Sizes(*numbers)


def save(folder, found):
    """What has been measured until now."""
    folder.mkdir(parents=True, exist_ok=True)
    found = report.rounded(found)
    report.save_json(folder / "speed.json", found)
    (folder / "speed.md").write_text(report.markdown(found), encoding="utf-8")
    return found


def write(folder, found):
    """The three files; the picture only where matplotlib is."""
    found = save(folder, found)
    try:
        picture.save(folder / "speed.png", found)
        say(f"\nIn {folder}: speed.json, speed.md, speed.png")
    except ImportError as error:
        say(f"\nIn {folder}: speed.json, speed.md; no picture without {error.name}")


def say(line):
    """Printed at once, also into a pipe."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
