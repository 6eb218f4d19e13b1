"""The results as lines for the terminal, as JSON, and as tables for the documentation."""

from __future__ import annotations

import json

from .cells import split
from .implementations import FLOORS, PLAN
from .regimes import REGIMES, Sizes

DTYPES = ("float64", "float32")
METHOD = (
    "One step is forward, BPTT and the gradients of all weights, float32, with a fixed gradient "
    "arriving at every h_t. Each implementation has a process of its own, bound to one processor; "
    "they take turns, and CPU time is compared within a round. Shown: the median of the ratios "
    "over the rounds, and their quartiles."
)
TITLES = {"lstm": "LSTM", "gru": "GRU (PyTorch's form)", "tide": "tide (invented for this test)"}


def title(cell):
    """A cell's name for people."""
    name, layers = split(cell)
    return TITLES.get(name, name) + (f", {layers} layers" if layers > 1 else "")


def text(table):
    """One race for the terminal."""
    reference = table["reference"]
    lines = [f"{title(table['cell'])}, {Sizes(**table['sizes'])}: ratio to {reference}"]
    for name, row in table["rows"].items():
        lines.append(f"  {name:38} {row['absent'] if 'absent' in row else _numbers(row)}")
    return "\n".join(lines)


def _numbers(row):
    low, high = row["quartiles"]
    line = f"{row['ms']:10.3f} ms  {row['ratio']:6.3f}  ({low:.3f} ... {high:.3f})"
    if "error float64" in row:
        errors = (f"{row[f'error {k}']:.0e} in {k}" for k in DTYPES if f"error {k}" in row)
        line += f"  gradients {', '.join(errors)}"
    return line + (f"  {row['blas']}" if row["blas"] else "")


def save_json(file, found):
    """Everything, for whoever wants to plot or to check it."""
    file.write_text(json.dumps({"method": METHOD, **found}, indent=1) + "\n", encoding="utf-8")


def markdown(found):
    """For each cell a table, regimes across, implementations down."""
    headings = {_heading(table) for table in found["tables"]}
    letters = [f"{k}: {sizes}" for k, sizes in REGIMES.items() if k in headings]
    parts = [conditions(found), *(["; ".join(letters) + "."] if letters else [])]
    for cell in dict.fromkeys(table["cell"] for table in found["tables"]):
        tables = [table for table in found["tables"] if table["cell"] == cell]
        parts.append(_table(cell, tables))
    return "\n\n".join(parts) + "\n"


def conditions(found):
    """On what it was measured, and with which kernels NumPy's products ran."""
    machine = dict(found["machine"])
    where = f"{machine.pop('cpu')} ({machine.pop('cpus')} processors)"
    said = ", ".join(f"{k} {v}" for k, v in machine.items())
    users = {}
    for race in found["tables"] + found["curves"]:
        for name, row in race["rows"].items():
            if row.get("blas"):
                users.setdefault(row["blas"], {})[name] = None
    kernels = "; ".join(f"{core}: {', '.join(names)}" for core, names in users.items())
    return f"Measured on {where}; {said}. OpenBLAS kernels: {kernels or 'not used'}."


def _table(cell, tables):
    header = [f"**{title(cell)}**", *(_heading(table) for table in tables)]
    names = dict.fromkeys(name for table in tables for name in table["rows"])
    rows = [[name, *(_cell(table, name) for table in tables)] for name in names]
    above = [
        [f"{PLAN} : {floor}", *(_above(floor, table) for table in tables)]
        for floor in FLOORS
        if floor in names
    ]
    lines = [header, ["---"] * len(header), *rows, *above]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _heading(table):
    sizes = Sizes(**table["sizes"])
    return next((letter for letter, known in REGIMES.items() if known == sizes), str(sizes))


def _cell(table, name):
    row = table["rows"].get(name, {"absent": "–"})
    if "absent" in row:
        return row["absent"].split(":")[0]
    if name == table["reference"]:
        return f"1 ({row['ms']:.3g} ms)" if row["ms"] < 100 else f"1 ({row['ms']:.0f} ms)"
    low, high = row["quartiles"]
    return f"{row['ratio']:.2f} ({low:.2f}–{high:.2f})"


def _above(floor, table):
    ratio = table["rows"].get(PLAN, {}).get(f"to {floor}")
    return f"{ratio:.2f}" if ratio else "–"


def rounded(found):
    """Four digits of every number with a point: no measurement of time has more."""
    return json.loads(json.dumps(found), parse_float=lambda digits: float(f"{float(digits):.4g}"))
