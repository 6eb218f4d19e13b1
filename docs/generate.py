"""The pages that are made from the package itself: cells, ops, API; and the notebooks, copied."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path

import tinygrad_lstm as tl
import tinygrad_lstm.explain
import tinygrad_lstm.plan
import tinygrad_lstm.show

ROOT = Path(__file__).resolve().parent.parent

FAMILIES = {  # module of the op table: its title
    "elementwise": "Arithmetic and curves",
    "gates": "Gates",
    "linear": "Products and tables",
    "shape": "Cutting and joining",
    "reduce": "Sums, means, softmax",
    "choice": "Comparing and choosing",
    "loss": "Losses",
    "flow": "Flow",
}
SECTIONS = {  # where a public name comes from: under which title the reference shows it
    "tensor": "Nodes",
    "op": "Nodes",
    "graph": "Graphs",
    "steps": "Graphs",
    "unroll": "Through time",
    "registry": "Cells",
    "cells": "Cells",
    "layers": "Layers",
    "ops.functions": "Functions on tensors",
    "ops.infix": "Functions on tensors",
    "show": "Pictures and equations",
    "explain": "Explanations",
    "plan": "Plans",
    "train": "Training",
    "settings": "Settings",
    "backend": "Settings",
    "blas": "Settings",
    "errors": "Errors",
}

MARKED = re.compile(r"(``.+?``|\*[\w ]+\*)|`([^`]+)`|\$([^$]+)\$|([*|])")
"""What docstrings mark up: left as it is, code, math, and signs that mark up nothing."""


def pages(folder: Path) -> None:
    """Write all generated pages into a fresh folder, and the picture that README and index show."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for notebook in sorted(ROOT.glob("notebooks/[0-9]*.ipynb")):
        shutil.copy(notebook, folder)
    with tl.seed(0):
        network = tl.through_time(tl.CELLS["lstm"](3, 2), T=3)
    tl.draw(network, weights="shared", title="").save(ROOT / "docs" / "unrolled.svg")
    (folder / "cells.md").write_text(cells_page(), encoding="utf-8")
    (folder / "ops.md").write_text(ops_page(), encoding="utf-8")
    (folder / "api.rst").write_text(api_page(), encoding="utf-8")


def cells_page() -> str:
    """Every registered cell: its docstring, equations, drawing and source."""
    parts = [
        "# The cells",
        "A cell is a graph from (x, *state) to (*state); its last output is $h$. This page is "
        "made by a loop over `CELLS`, so a cell that is registered appears here by itself. "
        "Equations and drawings are read off the same graph that runs.",
    ]
    for name in sorted(tl.CELLS, key=lambda name: (not name.startswith("lstm"), name)):
        build = tl.CELLS[name]
        graph = build(3, 2)
        picture = tl.draw(graph).svg_with_prefix(f"{name}-")
        source = inspect.getsource(inspect.unwrap(build))
        parts += [
            f"## `{name}`",
            inspect.getdoc(build) or "",
            f"```{{math}}\n{tl.equations(graph)}\n```",
            f'```{{raw}} html\n<div class="drawing">{picture}</div>\n```',
            f"```python\n{source.strip()}\n```",
        ]
    return "\n\n".join(parts) + "\n"


def ops_page() -> str:
    """The derivative table: every op with its rule, by family."""
    parts = [
        "# The derivative table",
        "Every op is one class with its value, derivative, shape rule and LaTeX. $\\bar x$ is "
        "the gradient of the loss with respect to $x$.",
    ]
    for module, title in FAMILIES.items():
        home = f"tinygrad_lstm.ops.{module}"
        ops = [op for op in tl.OPS.values() if op.__module__ == home and not op.__subclasses__()]
        rows = [f"* - `{op.__name__}`\n  - {summary(op)}" for op in ops]
        table = "\n".join(["```{list-table}", ":header-rows: 1", ":widths: 20 80", "", "* - op"])
        parts += [f"## {title}", table + "\n  - rule\n" + "\n".join(rows) + "\n```"]
    return "\n\n".join(parts) + "\n"


def api_page() -> str:
    """Every public name, under the title of its section."""
    members: dict[str, list[str]] = {title: [] for title in SECTIONS.values()}
    for name, thing in public_names().items():
        kind = "class" if inspect.isclass(thing) else "function"
        entry = f".. auto{kind}:: tinygrad_lstm.{name}\n"
        if kind == "class" and not issubclass(thing, Exception):
            fields = ", ".join(getattr(thing, "_fields", ()))
            entry += f"   :members:\n   :exclude-members: {fields}\n"
        members[section(thing)].append(entry)
    parts = [
        title_of("API reference", "="),
        "All names can be imported from ``tinygrad_lstm``. The ops have a page of their own, the "
        ":doc:`derivative table <ops>`.\n\nCELLS\n   Every registered cell by name: "
        '``CELLS["lstm"](input_size, hidden_size)``.\n\nOPS\n   Every op class by name.',
    ]
    for title, entries in members.items():
        parts += [title_of(title, "-"), *entries] if entries else []
    return "\n\n".join(parts) + "\n"


def public_names() -> dict[str, object]:
    """Classes and functions that `from tinygrad_lstm import ...` gives; the ops are elsewhere."""
    readers = {*tl.show.__all__, *tl.explain.__all__, *tl.plan.__all__}
    names = sorted({*vars(tl), *readers}, key=str.lower)
    things = {name: getattr(tl, name) for name in names if hasattr(tl, name)}
    return {
        name: thing
        for name, thing in things.items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__.startswith("tinygrad_lstm")
        and name not in tl.OPS
    }


def section(thing: object) -> str:
    """The title of the section for a thing from tinygrad_lstm.a.b: that of "a.b", else of "a"."""
    path = thing.__module__.split(".")[1:]
    return SECTIONS.get(".".join(path[:2])) or SECTIONS[path[0]]


def summary(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def title_of(text: str, underline: str) -> str:
    return f"{text}\n{underline * len(text)}"


def rejoin(app, what, name, thing, options, lines) -> None:
    """In an attribute's "kind: the colour", napoleon takes what precedes the colon for a type."""
    if what == "attribute" and lines and lines[-1].startswith(":type: "):
        lines[:] = [f"{lines[-1].removeprefix(':type: ')}: {' '.join(lines[:-2]).strip()}"]


def to_restructured_text(app, what, name, thing, options, lines) -> None:
    """Docstrings write $math$ and `code`; autodoc expects :math:`math` and ``code``.

    Stars and bars stand for themselves, as in (T, *shape) and |a - b|, unless they *emphasise*.
    """
    lines[:] = MARKED.sub(_restructured, "\n".join(lines)).split("\n")


def _restructured(match: re.Match) -> str:
    kept, code, math, sign = match.groups()
    return kept or (f"``{code}``" if code else f":math:`{math}`" if math else f"\\{sign}")
