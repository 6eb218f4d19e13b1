"""One command for everything, on a machine with Python 3.10 or newer and nothing else.

    python3 run.py demo        train the LSTM on real text and write a report
    python3 run.py train FILE  train a character model on a text of your own
    python3 run.py step        walk through backpropagation node by node, in the terminal
    python3 run.py test        run the test suite
    python3 run.py docs        build the documentation into docs/_build/html
    python3 run.py notebooks   execute notebooks/*.py into the .ipynb files beside them
    python3 run.py bench       measure the speed of a training step beside PyTorch, JAX and others
    python3 run.py lint        check style and types

The first use makes .venv beside this file and installs what the command needs; later uses start at
once. Further arguments are passed on: `python3 run.py test -k gru`, `python3 run.py demo --help`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

COMMANDS = {  # command: the extra that it needs, and the programs to run
    "demo": ("", ["-m tinygrad_lstm.cli demo"]),
    "train": ("", ["-m tinygrad_lstm.cli train"]),
    "step": ("", ["-m tinygrad_lstm.cli step"]),
    "test": ("test", ["-m pytest"]),
    "docs": ("docs", ["-m sphinx -W --keep-going -b html docs docs/_build/html"]),
    "notebooks": ("test", ["notebooks/make.py"]),
    "bench": ("bench", ["-m benchmarks"]),
    "lint": ("lint", ["-m ruff check .", "-m ruff format --check .", "-m pyright"]),
}

NO_VENV = """\
This Python cannot make virtual environments: its ensurepip module is missing.
Any one of these helps, and then the same command again:
  apt-get install python3-venv        (Debian, Ubuntu; needs root)
  python3 -m pip install virtualenv   (no root)
  install uv or Python from python.org (no root)"""


class SetupError(Exception):
    """The environment could not be made; the text says what to do."""


def main(arguments: list[str]) -> int:
    """Set up what the command needs, run it, return its exit status."""
    if sys.version_info < (3, 10):  # noqa: UP036
        print("tinygrad_lstm needs Python 3.10 or newer; this is", sys.version.split()[0])
        return 2
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    command, *further = arguments
    extra, programs = COMMANDS[command]
    here = programs[0].startswith(("-m tinygrad_lstm.", "-m benchmarks"))
    folder = None if here else ROOT  # files are named from where you are
    try:
        if command == "bench":
            ensure_competitors(extra)
        else:
            ensure_installed(extra)
        codes = [call([*program.split(), *further], folder) for program in programs]
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return max(codes, key=abs)


def call(arguments: list[str], folder: Path | None = ROOT) -> int:
    """Run the environment's Python with these arguments; 128 + signal if a signal ended it."""
    environment = dict(os.environ)
    if folder != ROOT:  # the package is installed, the benchmarks are not
        path = [str(ROOT), os.environ.get("PYTHONPATH")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    code = subprocess.call([str(PYTHON), *arguments], cwd=folder, env=environment)
    return code if code >= 0 else 128 - code


def ensure_installed(extra: str) -> None:
    """Install the package, editable, with one extra, unless that was done for this pyproject.toml.

    What was installed last is noted in a file per extra. Any of them will do for the core alone.
    """
    state = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + bytes(ROOT)).hexdigest()
    notes = [VENV / f"installed-{extra}"] if extra else VENV.glob("installed-*")
    if PYTHON.exists() and any(note.exists() and note.read_text() == state for note in notes):
        return
    what = f"tinygrad_lstm with what `{extra}` needs" if extra else "tinygrad_lstm"
    print(f"Installing {what} into {VENV} (once) ...", flush=True)
    if not PYTHON.exists() or call(["-c", "import pip"]):
        make_venv()
    target = f"{ROOT}[{extra}]" if extra else str(ROOT)
    if call(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", target]):
        raise SetupError(f"pip could not install it; its message is above. {VENV} is kept.")
    (VENV / f"installed-{extra or 'core'}").write_text(state)


def ensure_competitors(extra: str) -> None:
    """Install what we are measured beside; where that cannot be had, the rest runs without it."""
    try:
        ensure_installed(extra)
    except SetupError as error:
        print(error, "Measuring without what is missing.", file=sys.stderr)
        ensure_installed("")


def make_venv() -> None:
    """A fresh .venv with pip: by the standard library, else by virtualenv or uv."""
    shutil.rmtree(VENV, ignore_errors=True)
    ways = [
        [sys.executable, "-m", "venv", str(VENV)],
        [sys.executable, "-m", "virtualenv", "--quiet", str(VENV)],
        ["virtualenv", "--quiet", "-p", sys.executable, str(VENV)],
        ["uv", "venv", "--quiet", "--seed", "--python", sys.executable, str(VENV)],
    ]
    said = ""
    for way in filter(lambda way: shutil.which(way[0]), ways):
        done = subprocess.run(way, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode == 0:
            return
        shutil.rmtree(VENV, ignore_errors=True)
        said = said or done.stdout
    has_ensurepip = importlib.util.find_spec("ensurepip")
    raise SetupError(f"Cannot make {VENV}:\n{said}" if has_ensurepip else NO_VENV)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
