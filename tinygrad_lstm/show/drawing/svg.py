"""A Picture written as SVG."""

from __future__ import annotations

from html import escape

from .picture import Curve, Frame, Picture, Word
from .style import FAINT, FONT, INK, LINE, PAPER, SIZE, paint, text_width

EDGE = 16.0


def svg(picture: Picture, prefix: str = "") -> str:
    """The picture as a text that stands alone, or inside a page (ids then take a prefix)."""
    left, top, right, bottom = picture.bounds()
    head = (22.0 if picture.title else 0.0) + 17.0 * len(picture.notes)
    # The title is bold, so wider than its size of 15 says.
    words = [text_width(picture.title, 17), *(text_width(t, SIZE) for t in picture.notes)]
    x, y = left - EDGE, top - EDGE - head
    w, h = max(right - x + EDGE, *words, 0.0) + 2, bottom - y + EDGE
    tips = _arrow_tips(picture, prefix)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tg-drawing" '
        f'width="{w:.0f}" height="{h:.0f}" viewBox="{x:.0f} {y:.0f} {w:.0f} {h:.0f}" '
        f'style="max-width:100%;height:auto" '
        f'font-family="{FONT}" font-size="{SIZE:.0f}" role="img">',
        f"<!-- drawn by {escape(picture.drawn_by).replace('--', '- -')} -->",
        f"<title>{escape(picture.title or 'graph')}</title>",
        *([f"<desc>{escape(' '.join(picture.notes))}</desc>"] if picture.notes else []),
        "<defs>" + "".join(_marker(*tip) for tip in tips.items()) + "</defs>",
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{h:.0f}" fill="{PAPER}"/>',
        *_heading(picture, x + EDGE, y + EDGE),
        *(_frame(frame, prefix) for frame in picture.frames),
        '<g fill="none" stroke-width="1.2">',
        *(_curve(curve, tips) for curve in picture.curves),
        "</g>",
        *(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" fill="{c}"/>' for a, b, c in picture.dots),
        *(_word(word) for word in picture.words),
        '<g text-anchor="middle">',
        *(_box(box, bx, by, prefix) for box, bx, by in picture.boxes),
        "</g></svg>",
    ]
    return "\n".join(parts)


def _heading(picture: Picture, x: float, y: float) -> list[str]:
    bold = f'font-size="15" font-weight="bold" fill="{INK}"'
    lines = [(picture.title, bold)] if picture.title else []
    lines += [(note, f'fill="{FAINT}"') for note in picture.notes]
    return [
        f'<text x="{x:.0f}" y="{y + 4 + 19 * k:.0f}" {look}>{escape(text)}</text>'
        for k, (text, look) in enumerate(lines)
    ]


def _arrow_tips(picture: Picture, prefix: str) -> dict[str, str]:
    found = dict.fromkeys(curve.colour for curve in picture.curves if curve.arrow)
    return {colour: f"{prefix}tip-{colour[1:]}" for colour in found}


def _marker(colour: str, id: str) -> str:
    head = f'<path d="M0 0.6 8 4 0 7.4z" fill="{colour}"/>'
    size = 'viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7"'
    return f'<marker id="{id}" {size} markerUnits="userSpaceOnUse" orient="auto">{head}</marker>'


def _frame(frame: Frame, prefix: str) -> str:
    id = f' id="{prefix}{frame.id}"' if frame.id else ""
    return (
        f'<g class="step"{id}><rect x="{frame.x:.1f}" y="{frame.y:.1f}" width="{frame.w:.1f}" '
        f'height="{frame.h:.1f}" rx="10" fill="#fbfcfd" stroke="{FAINT}" stroke-dasharray="6 4"/>'
        f'<text x="{frame.x + 4:.1f}" y="{frame.y - 6:.1f}" font-size="13" font-weight="bold" '
        f'fill="{INK}">{escape(frame.title)}</text></g>'
    )


def _word(word: Word) -> str:
    return (
        f'<text x="{word.x:.1f}" y="{word.y + 4.5:.1f}" text-anchor="{word.anchor}" font-size="13" '
        f'font-weight="bold" fill="{INK}">{escape(word.text)}</text>'
    )


def _curve(curve: Curve, tips: dict[str, str]) -> str:
    d = [f"M{curve.start[0]:.1f} {curve.start[1]:.1f}"]
    for leg in curve.legs:
        points = " ".join(f"{x:.1f} {y:.1f}" for x, y in leg)
        d.append(f"{'L' if len(leg) == 1 else 'C'}{points}")
    tip = f' marker-end="url(#{tips[curve.colour]})"' if curve.arrow else ""
    ends = ' data-from="{}" data-to="{}"'.format(*curve.ends) if curve.ends else ""
    thick = ' stroke-width="2"' if curve.role == "rail" else ""
    return (
        f'<path class="{curve.role}"{thick} d="{"".join(d)}" stroke="{curve.colour}"{tip}{ends}/>'
    )


def _box(box, x: float, y: float, prefix: str) -> str:
    fill, border, ink = map(escape, paint(box))
    border = box.colour or border
    thick = 2.6 if box.output or box.fault else 1.8 if box.role == "input" or box.colour else 1.1
    dashed = (box.role == "weight" and not box.colour) or "dashed" in box.notes.get("style", "")
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    round_ = box.h / 2 if box.role else 5
    shape = (
        f'<rect x="{x - box.w / 2:.1f}" y="{y - box.h / 2:.1f}" '
        f'width="{box.w:.0f}" height="{box.h:.0f}" '
        f'rx="{round_:.0f}" fill="{fill}" stroke="{border}" stroke-width="{thick}"{dash}/>'
    )
    first, words = y - LINE * (len(box.lines) - 1) / 2 + 4, []
    for k, line in enumerate(box.lines):
        look = 'font-weight="bold"' if k == 0 and box.named else 'font-size="11"'
        at = f'x="{x:.1f}" y="{first + LINE * k:.1f}"'
        words.append(f'<text {at} {look} fill="{ink}">{escape(line)}</text>')
    role = "output" if box.output else box.role or "module"
    return (
        f'<g id="{prefix}{box.id}" class="node {role} {escape(box.kind)}">'
        f"<title>{escape(box.tooltip)}</title>{shape}{''.join(words)}</g>"
    )
