"""Execute notebooks/*.py, the sources in percent format, into the .ipynb files beside them.

Two runs give the same bytes: cells have fixed ids, and times, versions and paths are left out. Only
what a notebook measures, as 08 does, differs from run to run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def sources() -> list[Path]:
    """The notebooks' source files, in reading order."""
    return sorted(FOLDER.glob("[0-9]*.py"))


def read(source: Path) -> nbformat.NotebookNode:
    """The notebook that a source file describes, without outputs."""
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id, cell.metadata = f"cell-{number:02}", nbformat.from_dict({})
    return notebook


def execute(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run all cells in a fresh kernel; an exception in a cell is an exception here."""
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name=KERNEL["name"],
        record_timing=False,
        coalesce_streams=True,  # else how many pieces a text comes in depends on the time it took
        extra_arguments=["--log-level=ERROR"],  # else it warns of unencrypted local sockets
        resources={"metadata": {"path": str(FOLDER)}},
    ).execute()
    notebook.metadata["language_info"] = nbformat.from_dict({"name": "python"})
    return notebook


def main() -> int:
    for source in sources():
        nbformat.write(execute(read(source)), source.with_suffix(".ipynb"))
        print(f"notebooks/{source.stem}.ipynb")
    return 0


if __name__ == "__main__":
    sys.exit(main())
