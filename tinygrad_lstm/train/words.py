"""What the report says in words: every number in it comes from the run."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import numpy as np

from ..explain import GradientFlow, Ledger, Truncation
from ..show.canvas import visible
from .baselines import PRIOR
from .evidence import MIDDLE, Evidence, Run
from .probe import Probe
from .sample import TEMPERATURE
from .speed import compared


def sentences(run: Run, seen: Evidence) -> dict[str, str]:
    """The text for every place of the template that depends on the run."""
    sizes, split = run.model.sizes, seen.split
    rows, columns = split.shown
    layers = f"{sizes.layers} layers" if sizes.layers > 1 else "one layer"
    return {
        "title": f"{sizes.title}: what it learned from {run.text.name}",
        "verdict": verdict(run),
        "introduction": f"A character model with {layers} of the cell {sizes.title} and "
        f"{sizes.hidden_size} hidden units was trained for {run.history.steps[-1]:,} steps.",
        "comparison": comparison(run),
        "temperature": f"{TEMPERATURE:g}",
        "cell": run.model.cell.name,
        "unit_note": ", layer by layer" if sizes.layers > 1 else ", the same in every block",
        "state_gradients": r" \text{ and } \allowbreak ".join(
            rf"\partial L / \partial {_latex(state)}_t" for state in seen.probe.states
        ),
        "fading": fading(seen.last),
        "output_k": f"{_latex(list(seen.flow.norms)[-1])}_k",
        "reach": reach(seen.flow),
        "window": window(seen.short),
        "window_numbers": numbered(seen.short),
        "gates": gates_said(split),
        "T_sentence": str(len(seen.probe.sentence.characters)),
        "T_split": str(len(split.parts)),
        "weight": f"{split.title} ({' × '.join(map(str, split.grad.shape))})",
        "block": f"{rows} rows and {columns} columns",
        "check": check(split),
        "carried": _latex(next(iter(seen.ways.states))),
        "T_middle": str(min(MIDDLE, len(seen.probe.sentence.characters))),
        "enough": enough(seen.cuts),
        "compared": compared(seen.speed),
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
            "learned enough: give it more time (--seconds), more units (--hidden) or more text."
        )
    return (
        f"The model is {gap:.2f} bits per character better than counting pairs "
        f"({gap / run.baselines['bigram']:.0%} fewer bits), so it uses more than the character "
        "before: that is what its state is for."
    )


def fading(last: Mapping[str, np.ndarray]) -> str:
    """How the gradient of the last loss changes on its way back."""
    name, norms = list(last.items())[-1]
    if not norms[0] > 0 or not norms[-1] > 0:
        return f"the gradient of {name} is too small for a 32-bit number before it reaches step 1."
    factor = norms[-1] / norms[0]
    way, size = ("shrinks" if factor >= 1 else "grows"), round_number(max(factor, 1 / factor))
    return f"from step {len(norms)} to step 1 the gradient of {name} {way} by a factor of {size}."


def reach(flow: GradientFlow) -> str:
    """Over how many steps the gradient of a loss falls to a tenth and to a thousandth."""
    norms = list(flow.norms.values())[-1]
    profile = typical(norms)
    found = []
    for share, name in ((0.1, "a tenth"), (0.001, "a thousandth")):
        below = np.flatnonzero(profile < share)
        if len(below):
            found.append(f"to {name} within {below[0]} {'steps' if below[0] > 1 else 'step'}")
    if not found:
        return f"stays above a tenth over all {len(norms)} steps."
    return f"falls {' and '.join(found)}."


def typical(norms: np.ndarray) -> np.ndarray:
    """The gradient d steps back as a share of that at the loss's own step: the median over t."""
    T = len(norms)
    own = np.maximum(np.diagonal(norms), 1e-300)
    return np.array([np.median(np.diagonal(norms, -d) / own[d:]) for d in range(T)])


def window(short: Probe) -> str:
    """The few characters that are stepped through, spaces and line breaks made visible."""
    return "".join(map(visible, short.sentence.characters))


def numbered(short: Probe) -> str:
    """Which character is read in which timestep."""
    read = short.sentence.characters
    return ", ".join(f"t = {t} reads {visible(c)}" for t, c in enumerate(read, start=1))


def gates_said(split: Ledger) -> str:
    """Which gate's rows receive most, from the numbers."""
    whole = {gate: float(np.linalg.norm(split.grad[at])) for gate, at in split.gates.items()}
    if len(whole) < 2:
        return "It belongs to one gate, so there is one line."
    most, least = max(whole, key=whole.__getitem__), min(whole, key=whole.__getitem__)
    return (
        f"After all {len(split.parts)} steps the rows of {most} have received most (norm "
        f"{whole[most]:.2g}), those of {least} least ({whole[least]:.2g})."
    )


def check(split: Ledger) -> str:
    """Whether the sum over timesteps is the gradient, from the numbers."""
    holds = "the rounding of 32-bit numbers" if split.difference < 1e-5 else "NOT as it should be"
    return (
        f"Checked on the whole matrix: the sum of the {len(split.parts)} contributions and the "
        f"gradient that the backward pass left in .grad differ by at most {split.difference:.1e} "
        f"of its largest entry; that is {holds}."
    )


def enough(cuts: Truncation) -> str:
    """From which number of steps on the error stays below a tenth, from the numbers."""
    share = f"With a cut after every step it is off by {cuts.error[0]:.0%} of its length"
    far = np.flatnonzero(~(cuts.error <= 0.1))
    if len(far) == len(cuts.error):
        return f"{share}, and it stays off by more than a tenth."
    k = int(cuts.ks[far[-1] + 1] if len(far) else cuts.ks[0])
    return f"{share}; from k = {k} on it stays within a tenth."


def scores(run: Run) -> list[tuple[str, ...]]:
    """The table of models: name, held-out bits per character, what it knows."""
    known = {"unigram": "how frequent each character is", "bigram": "the character before"}
    rows = [(name, f"{bits:.3f}", known[name]) for name, bits in run.baselines.items()]
    return [*rows, (run.model.cell.name, f"{run.bits:.3f}", "all that came before, by its state")]


def facts(run: Run) -> dict[str, str]:
    """What ran; a run of a fixed number of steps states no time, so that its page is repeatable."""
    sizes, recipe, text = run.model.sizes, run.recipe, run.text
    weights = run.model.network(1).parameters.values()
    time = "" if recipe.steps else f" in {run.history.seconds:.0f} seconds"
    return {
        "Text": f"{text.name}: {len(text.training):,} characters for training, and the "
        f"{len(text.held_out):,} after them held out; {sizes.vocabulary_size - 1} different "
        "characters, and one class for all others",
        "Model": f"embedding of {sizes.embedding_size}, {run.model.cell.name} with "
        f"{sizes.hidden_size} hidden units, Linear: {sum(p.data.size for p in weights):,} "
        "parameters, 32-bit",
        "Training": f"{run.history.steps[-1]:,} steps{time}; each reads {recipe.T} characters in "
        f"up to {recipe.N} places of the text at once; the state is carried from window to window, "
        "gradients end where a window begins; run "
        + ("node by node" if recipe.eager else "by a plan"),
        "Optimiser": f"Adam, rate {recipe.rate:g} falling along half a cosine, joint gradient "
        f"norm clipped at {recipe.limit:g}, weights shrunk by {recipe.shrink:g} of the rate",
        "Held out": "measured on all held-out characters but the first, in lanes read side "
        f"by side from zero states; {text.repeated():.0%} of its lines of 40 characters or more "
        "also occur in the training part",
        "Baselines": "counted in the training part; the unigram imagines one more reading of each "
        f"character, the bigram falls back on the unigram with the weight of {PRIOR:g} readings",
        "Seed": str(run.seed),
        "Versions": f"tinygrad_lstm {run.version}, NumPy {np.__version__}, "
        f"Python {platform.python_version()}",
    }


def round_number(x: float) -> str:
    """Two digits that count, and the size in words that can be read aloud."""
    x = float(f"{x:.2g}")
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if x >= size:
            return f"{x / size:,.3g} {word}" if x < 1e15 else f"more than a thousand {word}"
    return f"{x:,.0f}" if x >= 10 else f"{x:.1f}"


def _latex(state: str) -> str:
    """c is c, and c2 (of the second layer) is c^{(2)}."""
    letter, number = state[:1], state[1:]
    if number.isdigit():
        return f"{letter}^{{({number})}}"
    return rf"\mathrm{{{state}}}" if number else state
