"""Measure the speed of a training step beside that of other software.

    python3 run.py bench                                the whole table and the curves, minutes
    python3 run.py bench --cells lstm --regimes ab      part of it
    python3 run.py bench --only plan torch.nn           some implementations (the floor is one)

What is not installed has a row that says so.  Writes speed.json, speed.md and speed.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import curves, picture, report
from .implementations import IMPLEMENTATIONS
from .machine import load, machine, openblas_settings
from .race import race
from .regimes import CELLS, REGIMES

ROOT = Path(__file__).resolve().parent.parent


def main(arguments=None):
    """Race, tell as it goes, write the files."""
    options = parse(arguments)
    where = {**machine(), "openblas settings": openblas_settings(keep=options.as_set)}
    found = {"machine": where, "tables": [], "curves": []}
    say(report.METHOD)
    for cell in options.cells:
        for letter in options.regimes:
            sizes = REGIMES[letter]
            table = race(cell, sizes, options.only, options.seconds, options.rounds)
            found["tables"].append({"cell": cell, "sizes": sizes._asdict(), **table})
            say("\n" + report.text(found["tables"][-1]))
            save(options.into, found)  # whoever interrupts keeps what is there
    if options.curves:
        found["curves"] = curves.curves(options.seconds / 5, say)
    found["machine"]["load at the end"] = load()
    say("\n" + report.conditions(found))
    write(options.into, found)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.py bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--regimes", default="".join(REGIMES), help="letters out of abcde")
    parser.add_argument("--only", nargs="+", choices=IMPLEMENTATIONS, metavar="NAME")
    parser.add_argument(
        "--seconds", type=float, default=8, help="for further rounds of each regime"
    )
    parser.add_argument("--rounds", type=int, default=3, help="first of all, however long")
    parser.add_argument("--as-set", action="store_true", help="heed OPENBLAS_... variables")
    parser.add_argument("--no-curves", dest="curves", action="store_false")
    parser.add_argument("--into", type=Path, default=ROOT / "out" / "speed", help="folder")
    return parser.parse_args(arguments)


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
