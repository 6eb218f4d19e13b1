"""What the tests of drawings share: graphs to draw, and reading a drawing back."""

import xml.etree.ElementTree as ET

import tinygrad_lstm as tl

NAMESPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    '"><script>alert(1)</script>',
    "two\nlines\r\n\ttab",
    "back\\slash \\N \\G \\",
    "<b>bold</b>",
    "<lambda> <map>",
    "&amp; & &#x41;",
    "null\x00bell\x07escape\x1b",
    "lone \ud800 surrogate \udfff",
    "not\ufffe characters\uffff",
    "--><!-- comment",
    "]]>",
    "x" * 20_000,
    "长短期记忆",
]


def root(drawing):
    """The SVG, parsed."""
    return ET.fromstring(drawing.svg)


def groups(drawing, role=None):
    """The boxes of a drawing; with a role such as "input" only those."""
    found = [g for g in root(drawing).iter(f"{NAMESPACE}g") if "node" in g.get("class", "").split()]
    return [g for g in found if role is None or role in g.get("class").split()]


def texts(element):
    return [t.text for t in element.iter(f"{NAMESPACE}text")]


def training_graph(T, per_step=False):
    """An unrolled LSTM, a linear head and a loss: one for the sequence, or one for each step."""
    cell, head = tl.CELLS["lstm"](3, 2), tl.Linear(2, 5, "y")
    xs = [tl.Input(f"x_{t}", "N", 3) for t in range(1, T + 1)]
    state = [tl.Input("c_0", "N", 2), tl.Input("h_0", "N", 2)]
    hs, _ = tl.unroll(cell, xs, state)
    if per_step:
        ys = [tl.Input(f"y_{t}", "N") for t in range(1, T + 1)]
        loss = sum((tl.CrossEntropy()(head(h), y) for h, y in zip(hs[1:], ys[1:])),
                   tl.CrossEntropy()(head(hs[0]), ys[0]))  # fmt: skip
        return tl.Graph([*xs, *ys, *state], [loss])
    y = tl.Input("y", T, "N")
    logits = head(tl.Stack(0)(*hs).reshape(-1, 2))
    return tl.Graph([*xs, y, *state], [tl.CrossEntropy()(logits, y.reshape(-1))])


def crossings(drawing):
    """(arrow, box) for every arrow that runs through a box at neither of its ends."""
    picture = drawing._picture
    found = []
    for curve in picture.curves:
        for x, y in samples(curve):
            for box, bx, by in picture.boxes:
                inside = abs(x - bx) < box.w / 2 - 1.5 and abs(y - by) < box.h / 2 - 1.5
                if inside and (not curve.ends or box.id not in curve.ends):
                    found.append((curve.ends, box.lines))
    return found


def samples(curve, count=12):
    here = curve.start
    for leg in curve.legs:
        points = (here, *leg) if len(leg) == 3 else (here, here, leg[0], leg[0])
        for k in range(count + 1):
            s = k / count
            weights = ((1 - s) ** 3, 3 * s * (1 - s) ** 2, 3 * s * s * (1 - s), s**3)
            yield tuple(sum(w * p[axis] for w, p in zip(weights, points)) for axis in (0, 1))
        here = leg[-1]


def overlaps(drawing):
    """Pairs of boxes that cover each other."""
    boxes = drawing._picture.boxes
    return [
        (a.lines, b.lines)
        for k, (a, ax, ay) in enumerate(boxes)
        for b, bx, by in boxes[:k]
        if abs(ax - bx) < (a.w + b.w) / 2 - 0.5 and abs(ay - by) < (a.h + b.h) / 2 - 0.5
    ]
