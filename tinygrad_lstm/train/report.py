"""The report: what a run has learned, as one page that opens anywhere."""

from __future__ import annotations

import base64
import hashlib
import platform
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np

from ..show import equations
from ..show.canvas import escaped
from .loop import History, Recipe
from .model import CharModel
from .pictures import SIDE, Evidence, measure, pictures
from .probe import Split, find_sentence, run_probe, split_by_timestep, tail
from .sample import generate
from .text import Text

PAGE = "index.html"
SPLIT_STEPS = 11
TEMPERATURE = 0.7


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        baselines: held-out bits per character of "unigram" and "bigram".
        version, seed: of the package, and of its random numbers.
    """

    model: CharModel
    text: Text
    recipe: Recipe
    history: History
    baselines: dict[str, float]
    version: str
    seed: int

    @property
    def bits(self) -> float:
        """Held-out bits per character at the end."""
        return self.history.held_out[-1]


def write_report(run: Run, folder: Path) -> None:
    """Write the page and its pictures into a folder."""
    sentence = find_sentence(run.text)
    short = run_probe(run.model, run.text, tail(sentence, SPLIT_STEPS))
    split = split_by_timestep(short)
    seen = measure(run_probe(run.model, run.text, sentence), short, split)
    drawn = pictures(run.model, run.history, run.baselines, seen)
    for name, svg in drawn.items():
        (folder / name).write_text(svg, encoding="utf-8", newline="\n")
    page = fill(run, seen, drawn)
    (folder / PAGE).write_text(page, encoding="utf-8", newline="\n")


def fill(run: Run, seen: Evidence, drawn: dict[str, str]) -> str:
    """The template with its places filled; every value is HTML by then."""
    katex_js, katex_css, typeset = (
        _vendored("katex.min.js"),
        _vendored("katex.min.css"),
        _own("report.js"),
    )
    values = {
        "katex_js": katex_js,
        "katex_css": katex_css,
        "typeset_js": typeset,
        "script_hashes": " ".join(f"'sha256-{_digest(script)}'" for script in (katex_js, typeset)),
        **{name: escaped(words) for name, words in sentences(run, seen).items()},
        "scores": scores(run),
        "facts": _rows(facts(run)),
        "sample": sample(run, seen.probe.sentence.characters[:12]),
        "equations": escaped(str(equations(run.model.cell))),
        **{f"{place}_figure": _figure(drawn[name], name, words) for place, name, words in FIGURES},
    }
    return Template(_own("report.html")).substitute(values)


FIGURES = [
    (
        "loss",
        "loss.svg",
        "Solid: the model. Dashed: what counting characters and pairs achieves on the held-out "
        "text. That text may be easier or harder than the training text.",
    ),
    ("cell", "cell.svg", "The cell, module by module."),
    ("unrolled", "unrolled.svg", "Four timesteps of the cell; every weight is drawn once."),
    ("gates", "gates.svg", "White is 0. All rows share one colour scale, from −1 to 1."),
    ("states", "states.svg", "White is 0. All rows share one colour scale."),
    ("last", "gradients-last.svg", "L is the loss of the last character of the sentence."),
    ("mean", "gradients-mean.svg", "L is the mean loss of all characters of the sentence."),
    ("split", "weight.svg", "White is 0. The last panel is the sum of the others."),
]


def sentences(run: Run, seen: Evidence) -> dict[str, str]:
    """What the page says in words, from the numbers of this run."""
    sizes, name = run.model.sizes, run.model.cell.name
    layers = (
        f"{sizes.layers} layers of it, one on top of the other" if sizes.layers > 1 else "one layer"
    )
    split, rows = seen.split, np.minimum(seen.split.grad.shape, SIDE)
    return {
        "title": f"{sizes.cell}: what it learned from {run.text.name}",
        "verdict": verdict(run),
        "introduction": f"A character model with {layers} of the cell {sizes.cell!r} and "
        f"{sizes.hidden_size} hidden units read the text for {run.history.steps[-1]:,} training "
        "steps. This page shows what it is, what it learned, and how the gradients that taught it "
        "flowed back through time.",
        "comparison": comparison(run),
        "beginning": seen.probe.sentence.characters[:12].replace("\n", " "),
        "temperature": f"(at temperature {TEMPERATURE:g}, which favours likely ones)",
        "cell_sentence": f"This is {name}, drawn from the very graph that was trained.",
        "unit_note": ", the same ones in every block" if sizes.layers == 1 else ", layer by layer",
        "state_gradients": r" \text{ and } ".join(
            rf"\partial L / \partial {_latex(state)}_t" for state in seen.probe.states
        ),
        "fading": fading(seen.last),
        "T_sentence": str(len(seen.probe.sentence.characters)),
        "T_split": str(len(split.parts)),
        "weight": split.name,
        "weight_shape": f"({split.grad.shape[0]} × {split.grad.shape[1]})",
        "split_formula": r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} "
        r"\frac{\partial L}{\partial W^{(t)}}",
        "block": f"{rows[0]} rows and {rows[1]} columns",
        "check": check(split),
    }


def verdict(run: Run) -> str:
    """The result in one sentence, whichever way it came out."""
    against = " and ".join(
        f"{abs(bits - run.bits):.2f} {'less' if run.bits < bits else 'more'} than a {name} "
        f"model’s {bits:.2f}"
        for name, bits in reversed(run.baselines.items())
    )
    return f"On text it has not seen, the model needs {run.bits:.2f} bits per character: {against}."


def comparison(run: Run) -> str:
    """What the difference to the bigram means."""
    gap = run.baselines["bigram"] - run.bits
    if gap <= 0:
        return (
            f"The model is {-gap:.2f} bits per character worse than counting pairs. It has not "
            "learned enough yet: give it more time (--seconds), more units (--hidden) or more text."
        )
    return (
        f"The model is {gap:.2f} bits per character better than counting pairs "
        f"({gap / run.baselines['bigram']:.0%} fewer bits), so it uses more than the character "
        "before: that is what its state is for."
    )


def fading(last: dict[str, list[float]]) -> str:
    """How the gradient of the last loss changes on its way back."""
    name, norms = next(reversed(last.items()))
    T = len(norms)
    if not norms[0] > 0 or not norms[-1] > 0:
        return f"before it reaches the first step it is too small for a 32-bit number ({name})."
    factor = norms[-1] / norms[0]
    way = (
        f"shrinks by a factor of {factor:,.3g}" if factor >= 1 else f"grows {1 / factor:,.3g}-fold"
    )
    return f"from step {T} back to step 1 the gradient of {name} {way}."


def round_number(x: float) -> str:
    """Two digits that count, and the size in words that can be read aloud."""
    x = float(f"{x:.2g}")
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if x >= size:
            return f"{x / size:,.3g} {word}" if x < 1e15 else f"more than a thousand {word}"
    return f"{x:,.0f}" if x >= 10 else f"{x:.1f}"


def check(split: Split) -> str:
    """Whether the sum over timesteps is the gradient, from the numbers."""
    holds = "the rounding of 32-bit numbers" if split.difference < 1e-5 else "NOT as it should be"
    return (
        f"Checked on the whole matrix: the sum of the {len(split.parts)} contributions and the "
        f"gradient that the backward pass left in .grad differ by at most {split.difference:.1e} "
        f"of its largest entry; that is {holds}."
    )


def scores(run: Run) -> str:
    """The rows of the table of models."""
    known = {"unigram": "how frequent each character is", "bigram": "the character before"}
    rows = [(name, f"{bits:.3f}", known[name]) for name, bits in run.baselines.items()]
    rows.append((run.model.cell.name, f"{run.bits:.3f}", "everything before, through its state"))
    cells = ("".join(f'<td class="n">{escaped(value)}</td>' for value in row) for row in rows)
    return "\n".join(f"<tr>{row}</tr>" for row in cells)


def facts(run: Run) -> dict[str, str]:
    """What ran; a run of a fixed number of steps states no time, so that its page is repeatable."""
    sizes, recipe, text = run.model.sizes, run.recipe, run.text
    steps = run.history.steps[-1]
    parameters = run.model.network(1).parameters.values()
    time = "" if recipe.steps else f", in {run.history.seconds:.0f} seconds"
    return {
        "Text": f"{text.name}: {len(text.training):,} characters for training and the "
        f"{len(text.held_out):,} after them held out; {sizes.vocabulary_size - 1} different "
        "characters, and one class for all others",
        "Model": f"embedding of {sizes.embedding_size}, {run.model.cell.name} with "
        f"{sizes.hidden_size} hidden units, Linear: {sum(p.data.size for p in parameters):,} "
        "parameters in 32-bit numbers",
        "Training": f"{steps:,} steps{time}; each reads up to {recipe.T} characters in up to "
        f"{recipe.N} places of the text at once, the state carried from window to window",
        "Optimiser": f"Adam, rate {recipe.rate:g} falling along a half cosine, joint gradient norm "
        f"clipped at {recipe.limit:g}",
        "Held-out bits": "over all held-out characters but the first, read in lanes side by side; "
        "each lane starts from a zero state",
        "Baselines": "counts of the training part: unigram with one imagined reading of each "
        "character added, bigram falling back on the unigram with the weight of 5 readings",
        "Seed": str(run.seed),
        "Versions": f"tinygrad_lstm {run.version}, NumPy {np.__version__}, "
        f"Python {platform.python_version()}",
    }


def sample(run: Run, beginning: str) -> str:
    """Generated text as HTML, what was given set apart."""
    written = generate(run.model, run.text, beginning, 600, TEMPERATURE)
    return f"<b>{escaped(beginning)}</b>{escaped(written)}"


def _rows(facts: dict[str, str]) -> str:
    return "\n".join(
        f"<tr><th>{escaped(k)}</th><td>{escaped(v)}</td></tr>" for k, v in facts.items()
    )


def _figure(svg: str, name: str, words: str) -> str:
    start = svg.index("<svg")
    paper = "wide white" if name in ("cell.svg", "unrolled.svg") else "wide"
    return (
        f'<figure><div class="{paper}">{svg[start:]}</div>'
        f'<figcaption>{words} <a href="{name}">{name}</a></figcaption></figure>'
    )


def _latex(state: str) -> str:
    letter, digits = state[:1], state[1:]
    return (
        f"{letter}^{{({digits})}}"
        if digits.isdigit()
        else state
        if not digits
        else rf"\mathrm{{{letter}}}"
    )


def _own(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _vendored(name: str) -> str:
    place = files("tinygrad_lstm.show") / "vendor" / "katex" / name
    return place.read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
