"""Small pictures and tables in Markdown, for the metadata of assets and checks."""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

GOOD, WAITING, BAD, QUIET = "#2f9e66", "#e0a030", "#c8463c", "#9aa5b1"
_HEIGHT, _BAR, _GAP = 64, 14, 4
_WIDE, _LINE = 320, 18
_MARKUP = re.compile(r"[\\`*\[\]<>|&~]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What makes pictures, links, tags and other looks of text; what comes from records is shown as it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """One colored part of a bar."""

    color: str
    size: Decimal


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with a sentence that shows under the pointer."""

    title: str
    parts: Sequence[Part]

    @property
    def size(self) -> Decimal:
        """Give the length of the whole bar."""
        return sum((abs(part.size) for part in self.parts), Decimal(0))


def columns(bars: Sequence[Bar]) -> str:
    """Draw bars side by side, the oldest left."""
    most = max((bar.size for bar in bars), default=Decimal(0)) or Decimal(1)
    shapes = []
    for number, bar in enumerate(bars):
        left, top = number * (_BAR + _GAP), Decimal(_HEIGHT)
        for part in (part for part in bar.parts if part.size):
            height = abs(part.size) * (_HEIGHT - 2) / most
            top -= height
            shapes.append(_rectangle((left, top, _BAR, height), part.color, bar.title))
        if not bar.size:
            shapes.append(_rectangle((left, Decimal(_HEIGHT - 1), _BAR, Decimal(1)), QUIET, bar.title))
    return _image(len(bars) * (_BAR + _GAP) or 1, _HEIGHT, shapes)


def rows(bars: Sequence[Bar]) -> str:
    """Draw bars one under another, each as long as the others, its parts by share."""
    shapes = []
    for number, bar in enumerate(bars):
        left = Decimal(0)
        for part in (part for part in bar.parts if part.size):
            width = abs(part.size) * _WIDE / (bar.size or Decimal(1))
            shapes.append(_rectangle((left, Decimal(number * _LINE), width, Decimal(_BAR)), part.color, bar.title))
            left += width
    return _image(_WIDE, len(bars) * _LINE or 1, shapes)


def table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Write a Markdown table."""
    text = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in text)


def _cell(value: object) -> str:
    return _MARKUP.sub(r"\\\g<0>", str("" if value is None else value)).replace("\n", " ")


def _rectangle(box: tuple[Decimal | int, Decimal, Decimal | int, Decimal], color: str, title: str) -> str:
    left, top, width, height = box
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _image(width: int, height: int, shapes: Sequence[str]) -> str:
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{"".join(shapes)}</svg>'
    return f"![chart](data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()})"
