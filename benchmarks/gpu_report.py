"""What `gpu.py` found, as text for the terminal and as a table for the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import on_gpu
from benchmarks.regimes import REGIMES

PLAN, CUDNN, EAGER = on_gpu.IMPLEMENTATIONS
GOALS = {"c": [(CUDNN, 3.0), (EAGER, 0.1)], "d": [(CUDNN, 1.5)]}
"""By regime: how many times the other's time the plan may take."""
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def text(table: dict[str, Any], without: str) -> str:
    """One table for the terminal, with what was wanted."""
    letter, rows = table["regime"], table["rows"]
    ours = rows[PLAN]["ms"]
    lines = [f"\n{letter}: {REGIMES[letter]}, float32, TF32 {_on(table)}"]
    for name, row in rows.items():
        low, high = row["quartiles"]
        lines.append(
            f"  {name:24} {row['ms']:9.3f} ms  ({low:.3f} ... {high:.3f})"
            f"  plan takes {ours / row['ms']:.2f} of that"
        )
    lines.append(f"  a step of the plan is {rows[PLAN]['how']}")
    if without:
        lines.append(f"  nothing to compare with: {without}")
    return "\n".join([*lines, *(f"  {said}" for said in goals(table))])


def goals(table: dict[str, Any]) -> list[str]:
    """What was wanted in this regime, and whether it was reached."""
    rows = table["rows"]
    ours = rows[PLAN]["ms"]
    return [
        f"goal, at most {most:g} of {name}: "
        f"{'reached' if ours <= most * rows[name]['ms'] else 'missed'}"
        for name, most in GOALS.get(table["regime"], [])
        if name in rows
    ]


def markdown(found: dict[str, Any]) -> str:
    """All tables as one, below the machine they are from."""
    machine = ", ".join(f"{what} {value}" for what, value in found["machine"].items() if value)
    lines = [
        f"Measured on {machine}. Milliseconds of a training step, the median of "
        f"{on_gpu.ROUNDS} turns of {on_gpu.STEPS} steps, quartiles in brackets.",
        "",
        f"| regime | TF32 | {' | '.join(on_gpu.IMPLEMENTATIONS)} | goals |",
        "|---" * (3 + len(on_gpu.IMPLEMENTATIONS)) + "|",
    ]
    for table in found["tables"]:
        rows = [_cell(table["rows"].get(name)) for name in on_gpu.IMPLEMENTATIONS]
        first = f"{table['regime']}: {REGIMES[table['regime']]} | {_on(table)}"
        lines.append(f"| {first} | {' | '.join(rows)} | {'; '.join(goals(table)) or 'none'} |")
    if found["without torch"]:
        lines += ["", f"Nothing to compare with: {found['without torch']}."]
    return "\n".join(lines)


def write(file: Path, found: dict[str, Any]) -> None:
    """Put the table between its two marks in a page of the documentation."""
    page = file.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    file.write_text(f"{before}{BEGIN}\n\n{markdown(found)}\n\n{END}{after}", encoding="utf-8")


def _on(table: dict[str, Any]) -> str:
    return "on" if table["tf32"] else "off"


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not there"
    low, high = row["quartiles"]
    return f"{row['ms']:.3f} ({low:.3f} ... {high:.3f})"
