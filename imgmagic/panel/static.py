"""The history as plain HTML: for readers without a kernel, in the notebook, on a web page, with scripts stripped.

Two sizes. `newest` goes before every panel, on its own output, and weighs 100 kB at most whatever the history holds.
`whole` is what `%images --static` shows: every picture, by branch, with before and after behind a `<details>`, since
JupyterLab disables inputs in outputs that it does not trust. Both are flat lists: a tree thousands of edits deep would
be as many elements deep, which no sanitizer survives.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from imgmagic import render
from imgmagic.errors import HistoryError, ImageError, printable
from imgmagic.gallery import facts, marks, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgmagic.database import Row
    from imgmagic.formats import Preview
    from imgmagic.picture import Picture
    from imgmagic.tree import History

#: The most bytes of the output that goes before a panel.
LIMIT = 100_000
#: The most pictures that `%images --static` shows as pictures; of older ones it gives the words.
SHOWN = 300

_NEWEST = 12
_LINE = 12
_THUMB_PX, _PAIR_PX = 144, 256
_WHOLE_BYTES = 4_000_000
_INDENT_PX, _DEEPEST = 28, 12

_ITEM = "display:inline-block;vertical-align:top;width:152px;margin:0 10px 12px 0"
_SMALL = "font-size:87%;opacity:0.8"
_ROW = "display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start"


def summary(history: History) -> str:
    """Say in one line what there is."""
    total, cursor = history.total, history.cursor
    current = "none is current" if cursor is None else f"#{cursor} is current"
    return f"imgmagic history: {total} picture{'' if total == 1 else 's'}, {current}"


def newest(history: History) -> dict[str, Any]:
    """Give the current picture's line and the newest pictures, in `LIMIT` bytes at most."""
    line = _line(history)
    recent = _recent(history)
    for budget, words in ((6_000, 100), (3_000, 80), (1_500, 40), (500, 10)):
        html = _newest(history, line, recent, budget, words)
        if len(html.encode()) <= LIMIT:
            break
    return {"text/html": html, "text/plain": summary(history)}


def _newest(history: History, line: Sequence[Picture], recent: Sequence[Picture], budget: int, words: int) -> str:
    cursor = history.cursor
    parts = [_heading(summary(history))]
    if len(line) > 1:
        parts += [_heading("The way to the current picture"), *(_item(each, cursor, budget, words) for each in line)]
    rest = [each for each in recent if len(line) < 2 or each not in line]  # noqa: PLR2004
    if rest:
        parts += [_heading("Newest"), *(_item(each, cursor, budget, words) for each in rest)]
    return f'<div class="imgmagic imgmagic-static" style="line-height:1.4">{"".join(parts)}</div>'


def _line(history: History) -> list[Picture]:
    """Give the last steps of the way from the root to the current picture."""
    way: list[Picture] = []
    picture = history.current
    while picture is not None and len(way) < _LINE and picture not in way:
        way.append(picture)
        picture = picture.parent
    return way[::-1]


def _recent(history: History) -> list[Picture]:
    newest, step = history.newest() or 0, 8 * _NEWEST
    while len(rows := history.overview(after=newest - step)) < min(_NEWEST, history.total):
        step *= 8  # numbers of pictures that were taken away are not used again
    return [history[row["number"]] for row in rows[-_NEWEST:]][::-1]


def _item(picture: Picture, cursor: int | None, budget: int, words: int) -> str:
    """Give a thumbnail with its name and the beginning of its words."""
    mark = " · current" if picture.number == cursor else ""
    caption = f"<strong>{escape(printable(named(picture), 60))}</strong>{mark}"
    prompt = escape(printable(picture.prompt, words))
    image = _image(picture, budget, words)
    return f'<div style="{_ITEM}">{image}<div>{caption}</div><div dir="auto" style="{_SMALL}">{prompt}</div></div>'


def whole(history: History) -> dict[str, Any]:
    """Give every picture, by branch, with before and after."""
    rows = {row["number"]: row for row in history.overview()}
    if not rows:
        return {"text/html": render.note("No pictures yet."), "text/plain": "no pictures yet"}
    pictured = set(sorted(rows)[-SHOWN:])
    budget = max(1_500, min(20_000, _WHOLE_BYTES // 4 // len(pictured)))
    parts = [_heading(summary(history))]
    stale = history.stale
    for number, indent in _branches(rows):
        shown = _entry(history, number, budget, stale) if number in pictured else _words(rows[number])
        parts.append(f'<div style="margin:0 0 8px {min(indent, _DEEPEST) * _INDENT_PX}px">{shown}</div>')
    html = f'<div class="imgmagic imgmagic-static" style="line-height:1.4">{"".join(parts)}</div>'
    return {"text/html": html, "text/plain": "\n".join([summary(history), *map(_plain, rows.values())])}


def _branches(rows: dict[int, Row]) -> list[tuple[int, int]]:
    """Give the numbers in the order of the tree, each with how far it is set in: one step for each branching.

    Every number is given once, whatever a damaged folder says about parents.
    """
    children: dict[int, list[int]] = {}
    for number, row in rows.items():
        parent = row["parent"]
        children.setdefault(parent if parent in rows and parent != number else 0, []).append(number)
    order: dict[int, int] = {}
    for start in [*children.get(0, []), *rows]:
        waiting = [(start, 0)]
        while waiting:
            number, indent = waiting.pop()
            if number not in order:
                order[number] = indent
                below = children.get(number, [])
                step = 1 if len(below) > 1 else 0
                waiting += [(each, indent + step) for each in below[::-1]]
    return list(order.items())


def _entry(history: History, number: int, budget: int, stale: frozenset[int]) -> str:
    """Give one picture with all that is known, and its parent beside it behind a `<details>`."""
    picture = history[number]
    parent = picture.parent
    came = f" ← #{parent.number}" if parent is not None else ""
    said = "".join(f" · {mark}" for mark in marks(picture, stale, history.cursor))
    head = f"<strong>{escape(printable(named(picture), 60))}</strong>{came}{said}"
    about = escape(" · ".join(facts(picture)))
    thumb = _image(picture, min(budget, 6_000))
    pair = ""
    if parent is not None:
        both = render.page([_figure(parent, "before", budget), _figure(picture, "after", budget)], [])
        pair = f"<details><summary>before and after</summary>{both}</details>"
    words = escape(printable(picture.prompt, 1_000))
    text = f'<div>{head}</div><div dir="auto">{words}</div><div style="{_SMALL}">{about}</div>{pair}'
    return f'<div style="{_ROW};flex-wrap:nowrap">{thumb}<div style="flex:1;min-width:0">{text}</div></div>'


def _words(row: Row) -> str:
    return f'<div dir="auto" style="{_SMALL}">{escape(_plain(row))}</div>'


def _plain(row: Row) -> str:
    came = f" ← #{row['parent']}" if row["parent"] else ""
    return printable(f"#{row['number']}{came} · {row['prompt']}", 120)


def _heading(text: str) -> str:
    return f'<div style="{_SMALL};margin:6px 0">{escape(text)}</div>'


def _figure(picture: Picture, when: str, budget: int) -> render.Figure:
    preview = _preview(picture, _PAIR_PX, budget)
    return render.Figure(preview, printable(f"{when}: {picture.generation.alt}", 200), f"{when} · {named(picture)}")


def _image(picture: Picture, budget: int, words: int = 200) -> str:
    return render.image(
        render.Figure(_preview(picture, _THUMB_PX, budget), printable(picture.generation.alt, words), "")
    )


def _preview(picture: Picture, side: int, budget: int) -> Preview | None:
    """Shrink a picture; a damaged one is no reason to hide the others."""
    try:
        return picture.preview(side, budget)
    except (HistoryError, ImageError):
        return None
