"""Pictures to what a notebook shows: HTML, one image, plain text. Pure: values in, strings out.

Whatever came from a user or a server is escaped here and nowhere else. Colours are inherited and only faded, so that
light and dark themes both work; styles are inline, since JupyterLab strips style sheets from outputs it does not trust.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from imgmagic.errors import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgmagic.formats import Preview

_MAX_ALT = 600

_ROW = "display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start;line-height:1.4"
_FIGURE = "margin:0;max-width:{}"
#: Several pictures stand side by side, three in a row where the page has the usual width.
_BESIDE_PX = 300
_IMG = "max-width:100%;height:auto;border-radius:4px;display:block"
_SMALL = "font-size:87%;opacity:0.8;margin-top:4px"

_SCRIPTS = (("ja", "\u3041-\u30ff"), ("ko", "\uac00-\ud7af"), ("zh", "\u4e00-\u9fff"))


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture as it is shown: a preview (None if its file is damaged), what it shows, and a line below."""

    preview: Preview | None
    alt: str
    caption: str


def page(figures: Sequence[Figure], lines: Sequence[str]) -> str:
    """Lay pictures out side by side with lines of text below.

    Parameters
    ----------
    figures
        In reading order; a parent comes first.
    lines
        Plain text, one paragraph each.
    """
    large = sum(each.preview is not None and each.preview.size[0] > _BESIDE_PX for each in figures)
    widest = f"min(100%,{_BESIDE_PX}px)" if large > 1 else "100%"
    shown = "".join(_figure(each, widest) for each in figures)
    below = "".join(f'<div dir="auto" style="{_SMALL}">{escape(line)}</div>' for line in lines if line)
    row = f'<div style="{_ROW}">{shown}</div>' if shown else ""
    return f'<div class="imgmagic" style="line-height:1.4">{row}{below}</div>'


def note(text: str) -> str:
    """Give one line of text as HTML."""
    return f'<div class="imgmagic" dir="auto" style="{_SMALL}">{escape(text)}</div>'


def language(text: str) -> str:
    """Guess the language that a screen reader should speak; empty if it cannot be told from the letters."""
    for code, letters in _SCRIPTS:
        if re.search(f"[{letters}]", text):
            return code
    return "en" if text.isascii() else ""


def quoted(prompt: str, limit: int = 60) -> str:
    """Give a prompt as a short quotation."""
    return f'"{printable(prompt, limit)}"'


def _figure(figure: Figure, widest: str) -> str:
    caption = f'<figcaption dir="auto" style="{_SMALL}">{escape(figure.caption)}</figcaption>' if figure.caption else ""
    return f'<figure style="{_FIGURE.format(widest)}">{image(figure)}{caption}</figure>'


def image(figure: Figure) -> str:
    """Give the picture of a figure alone."""
    if figure.preview is None:
        return "<em>the picture's file is damaged or missing</em>"
    alt = printable(figure.alt, _MAX_ALT)
    width, height = figure.preview.size
    source = f"data:{figure.preview.mime};base64,{base64.b64encode(figure.preview.data).decode()}"
    return (
        f'<img src="{source}" alt="{escape(alt)}" lang="{language(alt)}" width="{width}" height="{height}" '
        f'style="{_IMG}">'
    )
